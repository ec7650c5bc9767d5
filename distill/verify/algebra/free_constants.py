"""Antiderivatives and general solutions whose constants are free: another number beside them, or another name."""

import re
from fractions import Fraction
from itertools import permutations

from distill.verify.algebra.exact import NotRational, Undefined
from distill.verify.algebra.nodes import Call, Node, Sym, TooBig
from distill.verify.algebra.numeric import numeric
from distill.verify.algebra.points import POINTS, point
from distill.verify.algebra.symbols import renamed, symbols

_CONSTANT = re.compile("[Cc](_[0-9])?")
_CALLED_OTHERWISE = re.compile("[CcKkAB](_[0-9])?")
_FREE = frozenset("Cc")


def same_but_for_a_constant(gold: Node, answer: Node) -> bool:
    """Antiderivatives: `F(x) + C` and `G(x) + C` where F and G differ by a number."""
    ours, theirs = _without_constant(gold), _without_constant(answer)
    if ours is None or theirs is None or symbols(ours) != symbols(theirs) or not symbols(ours) & _VARIABLES:
        return False
    if Sym("C") not in _leaves(gold) and len(symbols(ours)) > 1:
        return False  # the c of y = mx + c is given
    difference = Call("+", (ours, Call("neg", (theirs,))))
    try:
        found = [numeric(difference, point(symbols(ours), i)) for i in range(POINTS + 1)]
    except (NotRational, Undefined, TooBig):
        return False
    scale = max(abs(value) for value in found)
    return all(abs(value - found[0]) <= (scale + 1) * Fraction(1, 10**30) for value in found)


def _leaves(node: Node) -> frozenset[Node]:
    return frozenset().union(*map(_leaves, node.args)) if isinstance(node, Call) else frozenset((node,))


def _without_constant(node: Node) -> Node | None:
    """What a free constant is added to."""
    if not isinstance(node, Call) or node.name != "+":
        return None
    first, second = node.args
    for one, other in ((first, second), (second, first)):
        if isinstance(one, Sym) and one.name in _FREE:
            return other
        rest = _without_constant(one)
        if rest is not None:
            return Call("+", (rest, other))
    return None


_VARIABLES = frozenset(("x", "y", "z", "t", "u", "s", "r", "theta"))


def constants_renamed(gold: Node, answer: Node) -> list[Node]:
    """An antiderivative or a general solution with its free constants under the names of the gold answer's."""
    ours, theirs = sorted(symbols(gold) - symbols(answer)), sorted(symbols(answer) - symbols(gold))
    if not 0 < len(ours) == len(theirs) <= 2 or not symbols(gold) & symbols(answer) & _VARIABLES:
        return []
    if not all(map(_CONSTANT.fullmatch, ours)) or not all(map(_CALLED_OTHERWISE.fullmatch, theirs)):
        return []
    found = []
    for order in permutations(ours):
        other = answer
        for old, new in zip(theirs, order, strict=True):
            other = renamed(other, old, new)
        found.append(other)
    return found
