"""Does an evaluation that stops early still tell the truth? Simulated, with `evaluate.until_interval` and its looks.

    python benchmarks/early_stopping.py --out benchmarks/results/early_stopping.json

A problem's chance is the logistic function of a normal number, the same problems for both models. Each run samples k
answers a problem at most and looks at the paired difference after an eighth, a quarter, a half and all of them; it ends
once the interval reaches no further than asked. Coverage is how often the interval that is told at the end holds the
difference over all problems that might have been drawn: at the corrected level (as is done), at the plain one (as is
often done), and without stopping. Bias is the mean error of the difference that is told, in points. About two minutes.
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import machine
from interval_coverage import World, chances
from numpy.typing import NDArray

from distill.evaluate.looks import level_of, looks_of
from distill.evaluate.paired import paired_difference

Floats = NDArray[np.float64]
CONFIDENCE, MOST = 0.95, 16


WORLDS = (
    World("10 % and 20 %, unequal problems", -3.9, -2.4, 2.5),
    World("50 % and 55 %, unequal problems", 0.0, 0.4, 2.5),
    World("50 % and 55 %, alike problems", 0.0, 0.2, 0.2),
)


class Told(NamedTuple):
    """What one run tells at its end."""

    k: int
    mean: float
    holds: bool


def stopped(base: Floats, student: Floats, truth: float, until: float, level: float) -> Told:
    """Look, and stop where the interval is narrow enough; `base` and `student` are problems x samples."""
    for k in looks_of(MOST):
        before, after = (answers[:, :k].mean(axis=1).tolist() for answers in (base, student))
        found = paired_difference(before, after, k, level)
        if max(found.high - found.mean, found.mean - found.low) <= until:
            break
    return Told(k, found.mean, found.low <= truth <= found.high)


def simulated(world: World, n: int, until: float, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    everything = chances(world, 10**6, rng)
    truth = float(everything[1].mean() - everything[0].mean())
    ways = {
        "corrected": (until, level_of(CONFIDENCE, len(looks_of(MOST)))),
        "plain": (until, CONFIDENCE),
        "never": (0.0, CONFIDENCE),
    }
    told: dict[str, list[Told]] = {way: [] for way in ways}
    for _ in range(runs):
        drawn = [(rng.random((n, MOST)) < chance[:, None]).astype(float) for chance in chances(world, n, rng)]
        for way, (most, level) in ways.items():
            told[way].append(stopped(drawn[0], drawn[1], truth, most, level))
    found: dict[str, Any] = {"world": world.name, "n": n, "until": until, "truth": truth, "runs": runs}
    for way, ends in told.items():
        found[way] = {
            "coverage": float(np.mean([end.holds for end in ends])),
            "samples": float(np.mean([end.k for end in ends])),
            "bias_points": 100 * (float(np.mean([end.mean for end in ends])) - truth),
            "bias_error_points": 100 * float(np.std([end.mean for end in ends])) / runs**0.5,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    sizes = ((30, 0.15), (200, 0.06))
    rows = [simulated(world, n, until, args.runs, rng) for world in WORLDS for n, until in sizes]
    for row in rows:
        print(f"{row['world']}, n = {row['n']}, until +-{100 * row['until']:.0f} points:")
        for way in ("corrected", "plain", "never"):
            told = row[way]
            print(
                f"  {way:<10} coverage {100 * told['coverage']:.1f} %, {told['samples']:.1f} of {MOST} samples, "
                f"bias {told['bias_points']:+.2f} +- {1.96 * told['bias_error_points']:.2f} points"
            )
    if args.out:
        args.out.write_text(json.dumps({"machine": machine(), "seed": args.seed, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
