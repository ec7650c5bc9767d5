"""Percentile bootstrap intervals of a mean over problems, as papers print them.

s1 compares its ablations so (Muennighoff et al. 2025, arXiv 2501.19393). Where few problems differ they are too
narrow, see `benchmarks/interval_coverage.py`; they stand beside the score intervals.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from distill.evaluate.statistics import Clusters, Floats, clustered

RESAMPLES = 10_000
"""Draws of as many problems as there are."""

CHUNK = 500
"""Draws at once: of 10,000 problems they take 40 MB."""


def bootstrap(
    values: Sequence[float],
    confidence: float,
    seed: int,
    clusters: Clusters | None = None,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Interval of the mean of the values, one a problem; problems (or clusters of them) are drawn with replacement.

    For a paired difference the values are the problems' differences. The same seed draws the same problems.
    """
    sums, sizes = clustered(np.asarray(values, np.float64), clusters)
    n, rng = len(sums), np.random.default_rng(seed)
    means = []
    for rows in _chunks(resamples):
        picks = rng.integers(0, n, size=(rows, n))
        means.append(sums[picks].sum(axis=1) / sizes[picks].sum(axis=1))
    return _ends(means, confidence)


def hierarchical(
    scores: Sequence[float],
    k: int,
    confidence: float,
    seed: int,
    minus: Sequence[float] | None = None,
    clusters: Clusters | None = None,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """The same where problems (or clusters) are drawn, and then k samples of each drawn problem, both with replacement.

    With `minus`, of the mean difference to these scores of the same problems, whose samples are drawn apart. The
    variation of sampling counts twice here, once in the problems' scores and once in the draw: the interval is wider
    than that of `bootstrap`, the more so the smaller k is.
    """
    values, others = np.asarray(scores, np.float64), None if minus is None else np.asarray(minus, np.float64)
    member = _places(clusters) if clusters is not None else np.arange(len(values))
    n, rng = int(member.max()) + 1, np.random.default_rng(seed)
    means = []
    for rows in _chunks(resamples):
        times = rng.multinomial(n, np.full(n, 1 / n), size=rows)[:, member]  # how often each problem is drawn
        drawn = rng.binomial(k * times, values).sum(axis=1)
        less = 0 if others is None else rng.binomial(k * times, others).sum(axis=1)
        means.append((drawn - less) / k / times.sum(axis=1))
    return _ends(means, confidence)


def _places(clusters: Clusters) -> NDArray[np.int64]:
    """The number of each problem's cluster, from 0."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in clusters])


def _chunks(resamples: int) -> list[int]:
    return [min(CHUNK, resamples - start) for start in range(0, resamples, CHUNK)]


def _ends(means: list[Floats], confidence: float) -> tuple[float, float]:
    low, high = np.quantile(np.concatenate(means), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
