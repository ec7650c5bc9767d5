"""Functions that are defined case by case beside ones that are not: `\\begin{cases} x & x \\geq 0 ...` and `|x|`."""

from fractions import Fraction

from distill.verify.algebra.nodes import Cases, Node, Relation, Words
from distill.verify.algebra.regions import LINE, Bound, Region, complement, joined, region
from distill.verify.algebra.rules import Alike
from distill.verify.algebra.symbols import free
from distill.verify.algebra.values import same_at

_APART = (Fraction(-7), Fraction(-3, 2), Fraction(-1, 9), Fraction(0), Fraction(1, 9), Fraction(3, 2), Fraction(7))
"""Where around the end of a case they are compared."""


_Pieces = list[tuple[Node, Region]]


def same_piecewise(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """Compared at points around the ends of all cases, which must cover the line; None where that is not told."""
    names = {name for node in (gold, answer) if isinstance(node, Cases) for _, c in node.rows for name in free(c)}
    ours, theirs = _pieces(gold), _pieces(answer)
    if len(names) != 1 or ours is None or theirs is None:
        return None
    (name,) = names
    ends = {bound.place for _, part in (*ours, *theirs) for piece in part for bound in piece}
    places = {end + apart for end in ends if isinstance(end, Fraction) for apart in _APART}
    told = []
    for place in sorted(places):
        value, other = _value_at(ours, place), _value_at(theirs, place)
        if value is None or other is None:
            return None
        told.append(same_at({name: place}, value, other, alike.rules))
    if False in told:
        return False
    return True if told and None not in told else None


def _pieces(node: Node) -> _Pieces | None:
    """Each value with where it holds; None where that is not understood."""
    if not isinstance(node, Cases):
        return [(node, LINE)]
    found: _Pieces = []
    for value, condition in node.rows:
        if condition == Words("otherwise"):
            part: Region | None = complement(joined(tuple(piece for _, one in found for piece in one)))
        else:
            part = region(condition) if isinstance(condition, Relation) else None
        if part is None:
            return None
        found.append((value, part))
    return found


def _value_at(pieces: _Pieces, place: Fraction) -> Node | None:
    return next((value for value, part in pieces if _holds(part, place)), None)


def _holds(part: Region, place: Fraction) -> bool:
    at = Bound(place, 0)
    return any(low < at < high for low, high in part)
