"""Pass rates of a run's problems: what is known beforehand (`known.py`), the run so far, and each one's own samples.

A beta-binomial regression. Pass rates vary around a mean that depends on what is known of the problem,
logit(mean) = bias + weights · features, as a Beta whose size a + b is the same for all. Fitted by maximum a posteriori
to the samples so far; without features it is empirical Bayes.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit

from teachers.posterior import UNKNOWN, Beta

Floats = NDArray[np.float64]

Tally = Mapping[tuple[int, int], float]
"""How many problems have (accepted, sampled)."""

MOST_FITTED = 20_000
"""Problems that a fit looks at; more make it slower and hardly better."""

DEVIATIONS = {"bias": 3.0, "weight": 0.5, "log_size": 1.5}
"""Of the normal priors. Features have a variance of one, and their weights are expected to be small."""

USUAL_LOG_SIZE = np.log(2)
"""Problems sampled once tell nothing of the size; until others do it stays about here."""


class PassRates:
    """A Beta for each problem, by its place in the list of problems."""

    def __init__(self, features: Floats) -> None:
        """`features` has a row a problem, its columns with mean 0 and variance 1 (or no columns)."""
        self._features = features
        self._mean: Floats | None = None
        self._size = 0.0

    def __getitem__(self, place: int) -> Beta:
        """What is known of a problem apart from its own samples."""
        if self._mean is None:
            return UNKNOWN
        mean = float(self._mean[place])
        return Beta(mean * self._size, (1 - mean) * self._size)

    def fit(self, accepted: Floats, sampled: Floats) -> None:
        """Learn from so many accepted of so many samples of each problem."""
        seen = np.flatnonzero(sampled)
        if not seen.size:
            return
        seen = seen[:: max(1, seen.size // MOST_FITTED)]
        parameters = regress(self._features[seen], accepted[seen], sampled[seen], np.ones(seen.size))
        self._mean = _mean(parameters, self._features)
        self._size = float(np.exp(parameters[1]))


def fit(tally: Tally) -> Beta:
    """The Beta over problems that makes the counts most likely, where nothing else is known of them."""
    observed = {counts: weight for counts, weight in tally.items() if counts[1] > 0}
    if not observed:
        return UNKNOWN
    accepted, sampled = np.array(list(observed), dtype=float).T
    weight = np.array(list(observed.values()), dtype=float)
    parameters = regress(np.zeros((weight.size, 0)), accepted, sampled, weight)
    mean, size = float(_mean(parameters, np.zeros((1, 0)))[0]), float(np.exp(parameters[1]))
    return Beta(mean * size, (1 - mean) * size)


def regress(features: Floats, accepted: Floats, sampled: Floats, weight: Floats) -> Floats:
    """Bias, log size and weights that make the counts most likely; each row counts `weight` times."""
    start = np.concatenate([[0.0, USUAL_LOG_SIZE], np.zeros(features.shape[1])])
    bounds = [(-12.0, 12.0)] * start.size
    found = minimize(_badness, start, (features, accepted, sampled, weight), "L-BFGS-B", jac=True, bounds=bounds)
    return np.asarray(found.x)


def _badness(at: Floats, x: Floats, accepted: Floats, sampled: Floats, weight: Floats) -> tuple[float, Floats]:
    """Negative log posterior and its gradient."""
    mean, size = _mean(at, x), np.exp(at[1])
    a, b = mean * size, (1 - mean) * size
    wrong = sampled - accepted
    likelihood = betaln(a + accepted, b + wrong) - betaln(a, b)
    common = digamma(size + sampled) - digamma(size)
    by_a = digamma(a + accepted) - digamma(a) - common
    by_b = digamma(b + wrong) - digamma(b) - common
    by_logit = weight * (by_a - by_b) * size * mean * (1 - mean)
    gradient = np.concatenate([[by_logit.sum(), (weight * (a * by_a + b * by_b)).sum()], x.T @ by_logit])
    deviation = np.full(at.size, DEVIATIONS["weight"])
    deviation[:2] = DEVIATIONS["bias"], DEVIATIONS["log_size"]
    centred = at.copy()
    centred[1] -= USUAL_LOG_SIZE
    prior = float((centred**2 / (2 * deviation**2)).sum())
    return prior - float((weight * likelihood).sum()), centred / deviation**2 - gradient


def _mean(at: Floats, x: Floats) -> Floats:
    return np.clip(expit(at[0] + x @ at[2:]), 1e-6, 1 - 1e-6)
