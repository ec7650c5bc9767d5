"""Lists, sets, tuples, vectors and matrices."""

import re
from fractions import Fraction

from distill.verify.algebra.alternatives import is_of_one, is_of_several, without_index
from distill.verify.algebra.nodes import (
    EITHER,
    ELLIPSIS,
    EMPTY,
    Call,
    Cases,
    Matrix,
    Node,
    Num,
    Relation,
    Sequence,
    Sym,
)
from distill.verify.algebra.relations import is_name, name_of
from distill.verify.algebra.rules import Alike, every
from distill.verify.algebra.symbols import free, replaced, size

MOST_MEMBERS = 64

MOST_WORK = 40_000
"""Nodes times pairs of two lists; one with unknowns counts thrice, as it is worked out at several points."""


def spread(node: Node) -> Node:
    """`1 \\pm 2` as two values."""
    if isinstance(node, Call) and node.name == "pm":
        first, second = node.args
        return Sequence("", "", (Call("+", (first, second)), Call("+", (first, Call("neg", (second,))))))
    if isinstance(node, Call) and node.name in ("/", "*", "+", "neg"):
        apart = [spread(arg) for arg in node.args]
        several = [arg for arg in apart if isinstance(arg, Sequence) and not arg.opening and arg is not EMPTY]
        if len(several) == 1:
            made = (
                Call(node.name, tuple(one if arg is several[0] else arg for arg in apart)) for one in several[0].items
            )
            return Sequence("", "", tuple(made))
    return node


def flat(node: Node) -> tuple[Node, ...]:
    """The members of a list or a set, those of `\\pm` apart."""
    items: list[Node] = []
    for item in node.items if isinstance(node, Sequence) else (node,):
        apart = spread(item)
        if (
            isinstance(item, Relation)
            and item.signs == ("=",)
            and isinstance(several := spread(item.sides[1]), Sequence)
        ):
            items += [Relation((item.sides[0], one), ("=",)) for one in several.items if not several.opening]
            if several.opening:
                items.append(item)
        elif (
            isinstance(item, Relation)
            and item.signs == ("=",)
            and isinstance(several := spread(item.sides[0]), Sequence)
            and not several.opening
        ):
            items += [Relation((one, item.sides[1]), ("=",)) for one in several.items]
        elif isinstance(apart, Sequence) and not apart.opening and apart is not item:
            items += flat(apart)
        else:
            items.append(item)
    return tuple(items)


def of_both_signs(gold: Relation, answer: Relation) -> tuple[Sequence, Sequence] | None:
    """`y = \\pm 2x` and `2x \\pm y = 0` as two equations each; None where one of them has no such sign."""
    ours, theirs = flat(gold), flat(answer)
    if len(ours) < 2 or len(theirs) < 2:
        return None
    return Sequence("", "", ours), Sequence("", "", theirs)


def same_sequences(gold: Node, answer: Node, alike: Alike) -> bool | None:
    if ELLIPSIS in (*_items(gold), *_items(answer)):
        return _same_progressions(_items(gold), _items(answer), alike)
    ours, theirs = _bracket(gold), _bracket(answer)
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return same_matrices(gold, answer, alike)
    if {ours, theirs} & {"(]", "[)", "[]"} and ours != theirs:
        return False if ours and theirs else _without_brackets(gold, answer, alike)
    if ours == theirs == "()" or (ours == theirs and ours in ("(]", "[)", "[]")):
        return _in_order(gold, answer, alike)
    if {ours, theirs} == {"{}", ""} and _is_part(gold, answer):
        return None
    if _are_of_one_beside(gold, answer) or _are_of_one_beside(answer, gold):
        return False
    if {ours, theirs} == {"()", "{}"}:
        return _as_only_member(gold, answer, alike)
    if {ours, theirs} == {"()", ""}:
        if not isinstance(gold, Sequence) or not isinstance(answer, Sequence):
            return False
        if len(gold.items) == len(answer.items):
            return _in_order(_by_name(gold), _by_name(answer), alike)
        if not any(isinstance(spread(item), Sequence) for item in (*gold.items, *answer.items)):
            return False
    if alike.rules.order == "kept":
        return _in_order(gold, answer, alike)
    terms, others = _chunked(_carried(_items(gold))), _chunked(_carried(_items(answer)))
    is_plain = ours == theirs == "" and not any(isinstance(one, Sequence) for one in others)
    if is_plain and len(set(others)) < len(others) > len(terms) and len(set(terms)) == len(terms):
        return False  # a term that the gold answer has once is there twice
    if ours == theirs == "" and len(set(terms)) < len(terms):
        if len(terms) > len(_chunked(flat(answer))):
            return False  # a term that the gold answer repeats is left out
        if len(terms) == len(others) and _counts(terms, others, alike) != _counts(terms, terms, alike):
            return False
    if ours == theirs == "{}" and any(_is_set(one) for one in _items(gold)) != any(
        _is_set(one) for one in _items(answer)
    ):
        return False  # a set of sets
    return _matched(flat(gold), flat(answer), alike)


