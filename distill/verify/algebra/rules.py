"""On what projects differ: conventions of comparison, each with a default."""

from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distill.verify.algebra.nodes import Node


class Rules(NamedTuple):
    percent: Literal["either", "hundredth", "sign"] = "either"
    """`50\\%` is the same as 0.5 and 50, as 0.5 only, or as 50 only. 0.5 and 50 are never the same."""
    units: Literal["optional", "required", "ignored"] = "optional"
    """A unit may be missing on one side; must be there where the gold answer has one; is not looked at. Where both
    sides have one and it is looked at, they must measure the same."""
    order: Literal["free", "kept"] = "free"
    """Order of a list of values without brackets, and of a set. That of tuples is always kept."""
    lowest_terms: bool = False
    """A fraction that can be reduced is wrong."""
    relative_tolerance: float = 0.0
    """Numbers that differ by no more than this share of the gold answer are the same; 0 compares exactly."""

    @property
    def approximate(self) -> bool:
        return self.relative_tolerance > 0

    def near(self, gold: Fraction, answer: Fraction) -> bool:
        return self.approximate and abs(gold - answer) <= abs(gold) * Fraction(self.relative_tolerance)


class Alike(Protocol):
    """Says whether two answers are the same by some rules; None where that is not decided."""

    rules: Rules

    def __call__(self, gold: "Node", answer: "Node") -> bool | None: ...


def every(found: "Iterator[bool | None]") -> bool | None:
    """False if any is, else None if any is."""
    told: bool | None = True
    for one in found:
        if one is False:
            return False
        told = None if one is None else told
    return told
