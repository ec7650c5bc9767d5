"""Parts of the real line: intervals, their unions, and inequalities of one variable."""

from fractions import Fraction
from typing import Any, NamedTuple

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Num, Relation, Sequence, Sym, TooBig
from distill.verify.algebra.numeric import as_fraction, numeric
from distill.verify.algebra.opaque import APPLIED
from distill.verify.algebra.symbols import free


class Bound(NamedTuple):
    """An end of an interval, ordered by where it lies: 3- before 3 before 3+."""

    place: Any
    """A fraction or a rounded number; infinite ends are those of float."""
    side: int
    """-1, 0 or 1: just below, at, just above."""


Region = tuple[tuple[Bound, Bound], ...]
"""Pieces that do not touch, in order; an interval `[a, b)` goes from `(a, -1)` to `(b, -1)`."""

_INFINITE = float("inf")
LINE: Region = ((Bound(-_INFINITE, 0), Bound(_INFINITE, 0)),)


def region(node: Node) -> Region | None:
    """None where a node is no region, or none that is understood; a pair in brackets is none by itself: a point."""
    try:
        return _region(node)
    except (NotRational, Undefined, TooBig):
        return None


def interval(node: Node) -> Region | None:
    """As `region`, but a pair in round brackets is an open interval."""
    try:
        return _region(node) or (_open(node) if isinstance(node, Sequence) else None)
    except (NotRational, Undefined, TooBig):
        return None


def beside(node: Node, other: Node) -> Region | None:
    """As `region`; beside a union, a difference or an intersection a pair in round brackets is an interval."""
    is_compound = isinstance(other, Call) and other.name in ("union", "intersection", "minus")
    return interval(node) if is_compound else region(node)


def _region(node: Node) -> Region | None:
    if isinstance(node, Sequence):
        return _interval(node) or _either(node)
    if isinstance(node, Relation):
        return _inequality(node)
    if node == Sym("set R"):
        return LINE
    if isinstance(node, Call) and node.name in ("union", "intersection", "minus"):
        first, second = (_part(arg) for arg in node.args)
        if first is None or second is None:
            return None
        if node.name == "union":
            return joined(first + second)
        return overlap(first, second if node.name == "intersection" else complement(second))
    return None


def _part(node: Node) -> Region | None:
    """A member of a union: here a pair in round brackets is an interval, and a set is made of points."""
    if isinstance(node, Sequence) and node.opening == "{":
        places = [_place(item) for item in node.items]
        return joined(tuple((Bound(p, -1), Bound(p, 1)) for p in places))
    return _region(node) or (_open(node) if isinstance(node, Sequence) else None)


def _interval(node: Sequence) -> Region | None:
    """Round brackets alone may be a point: they are an interval only where an end is infinite."""
    if (
        len(node.items) != 2
        or not node.opening
        or node.opening not in "(["
        or not node.closing
        or node.closing not in ")]"
    ):
        return None
    ends = [_end(item) for item in node.items]
    is_point = node.opening + node.closing == "()" and not any(isinstance(e, float) for e in ends)
    return None if is_point else _between(node, ends)


def spans(node: Node) -> Region | None:
    """Several intervals as a list, where their brackets or their ends tell that they are no points."""
    if not isinstance(node, Sequence) or node.opening or len(node.items) < 2:
        return None
    if all(isinstance(item, Relation) for item in node.items):
        return region(node)
    pieces = [interval(item) for item in node.items]
    if not any(region(item) for item in node.items):
        return None
    return None if None in pieces else joined(tuple(one for piece in pieces for one in piece or ()))


def _open(node: Sequence) -> Region | None:
    if len(node.items) != 2 or node.opening != "(" or node.closing != ")":
        return None
    return _between(node, [_end(item) for item in node.items]) or None  # (2, 2) is a point


def _between(node: Sequence, ends: list[Any]) -> Region:
    low = Bound(ends[0], -1 if node.opening == "[" else 1)
    high = Bound(ends[1], 1 if node.closing == "]" else -1)
    return joined(((low, high),))


