"""Values as fractions, with limits on their size."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import comb, factorial, gcd, isqrt, lcm, prod

from distill.verify.algebra.nodes import INDEX, SERIES, Call, Node, Num, Quantity, Sym, TooBig
from distill.verify.algebra.opaque import APPLIED, drawn, function_of, spelled_fraction
from distill.verify.algebra.symbols import free, size

MOST_BITS = 40_000
"""Of a fraction, whose every operation looks for a common divisor."""

MOST_WHOLE_BITS = 100_000
"""Of a whole number; larger ones are compared by their residues, where that tells."""

MOST_ROOT_BITS = 20_000
"""Of a whole number whose root is looked for."""

MOST_WRITTEN = 5_000
"""Nodes of all terms of a sum."""

LARGEST_FACTORIAL = 3_000


class NotRational(Exception):
    """The value is no fraction, or none that is found by arithmetic alone."""


class Undefined(Exception):
    """A division by zero, or the like."""


Values = Mapping[str, Fraction]


def exact(node: Node, values: Values) -> Fraction:
    """
    Raises:
        NotRational: roots, logarithms, unknown symbols.
        Undefined: there is no value.
        TooBig: beyond `MOST_BITS`.
    """
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Sym) and node.name in values:
        return values[node.name]
    if isinstance(node, Quantity) and node.unit == "percent":
        return exact(node.value, values) / 100
    if not isinstance(node, Call):
        raise NotRational
    if node.name in SERIES:
        return _series(node, values)
    if node.name == APPLIED:
        arguments = [spelled_fraction(exact(arg, values)) for arg in node.args[1:]]
        return exact(node.args[0], values) * drawn(function_of(node), arguments)
    args = [exact(arg, values) for arg in node.args]
    operation = _OPERATIONS.get(node.name)
    if operation is None:
        raise NotRational
    return small(operation(*args))


def _series(node: Call, values: Values) -> Fraction:
    """A finite sum or product; one up to -1 is none, as formulas for such sums are meant from 0 on.

    The terms of a sequence that is only named (`a_k`) are others for each k.
    """
    first, last = (exact(end, values) for end in node.args[:2])
    if first.denominator != 1 or last.denominator != 1 or last < first - 1 or last < 0:
        raise Undefined
    if (last - first) * size(node.args[2]) > MOST_WRITTEN:
        raise TooBig
    named = [name for name in free(node.args[2]) if name.endswith(f"_{INDEX}")]
    is_sum = node.name == "series"
    total = Fraction(not is_sum)
    for place in range(int(first), int(last) + 1):
        terms = {name: values[name] * drawn(name, [str(place)]) for name in named if name in values}
        term = exact(node.args[2], {**values, **terms, INDEX: Fraction(place)})
        total = small(total + term if is_sum else total * term)
    return total


def small(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > _most_bits(value):
        raise TooBig
    return value


def _most_bits(value: Fraction) -> int:
    return MOST_WHOLE_BITS if value.denominator == 1 else MOST_BITS


def _divided(a: Fraction, b: Fraction) -> Fraction:
    if not b:
        raise Undefined
    return a / b


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        return _rational_power(base, exponent)
    if not base and exponent <= 0:
        raise Undefined
    if base in (0, 1, -1):
        return base ** (int(exponent) % 2 + 2)
    bits = max(1, max(base.numerator.bit_length(), base.denominator.bit_length()) - 1)
    if abs(exponent) * bits > _most_bits(base if exponent > 0 else 1 / base):
        raise TooBig
    return base ** int(exponent)


def _rational_power(base: Fraction, exponent: Fraction) -> Fraction:
    if base < 0 or exponent.denominator > 64:
        raise NotRational
    return _power(_root(base, Fraction(exponent.denominator)), Fraction(exponent.numerator))


def _root(value: Fraction, degree: Fraction = Fraction(2)) -> Fraction:
    """The root, where it is a fraction."""
    if degree.denominator != 1 or not 1 <= degree <= 64 or value < 0:
        raise NotRational
    return Fraction(_whole_root(value.numerator, int(degree)), _whole_root(value.denominator, int(degree)))


def _whole_root(value: int, degree: int) -> int:
    if value.bit_length() > MOST_ROOT_BITS:
        raise TooBig
    root = isqrt(value) if degree == 2 else _floor_root(value, degree)
    if root**degree != value:
        raise NotRational
    return root


def _floor_root(value: int, degree: int) -> int:
    """Newton's method from above, of which the root of the leading half of the digits is a near beginning."""
    half = value.bit_length() // degree // 2
    root = (_floor_root(value >> half * degree, degree) + 1) << half if half > 8 else 1 << 2 * half + 2
    while value and (below := ((degree - 1) * root + value // root ** (degree - 1)) // degree) < root:
        root = below
    return root if value else 0


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise Undefined
    if value > LARGEST_FACTORIAL:
        raise TooBig
    return Fraction(factorial(int(value)))


def _double_factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise Undefined
    if value > LARGEST_FACTORIAL:
        raise TooBig
    return Fraction(prod(range(int(value), 0, -2)))


def _choose(n: Fraction, k: Fraction) -> Fraction:
    if n.denominator != 1 or k.denominator != 1 or n < 0:
        raise NotRational
    if n > LARGEST_FACTORIAL:
        raise TooBig
    return Fraction(comb(int(n), int(k)) if k >= 0 else 0)


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise NotRational
    return int(value)


def _modulo(a: Fraction, b: Fraction) -> Fraction:
    if not b:
        raise Undefined
    return a % b


_OPERATIONS: dict[str, Callable[..., Fraction]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "^": _power,
    "neg": lambda a: -a,
    "sqrt": _root,
    "root": _root,
    "factorial": _factorial,
    "double factorial": _double_factorial,
    "binom": _choose,
    "abs": abs,
    "floor": lambda a: Fraction(a.__floor__()),
    "ceil": lambda a: Fraction(a.__ceil__()),
    "mod": _modulo,
    "max": max,
    "min": min,
    "gcd": lambda *values: Fraction(gcd(*map(_whole, values))),
    "lcm": lambda *values: Fraction(lcm(*map(_whole, values))),
}
