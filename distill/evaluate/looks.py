"""When to stop sampling: an interval that is narrow enough, looked at on a fixed schedule with a corrected level.

Whoever looks at an interval again and again and stops where it pleases has an interval that no longer holds as often
as it says. Here there are at most four looks, fixed beforehand (an eighth, a quarter, a half, and all of the samples),
and each has the level 1 - (1 - confidence) / looks, so that all of them together hold with the confidence that was
asked for (Bonferroni), whatever decides at which one it ends. What is told at the end is the interval of the last look,
at that level. The means are not corrected: stopping where an interval is narrow favours samples in which problems
differ little.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

PARTS = (8, 4, 2, 1)
"""Of all samples, one part of so many is there at each look."""


def looks_of(k: int) -> list[int]:
    """Samples a problem at each look; the last are all."""
    return sorted({k // part for part in PARTS if k // part >= 1})


def level_of(confidence: float, looks: int) -> float:
    """The level of each of so many looks."""
    return 1 - (1 - confidence) / looks


class Reach(NamedTuple):
    """How far an interval reaches from what it is about, to the farther side."""

    half: float
    what: str


def reach_of(told: Mapping[str, Any]) -> Reach:
    """Of a set's figures, as a summary has them: of the difference of the student and the base, or of the accuracy of
    the only model."""
    for difference in told["differences"]:
        if difference["minus"] == "base":
            return Reach(_half(difference, difference["mean"]), f"{difference['of']} - base")
    who = next(name for name in ("student", "model", *told["figures"]) if name in told["figures"])
    figures = told["figures"][who]
    return Reach(_half(figures, figures["accuracy"]), f"the accuracy of {who}")


def _half(interval: Mapping[str, float], mean: float) -> float:
    return max(interval["high"] - mean, mean - interval["low"])
