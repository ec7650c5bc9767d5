"""Coverage by k samples, and the law that it follows (Large Language Monkeys, arXiv 2407.21787).

Coverage is pass@k, the share of problems that one of k samples solves. Over many problems it is close to
c(k) = exp(a k^b) with a < 0 and b < 0: log c is a power of k, so that log(-log c) is a line over log k.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from distill.errors import Refused
from distill.evaluate.pass_at_k import pass_at_k

POINTS = 40
"""Places, even in the logarithm, at which the published code fits."""


@dataclass(frozen=True)
class Law:
    """c(k) = exp(a k^b)."""

    a: float
    b: float
    error: float
    """Largest distance between the law and the points that it was fitted to, in coverage."""
    points: int
    """How many there were."""

    def at(self, k: float) -> float:
        """Coverage by k samples; beyond those that there are it is extrapolated."""
        return exp(self.a * k**self.b)


def places(n: int) -> list[int]:
    """At most `POINTS` whole numbers from 1 to n, even in the logarithm."""
    return sorted({round(float(k)) for k in np.geomspace(1, n, POINTS)})


def coverage(counts: Sequence[tuple[int, int]], k: int) -> float:
    """Mean pass@k of problems with (samples, correct ones); unbiased.

    Raises:
        Refused: a problem has fewer than k samples.
    """
    return float(np.mean([pass_at_k(n, correct, k) for n, correct in counts]))


def fit(curve: Sequence[tuple[int, float]]) -> Law:
    """Least squares in coverage, as published, begun at the line through log(-log c).

    Raises:
        Refused: fewer than three points with a coverage between 0 and 1, or none that a law goes through.
    """
    inner = [(k, c) for k, c in curve if 0 < c < 1]
    if len(inner) < 3:
        raise Refused(
            f"a law of coverage is fitted to three points or more; {len(inner)} lie between 0 and 1.",
            "Take more samples of each problem (samples_per_problem), or more problems.",
        )
    ks, cs = (np.array(side, float) for side in zip(*inner, strict=True))
    slope, start = np.polyfit(np.log(ks), np.log(-np.log(cs)), 1)
    try:
        (a, b), _ = curve_fit(lambda k, a, b: np.exp(a * k**b), ks, cs, p0=(-np.exp(start), slope), maxfev=10_000)
    except (RuntimeError, OptimizeWarning) as e:
        raise Refused(f"no law of coverage goes through these points ({e}).") from e
    if not (isfinite(a) and isfinite(b)):
        raise Refused("no law of coverage goes through these points.")
    law = Law(float(a), float(b), 0.0, len(inner))
    error = max(abs(law.at(k) - c) for k, c in inner)
    return Law(law.a, law.b, float(error), law.points)


def best_of(scores: Sequence[float], correct: Sequence[bool], n: int) -> float:
    """Chance that of n samples, drawn without replacement, the one with the highest score is correct; exact.

    Equal scores share evenly. With the correctness itself for a score it is pass@n.

    Raises:
        Refused: there are fewer samples than n.
    """
    total = len(scores)
    if n > total:
        raise Refused(f"the best of {n} needs at least {n} samples of each problem; there are {total}.")
    levels = sorted(set(scores))
    below, chance = 0, 0.0
    for level in levels:
        rows = [i for i, score in enumerate(scores) if score == level]
        upto = below + len(rows)
        share = _all_within(upto, n, total) - _all_within(below, n, total)
        chance += share * sum(bool(correct[i]) for i in rows) / len(rows)
        below = upto
    return chance


def _all_within(size: int, n: int, total: int) -> float:
    """C(size, n) / C(total, n): the chance that all drawn are among so many."""
    if size < n:
        return 0.0
    return float(np.prod([(size - i) / (total - i) for i in range(n)]))
