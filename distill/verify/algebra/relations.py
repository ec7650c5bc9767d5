"""Equations and inequalities, and the values that they give."""

import re
from fractions import Fraction

from distill.verify.algebra.affine import same_solutions
from distill.verify.algebra.chains import is_chain, same_chains
from distill.verify.algebra.nodes import Call, Node, Num, Relation, Sequence, Sym, Words
from distill.verify.algebra.opaque import APPLIED
from distill.verify.algebra.regions import interval, region
from distill.verify.algebra.rules import Alike, Rules, every
from distill.verify.algebra.solved import same_levels, same_when_solved
from distill.verify.algebra.symbols import free, renamed, symbols
from distill.verify.algebra.values import multiples, same_value

MINUS_ONE = Call("neg", (Num(Fraction(1)),))
_INVERTED = frozenset("ABCMPQTfgh")
"""Letters that stand for functions and matrices: `f^{-1}(x) = ...` names an inverse."""

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def same_relations(gold: Node, answer: Node, alike: Alike) -> bool | None:
    told = _same_links(gold, answer, alike)
    return same_chains(gold, answer, told) if is_chain(gold) or is_chain(answer) else told


def _same_links(gold: Node, answer: Node, alike: Alike) -> bool | None:
    if isinstance(gold, Relation) and not isinstance(answer, Relation):
        return _same_as_relation(gold, answer, alike)
    if isinstance(answer, Relation) and not isinstance(gold, Relation):
        return _same_as_relation(answer, gold, alike, claimed=True)
    assert isinstance(gold, Relation)
    assert isinstance(answer, Relation)
    if region(gold) is not None and region(answer) is not None:
        if _variable(gold) != _variable(answer):
            return None
        return region(gold) == region(answer)
    if set(gold.signs) == set(answer.signs) == {"="}:
        return _same_equations(gold, answer, alike)
    if len(gold.signs) == len(answer.signs):
        if tuple(_FLIPPED.get(sign) for sign in reversed(answer.signs)) == gold.signs and gold.signs != answer.signs:
            answer = Relation(answer.sides[::-1], gold.signs)
        direct = gold.signs == answer.signs and every(
            alike(a, b) for a, b in zip(gold.sides, answer.sides, strict=True)
        )
        return direct or _same_difference(gold, answer)
    return None


def _same_as_relation(relation: Relation, value: Node, alike: Alike, claimed: bool = False) -> bool | None:
    """A relation beside what is none: `x = 5` and `5`, `x > 3` and `(3, \\infty)`."""
    if set(relation.signs) <= {"=", "~"}:
        parts = values_of(relation)
        if not parts:
            return False
        if isinstance(value, Sequence) and (told := _same_for_each(relation, value, alike)) is not None:
            return told
        rounded = claimed and isinstance(value, Num) and value in relation.sides[1:] and "~" in relation.signs
        if rounded and _is_rounding(relation.sides[0], (value,)):
            return True  # the rounded value is asked for
        if claimed and not symbols(value) and len(parts) > 1 and len(symbols(parts[0])) > 1:
            parts = parts[1:]  # `x + y = 14`
        if not claimed and len(parts) > 1:
            told = not symbols(parts[0]) or every(alike(parts[0], part) for part in parts[1:])
            if not told:
                return told  # an equation that is no identity is not its left side
            parts = parts[:1]
        found = [alike(value, part) if claimed else alike(part, value) for part in parts]
        return every(iter(found))
    if relation.signs == ("in",) and isinstance(relation.sides[0], Sym):
        return alike(value, relation.sides[1]) if claimed else alike(relation.sides[1], value)
    if region(relation) is not None and interval(value) is not None:
        return region(relation) == interval(value)
    is_number = isinstance(value, Num | Call) and not free(value) and region(value) is None
    return False if is_number else None


def _same_for_each(relation: Relation, value: Sequence, alike: Alike) -> bool | None:
    """`x = y = 0` beside `(0, 0)`; None for anything else."""
    names = relation.sides[:-1]
    if len(names) < 2 or len(names) != len(value.items) or value.opening + value.closing != "()":
        return None
    if len(set(names)) < len(names) or not all(isinstance(name, Sym) and is_name(name) for name in names):
        return None
    return every(alike(item, relation.sides[-1]) for item in value.items)


def values_of(relation: Relation) -> list[Node]:
    """What a chain of equations says to be the value: `x = 6 \\cdot 7 = 42` gives two, a name gives none.

    What stands behind `\\approx` is another, rounded one, and does not count.
    """
    exact_part = relation.signs.index("~") + 1 if "~" in relation.signs else len(relation.sides)
    parts = list(relation.sides[:exact_part])
    if not _is_rounding(parts[-1], relation.sides[exact_part:]):
        return list(relation.sides)
    if len(parts) == 1 and is_name(parts[0]):
        return list(relation.sides[exact_part:])
    if len(parts) > 1 and is_name(parts[0]):
        return parts[1:]
    if len(parts) == 2 and is_name(parts[1]):
        return parts[:1]
    return parts


def _is_rounding(value: Node, rounded: tuple[Node, ...]) -> bool:
    """Could these numbers be what somebody rounded a value to?"""
    loose = Rules(relative_tolerance=0.01)
    return is_name(value) or all(same_value(value, one, loose) is not False for one in rounded)


