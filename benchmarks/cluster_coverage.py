"""How often do 95 % intervals hold the truth where problems go together (`evaluate.cluster_by`)? Simulated.

    python benchmarks/cluster_coverage.py --out benchmarks/results/interval_coverage.json

As in `interval_coverage.py`, whose file it adds `clustered` to, but a part `together` of what makes problems hard is
shared by all problems of a cluster. Sizes of clusters are fixed and tell nothing of how hard a cluster is, so that the
truth is the mean over all problems that might have been drawn. "no clusters" is ours where nobody says which problems
go together. About five minutes on a shared core.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from interval_coverage import CONFIDENCE, CORRELATION, Floats, Interval, World, Z, measured

from distill.evaluate.bootstrap import bootstrap
from distill.evaluate.paired import paired_difference
from distill.evaluate.statistics import accuracy, standard_error

WORLDS = (
    World("10 % and 15 %", -3.9, -3.15, 2.5),
    World("50 % and 55 %", 0.0, 0.4, 2.5),
)

LAYOUTS = {
    "40 of 5": [5] * 40,
    "10 of 10": [10] * 10,
    "5 of 20": [20] * 5,
    "1 of 30, 30 single": [30] + [1] * 30,
    "20 from 1 to 40": [round(40 ** (i / 19)) for i in range(20)],
    "60, 20, 10, 5, 5": [60, 20, 10, 5, 5],
}
"""Sizes of the clusters."""

WAYS = ("ours", "no clusters", "bootstrap", "normal")


def chances(world: World, names: list[int], together: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Of both models; how hard a problem is for each is the sum of its cluster's part and its own."""
    places = np.asarray(names)

    def hard() -> Floats:
        shared = rng.standard_normal(places.max() + 1)[places]
        own: Floats = together**0.5 * shared + (1 - together) ** 0.5 * rng.standard_normal(len(places))
        return own

    first = hard()
    other = CORRELATION * first + (1 - CORRELATION**2) ** 0.5 * hard()
    base, student = (
        1 / (1 + np.exp(-(m + world.spread * z))) for m, z in ((world.base, first), (world.student, other))
    )
    return base, student


def intervals(
    found: Any, plain: Any, values: list[float], names: list[int], seed: int, draws: int
) -> dict[str, Interval]:
    mean, error = float(np.mean(values)), standard_error(values, names) or 0.0
    return {
        "ours": (found.low, found.high),
        "no clusters": (plain.low, plain.high),
        "bootstrap": bootstrap(values, CONFIDENCE, seed, names, resamples=draws),
        "normal": (mean - Z * error, mean + Z * error),
    }


def simulated(world: World, layout: str, together: float, k: int, runs: int, draws: int) -> dict[str, Any]:
    names = [number for number, size in enumerate(LAYOUTS[layout]) for _ in range(size)]
    rng = np.random.default_rng([k, round(100 * together), *world.name.encode(), *layout.encode()])
    base, student = (float(c.mean()) for c in chances(world, list(range(2_000_000)), 0.0, rng))
    rows = []
    for _ in range(runs):
        sampled = [list(rng.binomial(k, c) / k) for c in chances(world, names, together, rng)]
        rows.append((sampled[0], sampled[1]))

    def of_accuracy(before: list[float], _: list[float], k: int, seed: int, draws: int) -> dict[str, Interval]:
        ours, plain = (accuracy(before, k, CONFIDENCE, given) for given in (names, None))
        return intervals(ours, plain, before, names, seed, draws)

    def of_difference(before: list[float], after: list[float], k: int, seed: int, draws: int) -> dict[str, Interval]:
        ours, plain = (paired_difference(before, after, k, CONFIDENCE, given) for given in (names, None))
        return intervals(ours, plain, [s - b for b, s in zip(before, after, strict=True)], names, seed, draws)

    return {
        "world": world.name,
        "clusters": layout,
        "together": together,
        "k": k,
        "true": {"accuracy": base, "difference": student - base},
        "accuracy": measured(of_accuracy, base, rows, k, draws),
        "difference": measured(of_difference, student - base, rows, k, draws),
    }


def markdown(cells: list[dict[str, Any]]) -> str:
    """The table of docs/evaluation.md: coverage in %, mean width in points in brackets."""
    head = ["accuracy: ours", *WAYS[1:], "difference: ours", *WAYS[1:]]
    above = f"| clusters | shared | true accuracies | k | {' | '.join(head)} |"
    return "\n".join([above, "|---|---:|---|---:|" + "---|" * len(head), *map(_row, cells)])


def _row(cell: dict[str, Any]) -> str:
    found = [cell[what][way] for what in ("accuracy", "difference") for way in WAYS]
    told = " | ".join(f"{100 * one['coverage']:.1f} ({100 * one['width']:.0f})" for one in found)
    return f"| {cell['clusters']} | {100 * cell['together']:.0f} % | {cell['world']} | {cell['k']} | {told} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=500, help="of each bootstrap; an evaluation takes 10,000")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="results of interval_coverage.py, which these are added to")
    where.add_argument("--table", type=Path, help="print the table of results that lie in this file")
    args = parser.parse_args()
    if args.table:
        print(markdown(json.loads(args.table.read_text())["clustered"]["cells"]))
        return
    cells = []
    for layout in LAYOUTS:
        for world in WORLDS:
            for together in (0.0, 0.6):
                for k in (1, 8):
                    cells.append(simulated(world, layout, together, k, args.runs, args.resamples))
                    print(_row(cells[-1]), flush=True)
    told = json.loads(args.out.read_text()) if args.out.exists() else {}
    told["clustered"] = {"runs": args.runs, "resamples": args.resamples, "cells": cells}
    args.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
