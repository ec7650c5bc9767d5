"""Families of values such as `\\frac{\\pi}{4} + k\\pi, k \\in \\mathbb{Z}`, residue classes, and permutations."""

import re
from bisect import bisect_left
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from distill.verify.algebra.exact import NotRational, Undefined
from distill.verify.algebra.nodes import (
    Call,
    Family,
    Node,
    Num,
    Permutation,
    Relation,
    Sequence,
    Sym,
    TooBig,
    Words,
)  # fmt: skip
from distill.verify.algebra.numeric import as_fraction, numeric
from distill.verify.algebra.relations import is_name
from distill.verify.algebra.rules import Alike
from distill.verify.algebra.several import flat
from distill.verify.algebra.symbols import free, renamed, replaced

_LINK = (
    r"(?:\x01(?:for|where|with|and|all|any|every|some|each|integers?|an?|when)|\b(?:for|where|with|for all|for any)\b)"
)
_TAIL = re.compile(
    rf"(.+?)\s*(?:[,;(]\s*(?:{_LINK}\s+)*|(?:{_LINK}\s+)+)([A-Za-z])\s*"
    r"((?:\\in|\\neq?|\\geq?|\\leq?|\\ge|\\le|<|>)(?![a-z])[^,;]*?)\)?"
)
_RELATIONS = ("\\in", "\\n", "\\g", "\\l", "<", ">")
"""One of them stands in every condition; looking for them is faster."""

_INTEGER_TAIL = re.compile(
    rf"(.+?)\s*(?:[,;(]\s*(?:{_LINK}\s+)*|(?:{_LINK}\s+)+)(?:"
    r"([A-Za-z])\s*\x01(?:is|be|are)?\s*(?:\x01an?\s+|\x01any\s+)?\x01integers?|(?<=\x01integer )\s*([A-Za-z]))\s*\)?"
)
RESIDUE = re.compile(
    r"(?:([A-Za-z])\s*\\equiv)?\s*((?:\\pm\s*|-)?\d+(?:\s*(?:,|\x01?or|\x01?and)\s*(?:\\pm\s*|-)?\d+)*)\s*"
    r"(?:\\pmod|\\mod|\(\s*(?:\\bmod|\\mod|\x01?mod))\s*\{?\s*(\d+)\s*\}?\s*\)?"
)
CYCLES = re.compile(r"(?:\(\s*\d+(?:\s+\d+)+\s*\)\s*)+")
_INTEGERS = Sym("set Z")
_PARAMETERS = frozenset("kmn")
MOST_CLASSES = 200
"""Of one progression within a common period."""

MOST_PLACES = 4000
"""The same of all together."""


def split(text: str) -> tuple[str, str, str] | None:
    """An expression, its parameter, and the condition on that."""
    is_related = any(map(text.__contains__, _RELATIONS))
    if is_related and (found := _TAIL.fullmatch(text)):
        if found[3].startswith("\\ne") and found[2] not in "kct":
            return None  # where an expression has no value
        return found[1], found[2], found[2] + " " + found[3]
    if "\x01integer" in text and (found := _INTEGER_TAIL.fullmatch(text)):
        name = found[2] or found[3]
        return found[1], name, name + r" \in \setZ"
    return None


def is_family(value: Node, parameter: str) -> bool:
    """Does the value depend on the parameter? Inequalities are no values."""
    if isinstance(value, Relation) and set(value.signs) != {"="}:
        return False
    return parameter in free(_bare(value)) and Sym(parameter) != value


def residues(found: re.Match[str]) -> tuple[Node, ...]:
    """`n \\equiv 3 \\pmod 7` is a family; without `\\equiv` it may be the remainder itself."""
    modulus, values = int(found[3]), []
    for sign, digits in re.findall(r"(\\pm\s*|-)?(\d+)", found[2]):
        values += [int(digits), -int(digits)] if sign.startswith("\\pm") else [int(sign + digits)]
    if not modulus:
        return ()
    step = Call("*", (Num(Fraction(modulus)), Sym("k")))
    members = tuple(Call("+", (Num(Fraction(value)), step)) for value in values)
    family = Family(
        members[0] if len(members) == 1 else Sequence("", "", members), "k", Relation((Sym("k"), _INTEGERS), ("in",))
    )
    return (family,) if found[1] or len(values) > 1 else (family, Num(Fraction(values[0])))


