"""Figures over several evaluation sets: the mean of the sets, each counting the same, as leaderboards average.

Intervals of a mean of independent estimates from theirs: each end as far off as the root of the sum of the squares of
the parts' (the square-and-add method; Zou and Donner 2008, Statistics in Medicine 27). They do not
shrink where a set is all right or all wrong, as a bootstrap would.
"""

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from distill.evaluate.answers import Method, Sampled
from distill.evaluate.exact_tests import as_whole, flipped
from distill.evaluate.statistics import Estimate


def over_sets(
    sampled: dict[str, dict[str, Sampled]], told: dict[str, dict[str, Any]], method: Method
) -> dict[str, Any]:
    """The mean accuracy of every model that sat all sets, and the mean of each difference, tested over all problems.

    Of `method` the clusters count, each within its own set, and the seed.
    """
    sets = list(told.values())
    models = [who for who in sets[0]["figures"] if all(who in one["figures"] for one in sets)]
    pairs = [(d["of"], d["minus"]) for d in sets[0]["differences"] if {d["of"], d["minus"]} <= set(models)]
    return {
        "figures": {who: _figures([one["figures"][who] for one in sets]) for who in models},
        "differences": [_difference(of, minus, sampled, sets, method) for of, minus in pairs],
    }


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """Of independent estimates, each counting the same."""
    mean = sum(e.mean for e in estimates) / len(estimates)
    down = sum((e.mean - e.low) ** 2 for e in estimates) ** 0.5 / len(estimates)
    up = sum((e.high - e.mean) ** 2 for e in estimates) ** 0.5 / len(estimates)
    return Estimate(mean, mean - down, mean + up)


def _figures(parts: list[dict[str, Any]]) -> dict[str, Any]:
    found = mean_of([Estimate(part["accuracy"], part["low"], part["high"]) for part in parts])
    return {"n": sum(part["n"] for part in parts), "accuracy": found.mean, "low": found.low, "high": found.high}


def _difference(
    of: str, minus: str, sampled: dict[str, dict[str, Sampled]], sets: list[dict[str, Any]], method: Method
) -> dict[str, Any]:
    """Signs flip problem by problem (or cluster by cluster), each counting as much as it does in the mean."""
    parts = [next(d for d in one["differences"] if (d["of"], d["minus"]) == (of, minus)) for one in sets]
    found = mean_of([Estimate(part["mean"], part["low"], part["high"]) for part in parts])
    weighed = [
        Fraction(after - before, len(models[of].problems) * models[of].k)
        for models in sampled.values()
        for before, after in zip(models[minus].correct, models[of].correct, strict=True)
    ]
    clusters = [(name, cluster) for name, models in sampled.items() for cluster in models[of].clusters(method) or ()]
    tested = flipped(as_whole(weighed), method.seed, clusters or None)
    return {"of": of, "minus": minus, **asdict(found), **tested._asdict()}
