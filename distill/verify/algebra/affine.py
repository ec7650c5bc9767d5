"""Answers that leave constants free: lines and planes by their parameters, general solutions by their constants.

Two such answers are the same where they give the same set, whatever the constants are called and scaled: both are
affine in them, so that it is enough to compare the spans of their directions and one member of each.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Family, Matrix, Node, Num, Relation, Sequence, Sym, TooBig
from distill.verify.algebra.numeric import Values, numeric
from distill.verify.algebra.points import near_zero
from distill.verify.algebra.rank import Sized, difference, rank
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.symbols import free, replaced
from distill.verify.algebra.values import same_value
from distill.verify.algebra.vectors import components

_PARAMETERS = frozenset("tsu") | {"lambda", "mu", "alpha", "tau"}
_FREE = re.compile("C|[Cc]_[0-9]|K_[0-9]|[cK]")
_CALLED = re.compile("[CcKkAB](_[0-9])?")
_UNKNOWN = frozenset("yxuzwP")
"""Functions that equations are solved for; U, F and f have formulas with constants that are given."""
_VARIABLES = frozenset(("x", "t", "y", "z", "u", "s", "r", "theta"))
_MORE_POINTS = 3


class Flat(NamedTuple):
    """Expressions that are affine in their `parameters`, which are any real numbers."""

    components: tuple[Node, ...]
    parameters: frozenset[str]


def flat(node: Node) -> Flat | None:
    """A line or a plane: `(1 + t, 2t), t \\in \\mathbb{R}`, `\\mathbf{r} = a + t b`, `x = 1 + t, y = 2t`; else None."""
    if isinstance(node, Family):
        everywhere = Relation((Sym(node.parameter), Sym("set R")), ("in",))
        but_zero = Relation((Sym(node.parameter), Num(Fraction(0))), ("!=",))
        if node.domain != everywhere and not (node.domain == but_zero and _is_multiple(node.value)):
            return None
        found = components(_unnamed(node.value))
        return Flat(found, frozenset((node.parameter,))) if found else None
    found = _of_equations(node) or (
        components(_unnamed(node)) if _is_sum(_unnamed(node)) or _is_multiple(node) else None
    )
    names = frozenset().union(*map(free, found)) if found else frozenset()
    if found and _is_multiple(node) and names and all(map(_CALLED.fullmatch, names)):
        return Flat(found, names)
    return Flat(found, names) if found and 0 < len(names) <= 2 and names <= _PARAMETERS else None


def _is_multiple(node: Node) -> bool:
    """`k(1, -1, 0)`, `c_1 u + c_2 v`: through the origin."""
    if not isinstance(node, Call):
        return False
    if node.name == "+":
        return all(map(_is_multiple, node.args))
    return node.name == "*" and isinstance(node.args[0], Sym) and isinstance(node.args[1], Sequence | Matrix)


def _unnamed(node: Node) -> Node:
    """Without the name of its points; `r(t) = ...` is a motion along a line."""
    named = isinstance(node, Relation) and node.signs == ("=",) and isinstance(node.sides[0], Sym | Sequence)
    return node.sides[1] if isinstance(node, Relation) and named else node


def _is_sum(node: Node) -> bool:
    """A point plus a multiple of a vector, both written out."""
    return isinstance(node, Call) and node.name == "+"


def _of_equations(node: Node) -> tuple[Node, ...] | None:
    """The right sides of `x = 1 + t, y = 2t, z = 3`."""
    if not isinstance(node, Sequence) or node.opening:
        return None
    names = [
        item.sides[0].name
        for item in node.items
        if isinstance(item, Relation) and item.signs == ("=",) and isinstance(item.sides[0], Sym)
    ]
    if len(names) != len(node.items) or names not in (["x", "y"], ["x", "y", "z"]):
        return None
    return tuple(item.sides[1] for item in node.items if isinstance(item, Relation))


def same_solutions(name: Node, gold: Node, answer: Node) -> bool:
    """`C_1 e^x + C_2 e^{-x}` and `A \\cosh x + B \\sinh x`: the same functions of a variable."""
    ours = frozenset(one for one in free(gold) if _FREE.fullmatch(one))
    theirs = frozenset(one for one in free(answer) if _CALLED.fullmatch(one))
    if not isinstance(name, Sym) or name.name not in _UNKNOWN or not free(gold) & free(answer) & _VARIABLES:
        return False
    if ours <= {"c", "K"} and not free(gold) - ours <= _VARIABLES:
        return False  # the c of y = mx + c is given
    if not 0 < len(ours) == len(theirs) <= 3 or free(gold) - ours != free(answer) - theirs:
        return False
    told = same_flats(Flat((gold,), ours), Flat((answer,), theirs))
    if told is None and len(ours) == 1:
        (old,), (new,) = theirs, ours
        turned = replaced(answer, old, Call("neg", (Sym(new),)))
        told = same_value(gold, turned, Rules())
    return told is True


def same_flats(gold: Flat, answer: Flat) -> bool | None:
    """Do they hold the same points? None where one of them is not affine, or has no value."""
    if len(gold.components) != len(answer.components):
        return False
    try:
        base, ours = _sampled(gold)
        other, theirs = _sampled(answer)
    except (NotRational, Undefined, TooBig):
        return None
    between = [difference(b, a) for a, b in zip(base, other, strict=True)]
    ranks = {rank(vectors) for vectors in (ours, theirs, ours + theirs, [*ours, *theirs, between])}
    return None if 0 in ranks else len(ranks) == 1


def _sampled(one: Flat) -> tuple[list[Any], list[list[Sized]]]:
    """The values where all parameters are zero, and how they change with each of them; fractions where all are.

    Raises:
        NotRational: it is not affine in its parameters.
        Undefined, TooBig: as `numeric`.
    """
    try:
        return _sampled_by(exact, one)
    except (NotRational, TooBig):
        return _sampled_by(numeric, one)


def _sampled_by(valued: Callable[[Node, Values], Any], one: Flat) -> tuple[list[Any], list[list[Sized]]]:
    names = sorted(one.parameters)
    variables = frozenset().union(*map(free, one.components)) - one.parameters
    count = len(names) + _MORE_POINTS if variables else 1

    def at(values: tuple[int, ...]) -> list[Any]:
        given = {name: Fraction(value) for name, value in zip(names, values, strict=True)}
        places = [near_zero(variables, number) | given for number in range(count)]
        return [valued(component, place) for place, component in product(places, one.components)]

    base = at((0,) * len(names))
    units = [tuple(int(place == i) for place in range(len(names))) for i in range(len(names))]
    steps = [[difference(a, b) for a, b in zip(at(unit), base, strict=True)] for unit in units]
    probe = tuple(range(2, 2 + len(names)))
    for i, value in enumerate(at(probe)):
        expected = base[i] + sum(factor * step[i].value for factor, step in zip(probe, steps, strict=True))
        size = sum(factor * step[i].size for factor, step in zip(probe, steps, strict=True))
        if not Sized(value - expected, size).is_zero:
            raise NotRational
    return base, steps
