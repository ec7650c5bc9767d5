"""Sums that go on: `1 - x + x^2 - \\cdots`, and `\\sum_{n=0}^{\\infty} (-1)^n x^n`, whose ends are no numbers."""

from fractions import Fraction

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import ELLIPSIS, INDEX, Call, Node, Num, Sym, TooBig
from distill.verify.algebra.rules import Alike, every
from distill.verify.algebra.symbols import free, replaced

FEWEST = 3
"""Terms that must be there on both sides to tell that two are the same."""

EARLIEST, LATEST = -1, 6
"""The first index of a sum whose terms are written out."""


def same_series(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """Are both such sums, and the same ones? None where that is not told."""
    if isinstance(gold, Call) and isinstance(answer, Call) and gold.name == answer.name == "series":
        same = every(alike(a, b) for a, b in zip(gold.args, answer.args, strict=True))
        is_of_powers = bool(free(gold.args[2]) - {INDEX})
        return same if same or (is_of_powers and alike(gold.args[0], answer.args[0])) else None
    ours, theirs = terms(gold), terms(answer)
    if ours is None or theirs is None:
        return None
    found = [alike(a, b) for a, b in zip(ours, theirs, strict=False)]
    if False in found:
        return False
    return True if len(found) >= FEWEST and all(found) else None


def indexed(node: Node) -> Node:
    """`1 + \\frac12 + \\cdots + \\frac1n` as a sum over its index; another node as it is."""
    if not isinstance(node, Call) or node.name != "+":
        return node
    parts = _summands(node)
    if len(parts) < 4 or ELLIPSIS not in parts or parts.index(ELLIPSIS) + 2 != len(parts) or len(free(parts[-1])) != 1:
        return node
    (name,) = free(parts[-1])
    for start in range(EARLIEST, LATEST):
        if _begins(parts[-1], name, start, parts[:-2]):
            return Call("series", (Num(Fraction(start)), Sym(name), replaced(parts[-1], name, Sym(INDEX))))
    return node


def _begins(term: Node, name: str, start: int, parts: list[Node]) -> bool:
    """Are these the values of a term from an index on?"""
    try:
        return all(exact(term, {name: Fraction(start + k)}) == exact(part, {}) for k, part in enumerate(parts))
    except (NotRational, Undefined, TooBig):
        return False


def terms(node: Node) -> list[Node] | None:
    """Those before the dots, with their signs; None where there are no dots at the end."""
    if not isinstance(node, Call) or node.name != "+" or node.args[1] not in (ELLIPSIS, Call("neg", (ELLIPSIS,))):
        return None
    return _summands(node.args[0])


def _summands(node: Node) -> list[Node]:
    return [*_summands(node.args[0]), node.args[1]] if isinstance(node, Call) and node.name == "+" else [node]