def _either(node: Sequence) -> Region | None:
    """`x < 1 or x > 3`; `2 < x < 9, x \\neq 5`."""
    if node.opening or not all(isinstance(item, Relation) for item in node.items):
        return None
    if len({name for item in node.items for name in free(item) if not name.startswith("set ")} - {"oo"}) > 1:
        return None  # `a > 0, b < 0`
    parts = [(item, _region(item)) for item in node.items]
    if any(part is None for _, part in parts):
        return None
    pieces = [part or () for item, part in parts if item.signs != ("!=",)]  # type: ignore[union-attr]
    found = joined(tuple(piece for one in pieces for piece in one)) if pieces else LINE
    common = LINE
    for one in pieces:
        common = overlap(common, one)
    if found == LINE and len(pieces) > 1:
        found = common  # `x > 2, x < 5`
    elif len(pieces) > 1 and common:
        return None  # `x > 1, x > 5` may be either
    for item, part in parts:
        if item.signs == ("!=",):  # type: ignore[union-attr]
            found = overlap(found, part or ())
    return None if found == LINE else found


def excepted(items: list[Node]) -> list[Node]:
    """`x \\neq 1, 2` says that x is neither."""
    found: list[Node] = []
    name = None
    for item in items:
        if isinstance(item, Relation):
            name = item.sides[0] if item.signs == ("!=",) and _is_variable(item.sides[0]) else None
        elif name is not None and isinstance(item, Num | Call) and not free(item):
            item = Relation((name, item), ("!=",))
        found.append(item)
    return found


def linked(items: list[Node], links: list[str]) -> Node | None:
    """Inequalities of one variable with "and" or "or" between them; None for anything else, and for commas alone."""
    said = {link for link in links if link != ","}
    if len(items) < 2 or len(said) != 1:
        return None
    variables = {side for item in items if isinstance(item, Relation) for side in item.sides if _is_variable(side)}
    if len(variables) != 1 or any(not isinstance(item, Relation) or region(item) is None for item in items):
        return None
    found = items[0]
    for item in items[1:]:
        found = Call("union" if said == {"or"} else "intersection", (found, item))
    return found


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}


def _inequality(node: Relation) -> Region | None:
    """`x < 3`, `1 \\leq x < 3`, `x \\neq 2`, `x \\in [1, 3)`, `x^2 > 2`."""
    if node.signs == ("notin",):
        inside = _part(node.sides[1]) if isinstance(node.sides[0], Sym) else None
        return None if inside is None else complement(inside)
    if node.signs == ("in",):
        return _part(node.sides[1]) if isinstance(node.sides[0], Sym) else None
    if not all(sign in _FLIPPED for sign in node.signs):
        return None
    if len(node.sides) == 2:
        if node.signs == ("!=",) and isinstance(node.sides[1], Call) and node.sides[1].name == "pm":
            first, second = node.sides[1].args
            ends = (Call("+", (first, second)), Call("+", (first, Call("neg", (second,)))))
            return overlap(*(_inequality(Relation((node.sides[0], end), node.signs)) or LINE for end in ends))
        if _is_variable(node.sides[0]):
            return _half(node.signs[0], node.sides[1])
        if _is_variable(node.sides[1]):
            return _half(_FLIPPED[node.signs[0]], node.sides[0])
        return _distance(node) or quadratic(node)
    if len(node.sides) == 3 and _is_variable(node.sides[1]):
        left, right = _half(_FLIPPED[node.signs[0]], node.sides[0]), _half(node.signs[1], node.sides[2])
        return overlap(left, right)
    return None


def _distance(node: Relation) -> Region | None:
    """`|x - 3| < 5`, `|x| \\geq 2`."""
    inside, sign, end = node.sides[0], node.signs[0], node.sides[1]
    if not isinstance(inside, Call) or inside.name != "abs" or sign == "!=":
        return None
    middle = _middle(inside.args[0])
    if middle is None:
        return None
    far = Num(_place(end))
    low, high = Call("+", (Num(middle), Call("neg", (far,)))), Call("+", (Num(middle), far))
    if sign in ("<", "<="):
        return overlap(_half(_FLIPPED[sign], low), _half(sign, high))
    return joined(_half(_FLIPPED[sign], low) + _half(sign, high))


