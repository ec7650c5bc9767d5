"""Equations that are solved for one of their letters, and lines and planes by their equations."""

from fractions import Fraction

from distill.verify.algebra.affine import Flat
from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Num, Relation, Sym, TooBig
from distill.verify.algebra.points import point
from distill.verify.algebra.rules import Alike
from distill.verify.algebra.symbols import free, replaced
from distill.verify.algebra.values import multiples

_ONE_TO_ONE = frozenset(("+", "neg", "*", "/", "ln", "log", "exp", "root"))
_AXES = ("x", "y", "z")


def same_when_solved(gold: Relation, answer: Relation, alike: Alike) -> bool:
    """Is one of them `v = ...`, and the other one the same equation, in which v stands once: `xy = 1`, `y = 1/x`?"""
    return _is_solution_of(gold, answer, alike) or _is_solution_of(answer, gold, alike)


def _is_solution_of(implicit: Relation, explicit: Relation, alike: Alike) -> bool:
    if implicit.signs != ("=",) or explicit.signs != ("=",) or not isinstance(explicit.sides[0], Sym):
        return False
    name, value = explicit.sides[0].name, explicit.sides[1]
    left, right = implicit.sides
    if name in free(value) or free(implicit) != free(explicit) or not free(value):
        return False
    if (name in free(left)) == (name in free(right)) or not _once(left if name in free(left) else right, name):
        return False
    if alike(replaced(left, name, value), replaced(right, name, value)) is not True:
        return False
    return not _holds_elsewhere(Call("+", (left, Call("neg", (right,)))), name)


_PLACES = tuple(map(Fraction, (0, 1, -1, 2, -2)))


def _holds_elsewhere(difference: Node, name: str) -> bool:
    """Is it zero whatever the letter is, where another one has some value: `xy = x^2` at x = 0?"""
    for other in sorted(free(difference) - {name}):
        given = point(free(difference), 1)
        try:
            first, second = (_slope(difference, name, given | {other: Fraction(at)}) for at in (0, 1))
            roots = (-first / (second - first),) if first != second else ()
        except (NotRational, Undefined, TooBig):
            roots = ()
        if any(_is_zero(difference, given | {other: place}) for place in (*_PLACES, *roots)):
            return True
    return False


def _slope(difference: Node, name: str, given: dict[str, Fraction]) -> Fraction:
    """What the letter is multiplied with, where it stands in no power."""
    return exact(difference, given | {name: Fraction(1)}) - exact(difference, given | {name: Fraction(0)})


def _is_zero(difference: Node, given: dict[str, Fraction]) -> bool:
    try:
        return not exact(difference, given)
    except (NotRational, Undefined, TooBig):
        return False


def _once(node: Node, name: str) -> bool:
    """Does the letter stand once, under nothing that gives the same value for two others?"""
    if node == Sym(name):
        return True
    if not isinstance(node, Call):
        return False
    holding = [arg for arg in node.args if name in free(arg)]
    is_odd = node.name == "^" and isinstance(node.args[1], Num) and node.args[1].value in (-1, 1, 3, 5, -3)
    is_exponent = node.name == "^" and holding == [node.args[1]] and not free(node.args[0])
    return len(holding) == 1 and (node.name in _ONE_TO_ONE or is_odd or is_exponent) and _once(holding[0], name)


def same_levels(gold: Relation, answer: Relation) -> bool:
    """`x^2 + y^2 = C` and `\\frac{x^2 + y^2}{2} = C`, whose constants are free."""
    if len(gold.sides) != 2 or len(answer.sides) != 2 or gold.sides[1] != answer.sides[1]:
        return False
    constant = gold.sides[1]
    if not isinstance(constant, Sym) or constant.name not in ("C", "c", "K") or constant.name in free(gold.sides[0]):
        return False
    return len(free(gold.sides[0])) > 1 and multiples(gold.sides[0], answer.sides[0], 0) is True


def line_of(node: Node) -> Flat | None:
    """A line as `\\frac{x - 1}{2} = \\frac{y - 2}{3} = z`, by a parameter; None for anything else."""
    if not isinstance(node, Relation) or node.signs != ("=",) * (len(node.sides) - 1) or len(node.sides) != 3:
        return None
    if [sorted(free(side)) for side in node.sides] != [[axis] for axis in _AXES]:
        return None
    found = []
    for side, axis in zip(node.sides, _AXES, strict=True):
        try:
            start, one, two = (exact(side, {axis: Fraction(k)}) for k in (0, 1, 2))
        except (NotRational, Undefined, TooBig):
            return None
        if one == start or two - one != one - start:
            return None
        found.append(Call("/", (Call("+", (Sym("t"), Num(-start))), Num(one - start))))
    return Flat(tuple(found), frozenset("t"))


def same_plane(equation: Node, plane: Flat, alike: Alike) -> bool | None:
    """Does a plane with two parameters lie in `x + y + z = 1`? None where the equation is not one of a plane."""
    if not isinstance(equation, Relation) or equation.signs != ("=",) or not free(equation) <= set(_AXES):
        return None
    if len(plane.components) != 3 or len(plane.parameters) != 2 or not free(equation):
        return None
    left, right = equation.sides
    for axis, component in zip(_AXES, plane.components, strict=True):
        left, right = replaced(left, axis, component), replaced(right, axis, component)
    try:
        exact(Call("+", (left, right)), dict.fromkeys(plane.parameters, Fraction(3)))
    except (NotRational, Undefined, TooBig):
        return None
    return alike(left, right)
