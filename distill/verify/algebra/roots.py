"""Lists of solutions beside the equation that they solve: `y = \\pm 2x` and `y^2 = 4x^2`."""

from fractions import Fraction
from itertools import combinations, pairwise

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import EMPTY, Call, Node, Num, Relation, Sequence, Sym, TooBig
from distill.verify.algebra.points import point
from distill.verify.algebra.rules import Alike
from distill.verify.algebra.several import flat
from distill.verify.algebra.symbols import free, replaced


def same_roots(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """Is one of them a list `y = a, y = b`, and the other an equation with just these solutions for y?"""
    for several, equation in ((gold, answer), (answer, gold)):
        if not isinstance(equation, Relation) or equation.signs != ("=",):
            continue
        roots = _roots(several) or _unnamed_roots(several, equation)
        if len(roots) > 1:
            return _has_roots(equation, roots, alike)
    return None


def _unnamed_roots(several: Node, equation: Relation) -> list[Relation]:
    """`1, 2` and `x = 1, 2` as values of the one letter of an equation."""
    names = free(equation)
    if len(names) != 1 or not isinstance(several, Sequence) or several.opening not in ("", "{"):
        return []
    letter = Sym(*names)
    first, *rest = several.items or (EMPTY,)
    if isinstance(first, Relation) and first.signs == ("=",) and first.sides[0] == letter:
        first = first.sides[1]
    values = flat(Sequence("", "", (first, *rest)))
    if not all(isinstance(value, Num | Call) and not free(value) for value in values):
        return []
    return [Relation((letter, value), ("=",)) for value in values]


def _roots(node: Node) -> list[Relation]:
    """The members of a list of equations for one letter."""
    items = flat(node)
    found = [item for item in items if isinstance(item, Relation) and item.signs == ("=",)]
    names = {item.sides[0] for item in found}
    if len(found) != len(items) or len(names) != 1:
        return []
    (name,) = names
    if not isinstance(name, Sym) or any(name.name in free(item.sides[1]) for item in found):
        return []
    return found


def _has_roots(equation: Relation, roots: list[Relation], alike: Alike) -> bool | None:
    name = roots[0].sides[0]
    assert isinstance(name, Sym)
    left, right = equation.sides
    if name.name not in free(equation) or equation.sides[0] == name:
        return None
    others = point(free(equation) - {name.name}, 0)
    try:
        values = [exact(Call("+", (left, Call("neg", (right,)))), others | {name.name: Fraction(k)}) for k in range(9)]
    except (NotRational, Undefined, TooBig):
        return None
    if _degree(values) != len(roots):
        return None
    ends = [(replaced(left, name.name, r.sides[1]), replaced(right, name.name, r.sides[1])) for r in roots]
    distinct = not any(alike(a.sides[1], b.sides[1]) for a, b in combinations(roots, 2))
    return True if distinct and all(alike(a, b) for a, b in ends) else None


def _degree(values: list[Fraction]) -> int:
    """Of the polynomial that has these values at 0, 1, 2 ...; too large where it is none."""
    degree = -1
    while any(values):
        values = [b - a for a, b in pairwise(values)]
        degree += 1
    return degree
