"""Does an evaluation that stops early still tell the truth? Simulated, with `evaluate.until_interval` and its looks.

    python benchmarks/early_stopping.py --out benchmarks/results/early_stopping.json

A problem's chance is the logistic function of a normal number, the same problems for both models. Each run samples k
answers a problem at most and looks at the paired difference after an eighth, a quarter, a half and all of them; it ends
once the interval reaches no further than asked. Coverage is how often the interval that is told at the end holds the
difference over all problems that might have been drawn: at the corrected level (as is done), at the plain one (as is
often done), and without stopping. Bias is the mean error of the difference that is told, in points. Then the same for
the accuracy of one model, which solves 5, 30, 50 or 90 % (`--table FILE` prints these). About two minutes.
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
from distill.evaluate.statistics import accuracy

Floats = NDArray[np.float64]
CONFIDENCE, MOST = 0.95, 16


WORLDS = (
    World("10 % and 20 %, unequal problems", -3.9, -2.4, 2.5),
    World("50 % and 55 %, unequal problems", 0.0, 0.4, 2.5),
    World("50 % and 55 %, alike problems", 0.0, 0.2, 0.2),
)


ALONE = (0.05, 0.3, 0.5, 0.9)
"""Accuracies of one model."""

SPREADS = {"unequal": 2.5, "alike": 0.2}
SIZES_ALONE = ((30, 0.15), (200, 0.05))
"""Problems, and how far the interval may reach."""

WAYS = ("corrected", "plain", "never")


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


def stopped_alone(answers: Floats, truth: float, until: float, level: float) -> Told:
    """The same with the accuracy of one model; `answers` are problems x samples."""
    for k in looks_of(MOST):
        found = accuracy(answers[:, :k].mean(axis=1).tolist(), k, level)
        if max(found.high - found.mean, found.mean - found.low) <= until:
            break
    return Told(k, found.mean, found.low <= truth <= found.high)


def levels(until: float) -> dict[str, tuple[float, float]]:
    """How far an interval may reach at the end, and its level, by the way of looking."""
    corrected = level_of(CONFIDENCE, len(looks_of(MOST)))
    return {"corrected": (until, corrected), "plain": (until, CONFIDENCE), "never": (0.0, CONFIDENCE)}


def figures(told: dict[str, list[Told]], truth: float) -> dict[str, Any]:
    return {
        way: {
            "coverage": float(np.mean([end.holds for end in ends])),
            "samples": float(np.mean([end.k for end in ends])),
            "bias_points": 100 * (float(np.mean([end.mean for end in ends])) - truth),
            "bias_error_points": 100 * float(np.std([end.mean for end in ends])) / len(ends) ** 0.5,
        }
        for way, ends in told.items()
    }


def simulated(world: World, n: int, until: float, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    everything = chances(world, 10**6, rng)
    truth = float(everything[1].mean() - everything[0].mean())
    told: dict[str, list[Told]] = {way: [] for way in WAYS}
    for _ in range(runs):
        drawn = [(rng.random((n, MOST)) < chance[:, None]).astype(float) for chance in chances(world, n, rng)]
        for way, (most, level) in levels(until).items():
            told[way].append(stopped(drawn[0], drawn[1], truth, most, level))
    return {"world": world.name, "n": n, "until": until, "truth": truth, "runs": runs, **figures(told, truth)}


def simulated_alone(
    p: float, problems: str, n: int, until: float, runs: int, rng: np.random.Generator
) -> dict[str, Any]:
    spread, normal = SPREADS[problems], np.random.default_rng(0).standard_normal(10**6)
    low, high = -20.0, 20.0
    for _ in range(50):  # the middle of the logits that makes p the mean chance
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-(middle + spread * normal)))).mean() < p else (low, middle)
    told: dict[str, list[Told]] = {way: [] for way in WAYS}
    for _ in range(runs):
        chance = 1 / (1 + np.exp(-(middle + spread * rng.standard_normal(n))))
        drawn = (rng.random((n, MOST)) < chance[:, None]).astype(float)
        for way, (most, level) in levels(until).items():
            told[way].append(stopped_alone(drawn, p, most, level))
    return {"p": p, "problems": problems, "n": n, "until": until, "runs": runs, **figures(told, p)}


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of docs/evaluation.md: coverage, samples a problem, and bias in points with its 95 % error."""
    head = "| accuracy; problems; stop within | corrected (as is done) | plain 95 % at each look | never stopping |"
    return "\n".join([head, "|---|---|---|---|", *map(_row, rows)])


def _row(row: dict[str, Any]) -> str:
    name = f"{100 * row['p']:.0f} %; {row['n']}, {row['problems']}; {100 * row['until']:.0f} points"
    told = [
        f"{100 * found['coverage']:.1f} %, {found['samples']:.1f}, "
        f"{found['bias_points']:+.2f} ± {1.96 * found['bias_error_points']:.2f}"
        for found in (row[way] for way in WAYS)
    ]
    return f"| {name} | {' | '.join(told)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, help="print the table of one model's accuracy from results in this file")
    args = parser.parse_args()
    if args.table:
        print(markdown(json.loads(args.table.read_text())["alone"]))
        return
    rng = np.random.default_rng(args.seed)
    sizes = ((30, 0.15), (200, 0.06))
    rows = [simulated(world, n, until, args.runs, rng) for world in WORLDS for n, until in sizes]
    for row in rows:
        print(f"{row['world']}, n = {row['n']}, until +-{100 * row['until']:.0f} points:")
        for way in WAYS:
            told = row[way]
            print(
                f"  {way:<10} coverage {100 * told['coverage']:.1f} %, {told['samples']:.1f} of {MOST} samples, "
                f"bias {told['bias_points']:+.2f} +- {1.96 * told['bias_error_points']:.2f} points"
            )
    alone = [
        simulated_alone(p, problems, n, until, args.runs, rng)
        for p in ALONE
        for problems in SPREADS
        for n, until in SIZES_ALONE
    ]
    print(markdown(alone))
    if args.out:
        told = {"machine": machine(), "seed": args.seed, "rows": rows, "alone": alone}
        args.out.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
