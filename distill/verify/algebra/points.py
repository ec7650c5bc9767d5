"""Where expressions with variables are compared: always the same points for the same names."""

import re
from fractions import Fraction
from zlib import crc32

from distill.verify.algebra.nodes import INDEX, SERIES, Call, Node, Num
from distill.verify.algebra.symbols import free

_WHOLE = re.compile("[nkmNj](_.*)?")
"""Letters that stand for whole numbers, in operations that are made for those."""

_OF_WHOLE_NUMBERS = frozenset(("factorial", "double factorial", "binom", "floor", "ceil", "mod"))

DIVISORS = frozenset(("gcd", "lcm"))
"""Of whole numbers, whatever they are called."""

WHOLE_POINTS = (*range(18), 20, 23, 29, 37, 48, 64, 101)


POINTS = 3
"""Random points at which two expressions are compared, positive; and one more with both signs."""


def point(names: frozenset[str], number: int, signs: bool = False) -> dict[str, Fraction]:
    """The same for the same names, wherever and in whatever order they are compared; with signs the first point is
    negative, the next ones differ from name to name."""
    values = {}
    for place, name in enumerate(sorted(names)):
        drawn = crc32(f"{name} {number} {signs}".encode())
        value = Fraction(drawn % 997 + 3, drawn // 997 % 89 + 11)
        values[name] = -value if signs and (number == 0 or (place + number) % 2) else value
    return values


_PIECEWISE = frozenset(("abs", "max", "min", "floor", "ceil", "sqrt", "root", "mod", "ln", "log"))
_SCALES = (Fraction(1, 50), Fraction(1, 6), Fraction(1, 3), Fraction(9), Fraction(300), Fraction(5000))


def is_piecewise(node: Node) -> bool:
    """Does it hold what has another form elsewhere: absolute values, roots, steps?"""
    return isinstance(node, Call) and (node.name in _PIECEWISE or any(map(is_piecewise, node.args)))


def far_and_near(names: frozenset[str]) -> list[dict[str, Fraction]]:
    """Points of both signs over six orders of magnitude."""
    scaled = [
        {name: value * scale for name, value in point(names, number).items()} for number, scale in enumerate(_SCALES)
    ]
    mixed = [{name: -v if place % 2 else v for place, (name, v) in enumerate(one.items())} for one in scaled]
    whole = [dict.fromkeys(names, Fraction(n, 2)) for n in (-3, -2, -1, 1, 2, 3, 4, 12)]
    return [*whole, *scaled, *({name: -value for name, value in one.items()} for one in scaled), *mixed]


def near_zero(names: frozenset[str], number: int, signs: bool = False) -> dict[str, Fraction]:
    """As `point`, between 0 and 1 but for the sign: arc sines have a value there, and large powers are small."""
    return {name: value / 100 for name, value in point(names, number, signs).items()}


def of_whole_numbers(node: Node) -> frozenset[str]:
    """Letters such as n and k under operations of whole numbers, and in exponents of what is negative."""
    if not isinstance(node, Call):
        return frozenset()
    found = frozenset().union(*map(of_whole_numbers, node.args))
    if node.name in SERIES:
        ends = free(node.args[0]) | free(node.args[1])
        return (found | frozenset(name for name in ends if _WHOLE.fullmatch(name))) - {INDEX}
    negative_power = node.name == "^" and _is_negative(node.args[0])
    if node.name in DIVISORS:
        found |= free(node)
    elif node.name in _OF_WHOLE_NUMBERS or negative_power:
        inner = node.args[1] if negative_power else node
        found |= frozenset(name for name in free(inner) if _WHOLE.fullmatch(name))
    return found


def of_exponents(node: Node) -> frozenset[str]:
    """Letters in exponents."""
    if not isinstance(node, Call):
        return frozenset()
    inner = free(node.args[1]) if node.name == "^" else frozenset()
    return inner.union(*map(of_exponents, node.args))


def whole_exponents(names: frozenset[str], exponents: frozenset[str], number: int) -> dict[str, Fraction]:
    """As `point` with signs, exponents being small whole numbers: only so have powers of what is negative a value."""
    values = point(names, number, signs=True)
    return {name: Fraction(number + 1) if name in exponents else value for name, value in values.items()}


def _is_negative(node: Node) -> bool:
    if isinstance(node, Num):
        return node.value < 0
    return isinstance(node, Call) and node.name == "neg" and not free(node)


def whole_numbers(names: frozenset[str], whole: frozenset[str]) -> list[dict[str, Fraction]]:
    """From 0 upwards where there is one such letter, else in all orders of size; the other letters as in `point`."""
    points = []
    for number in WHOLE_POINTS:
        values = point(names, number)
        for place, name in enumerate(sorted(whole)):
            drawn = (
                number if len(whole) == 1 else crc32(f"{name} {number} whole".encode()) % 11 + (number // 18) * place
            )
            values[name] = Fraction(drawn)
        points.append(values)
    return points
