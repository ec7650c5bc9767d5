"""How many of several rows of numbers are independent, where each is known to many digits only.

Values of functions differ by thousands of orders of magnitude from place to place (`e^{x^2}`), so that none is small by
itself: a number counts as zero where it is small beside those that it is the difference of.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

_TINY = 1e-25
"""Of the size of what a number comes from, which is known to twice as many digits."""


class Sized(NamedTuple):
    """A number, and the size of those that it was worked out from, which its rounding goes by: 0 for a fraction."""

    value: Any
    size: Any

    @property
    def is_zero(self) -> bool:
        return bool(abs(self.value) <= _TINY * self.size)


def difference(a: Any, b: Any) -> Sized:
    return Sized(a - b, 0 if isinstance(a, Fraction) else abs(a) + abs(b))


def rank(rows: Iterable[list[Sized]]) -> int:
    """By elimination; the surest number of a row is divided by."""
    left = list(rows)
    found = 0
    while left:
        row = left.pop()
        certain = [place for place, one in enumerate(row) if not one.is_zero]
        if not certain:
            continue
        found += 1
        pivot = min(certain, key=lambda place: row[place].size / abs(row[place].value))
        left = [_reduced(other, row, pivot) for other in left]
    return found


def _reduced(other: list[Sized], row: list[Sized], pivot: int) -> list[Sized]:
    """A row without what it has of another one."""
    by = row[pivot]
    factor = other[pivot].value / by.value
    unsure = other[pivot].size / abs(by.value) + abs(factor) * by.size / abs(by.value)
    return [
        Sized(b.value - factor * a.value, b.size + abs(factor) * a.size + unsure * abs(a.value))
        for a, b in zip(row, other, strict=True)
    ]
