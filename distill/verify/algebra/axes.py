"""Vectors by the unit vectors of the axes: `2x\\mathbf{i} - \\mathbf{j}`."""

from fractions import Fraction

from distill.verify.algebra.nodes import Call, Node, Num, Sequence
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.symbols import free, replaced
from distill.verify.algebra.values import same_value

_AXES = ("i", "j", "k")
_PROBE = (2, 3, 5)


def by_axes(node: Node) -> Node:
    """What is linear in the unit vectors as a tuple; another node as it is."""
    if not isinstance(node, Call) or "j" not in free(node):
        return node
    found = [_at(node, [int(axis == other) for other in _AXES]) for axis in _AXES]
    probe: Node = Num(Fraction(0))
    for times, one in zip(_PROBE, found, strict=True):
        probe = Call("+", (probe, Call("*", (Num(Fraction(times)), one))))
    if not same_value(probe, _at(node, list(_PROBE)), Rules()):
        return node
    return Sequence("(", ")", tuple(found[: 3 if "k" in free(node) else 2]))


def _at(node: Node, axes: list[int]) -> Node:
    for axis, value in zip(_AXES, axes, strict=True):
        node = replaced(node, axis, Num(Fraction(value)))
    return node
