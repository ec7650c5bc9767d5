"""Samples per covered problem, adaptive against fixed n, at equal coverage: a simulation.

    python benchmarks/adaptive_simulation.py --solutions gsm8k_model_solutions.jsonl --out FILE

Pass rates are drawn from the Beta fitted to the four samples a problem of that file (OpenAI's GSM8K release); every
sample's outcome is drawn once and shared by both ways, so coverage is the same problem by problem. 1,319 problems,
answers arriving in random order with 64 under way. Intervals are over repetitions (Student's t).
"""

import argparse
import json
import random
from collections import Counter
from pathlib import Path

from common import machine
from following import follow
from quickstart_seeds import mean_with_interval

from distill.recipe import Harvest
from distill.records import Problem
from teachers.pass_rates import fit
from teachers.posterior import Beta

COLUMNS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
PROBLEMS = 1319
AT_ONCE = 64


def fitted(path: Path) -> Beta:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return fit(Counter((sum(row[c]["is_correct"] for c in COLUMNS), len(COLUMNS)) for row in rows))


def simulate(rates: Beta, n: int, target: int, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    accepted = {}
    for i in range(PROBLEMS):
        rate = rng.betavariate(rates.a, rates.b)
        accepted.update({f"p{i}/{j}": rng.random() < rate for j in range(n)})
    problems = [Problem(id=f"p{i}", question="", answer="", kind="math", source="") for i in range(PROBLEMS)]
    spec = Harvest(samples_per_problem=n, accepted_per_problem=target)
    _, asked = follow(problems, spec, lambda sample: (accepted[sample], 1, 0), AT_ONCE, rng)
    hits = {p: sum(accepted[f"{p}/{j}"] for j in range(k)) for p, k in asked.items()}
    samples = asked.total()
    enough = {f"p{i}" for i in range(PROBLEMS) if sum(accepted[f"p{i}/{j}"] for j in range(n)) >= target}
    assert {p for p, k in hits.items() if k >= target} == enough, "coverage must be equal"
    return {"ratio": samples / (n * PROBLEMS), "coverage": len(enough) / PROBLEMS, "per_covered": samples / len(enough)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solutions", type=Path, required=True)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rates = fitted(args.solutions)
    rows = []
    for target in (1, 2, 4):
        for n in (2, 4, 8, 16):
            if n < target:
                continue
            runs = [simulate(rates, n, target, seed) for seed in range(args.repetitions)]
            row = {key: mean_with_interval([run[key] for run in runs]) for key in runs[0]}
            rows.append({"accepted_per_problem": target, "n": n, **row})
            print(target, n, {k: round(v["mean"], 3) for k, v in row.items()}, flush=True)
    result = {"machine": machine(), "beta": [rates.a, rates.b], "rows": rows}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
