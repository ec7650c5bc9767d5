"""How often do 95 % intervals hold the truth? Simulated evaluations of two models whose chances are known.

    python benchmarks/interval_coverage.py --out benchmarks/results/interval_coverage.json

A problem's chance is the logistic function of a normal number: how hard problems are differs by `spread`, and what is
hard for one model is hard for the other (correlation 0.9). Each run draws n problems and k samples of each for both
models; an interval is right where it holds the mean over all problems that might have been drawn. Beside ours
(`accuracy`, which for k = 1 is Wilson's, and `paired_difference`, then Newcombe's): the percentile bootstrap over
problems, the one over problems and samples, and the normal interval of the standard error. About 20 minutes on a core.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import machine
from numpy.typing import NDArray

from distill.evaluate.bootstrap import bootstrap, hierarchical
from distill.evaluate.paired import paired_difference
from distill.evaluate.statistics import accuracy, standard_error

Floats = NDArray[np.float64]
Interval = tuple[float, float]

CONFIDENCE = 0.95
CORRELATION = 0.9
Z = 1.959964


class World(NamedTuple):
    """Chances of two models over all problems: the middles and the spread of their logits."""

    name: str
    base: float
    student: float
    spread: float


WORLDS = (
    World("2 % and 5 %, very unequal problems", -9.0, -7.2, 4.0),
    World("10 % and 15 %, unequal problems", -3.9, -3.15, 2.5),
    World("50 % and 55 %, very unequal problems", 0.0, 0.55, 4.0),
    World("50 % and 55 %, alike problems", 0.0, 0.2, 0.2),
    World("90 % and 90 %, unequal problems", 3.9, 3.9, 2.5),
)


def chances(world: World, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Of both models, of n problems."""
    hard = rng.standard_normal(n)
    other = CORRELATION * hard + (1 - CORRELATION**2) ** 0.5 * rng.standard_normal(n)
    return tuple(1 / (1 + np.exp(-(m + world.spread * z))) for m, z in ((world.base, hard), (world.student, other)))  # type: ignore[return-value]


def normal(values: list[float]) -> Interval:
    mean, error = float(np.mean(values)), standard_error(values) or 0.0
    return mean - Z * error, mean + Z * error


def of_accuracy(base: list[float], _: list[float], k: int, seed: int, draws: int) -> dict[str, Interval]:
    found = accuracy(base, k, CONFIDENCE)
    drawn = {"bootstrap": bootstrap(base, CONFIDENCE, seed, resamples=draws), "normal": normal(base)}
    both = {"bootstrap of samples, too": hierarchical(base, k, CONFIDENCE, seed, resamples=draws)} if k > 1 else {}
    return {"ours": (found.low, found.high), **drawn, **both}


def of_difference(base: list[float], student: list[float], k: int, seed: int, draws: int) -> dict[str, Interval]:
    found = paired_difference(base, student, k, CONFIDENCE)
    differences = [s - b for b, s in zip(base, student, strict=True)]
    drawn = {"bootstrap": bootstrap(differences, CONFIDENCE, seed, resamples=draws), "normal": normal(differences)}
    twice = hierarchical(student, k, CONFIDENCE, seed, base, resamples=draws) if k > 1 else None
    both = {"bootstrap of samples, too": twice} if twice else {}
    return {"ours": (found.low, found.high), **drawn, **both}


def measured(
    of: Callable[..., dict[str, Interval]],
    truth: float,
    rows: list[tuple[list[float], list[float]]],
    k: int,
    draws: int,
) -> dict[str, dict[str, float]]:
    """Share of the runs whose interval holds the truth, its standard error, and the mean width, by kind of interval."""
    held: dict[str, list[tuple[bool, float]]] = {}
    for seed, (base, student) in enumerate(rows):
        for name, (low, high) in of(base, student, k, seed, draws).items():
            held.setdefault(name, []).append((low - 1e-12 <= truth <= high + 1e-12, high - low))
    return {
        name: {
            "coverage": (share := sum(hit for hit, _ in found) / len(found)),
            "error": (share * (1 - share) / len(found)) ** 0.5,
            "width": sum(width for _, width in found) / len(found),
        }
        for name, found in held.items()
    }


def simulated(world: World, n: int, k: int, runs: int, draws: int) -> dict[str, Any]:
    rng = np.random.default_rng([n, k, *world.name.encode()])
    base, student = (float(c.mean()) for c in chances(world, 2_000_000, rng))
    rows = []
    for _ in range(runs):
        sampled = [list(rng.binomial(k, c) / k) for c in chances(world, n, rng)]
        rows.append((sampled[0], sampled[1]))
    return {
        "world": world.name,
        "n": n,
        "k": k,
        "true": {"accuracy": base, "difference": student - base},
        "accuracy": measured(of_accuracy, base, rows, k, draws),
        "difference": measured(of_difference, student - base, rows, k, draws),
    }


def printed(cell: dict[str, Any]) -> None:
    print(f"{cell['world']}; n = {cell['n']}, k = {cell['k']}")
    for what in ("accuracy", "difference"):
        print(f"  {what} {100 * cell['true'][what]:.1f}")
        for name, found in cell[what].items():
            print(
                f"    {name:26}{100 * found['coverage']:5.1f} % +- {100 * found['error']:.1f}"
                f"   width {100 * found['width']:.1f}",
                flush=True,
            )


def markdown(cells: list[dict[str, Any]]) -> str:
    """The table of docs/evaluation.md: coverage in %, mean width in points."""
    head = "| true accuracies | n | k | accuracy: ours | bootstrap | normal | difference: ours | bootstrap | normal |"
    return "\n".join([head, "|---|---:|---:|" + "---|" * 6, *map(_row, cells)])


def _row(cell: dict[str, Any]) -> str:
    found = [cell[what][name] for what in ("accuracy", "difference") for name in ("ours", "bootstrap", "normal")]
    told = [f"{100 * one['coverage']:.1f} ({100 * one['width']:.1f})" for one in found]
    return f"| {cell['world']} | {cell['n']} | {cell['k']} | {' | '.join(told)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=500, help="of each bootstrap; an evaluation takes 10,000")
    parser.add_argument("--n", type=int, nargs="+", default=[30, 200])
    parser.add_argument("--k", type=int, nargs="+", default=[1, 4, 64])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path)
    where.add_argument("--table", type=Path, help="print the table of results that lie in this file")
    args = parser.parse_args()
    if args.table:
        print(markdown(json.loads(args.table.read_text())["cells"]))
        return
    cells = []
    for world in WORLDS:
        for n in args.n:
            for k in args.k:
                cells.append(simulated(world, n, k, args.runs, args.resamples))
                printed(cells[-1])
    told = {"runs": args.runs, "resamples": args.resamples, "confidence": CONFIDENCE, "correlation": CORRELATION}
    before = json.loads(args.out.read_text()) if args.out.exists() else {}
    clustered = {"clustered": before["clustered"]} if "clustered" in before else {}  # of cluster_coverage.py
    args.out.write_text(json.dumps({"machine": machine(), **told, "cells": cells, **clustered}, indent=1) + "\n")


if __name__ == "__main__":
    main()