def _as_only_member(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """A set is no tuple; `\\{(1, 2)\\}` is the set of one."""
    ours, theirs = (node.items[0] if _is_set(node) and len(_items(node)) == 1 else node for node in (gold, answer))  # type: ignore[union-attr]
    return alike(ours, theirs) if _bracket(ours) == _bracket(theirs) == "()" else False


def _is_part(gold: Node, answer: Node) -> bool:
    """`\\{x\\}` beside an expression: what it has behind the point, rather than a set."""
    several, one = (gold, answer) if isinstance(gold, Sequence) else (answer, gold)
    is_single = isinstance(several, Sequence) and len(several.items) == 1 and not isinstance(one, Sequence)
    return is_single and bool(free(one)) and not free(one) & {"n", "k"}  # `\\{2n + 1\\}` is a sequence


def _is_set(node: Node) -> bool:
    return isinstance(node, Sequence) and node.opening == "{"


def _are_of_one_beside(values: Node, several: Node) -> bool:
    """`x = 2, 3` and `\\{2, 3\\}` beside `x = 2, y = 3`."""
    return is_of_several(several) and (is_of_one(values) or _is_set_of_values(values))


def _is_set_of_values(node: Node) -> bool:
    """`\\{2, 3\\}`, which does not tell whose they are."""
    return _is_set(node) and not any(isinstance(item, Relation | Sequence) for item in _items(node))


def _counts(terms: tuple[Node, ...], others: tuple[Node, ...], alike: Alike) -> list[int]:
    """How often each term is among the others."""
    return [sum(alike(term, other) is True for other in others) for term in terms]


def _without_brackets(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """An interval, and a value or a list without brackets: never the same, unless the brackets were left out."""
    ours, theirs = _items(gold), _items(answer)
    if len(ours) != len(theirs):
        return False if isinstance(gold, Num) or isinstance(answer, Num) else None
    return False if _in_order(gold, answer, alike) is False else None


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else (node,)


def _same_progressions(gold: tuple[Node, ...], answer: tuple[Node, ...], alike: Alike) -> bool | None:
    """`1, 3, 5, \\ldots, 99`: as many terms need not be written out, but the first and the last are the same."""
    if len(gold) == len(answer) and every(alike(a, b) for a, b in zip(gold, answer, strict=True)):
        return True
    ends = [alike(gold[i], answer[i]) for i in (0, -1) if ELLIPSIS not in (gold[i], answer[i])]
    return False if False in ends else None


def _by_name(node: Sequence) -> Sequence:
    """`y = 3, x = -2` in the order of its names, where they follow each other in the alphabet: so a pair is meant."""
    if node.opening or not all(isinstance(item, Relation) and item.signs == ("=",) for item in node.items):
        return node
    names = [name_of(item) for item in node.items]  # type: ignore[arg-type]
    letters = "".join(sorted(name.name for name in names if isinstance(name, Sym)))
    if len(letters) != len(names) or letters not in "abcdefghijklmnopqrstuvwxyz":
        return node
    return Sequence("", "", tuple(sorted(node.items, key=lambda item: name_of(item).name)))  # type: ignore


def same_cases(gold: Cases, answer: Cases, alike: Alike) -> bool | None:
    """Functions defined case by case, in whatever order."""
    if len(gold.rows) != len(answer.rows):
        return None
    found = [
        _same_case(value, [v for v, c in answer.rows if alike(condition, c)], alike) for value, condition in gold.rows
    ]
    return every(iter(found))


def _same_case(value: Node, others: list[Node], alike: Alike) -> bool | None:
    return alike(value, others[0]) if len(others) == 1 else None


def _bracket(node: Node) -> str:
    return node.opening + node.closing if isinstance(node, Sequence) else ""


def _in_order(gold: Node, answer: Node, alike: Alike) -> bool | None:
    ours, theirs = flat(gold), flat(answer)
    if len(ours) != len(theirs):
        return False
    return every(alike(a, b) for a, b in zip(ours, theirs, strict=True))


def _matched(gold: tuple[Node, ...], answer: tuple[Node, ...], alike: Alike) -> bool | None:
    """The same members in whatever order; one that is written twice counts once."""
    if _is_of_one_of(gold, answer) or _is_of_one_of(answer, gold):
        return False
    gold, answer = without_index(_chunked(_carried(gold)), _chunked(_carried(answer)))
    named = [all(isinstance(one, Relation) and one.signs == ("=",) for one in side) for side in (gold, answer)]
    if named[0] != named[1] and len({name_of(one) for one in (gold if named[0] else answer)}) > 1:  # type: ignore[arg-type]
        return every(alike(a, b) for a, b in zip(gold, answer, strict=True)) if len(gold) == len(answer) else False
    if max(len(gold), len(answer)) > MOST_MEMBERS or _work(gold, answer) > MOST_WORK:
        return None
    if not gold or not answer:
        return gold == answer
    if not any(isinstance(one, Relation) for one in gold):
        answer = tuple(one for one in answer if not _is_exception(one)) or answer
    return _same_members(gold, answer, alike)


def _same_members(gold: tuple[Node, ...], answer: tuple[Node, ...], alike: Alike) -> bool | None:
    """Has each one its equal on the other side? Those without a match are tried first, and no more than tell."""
    told: dict[tuple[int, int], bool | None] = {}
    ours, theirs = range(len(gold)), range(len(answer))
    matched: set[int] = set()
    undecided = False
    for i in ours:
        found = None
        for j in sorted(theirs, key=matched.__contains__):
            found = told[i, j] = alike(gold[i], answer[j])
            if found:
                matched.add(j)
                break
        if not found and not any(told[i, j] is None for j in theirs):
            return False
        undecided |= not found
    for j in theirs:
        if j in matched:
            continue
        column = [told[i, j] if (i, j) in told else alike(gold[i], answer[j]) for i in ours]
        if True not in column and None not in column:
            return False
        undecided |= True not in column
    return None if undecided else True


def _work(gold: tuple[Node, ...], answer: tuple[Node, ...]) -> int:
    ours, theirs = (sum(size(one) * (3 if free(one) else 1) for one in side) for side in (gold, answer))
    return ours * sum(map(_members, answer)) + theirs * sum(map(_members, gold))


def _members(node: Node) -> int:
    """Of a list or a set with all those in it, of which each is compared with each."""
    return sum(map(_members, node.items)) if isinstance(node, Sequence) and node.opening in ("", "{") else 1


def _is_exception(node: Node) -> bool:
    """`x \\neq 1` behind an expression: where it has no value."""
    return isinstance(node, Relation) and node.signs == ("!=",)


def _carried(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """`x = 1, 2` says that x is 1 or 2."""
    first = items[0] if items else None
    if isinstance(first, Relation) and first.signs == ("=",) and is_name(first.sides[0]):
        rest = [isinstance(item, Relation) for item in items[1:]]
        if rest and not any(rest):
            return (first.sides[1], *items[1:])
    return items


def _is_of_one_of(items: tuple[Node, ...], others: tuple[Node, ...]) -> bool:
    """`x = 2, 3` beside `x = 2, y = 3`: two values of one of the letters."""
    if len(items) < 2 or _carried(items) is items or not all(map(_is_equation, others)):
        return False
    names = {name_of(other) for other in others}  # type: ignore[arg-type]
    return len(names) > 1 and name_of(items[0]) in names  # type: ignore[arg-type]


def _is_equation(node: Node) -> bool:
    return isinstance(node, Relation) and node.signs == ("=",)


def _chunked(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """`p = 5, q = 2, p = 7, q = 2` are two solutions."""
    names = [name_of(item) for item in items if isinstance(item, Relation) and item.signs == ("=",)]
    size = len(dict.fromkeys(names))
    if len(names) != len(items) or size < 2 or len(names) == size or names != names[:size] * (len(names) // size):
        return items
    return tuple(Sequence("", "", items[i : i + size]) for i in range(0, len(items), size))


def same_matrices(gold: Node, answer: Node, alike: Alike) -> bool | None:
    ours, theirs = rows(gold), rows(answer)
    if ours is None or theirs is None:
        return False
    if len(ours) != len(theirs) or len(ours[0]) != len(theirs[0]):
        vectors = isinstance(gold, Sequence) or isinstance(answer, Sequence)
        if not vectors or min(len(ours), len(ours[0])) > 1 or min(len(theirs), len(theirs[0])) > 1:
            return False
    flat = [[cell for row in rows for cell in row] for rows in (ours, theirs)]
    if len(flat[0]) != len(flat[1]):
        return False
    return every(alike(a, b) for a, b in zip(*flat, strict=True))


def rows(node: Node) -> tuple[tuple[Node, ...], ...] | None:
    if isinstance(node, Matrix):
        return node.rows
    if isinstance(node, Call) and node.name in ("*", "/", "neg"):
        inner = [rows(arg) if not isinstance(arg, Sequence) else None for arg in node.args]
        if node.name == "neg" and inner[0]:
            return tuple(tuple(Call("neg", (cell,)) for cell in row) for row in inner[0])
        place = next((i for i, rows in enumerate(inner) if rows), None)
        if place is not None and inner.count(None) == 1 and (node.name == "*" or place == 0):
            factor = node.args[1 - place]
            return tuple(tuple(Call(node.name, (cell, factor)) for cell in row) for row in inner[place] or ())
        return None
    return (node.items,) if isinstance(node, Sequence) and node.opening == "(" and node.items else None


_IDENTITY = re.compile("[IE](_.*)?")


def as_identity(node: Node, other: Node) -> Node:
    """`I` or `2I_3` beside a square matrix as one; another node as it is."""
    if not isinstance(other, Matrix) or len(other.rows) != len(other.rows[0]) or not isinstance(node, Sym | Call):
        return node
    names = [name for name in free(node) if _IDENTITY.fullmatch(name)]
    size = len(other.rows)
    if len(names) != 1 or names[0] not in {"I", "E", f"I_{size}", f"E_{size}", "I_n", "E_n"}:
        return node
    cells = ((Num(Fraction(int(i == j))) for j in range(size)) for i in range(size))
    return replaced(node, names[0], Matrix(tuple(tuple(row) for row in cells)))


def is_either(node: Node) -> bool:
    return isinstance(node, Call) and node.name == EITHER


def same_choices(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """Statements of which one holds; those that all hold are something else, and a single one may say the same."""
    if not isinstance(gold, Call) or not isinstance(answer, Call) or gold.name != answer.name:
        return None
    return _matched(gold.args, answer.args, alike)


def same_parts(gold: Call, answer: Node, alike: Alike) -> bool | None:
    """Unions of sets that are only named."""
    if not isinstance(answer, Call) or answer.name != gold.name:
        return None
    if gold.name == "minus":
        return every(alike(a, b) for a, b in zip(gold.args, answer.args, strict=True))
    return _matched(_parts(gold, gold.name), _parts(answer, gold.name), alike)


def _parts(node: Node, name: str) -> tuple[Node, ...]:
    if isinstance(node, Call) and node.name == name:
        return tuple(part for arg in node.args for part in _parts(arg, name))
    return (node,)
