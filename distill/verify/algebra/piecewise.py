"""Functions that are defined case by case beside ones that are not: `\\begin{cases} x & x \\geq 0 ...` and `|x|`."""

from fractions import Fraction

from distill.verify.algebra.nodes import Cases, Node, Relation
from distill.verify.algebra.regions import Bound, Region, region
from distill.verify.algebra.rules import Alike
from distill.verify.algebra.symbols import free
from distill.verify.algebra.values import same_at

_APART = (Fraction(-7), Fraction(-3, 2), Fraction(-1, 9), Fraction(0), Fraction(1, 9), Fraction(3, 2), Fraction(7))
"""Where around the end of a case they are compared."""


def same_piecewise(cases: Cases, other: Node, alike: Alike) -> bool | None:
    """Compared at points around the ends of all cases, which must cover the line; None where that is not told."""
    names = frozenset().union(*(free(condition) for _, condition in cases.rows))
    regions = [(value, region(condition)) for value, condition in cases.rows if isinstance(condition, Relation)]
    if len(names) != 1 or len(regions) != len(cases.rows) or any(part is None for _, part in regions):
        return None
    (name,) = names
    ends = {bound.place for _, part in regions for piece in part or () for bound in piece}
    places = {end + apart for end in ends if isinstance(end, Fraction) for apart in _APART}
    told = []
    for place in sorted(places):
        value = next((value for value, part in regions if _holds(part or (), place)), None)
        if value is None:
            return None
        told.append(same_at({name: place}, value, other, alike.rules))
    if False in told:
        return False
    return True if told and None not in told else None


def _holds(part: Region, place: Fraction) -> bool:
    at = Bound(place, 0)
    return any(low < at < high for low, high in part)