def quadratic(node: Relation) -> Region | None:
    """`x^2 \\geq 1`, by its roots."""
    difference = Call("+", (node.sides[0], Call("neg", (node.sides[1],))))
    if len(names := free(difference)) != 1 or not any(map(_has_power, node.sides)):
        return None
    (name,) = names
    at = [exact(difference, {name: Fraction(k)}) for k in range(5)]
    second = [c - 2 * b + a for a, b, c in zip(at, at[1:], at[2:], strict=False)]
    if len(set(second)) > 1 or not second[0]:
        return None
    a, b = second[0] / 2, at[1] - at[0] - second[0] / 2
    sign = node.signs[0] if a > 0 else _FLIPPED[node.signs[0]]
    roots = _roots(b / a, at[0] / a)
    if sign == "!=":
        return complement(tuple((Bound(root, -1), Bound(root, 1)) for root in roots))
    closed = sign in (">", "<=")  # the part between the roots, with them
    between = ((Bound(roots[0], -1 if closed else 1), Bound(roots[1], 1 if closed else -1)),) if roots else ()
    return complement(between) if sign in (">", ">=") else joined(between)


def _roots(b: Fraction, c: Fraction) -> list[Any]:
    """Of x^2 + bx + c, the smaller one first; nothing where they are not real."""
    if b * b < 4 * c:
        return []
    half = Call("sqrt", (Num(b * b / 4 - c),))
    return [_place(Call("+", (Num(-b / 2), one))) for one in (Call("neg", (half,)), half)]


def _has_power(node: Node) -> bool:
    return isinstance(node, Call) and (node.name == "^" or any(map(_has_power, node.args)))


def _middle(node: Node) -> Fraction | None:
    """Where `x - a` is zero; None for anything else."""
    if _is_variable(node):
        return Fraction(0)
    if isinstance(node, Call) and node.name == "+" and _is_variable(node.args[0]):
        return -exact(node.args[1], {})
    return None


def _is_variable(node: Node) -> bool:
    if isinstance(node, Call) and node.name == APPLIED:
        return True  # 0 < f(x) < 1
    return isinstance(node, Sym) and node.name not in ("pi", "e", "oo", "i") and not node.name.startswith("set ")


def _half(sign: str, end: Node) -> Region:
    place = _end(end)
    if sign == "!=":
        return complement(((Bound(place, -1), Bound(place, 1)),))
    if sign in ("<", "<="):
        return ((Bound(-_INFINITE, 0), Bound(place, 1 if sign == "<=" else -1)),)
    return ((Bound(place, -1 if sign == ">=" else 1), Bound(_INFINITE, 0)),)


def _end(node: Node) -> Any:
    if node == Sym("oo"):
        return _INFINITE
    if node == Call("neg", (Sym("oo"),)):
        return -_INFINITE
    return _place(node)


def _place(node: Node) -> Any:
    """A fraction, or forty digits of a number as one."""
    try:
        return exact(node, {})
    except NotRational:
        value = numeric(node, {})
        if value.imag:
            raise
        return as_fraction(value)


def joined(pieces: Region) -> Region:
    """In order, those that touch as one, empty ones left out."""
    found: list[tuple[Bound, Bound]] = []
    for low, high in sorted(_whole(piece) for piece in pieces):
        if low >= high:
            continue
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _whole(piece: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    """Infinite ends have no sides."""
    low, high = piece
    return (
        Bound(low.place, 0) if isinstance(low.place, float) else low,
        Bound(high.place, 0) if isinstance(high.place, float) else high,
    )


def complement(pieces: Region) -> Region:
    at = Bound(-_INFINITE, 0)
    found: list[tuple[Bound, Bound]] = []
    for low, high in joined(pieces):
        found.append((at, low))
        at = high
    found.append((at, Bound(_INFINITE, 0)))
    return joined(tuple(found))


def overlap(first: Region, second: Region) -> Region:
    return complement(joined(complement(first) + complement(second)))
