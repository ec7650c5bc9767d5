"""Where expressions may differ though they agree at common points: behind the constants that stand in them.

`n! + \\lfloor n/150 \\rfloor` is `n!` up to 149. Steps of what is no polynomial may differ anywhere.
"""

from fractions import Fraction
from math import ceil, isqrt

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Num
from distill.verify.algebra.points import point
from distill.verify.algebra.symbols import free

_STEPS = frozenset(("floor", "ceil"))
_CHANGING = _STEPS.union(("abs", "max", "min", "mod", "binom", "factorial", "double factorial", "sqrt", "root"))
"""Operations in which a constant is a place where something begins."""

_COMMON = 18
"""Constants up to this are passed by the points that are always looked at."""

_MOST_CONSTANTS = 4
_MOST_LETTERS = 3
"""That are looked at one by one."""

_SCALES = (Fraction(1, 2), Fraction(8, 7), Fraction(3))


def constants(*nodes: Node) -> list[Fraction]:
    """Those under operations in which they are places, farther out than common points; small ones turned over."""
    found = {size for node in nodes for value in _constants(node, False) if (size := _size(value)) >= _COMMON}
    return sorted(found)[-_MOST_CONSTANTS:]


def _size(value: Fraction) -> Fraction:
    value = abs(value)
    return 1 / value if 0 < value < 1 else value


def _constants(node: Node, inside: bool) -> frozenset[Fraction]:
    if not isinstance(node, Num | Call):
        return frozenset()
    if inside and not free(node):
        try:
            return frozenset((exact(node, {}),))
        except (NotRational, Undefined):
            pass
    if not isinstance(node, Call):
        return frozenset()
    inside = inside or node.name in _CHANGING
    return frozenset().union(*(_constants(arg, inside) for arg in node.args))


def whole_beyond(names: frozenset[str], whole: frozenset[str], found: list[Fraction]) -> list[dict[str, Fraction]]:
    """Around each constant, for all letters and for one after the other."""
    places = sorted({ceil(one) + apart for one in found for apart in (-1, 0, 1)} | {2 * ceil(one) for one in found})
    groups = _groups(whole)
    return [
        point(names, 0) | dict.fromkeys(whole, Fraction(7)) | dict.fromkeys(group, Fraction(place))
        for place in places
        for group in groups
    ]


def far_beyond(names: frozenset[str], found: list[Fraction]) -> list[dict[str, Fraction]]:
    """On both sides of each constant, of its root and of what these are parts of, for all letters and for one."""
    large = {size for one in found for size in (one, Fraction(isqrt(ceil(one))))}
    sizes = large | {1 / size for size in large}
    groups = _groups(names)
    return [
        point(names, 0) | dict.fromkeys(group, sign * scale * size)
        for size in sorted(sizes)
        for scale in _SCALES
        for sign in (1, -1)
        for group in groups
    ]


def _groups(names: frozenset[str]) -> list[frozenset[str]]:
    """All together, and the first ones alone."""
    return [names] if len(names) == 1 else [names, *(frozenset((name,)) for name in sorted(names)[:_MOST_LETTERS])]


def steps(node: Node) -> frozenset[Call]:
    """Floors and ceilings of what is no polynomial, which have no period."""
    if not isinstance(node, Call):
        return frozenset()
    inner = frozenset().union(*map(steps, node.args))
    return inner | {node} if node.name in _STEPS and not _is_polynomial(node.args[0]) else inner


def _is_polynomial(node: Node) -> bool:
    if not isinstance(node, Call):
        return True
    if node.name == "^":
        exponent = node.args[1]
        is_whole = isinstance(exponent, Num) and exponent.value.denominator == 1 and exponent.value >= 0
        return (is_whole and _is_polynomial(node.args[0])) or not free(node)
    if node.name == "/":
        return not free(node.args[1]) and _is_polynomial(node.args[0])
    return (node.name in ("+", "*", "neg", *_STEPS) and all(map(_is_polynomial, node.args))) or not free(node)
