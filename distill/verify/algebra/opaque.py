"""Values of functions of which nothing is known: the same for the same name and argument, another for any other."""

from decimal import Context, Decimal
from fractions import Fraction
from typing import Any
from zlib import crc32

from mpmath import nstr

from distill.verify.algebra.nodes import Call, Node, Sym

APPLIED = "applied"
"""The name of a node whose first argument is the function."""

_MOST_BITS = 140
_DIGITS = Context(prec=45)
"""By so many digits are arguments told apart that are no short fractions."""


def is_applied(node: Node) -> bool:
    return isinstance(node, Call) and node.name == APPLIED


def function_of(node: Call) -> str:
    """Its name; empty where something was put in its place."""
    return node.args[0].name if isinstance(node.args[0], Sym) else ""


def drawn(name: str, arguments: list[str]) -> Fraction:
    """What the function's own value is multiplied with at a place."""
    number = crc32(f"{name} of {' '.join(arguments)}".encode())
    return Fraction(number % 997 + 3, number // 997 % 8999 + 1100)


def spelled_fraction(value: Fraction) -> str:
    """As `spelled_number`, wherever that is enough to tell it."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        return str(hash(value))
    return str(_DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(_DIGITS))


def spelled_number(value: Any) -> str:
    """A real or complex number (mpmath's)."""
    parts = [_DIGITS.create_decimal(nstr(part, 55)).normalize(_DIGITS) for part in (value.real, value.imag)]
    return str(parts[0]) if not parts[1] else f"{parts[0]} {parts[1]}"
