"""Means over problems, with score intervals and standard errors.

A score belongs to one problem and lies in [0, 1]: the share of its k samples that are correct, or another figure of
them (pass@k, maj@k). Problems are taken for a sample of those that might have been asked, so an interval covers both
the choice of problems and that of samples.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

DOUBT = 1.0
"""How many problems of an even chance the full design effect weighs as much as, see `effective_number`."""

Floats = NDArray[np.float64]
Clusters = Sequence[Hashable]


@dataclass(frozen=True)
class Estimate:
    """A mean with the ends of its confidence interval."""

    mean: float
    low: float
    high: float


def accuracy(scores: Sequence[float], k: int, confidence: float, clusters: Clusters | None = None) -> Estimate:
    """Mean score with Wilson's score interval (1927) for the effective number of samples.

    `k` are the independent draws of a problem that a score rests on. With k = 1 this is Wilson's interval itself, which
    stays honest at 0 and 100 %; with more it narrows as far as samples of one problem tell more than one does.
    """
    values = np.asarray(scores, np.float64)
    mean = float(values.mean())
    number = effective_number(values, k, clusters)
    return Estimate(mean, *wilson(mean * number, number, confidence))


def wilson(successes: float, n: float, confidence: float) -> tuple[float, float]:
    """Score interval of a proportion."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def effective_number(scores: Floats, k: int, clusters: Clusters | None = None) -> float:
    """Independent samples that would tell the mean as well: between n and n k, for n problems of k samples each.

    It is n over the design effect (Kish 1965; for intervals of proportions Korn and Graubard 1998): the variance of the
    scores over p (1 - p), which is 1 where every problem is solved always or never, and 1 / k where all are alike. A
    few solved samples tell little of how problems differ, and an interval that believed them would be far too narrow.
    So the estimate is weighed against the full design effect, by 4 m p (1 - p) to `DOUBT`, with m = n problems, or
    as many clusters of one size as unequal ones are worth (Kish's n^2 / sum of squared sizes: with one of 30 problems
    beside 30 single ones it is hardly 4, and the number of clusters, 31, would promise far too much). What comes of it
    is measured by `benchmarks/interval_coverage.py`.
    """
    n = len(scores)
    sums, largest = _centred(scores, clusters)
    p = float(scores.mean())
    spread = p * (1 - p)
    apart = n / largest
    if len(sums) < 2 or spread <= 0:
        return apart
    effect = float((sums**2).sum()) / n * apart / (apart - 1) / spread
    effect = min(max(effect, 1 / k), largest)
    told = 4 * apart * spread
    return n * (told + DOUBT) / (told * effect + DOUBT * largest)


def standard_error(scores: Sequence[float], clusters: Clusters | None = None) -> float | None:
    """Of the mean over problems, with all that varies: problems, and their samples. None for a single one.

    By the central limit theorem, sqrt(sum (s - mean)^2 / (n - 1) / n); with `clusters`, errors of problems of one
    cluster may go together (Miller 2024, arXiv 2411.00640).
    """
    values = np.asarray(scores, np.float64)
    n = len(values)
    if n < 2:
        return None
    off = values - values.mean()
    square = float((off**2).sum()) / (n - 1) / n
    if clusters is not None:
        square += (float((_centred(values, clusters)[0] ** 2).sum()) - float((off**2).sum())) / n**2
    return max(square, 0.0) ** 0.5


def sampling_error(scores: Sequence[float], k: int) -> float | None:
    """Standard error of sampling alone: how far the mean would move if the same problems were sampled again.

    By the law of total variance it is the part of `standard_error` that more samples remove; the rest, the root of the
    difference of the squares, only more problems do. Unbiased in the square; None for k = 1, which cannot tell.
    """
    if k < 2:
        return None
    values = np.asarray(scores, np.float64)
    return float((values * (1 - values)).sum() / (k - 1)) ** 0.5 / len(values)


def clustered(values: Floats, clusters: Clusters | None) -> tuple[Floats, Floats]:
    """Sums over every cluster (clusters x columns, or clusters), and how many problems each has; None: each its own."""
    if clusters is None:
        return values, np.ones(len(values))
    rows: dict[Hashable, list[int]] = {}
    for at, name in enumerate(clusters):
        rows.setdefault(name, []).append(at)
    sums = np.stack([values[part].sum(axis=0) for part in rows.values()])
    return sums, np.array([float(len(part)) for part in rows.values()])


def _centred(scores: Floats, clusters: Clusters | None) -> tuple[Floats, float]:
    """Sums of what is above the mean, by cluster, and the design effect if all problems of a cluster were alike."""
    sums, sizes = clustered(scores - scores.mean(), clusters)
    return sums, float((sizes**2).sum()) / len(scores)