def is_name(node: Node) -> bool:
    """What a value is given to: `x`, `f(3)`, `AB`, `|PQ|`, `\\text{Area}`."""
    if isinstance(node, Sym):
        return node.name not in ("pi", "e", "oo", "i")
    if isinstance(node, Words):
        return True
    if isinstance(node, Sequence):
        return bool(node.items) and all(map(is_name, node.items))
    if isinstance(node, Call) and node.name in ("*", APPLIED):
        return is_name(node.args[0])
    if isinstance(node, Call) and node.name == "^":
        return node.args[1] == MINUS_ONE and isinstance(node.args[0], Sym) and node.args[0].name in _INVERTED
    if isinstance(node, Call) and node.name == "/":
        return all(isinstance(arg, Call) and arg.name == "*" and arg.args[0] == Sym("d") for arg in node.args)
    return isinstance(node, Call) and node.name == "abs" and is_name(node.args[0])


def _same_equations(gold: Relation, answer: Relation, alike: Alike) -> bool | None:
    if gold.sides == answer.sides[::-1]:
        return True
    named = [is_name(side.sides[0]) or is_name(side.sides[-1]) for side in (gold, answer)]
    if all(named):
        answer = _of_argument(answer, name_of(gold))
        ours, theirs = name_of(gold), name_of(answer)
        if ours == theirs:
            told = alike(values_of(gold)[0], values_of(answer)[0]) and every(
                alike(values_of(gold)[0], part) for part in values_of(answer)[1:]
            )
            return (
                told
                or same_solutions(ours, values_of(gold)[0], values_of(answer)[0])
                or same_levels(gold, answer)
                or told
            )
        if _are_of_one_argument(ours, theirs, values_of(gold)[0]):
            return alike(values_of(gold)[0], values_of(answer)[0])
        if not symbols(values_of(gold)[0]) | symbols(values_of(answer)[0]):
            if isinstance(ours, Sym) and isinstance(theirs, Sym):
                return False  # x = 5 and y = 5
            return None
    if not any(map(symbols, (*gold.sides, *answer.sides))):
        return every(alike(ours, theirs) for ours in gold.sides for theirs in answer.sides)  # 0.56 = 56 %
    return _same_difference(gold, answer) or same_when_solved(gold, answer, alike) or same_levels(gold, answer)


def _are_of_one_argument(ours: Node, theirs: Node, value: Node) -> bool:
    """`y` and `f(x)`, or `f^{-1}(x)`: names of what depends on x alone."""
    function = theirs if ours == Sym("y") else ours if theirs == Sym("y") else None
    if not isinstance(function, Call) or function.name not in ("*", APPLIED) or len(function.args) != 2:
        return False
    return isinstance(function.args[1], Sym) and free(value) == {function.args[1].name} != {"y"}


def _of_argument(relation: Relation, name: Node) -> Relation:
    """`f(t) = 2t + 1` and `a_k = 2k` with the argument that the function has in names such as `f(x)` and `a(n)`."""
    ours = name_of(relation)
    if ours == name or (mine := _applied(ours)) is None or (other := _applied(name)) is None:
        return relation
    (function, old), (same, new) = mine, other
    names = free(Relation(tuple(side for side in relation.sides if side != ours), relation.signs))
    if function != same or (new in names and new != old) or any("_" in one for one in names):
        return relation
    is_called = function in "fghFGH" and isinstance(ours, Call) and isinstance(name, Call)
    if old not in names and not is_called:  # x_i = 1 and x_j = 1 are two equations, as are ax = 1 and at = 1
        return relation
    sides = (name if side == ours else renamed(side, old, new) for side in relation.sides)
    return Relation(tuple(sides), relation.signs)


def _applied(name: Node) -> tuple[str, str] | None:
    """A function and its argument, or a sequence and its index."""
    is_applied = isinstance(name, Call) and name.name in ("*", APPLIED) and len(name.args) == 2
    if is_applied and all(isinstance(arg, Sym) for arg in name.args):  # type: ignore[union-attr]
        function, argument = name.args  # type: ignore[union-attr]
        is_length = argument.name.isupper() or function.name in ("x", "y", "z")  # type: ignore[union-attr]
        return None if is_length else (function.name, argument.name)  # type: ignore[union-attr]
    if not isinstance(name, Sym) or not re.fullmatch("[A-Za-z]_[ijkmn]", name.name):
        return None
    return name.name[0], name.name[2]


def name_of(relation: Relation) -> Node:
    return relation.sides[0] if is_name(relation.sides[0]) else relation.sides[-1]


def _same_difference(gold: Relation, answer: Relation) -> bool | None:
    """Two relations of two sides: is one's left minus right a multiple of the other's, positive for inequalities?"""
    if len(gold.sides) != 2 or len(answer.sides) != 2:
        return None
    ours, theirs = gold.signs[0], answer.signs[0]
    if ours not in _FLIPPED or theirs not in _FLIPPED:
        return None
    if theirs not in (ours, _FLIPPED[ours]):
        return False
    sign = 0 if ours in ("=", "!=") else 1 if ours == theirs else -1
    return multiples(_difference(gold), _difference(answer), sign)


def _difference(relation: Relation) -> Node:
    return Call("+", (relation.sides[0], Call("neg", (relation.sides[1],))))


def _variable(relation: Relation) -> frozenset[str]:
    return frozenset().union(*(symbols(side) for side in relation.sides)) - {"oo"}
