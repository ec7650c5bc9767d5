"""The difference of two models on the same problems, with its interval.

Pairing is what makes small differences visible: problems that both models solve, or both fail, say nothing of their
difference and add little to its error.
"""

from collections.abc import Sequence

import numpy as np

from distill.evaluate.statistics import Clusters, Estimate, Floats, accuracy, clustered


def paired_difference(
    base: Sequence[float], student: Sequence[float], k: int, confidence: float, clusters: Clusters | None = None
) -> Estimate:
    """Mean of student minus base over the same problems, k samples each.

    Newcombe's score interval for paired proportions (1998, Statistics in Medicine 17, method 10), which does not shrink
    to nothing where no problem differs: the models' own intervals, put together by the correlation of their scores.
    With k = 1 it is his own; with more samples the models' intervals are those of `accuracy`, as the method allows (Zou
    and Donner 2008, Statistics in Medicine 27), and his correction of the correlation, half a count, is half a sample.

    Raises:
        ValueError: scores of different problems.
    """
    if len(base) != len(student):
        raise ValueError(f"paired scores need the same problems: {len(base)} against {len(student)}")
    before, after = (accuracy(scores, k, confidence, clusters) for scores in (base, student))
    phi = _correlation(np.asarray(base, np.float64), np.asarray(student, np.float64), k, clusters)
    down = _apart(after.mean - after.low, before.high - before.mean, phi)
    up = _apart(after.high - after.mean, before.mean - before.low, phi)
    mean = after.mean - before.mean
    return Estimate(mean, mean - down, mean + up)


def _apart(one: float, other: float, phi: float) -> float:
    """How far an end of a difference is off, from how far those of its parts are."""
    return max(0.0, one**2 - 2 * phi * one * other + other**2) ** 0.5


def _correlation(base: Floats, student: Floats, k: int, clusters: Clusters | None) -> float:
    """Of the scores of two models over problems, a positive one corrected towards 0 for how few there are."""
    n = len(base)
    x, y = (clustered(scores - scores.mean(), clusters)[0] for scores in (base, student))
    scale = float((x**2).sum() * (y**2).sum()) ** 0.5 / n
    together = float((x * y).sum()) / n
    if together > 0:
        together = max(together - 1 / (2 * n * k), 0.0)
    return max(-1.0, min(1.0, together / scale)) if scale > 1e-12 else 0.0
