"""What a run knows of pass rates: a Beta distribution over problems, sharpened by each problem's own samples.

A problem's accepted samples are binomial in its pass rate; pass rates vary over problems as a Beta. Fitting that
Beta to the run so far (empirical Bayes) turns "no luck in four samples" into the chance that the fifth succeeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, lgamma, log

Tally = Mapping[tuple[int, int], float]
"""How many problems have (accepted, sampled)."""


@dataclass(frozen=True)
class Beta:
    """A distribution of pass rates."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def after(self, accepted: int, sampled: int) -> "Beta":
        """What is known of a problem once so many of its samples were accepted."""
        return Beta(self.a + accepted, self.b + sampled - accepted)

    def chance_of_any(self, samples: int) -> float:
        """Chance that at least one of so many further samples is accepted."""
        return 1 - exp(_log_beta(self.a, self.b + samples) - _log_beta(self.a, self.b))


UNKNOWN = Beta(1.0, 1.0)
"""Before anything was sampled."""


def fit(tally: Tally) -> Beta:
    """The Beta that makes the counts most likely (beta-binomial, maximum a posteriori).

    Problems sampled once tell the mean only, so log(a + b) has a normal prior around log 2 with deviation 1.5; a
    few hundred problems sampled twice drown it.
    """
    observed = {counts: weight for counts, weight in tally.items() if counts[1] > 0}
    if not observed:
        return UNKNOWN

    def badness(mean_logit: float, log_size: float) -> float:
        size, mean = exp(log_size), 1 / (1 + exp(-mean_logit))
        a, b = max(mean * size, 1e-9), max((1 - mean) * size, 1e-9)
        likelihood = sum(
            weight * (_log_beta(a + k, b + n - k) - _log_beta(a, b)) for (k, n), weight in observed.items()
        )
        return (log_size - log(2)) ** 2 / (2 * 1.5**2) + mean_logit**2 / (2 * 3.0**2) - likelihood

    mean_logit, log_size = _minimum(badness)
    size, mean = exp(log_size), 1 / (1 + exp(-mean_logit))
    return Beta(mean * size, (1 - mean) * size)


def _minimum(badness: Callable[[float, float], float]) -> tuple[float, float]:
    """Coordinate search with shrinking steps: two parameters, one smooth hill, no library needed."""
    at, step = (0.0, log(2)), 1.0
    best = badness(*at)
    while step > 1e-4:
        moves = [(at[0] + dx * step, at[1] + dy * step) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        tried = min((badness(*move), move) for move in moves if abs(move[0]) < 12 and abs(move[1]) < 12)
        if tried[0] < best:
            best, at = tried
        else:
            step /= 2
    return at


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
