"""What a run knows of pass rates: a Beta distribution over problems, sharpened by each problem's own samples.

A problem's accepted samples are binomial in its pass rate; pass rates vary over problems as a Beta. Fitting that
Beta to the run so far (empirical Bayes, `pass_rates.py`) turns "no luck in four samples" into the chance that the
fifth succeeds.
"""

from dataclasses import dataclass
from math import exp, lgamma


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

    def chance_of_all(self, samples: int) -> float:
        """Chance that so many further samples are all accepted."""
        return exp(log_beta(self.a + samples, self.b) - log_beta(self.a, self.b))

    def chance_of_any(self, samples: int) -> float:
        """Chance that at least one of so many further samples is accepted."""
        return 1 - exp(log_beta(self.a, self.b + samples) - log_beta(self.a, self.b))


UNKNOWN = Beta(1.0, 1.0)
"""Before anything was sampled."""


def log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
