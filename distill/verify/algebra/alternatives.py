"""Values of which each is one answer, beside what is none of them: an interval, or a point.

`x = 0` or `x = 4` is neither `0 < x < 4` nor the point `(0, 4)`. A bare list `0, 4` may be that point.
"""

import re

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Num, Relation, Sequence, Sym, TooBig
from distill.verify.algebra.regions import region
from distill.verify.algebra.sets import listed
from distill.verify.algebra.symbols import free

_OR = re.compile(r"(?<![A-Za-z])l?or(?![A-Za-z])|\\vee(?![a-z])")
_ORDERED = frozenset(("<", "<=", ">", ">="))


def says_or(text: str) -> bool:
    return ("or" in text or "vee" in text) and bool(_OR.search(text))


def same_as_range(gold: Node, answer: Node) -> tuple[bool | None] | None:
    """The verdict on a range beside values, left open where these are all whole numbers in it; None for others."""
    for some, values in ((gold, answer), (answer, gold)):
        if isinstance(some, Relation) and _is_range(some) and (places := _constants(values)):
            return (None if _has_members(some, places) else False,)
    return None


def is_tuple(node: Node) -> bool:
    return isinstance(node, Sequence) and node.opening + node.closing == "()" and len(node.items) > 1


def is_of_one(node: Node) -> bool:
    """`x = 0, 4`, `x = 0, x = 4` and `2 \\pm 1`: values of one thing."""
    if isinstance(node, Call):
        return node.name == "pm" and not any(isinstance(arg, Sequence) for arg in node.args)
    if not isinstance(node, Sequence) or node.opening or not _named(node.items[0]) or len(node.items) < 2:
        return False
    names = [_named(item) for item in node.items]
    return len(set(names)) == 1 or not (any(names[1:]) or any(isinstance(item, Relation) for item in node.items[1:]))


def is_of_several(node: Node) -> bool:
    """`x = 2, y = 3`: one value each, of things that differ in more than their index."""
    if not isinstance(node, Sequence) or node.opening:
        return False
    names = [_named(item) for item in node.items]
    return all(names) and len({name.partition("_")[0] for name in names}) > 1


def without_index(gold: tuple[Node, ...], answer: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The values of `x_1 = 0, x_2 = 4` and of `x = 0, x = 4`; others as they are."""
    ours, theirs = ({_named(item) for item in side} for side in (gold, answer))
    letters = {name.partition("_")[0] for name in ours | theirs}
    if len(letters) > 1 or "" in letters or ours == theirs or letters not in (ours, theirs):
        return gold, answer
    return _values(gold), _values(answer)


def _values(items: tuple[Node, ...]) -> tuple[Node, ...]:
    return tuple(item.sides[1] for item in items if isinstance(item, Relation))


def are_apart(gold: Node, answer: Node, either: tuple[bool, bool]) -> bool:
    """Is one a point, and of the other one said, with an "or", that it is one of its values?"""
    for node, says, other in ((gold, either[0], answer), (answer, either[1], gold)):
        is_point = is_tuple(other) or is_of_several(other) or _names_point(other)
        if says and is_point and isinstance(node, Sequence) and not node.opening:
            return not any(isinstance(item, Sequence) or _names_point(item) for item in node.items)
    return False


def _names_point(node: Node) -> bool:
    """`(x, y) = (2, 3)`."""
    return isinstance(node, Relation) and node.signs == ("=",) and is_tuple(node.sides[1])


def _named(item: Node) -> str:
    """The letter that an equation gives a value to; nothing where there is none."""
    is_equation = isinstance(item, Relation) and item.signs == ("=",) and isinstance(item.sides[0], Sym)
    return item.sides[0].name if is_equation and not free(item.sides[1]) & free(item.sides[0]) else ""  # type: ignore


def _is_range(node: Relation) -> bool:
    """An inequality, or a letter in an interval; where a single point is left this is a value."""
    if not set(node.signs) <= _ORDERED and not _is_in_interval(node):
        return False
    pieces = region(node)
    return pieces is None or any(low.place != high.place for low, high in pieces)


def _is_in_interval(node: Relation) -> bool:
    inside = node.sides[-1]
    return (
        node.signs == ("in",)
        and isinstance(inside, Sequence)
        and inside.opening in ("(", "[")
        and len(inside.items) == 2
    )


def _constants(node: Node) -> list[Node]:
    """Numbers, or those that equations give to letters; nothing where there is anything else, and for one number."""
    if isinstance(node, Sequence):
        items = node.items if node.opening in ("", "{") else ()
    else:
        items = (node,) if isinstance(node, Relation) or is_of_one(node) else ()
    found = [item.sides[1] if isinstance(item, Relation) and _named(item) else item for item in items]
    are_values = all(isinstance(item, Num | Call) and not free(item) and region(item) is None for item in found)
    return found if are_values else []


def _has_members(some: Relation, values: list[Node]) -> bool:
    """Are these the whole numbers of a range, as of `1 \\leq n \\leq 3`?"""
    members = listed(Call("intersection", (some, Sym("set Z"))))
    if not isinstance(members, Sequence):
        return False
    try:
        return {exact(item, {}) for item in members.items} == {exact(value, {}) for value in values}
    except (NotRational, Undefined, TooBig):
        return False