def permutation(text: str) -> Permutation:
    """A product of cycles, the right one first."""
    cycles = [[int(number) for number in cycle.split()] for cycle in re.findall(r"\(([\d\s]+)\)", text)]
    images = {}
    for start in {number for cycle in cycles for number in cycle}:
        at = start
        for cycle in reversed(cycles):
            at = cycle[(cycle.index(at) + 1) % len(cycle)] if at in cycle else at
        if at != start:
            images[start] = at
    return Permutation(tuple(sorted(images.items())))


def same_families(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """The same values, whatever their parameter is called; not decided where only other parameters could tell."""
    if not isinstance(gold, Family) or not isinstance(answer, Family):
        return _same_as_family(gold, answer, alike)
    ours, theirs = _bare(gold.value), renamed(_bare(answer.value), answer.parameter, gold.parameter)
    domains = alike(gold.domain, renamed(answer.domain, answer.parameter, gold.parameter))
    if alike(ours, theirs):
        return domains
    if domains and isinstance(gold.domain, Relation) and gold.domain.sides[-1] == _INTEGERS:
        if _is_bracketed(ours) or _is_bracketed(theirs):
            return _same_intervals(ours, theirs, gold.parameter)
        return _same_classes(ours, theirs, gold.parameter)
    return None


def same_unsaid(gold: Node, answer: Node, alike: Alike) -> bool:
    """Two general solutions such as `\\frac{\\pi}{3} + 2k\\pi` that do not say that k is a whole number."""
    both = []
    for node in (gold, answer):
        names = frozenset().union(*(free(_bare(one)) for one in flat(node)))
        if isinstance(node, Family) or len(names) != 1 or not names <= _PARAMETERS:
            return False
        (name,) = names
        both.append(Family(node, name, Relation((Sym(name), _INTEGERS), ("in",))))
    return same_families(both[0], both[1], alike) is True


def _is_bracketed(node: Node) -> bool:
    return isinstance(node, Sequence) and node.opening in ("(", "[")


def _same_points(gold: Node, answer: Node, parameter: str) -> bool | None:
    """Points on a line: no where they differ in a coordinate; else not decided."""
    if not isinstance(gold, Sequence) or not isinstance(answer, Sequence) or len(gold.items) != len(answer.items):
        return None
    if {gold.opening + gold.closing, answer.opening + answer.closing} != {"()"}:
        return None
    pairs = zip(gold.items, answer.items, strict=True)
    return False if False in [_same_classes(a, b, parameter) for a, b in pairs] else None


class _Intervals(NamedTuple):
    """Intervals of the same length, one behind the other."""

    brackets: str
    start: Fraction
    step: Fraction
    length: Fraction

    @property
    def apart(self) -> bool:
        """Do they leave something out between two of them, so that their union tells which they are?"""
        over = self.length - self.step
        return over < -_TINY or (over <= _TINY and self.brackets == "()")


def _same_intervals(gold: Node, answer: Node, parameter: str) -> bool | None:
    """Two unions of intervals such as `(2k, 2k + 1)`. Those that overlap may be the same in other ways."""
    try:
        ours, theirs = _intervals(gold, parameter), _intervals(answer, parameter)
    except NotRational:
        return _same_points(gold, answer, parameter)
    except (Undefined, TooBig):
        return None
    same = ours.brackets == theirs.brackets and all(
        abs(apart) <= _TINY for apart in (ours.step - theirs.step, ours.length - theirs.length)
    )
    same = same and _lies_among(ours.start % ours.step, [theirs.start % ours.step], ours.step)
    return same or (False if ours.apart and theirs.apart else None)


def _intervals(node: Node, parameter: str) -> _Intervals:
    """
    Raises:
        NotRational: their ends are no progressions with the same step.
    """
    if not isinstance(node, Sequence) or not _is_bracketed(node) or len(node.items) != 2:
        raise NotRational
    (start, step), (end, _) = (_progression(one, parameter) for one in node.items)
    _, apart = _progression(Call("+", (node.items[1], node.items[0])), parameter)
    if abs(apart - 2 * step) > _TINY or end <= start:
        raise NotRational
    return _Intervals(node.opening + node.closing, start, step, end - start)


def _same_as_family(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """A family beside what has no condition: `f(n) = n for all n`, or a value that is but one of its members."""
    family, other = (gold, answer) if isinstance(gold, Family) else (answer, gold)
    assert isinstance(family, Family)
    if isinstance(other, Words):
        return None
    names = free(_bare(other))
    if not names:
        return False
    if len(names & _PARAMETERS) == 1 and isinstance(family.domain, Relation) and family.domain.sides[-1] == _INTEGERS:
        (name,) = names & _PARAMETERS  # "where k is an integer" goes without saying
        unsaid = Family(other, name, Relation((Sym(name), _INTEGERS), ("in",)))
        return True if same_families(family, unsaid, alike) else None
    is_whole = isinstance(family.domain, Relation) and family.domain.signs == ("in",)
    return True if is_whole and alike(_bare(family.value), _bare(other)) else None


def _bare(node: Node) -> Node:
    """Without the name that a value is given to."""
    if isinstance(node, Relation) and set(node.signs) == {"="} and is_name(node.sides[0]) and len(node.sides) == 2:
        return node.sides[1]
    return node


def _same_classes(gold: Node, answer: Node, parameter: str) -> bool | None:
    """Two unions of progressions without ends: where they lie within a common period."""
    try:
        ours, theirs = (
            [_progression(half, parameter) for one in flat(node) for half in _by_parity(_bare(one), parameter)]
            for node in (gold, answer)
        )
    except (NotRational, Undefined, TooBig):
        return None
    steps = [step for _, step in ours + theirs]
    shares = [(step / steps[0]).limit_denominator(1000) for step in steps]
    if any(abs(share * steps[0] - step) > _TINY for share, step in zip(shares, steps, strict=True)):
        return None
    period = steps[0] * Fraction(lcm(*(s.numerator for s in shares)), gcd(*(s.denominator for s in shares)))
    if any(period / step > MOST_CLASSES for step in steps) or sum(period / step for step in steps) > MOST_PLACES:
        return None
    places = [
        sorted((start + k * step) % period for start, step in side for k in range(round(period / step)))
        for side in (ours, theirs)
    ]
    return all(_lies_among(place, others, period) for one, others in (places, places[::-1]) for place in one)


def _by_parity(node: Node, parameter: str) -> list[Node]:
    """`(-1)^k a + k\\pi` as one progression for even k and one for odd ones."""
    if not _alternates(node, parameter):
        return [node]
    twice = Call("*", (Num(Fraction(2)), Sym(parameter)))
    return [replaced(node, parameter, twice), replaced(node, parameter, Call("+", (twice, Num(Fraction(1)))))]


def _alternates(node: Node, parameter: str) -> bool:
    if not isinstance(node, Call):
        return False
    return (node.name == "^" and parameter in free(node.args[1])) or any(_alternates(a, parameter) for a in node.args)


_TINY = Fraction(1, 10**25)


def _lies_among(place: Fraction, others: list[Fraction], period: Fraction) -> bool:
    """Is it one of the others, which are in order? Its neighbours tell, the first being the last one's too."""
    at = bisect_left(others, place)
    near = (others[at - 1], others[at % len(others)])
    return any(min(apart := (place - other) % period, period - apart) < _TINY for other in near)


def _progression(node: Node, parameter: str) -> tuple[Fraction, Fraction]:
    """Its start and its step.

    Raises:
        NotRational: it is none.
    """
    at = [numeric(node, {parameter: Fraction(k)}) for k in (0, 1, 2, 5)]
    if any(value.imag for value in at):
        raise NotRational
    start, *later = [as_fraction(value) for value in at]
    step = later[0] - start
    if not step or any(abs(start + k * step - value) > _TINY for k, value in zip((1, 2, 5), later, strict=True)):
        raise NotRational
    return start, abs(step)
