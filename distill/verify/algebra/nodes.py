"""What an answer can be."""

from fractions import Fraction
from typing import NamedTuple, Union


class Unread(Exception):
    """The notation is not known here."""


class TooBig(Exception):
    """A number or an expression is larger than what is worked out."""


class Num(NamedTuple):
    value: Fraction


class Sym(NamedTuple):
    name: str


class Call(NamedTuple):
    """A function or an operation of expressions: `+`, `*`, `/`, `^`, `neg`, `pm`, `sqrt`, `sin`, `union` ..."""

    name: str
    args: tuple["Node", ...]


class Quantity(NamedTuple):
    value: "Node"
    unit: str
    """As `units.unit_of` spells it."""


class Sequence(NamedTuple):
    """Several values; `opening` and `closing` are their brackets, empty for a bare list."""

    opening: str
    closing: str
    items: tuple["Node", ...]


class Relation(NamedTuple):
    """`sides[i] signs[i] sides[i + 1]`, signs of `= < <= > >= != in ~`."""

    sides: tuple["Node", ...]
    signs: tuple[str, ...]


class Matrix(NamedTuple):
    rows: tuple[tuple["Node", ...], ...]


class Based(NamedTuple):
    """Digits in a number base."""

    digits: str
    base: int


class Ratio(NamedTuple):
    """`3:4`, or a time of day."""

    parts: tuple[str, ...]
    of_day: bool = False
    """Is its half of the day told, the hour counting from midnight?"""


class Words(NamedTuple):
    text: str


class Cases(NamedTuple):
    """A value for each condition."""

    rows: tuple[tuple["Node", "Node"], ...]


class Permutation(NamedTuple):
    images: tuple[tuple[int, int], ...]
    """Every number that is moved, and where to."""


class Family(NamedTuple):
    """A value for every `parameter` for which `domain` holds."""

    value: "Node"
    parameter: str
    domain: "Node"


Node = Union[Num, Sym, Call, Quantity, Sequence, Relation, Matrix, Based, Ratio, Words, Cases, Permutation, Family]  # noqa: UP007 - named below its members

EITHER = "either"
"""The name of a node of statements of which one holds."""

INFINITY = Sym("oo")
EMPTY = Sequence("{", "}", ())
ELLIPSIS = Sym("...")
SERIES = frozenset(("series", "product"))
"""Sums and products from one place to another, by an index."""

INDEX = "n_index"
"""The index of every sum, whatever it is called: a whole number."""
