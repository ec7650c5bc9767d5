"""Values modulo a large prime: two expressions of whole powers are compared however large the powers are.

The prime is drawn for the pair: with one that is known, `2^{p-1}` could be written for 1.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from distill.verify.algebra.exact import NotRational, exact
from distill.verify.algebra.nodes import Call, Node, Num, Sym
from distill.verify.algebra.opaque import is_applied

_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


@lru_cache(maxsize=256)
def prime_for(gold: Node, answer: Node) -> int:
    """A prime of 256 bits, always the same for the same pair.

    Two different polynomials of degree d have the same value at a random point with a chance of d in this.
    """
    number = int.from_bytes(sha256(repr((gold, answer)).encode()).digest()) | 1 << 255 | 1
    while not _is_prime(number):
        number += 2
    return number


def _is_prime(number: int) -> bool:
    """By the test of Miller and Rabin, for what nobody has chosen."""
    if any(not number % small for small in _WITNESSES):
        return False
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    return all(
        (power := pow(base, odd, number)) == 1 or any(pow(power, 1 << k, number) == number - 1 for k in range(twos))
        for base in _WITNESSES
    )


def modular(node: Node, values: Mapping[str, Fraction], prime: int) -> int:
    """The value of what holds sums, products, quotients and whole powers alone.

    Raises:
        NotRational: anything else, or a division by a multiple of the prime.
        TooBig: an exponent that is too large to be written out.
    """
    if isinstance(node, Num):
        return _residue(node.value, prime)
    if isinstance(node, Sym) and node.name in values:
        return _residue(values[node.name], prime)
    if is_applied(node):
        return _residue(exact(node, values), prime)
    if not isinstance(node, Call):
        raise NotRational
    if node.name == "^":
        exponent = exact(node.args[1], values)
        if exponent.denominator != 1:
            raise NotRational
        base = modular(node.args[0], values, prime)
        return pow(base if exponent >= 0 else _inverse(base, prime), abs(int(exponent)), prime)
    args = [modular(arg, values, prime) for arg in node.args]
    if node.name == "neg":
        return -args[0] % prime
    if node.name in ("+", "*"):
        return (args[0] + args[1] if node.name == "+" else args[0] * args[1]) % prime
    if node.name == "/":
        return args[0] * _inverse(args[1], prime) % prime
    raise NotRational


def _residue(value: Fraction, prime: int) -> int:
    return value.numerator * _inverse(value.denominator, prime) % prime


def _inverse(value: int, prime: int) -> int:
    if not value % prime:
        raise NotRational
    return pow(value, -1, prime)
