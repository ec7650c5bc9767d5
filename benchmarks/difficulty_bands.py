"""Samples that a difficulty band needs, and how often it differs from all samples: a simulation.

    python benchmarks/difficulty_bands.py --solutions gsm8k_model_solutions.jsonl --out FILE

LIMO's band, solved 1 to 3 times of 32. Pass rates are drawn from the Beta fitted to that file; each problem's 32
outcomes are drawn once, so the truth is known. 1,319 problems, five repetitions; intervals are Student's t over them.
"""

import argparse
import json
import random
from pathlib import Path

from adaptive_simulation import PROBLEMS, fitted
from common import machine
from quickstart_seeds import mean_with_interval

from distill.recipe import Band
from teachers.bands import decide
from teachers.posterior import Beta

REPETITIONS = 5


def once(rates: Beta, band: Band, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    asked, differ, expected = 0, 0, 0.0
    for _ in range(PROBLEMS):
        rate = rng.betavariate(rates.a, rates.b)
        outcomes = [rng.random() < rate for _ in range(band.of)]
        sampled = 0
        while (found := decide(band, sum(outcomes[:sampled]), sampled, rates)) is None:
            sampled += 1
        truth = decide(band, sum(outcomes), band.of, rates)
        asked += sampled
        differ += truth is None or found.side != truth.side
        expected += found.chance_of_error
    return {
        "share_of_samples": asked / (PROBLEMS * band.of),
        "differ": differ / PROBLEMS,
        "expected_to_differ": expected / PROBLEMS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solutions", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rates = fitted(args.solutions)
    rows = []
    for confidence in (1.0, 0.99, 0.95, 0.9):
        runs = [once(rates, Band(confidence=confidence), seed) for seed in range(REPETITIONS)]
        rows.append({"confidence": confidence, **{k: mean_with_interval([r[k] for r in runs]) for k in runs[0]}})
        print(rows[-1], flush=True)
    args.out.write_text(json.dumps({"machine": machine(), "beta": [rates.a, rates.b], "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
