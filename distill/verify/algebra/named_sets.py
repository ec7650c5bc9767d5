"""Sets that are only named: `A \\cap B^c` and `A \\setminus B`, by which of their parts they hold."""

import re
from itertools import product

from distill.verify.algebra.nodes import Call, Node, Sym

MOST_NAMES = 6

_NAME = re.compile(r"([A-Z](?:_\w+)?)('| bar)?")
_OPERATIONS = frozenset(("union", "intersection", "minus"))
_COMPLEMENTS = (Sym("c"), Sym("C"))


def same_named_sets(gold: Node, answer: Node) -> bool | None:
    """Do both hold the same of all that lies in some of the sets and not in others? None for anything else.

    Where one names more sets than the other these may be known: the universe, or a part of another one.
    """
    if not (_is_operation(gold) or _is_operation(answer)):
        return None
    gold, answer = _as_sets(gold), _as_sets(answer)
    ours, theirs = _names(gold), _names(answer)
    if ours is None or theirs is None or len(ours | theirs) > MOST_NAMES:
        return None
    names = sorted(ours | theirs)
    places = [dict(zip(names, within, strict=True)) for within in product((False, True), repeat=len(names))]
    if all(_holds(gold, place) == _holds(answer, place) for place in places):
        return True
    return False if ours == theirs else None


def _is_operation(node: Node) -> bool:
    """An operation of sets, or the complement of one."""
    if not isinstance(node, Call):
        return False
    return node.name in _OPERATIONS or (
        node.name == "^" and node.args[1] in _COMPLEMENTS and _is_operation(node.args[0])
    )


def _as_sets(node: Node) -> Node:
    """`A - B` beside an operation of sets is one too."""
    is_difference = isinstance(node, Call) and node.name == "+" and isinstance(node.args[1], Call)
    if is_difference and node.args[1].name == "neg":  # type: ignore[union-attr]
        return Call("minus", (node.args[0], node.args[1].args[0]))  # type: ignore[union-attr]
    return node


def _names(node: Node) -> frozenset[str] | None:
    """The sets of which it is made; None where anything else stands in it."""
    if isinstance(node, Sym):
        found = _NAME.fullmatch(node.name)
        return frozenset((found[1],)) if found else None
    if not isinstance(node, Call):
        return None
    if node.name == "^":
        return _names(node.args[0]) if node.args[1] in _COMPLEMENTS else None
    if node.name not in _OPERATIONS:
        return None
    first, second = map(_names, node.args)
    return None if first is None or second is None else first | second


def _holds(node: Node, place: dict[str, bool]) -> bool:
    """Is what lies in these sets in a set made of them?"""
    if isinstance(node, Sym):
        found = _NAME.fullmatch(node.name)
        assert found is not None
        return place[found[1]] != bool(found[2])
    assert isinstance(node, Call)
    first = _holds(node.args[0], place)
    if node.name == "^":
        return not first
    second = _holds(node.args[1], place)
    if node.name == "union":
        return first or second
    return first and (second if node.name == "intersection" else not second)
