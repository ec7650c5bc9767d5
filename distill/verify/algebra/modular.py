"""Values modulo a large prime: two expressions of whole powers are compared however large the powers are."""

from collections.abc import Mapping
from fractions import Fraction

from distill.verify.algebra.exact import NotRational, exact
from distill.verify.algebra.nodes import Call, Node, Num, Sym
from distill.verify.algebra.opaque import is_applied

PRIME = 2**255 - 19
"""Two different polynomials of degree d have the same value at a random point with a chance of d in this. No Mersenne
prime, modulo which powers of two come round."""


def modular(node: Node, values: Mapping[str, Fraction]) -> int:
    """The value of what holds sums, products, quotients and whole powers alone.

    Raises:
        NotRational: anything else, or a division by a multiple of the prime.
        TooBig: an exponent that is too large to be written out.
    """
    if isinstance(node, Num):
        return _residue(node.value)
    if isinstance(node, Sym) and node.name in values:
        return _residue(values[node.name])
    if is_applied(node):
        return _residue(exact(node, values))
    if not isinstance(node, Call):
        raise NotRational
    if node.name == "^":
        exponent = exact(node.args[1], values)
        if exponent.denominator != 1:
            raise NotRational
        base = modular(node.args[0], values)
        return pow(base if exponent >= 0 else _inverse(base), abs(int(exponent)), PRIME)
    args = [modular(arg, values) for arg in node.args]
    if node.name == "neg":
        return -args[0] % PRIME
    if node.name in ("+", "*"):
        return (args[0] + args[1] if node.name == "+" else args[0] * args[1]) % PRIME
    if node.name == "/":
        return args[0] * _inverse(args[1]) % PRIME
    raise NotRational


def _residue(value: Fraction) -> int:
    return value.numerator * _inverse(value.denominator) % PRIME


def _inverse(value: int) -> int:
    if not value % PRIME:
        raise NotRational
    return pow(value, -1, PRIME)
