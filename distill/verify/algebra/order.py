"""Products of matrices and operators, whose order counts: their letters stand for matrices, not for numbers."""

import re
from fractions import Fraction
from zlib import crc32

from distill.verify.algebra.exact import NotRational
from distill.verify.algebra.nodes import Call, Matrix, Node, Num, Relation, Sequence, Sym
from distill.verify.algebra.symbols import free

_PRIME = 2**61 - 1
_TRANSPOSED = ("T", "dagger")
_MARKED = re.compile(
    r"(?<![A-Za-z\\])(?!e)[A-Za-z)]\}?\s*\^\s*(?:T|\{\s*T\s*\})|\^\s*\{?\s*\\(?:top|intercal|dagger)(?![a-z])|†"
    r"|\\(?:mathbf|boldsymbol|bm)\s*\{?\s*[A-Z](?![A-Za-z])|\\hat(?!\s*\{?\s*(?:\\[ij]math|[ijk])\b).*\\hat"
)
_NEIGHBOURS = re.compile(r"([A-Z])(?=\s*(?:\^\s*\{?\s*-?\w\s*\}?)?\s*([A-Z]))")
_SCALARS = frozenset(("alpha", "lambda", "hbar", "pi", "c", "k", "n", "m", "t", "e", "i"))
"""Letters that commute with everything, unless they are transposed."""

Cells = tuple[int, int, int, int]


def is_ordered(text: str) -> bool:
    """Are these letters matrices: transposed, bold, under hats, or in both orders?"""
    if "^" not in text and "\\" not in text and not text.isupper() and "BA" not in text:
        return False
    if _MARKED.search(text):
        return True
    if "'" in text or "bar" in text or "overline" in text:
        return False  # `AB' + BA'` is of events or switches
    pairs = {found.groups() for found in _NEIGHBOURS.finditer(text)}
    return any((second, first) in pairs for first, second in pairs if first != second)


def same_order(gold: Node, answer: Node) -> bool:
    """Are two answers, which are the same for numbers, the same for matrices as well?"""
    if gold == answer:
        return True
    if isinstance(gold, Relation) and isinstance(answer, Relation) and gold.signs == answer.signs:
        return all(map(same_order, gold.sides, answer.sides))
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        return same_order(*(one.sides[-1] if isinstance(one, Relation) else one for one in (gold, answer)))
    if isinstance(gold, Sequence) and isinstance(answer, Sequence) and len(gold.items) == len(answer.items):
        return all(map(same_order, gold.items, answer.items))
    if not free(gold) | free(answer) or _has_components(gold) or _has_components(answer):
        return True
    scalars = _SCALARS - _transposed(gold) - _transposed(answer)
    try:
        return _cells(gold, scalars) == _cells(answer, scalars)
    except NotRational:
        return False


def _has_components(node: Node) -> bool:
    """Is it a vector or a matrix that is written out? Its letters are numbers."""
    if isinstance(node, Call):
        return any(map(_has_components, node.args))
    return isinstance(node, Matrix | Sequence)


def _transposed(node: Node) -> frozenset[str]:
    if not isinstance(node, Call):
        return frozenset()
    is_transposed = node.name == "^" and isinstance(node.args[1], Sym) and node.args[1].name in _TRANSPOSED
    return (free(node.args[0]) if is_transposed else frozenset()).union(*map(_transposed, node.args))


def _cells(node: Node, scalars: frozenset[str]) -> Cells:
    """The value as a matrix of two rows, its numbers modulo a prime.

    Raises:
        NotRational: operations that matrices do not have.
    """
    if isinstance(node, Num):
        return _scalar(node.value)
    if isinstance(node, Sym):
        drawn = [crc32(f"{node.name} {place}".encode()) + 2 for place in range(4)]
        return _scalar(Fraction(drawn[0])) if node.name in scalars else (drawn[0], drawn[1], drawn[2], drawn[3])
    if not isinstance(node, Call):
        raise NotRational
    if node.name == "^":
        return _power(_cells(node.args[0], scalars), node.args[1])
    args = [_cells(arg, scalars) for arg in node.args]
    if node.name == "neg":
        return _product(_scalar(Fraction(-1)), args[0])
    if node.name == "+":
        a, b = args
        return (a[0] + b[0]) % _PRIME, (a[1] + b[1]) % _PRIME, (a[2] + b[2]) % _PRIME, (a[3] + b[3]) % _PRIME
    if node.name == "*":
        return _product(args[0], args[1])
    if node.name == "/" and not args[1][1] and not args[1][2] and args[1][0] == args[1][3]:
        return _product(args[0], _inverse(args[1]))
    raise NotRational


def _scalar(value: Fraction) -> Cells:
    number = value.numerator * pow(value.denominator, -1, _PRIME) % _PRIME
    return number, 0, 0, number


def _product(a: Cells, b: Cells) -> Cells:
    return (
        (a[0] * b[0] + a[1] * b[2]) % _PRIME,
        (a[0] * b[1] + a[1] * b[3]) % _PRIME,
        (a[2] * b[0] + a[3] * b[2]) % _PRIME,
        (a[2] * b[1] + a[3] * b[3]) % _PRIME,
    )


def _inverse(a: Cells) -> Cells:
    determinant = (a[0] * a[3] - a[1] * a[2]) % _PRIME
    if not determinant:
        raise NotRational
    return _product(_scalar(Fraction(1, determinant)), (a[3], -a[1], -a[2], a[0]))


_MOST_FACTORS = 200


def _power(base: Cells, exponent: Node) -> Cells:
    if isinstance(exponent, Sym) and exponent.name in _TRANSPOSED:
        return base[0], base[2], base[1], base[3]
    if isinstance(exponent, Call) and exponent.name == "neg":
        return _inverse(_power(base, exponent.args[0]))
    if not isinstance(exponent, Num) or exponent.value.denominator != 1 or abs(exponent.value) > _MOST_FACTORS:
        raise NotRational
    found, factor = _scalar(Fraction(1)), base if exponent.value >= 0 else _inverse(base)
    for _ in range(abs(int(exponent.value))):
        found = _product(found, factor)
    return found
