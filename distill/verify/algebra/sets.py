"""Sets of numbers that are written as unions, intersections or differences of others."""

from fractions import Fraction
from math import ceil, floor

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import EMPTY, Call, Node, Num, Sequence, Sym, TooBig
from distill.verify.algebra.regions import Bound, region

_MOST = 200
"""Members of a set that is written out."""


def is_difference(left: Node, right: Node) -> bool:
    """Is this minus sign one between sets, as in `\\mathbb{R} - \\{0\\}`, `[0, 6] - (1, 2)`, and not one of vectors?"""
    if not isinstance(right, Sequence) or not right.opening:
        return False
    if isinstance(left, Sym):
        return left.name.startswith("set ")
    if isinstance(left, Call):
        return left.name in ("union", "minus")
    return isinstance(left, Sequence) and (left.opening + left.closing != "()" or right.opening == "{")


def listed(node: Node) -> Node:
    """A union, an intersection or a difference of finite sets of fractions as one set; another node as it is."""
    found = _members(node) if isinstance(node, Call) else None
    if found is None or len(found) > _MOST:
        return node
    return Sequence("{", "}", tuple(found)) if found else EMPTY


def _whole_numbers(node: Call) -> list[Node] | None:
    """Those in a bounded part of the line: `1 \\leq x \\leq 3` and `\\mathbb{Z}`."""
    part, numbers = node.args
    if node.name != "intersection" or numbers not in (Sym("set Z"), Sym("set N")):
        return None
    found: list[Node] = []
    pieces = region(part)
    for low, high in pieces or ():
        if isinstance(low.place, float) or isinstance(high.place, float):
            return None
        first, last = ceil(low.place), floor(high.place)
        first, last = first + (low == Bound(first, 1)), last - (high == Bound(last, -1))
        if last - first > _MOST or (numbers == Sym("set N") and first <= 0):
            return None
        found += [Num(Fraction(place)) for place in range(first, last + 1)]
    return None if pieces is None else found


def _members(node: Node) -> list[Node] | None:
    if isinstance(node, Sequence):
        return list(node.items) if node.opening == "{" else None
    if not isinstance(node, Call) or node.name not in ("union", "intersection", "minus"):
        return None
    if (found := _whole_numbers(node)) is not None:
        return found
    first, second = map(_members, node.args)
    if first is None or second is None:
        return None
    if node.name == "union":
        return first + second
    try:
        others = {exact(item, {}) for item in second}
        return [item for item in first if (exact(item, {}) in others) == (node.name == "intersection")]
    except (NotRational, Undefined, TooBig):
        return None
