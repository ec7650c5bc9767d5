"""Control, Scaling and Performance of a way to spend compute at test time (s1, section 3.2).

Scaling is the mean slope over all pairs of evaluations. The paper divides by tokens, but prints it in points for each
doubling of the thinking tokens, the axis of its figures: the points of its figure 1 give 14.8 where 15 is printed,
those of its table 14 25.2 where 25 is; for 1,000 tokens they would be 8.7 and 4.1 (benchmarks/s1_metrics.py). Both are
told here, and `scaling` is the one that is printed there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log2

import numpy as np

RESAMPLES = 2000
"""Of the bootstrap over problems."""


@dataclass(frozen=True)
class Point:
    """One evaluation of the set A."""

    tokens: float
    """Mean thinking tokens."""
    accuracy: float
    """Share of 1."""
    least: float | None = None
    """Fewest tokens that were asked for; None without such a limit."""
    most: float | None = None
    """Most tokens that were asked for; None without such a limit."""


def control(points: Sequence[Point]) -> float | None:
    """Share of the evaluations that asked for limits and kept them; None where none asked."""
    asked = [p for p in points if p.least is not None or p.most is not None]
    kept = [(p.least or 0) <= p.tokens <= (float("inf") if p.most is None else p.most) for p in asked]
    return sum(kept) / len(kept) if kept else None


def performance(points: Sequence[Point]) -> float:
    """The best accuracy."""
    return max(p.accuracy for p in points)


def scaling(points: Sequence[Point]) -> float | None:
    """Accuracy points (of 100) for each doubling of the thinking tokens, the mean over all pairs of points.

    None where no two points differ in tokens, or one thinks not at all.
    """
    return _mean_slope([(log2(p.tokens), p.accuracy) for p in points]) if all(p.tokens > 0 for p in points) else None


def scaling_per_thousand(points: Sequence[Point]) -> float | None:
    """Accuracy points for 1,000 thinking tokens, as the formula of the paper reads; None as in `scaling`."""
    return _mean_slope([(p.tokens / 1000, p.accuracy) for p in points])


def _mean_slope(points: list[tuple[float, float]]) -> float | None:
    """Pairs at the same place have no slope and are left out."""
    slopes = [100 * (g - f) / (b - a) for (a, f), (b, g) in combinations(points, 2) if a != b]
    return sum(slopes) / len(slopes) if slopes else None


def scaling_interval(
    accuracy: np.ndarray, tokens: np.ndarray, confidence: float, seed: int
) -> tuple[float, float] | None:
    """Percentile interval of `scaling`, problems drawn with replacement, the same for all points.

    `accuracy` and `tokens` are per point and problem, (points, problems). None where the slope is none in a draw.
    """
    if accuracy.shape[0] < 2 or accuracy.shape[1] < 2:
        return None
    picks = np.random.default_rng(seed).integers(0, accuracy.shape[1], size=(RESAMPLES, accuracy.shape[1]))
    means, places = accuracy[:, picks].mean(axis=2), tokens[:, picks].mean(axis=2)
    if (places <= 0).any():
        return None
    first, second = (list(side) for side in zip(*combinations(range(len(means)), 2), strict=True))
    apart = np.log2(places[second]) - np.log2(places[first])
    slopes = 100 * np.divide(means[second] - means[first], apart, out=np.full_like(apart, np.nan), where=apart != 0)
    drawn = np.nanmean(slopes[:, ~np.isnan(slopes).all(axis=0)], axis=0)
    if not len(drawn):
        return None
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
