"""Is a problem too hard, too easy, or in between? A sequential test that stops as soon as it is decided.

LIMO keeps problems that are solved 1 to 3 times in 32 samples. Most problems need far fewer samples to fall out: four
right answers are too many whatever comes, and after twenty wrong ones a first right one has become unlikely. What is
expected of the samples that were not asked for is the beta-binomial of the run's prior and the problem's own samples.
"""

from dataclasses import dataclass
from math import exp, lgamma
from typing import Literal

from distill.recipe import Band
from teachers.posterior import Beta, log_beta

Side = Literal["below", "inside", "above"]


@dataclass(frozen=True)
class Decision:
    """Where a problem lies, and the chance that all samples would have put it elsewhere."""

    side: Side
    chance_of_error: float


def decide(band: Band, accepted: int, sampled: int, prior: Beta) -> Decision | None:
    """Where the problem lies; None while it is open.

    Certain once the samples left cannot change it (curtailed sampling); with `confidence` below 1 also once the
    chance that they would is at most 1 - confidence.
    """
    left = band.of - sampled
    if accepted > band.high:
        return Decision("above", 0.0)
    if accepted + left < band.low:
        return Decision("below", 0.0)
    if accepted >= band.low and accepted + left <= band.high:
        return Decision("inside", 0.0)
    if band.confidence == 1 or sampled == 0:
        return None
    chances = _chances(band, accepted, left, prior.after(accepted, sampled))
    side = max(chances, key=lambda name: chances[name])
    error = 1 - chances[side]
    return Decision(side, error) if error <= 1 - band.confidence else None


def _chances(band: Band, accepted: int, left: int, rate: Beta) -> dict[Side, float]:
    """Chances of where the problem would lie after the samples that are left."""
    chances: dict[Side, float] = {"below": 0.0, "inside": 0.0, "above": 0.0}
    for more in range(left + 1):
        total = accepted + more
        side: Side = "below" if total < band.low else "inside" if total <= band.high else "above"
        chances[side] += _beta_binomial(more, left, rate)
    return chances


def _beta_binomial(k: int, n: int, rate: Beta) -> float:
    """Chance of k accepted among n further samples."""
    choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(choose + log_beta(rate.a + k, rate.b + n - k) - log_beta(rate.a, rate.b))
