"""Accuracy with intervals, and the paired difference of two models on the same problems.

Scores are per problem: the share of its k samples that are correct.
"""

from dataclasses import dataclass
from math import comb
from statistics import NormalDist

import numpy as np

RESAMPLES = 10_000
"""Of the bootstrap."""


@dataclass(frozen=True)
class Estimate:
    """A mean with the ends of its confidence interval."""

    mean: float
    low: float
    high: float


def accuracy(scores: list[float], k: int, confidence: float, seed: int) -> Estimate:
    """Mean score. With one sample a problem Wilson's score interval (Wilson 1927), which stays honest at
    0 and 100 %; with several a percentile bootstrap over problems, unless all score alike."""
    mean = float(np.mean(scores))
    if k == 1:
        return Estimate(mean, *wilson(sum(scores), len(scores), confidence))
    if len(set(scores)) == 1:  # all alike: a bootstrap would claim certainty
        return Estimate(mean, *wilson(sum(scores), len(scores), confidence))
    return Estimate(mean, *_bootstrap(np.asarray(scores), confidence, seed))


def wilson(successes: float, n: int, confidence: float) -> tuple[float, float]:
    """Score interval of a proportion."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def paired_difference(base: list[float], student: list[float], k: int, confidence: float, seed: int) -> Estimate:
    """Mean of student minus base over the same problems.

    With one sample a problem Newcombe's score interval for paired proportions (1998, method 10), which
    does not shrink to nothing when no problem differs; with several a percentile bootstrap over problems.
    """
    if len(base) != len(student):
        raise ValueError(f"paired scores need the same problems: {len(base)} against {len(student)}")
    differences = np.asarray(student) - np.asarray(base)
    mean = float(differences.mean())
    if k == 1:
        return Estimate(mean, *newcombe(base, student, confidence))
    if np.ptp(differences) == 0:
        margin = wilson(0, len(base), confidence)[1]
        return Estimate(mean, max(-1.0, mean - margin), min(1.0, mean + margin))
    return Estimate(mean, *_bootstrap(differences, confidence, seed))


def newcombe(base: list[float], student: list[float], confidence: float) -> tuple[float, float]:
    """Score interval of the difference of two paired proportions (Newcombe 1998, method 10)."""
    n = len(base)
    both = sum(s == b == 1 for b, s in zip(base, student, strict=True))
    gained = sum(s > b for b, s in zip(base, student, strict=True))
    lost = sum(s < b for b, s in zip(base, student, strict=True))
    neither = n - both - gained - lost
    p1, p2 = (both + gained) / n, (both + lost) / n
    (l1, u1), (l2, u2) = wilson(both + gained, n, confidence), wilson(both + lost, n, confidence)
    scale = ((both + gained) * (lost + neither) * (both + lost) * (gained + neither)) ** 0.5
    agreement = both * neither - gained * lost
    corrected = max(agreement - n / 2, 0.0) if agreement > 0 else float(agreement)
    phi = corrected / scale if scale else 0.0
    down = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    up = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    return p1 - p2 - down**0.5, p1 - p2 + up**0.5


def exact_mcnemar(base: list[float], student: list[float]) -> float:
    """Two-sided exact p-value on the discordant problems (one sample a problem)."""
    gained = sum(s > b for b, s in zip(base, student, strict=True))
    lost = sum(s < b for b, s in zip(base, student, strict=True))
    n = gained + lost
    tail = sum(comb(n, i) for i in range(min(gained, lost) + 1)) / 2**n
    return min(1.0, 2 * tail)


def _bootstrap(values: np.ndarray, confidence: float, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(values), size=(RESAMPLES, len(values)))
    means = values[picks].mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
