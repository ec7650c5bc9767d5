"""All that an answer can mean: a comma divides, groups digits or is a decimal point; a letter may be a unit."""

import re
from contextlib import suppress
from functools import lru_cache

from distill.verify.algebra.by_look import by_look
from distill.verify.algebra.domains import written_out
from distill.verify.algebra.families import is_family, permutation, split
from distill.verify.algebra.nodes import Based, Family, Node, Permutation, Unread
from distill.verify.algebra.quantities import holds_quantity, names_unit
from distill.verify.algebra.reader import Reader
from distill.verify.algebra.stream import ALL_LETTERS, NO_LETTERS, SOME_LETTERS
from distill.verify.algebra.symbols import free
from distill.verify.algebra.tokens import spelled
from distill.verify.algebra.variants import variants
from distill.verify.notation import DERIVATIVE

_SET_NAME = re.compile(r"[A-Z]\s*(?:\\(?:cap|cup|setminus)\s*[A-Z]\s*)?=\s*(?=\\\{)")
_INDEX_TAIL = re.compile(r"[\s,;(]*([a-z])\s*\\in\s*(?:\\set)?[NZ]\s*(?:[\^_]\s*\{?\s*[*+]\s*\}?)?\s*\)?$")
_DOT = r"\\dot\s*\{?\s*(\d)\s*\}?"
_REPEATING = re.compile(rf"(\d\.\d*){_DOT}(?:(\d*){_DOT})?")
_PERIOD = re.compile(r"(?<![\d.])(\d+\.\d*)\((\d+)\)(?![\d^])")
"""`0.(3)`: a period in brackets."""
_DIGITS = re.compile("[0-9]*[A-Fa-f][0-9A-Fa-f]*")
_CYCLES = re.compile(r"(?:\([1-9]{2,9}\))+")
LONGEST_DIGITS = 100
_GLUED_UNIT = re.compile(r"(?<=\d)[A-Za-z]{2,3}(?![A-Za-z{])")
_UNIT_LETTER = re.compile(r"[\d})]\s*(?:[msghlLJNW]|(?<=\s)(?:[CVAKFTH]|\\Omega))(?![A-Za-z(])")


def readings_of_both(
    gold: str, answer: str, functions: frozenset[str] = frozenset()
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Those of two answers; letters are symbols of units where the other one names a unit.

    Raises:
        Unread: one of them has none.
    """
    ours, theirs = _readings_or_none(gold, functions), _readings_or_none(answer, functions)
    if not ours or any(map(names_unit, theirs)):
        ours += _readings_with_units(gold, functions)
    if not theirs or any(map(names_unit, ours)):
        theirs += _readings_with_units(answer, functions)
    theirs += _as_notated(ours, answer)
    if not ours or not theirs:
        raise Unread(answer[:50] if ours else gold[:50])
    return ours, theirs


def _as_notated(gold: tuple[Node, ...], answer: str) -> tuple[Node, ...]:
    """Digits of the base, or cycles without spaces, where the gold answer is of that kind."""
    if not isinstance(gold[0] if gold else None, Based | Permutation) or len(answer) > LONGEST_DIGITS:
        return ()
    digits = re.sub(r"\\(?:text|mathrm)\s*\{([^{}]*)\}|\s", lambda m: m[1] or "", answer).strip("$")
    found: list[Node] = []
    for node in gold:
        if isinstance(node, Based) and _DIGITS.fullmatch(digits):
            found.append(Based(digits.upper(), node.base))
        if isinstance(node, Permutation) and _CYCLES.fullmatch(digits):
            found.append(permutation(re.sub(r"(?<=\d)(?=\d)", " ", digits)))
    return tuple(found)


def _readings_or_none(text: str, functions: frozenset[str]) -> tuple[Node, ...]:
    try:
        return readings(text, functions)
    except (Unread, ValueError, ZeroDivisionError):
        return ()


@lru_cache(maxsize=1024)
def _readings_with_units(text: str, functions: frozenset[str]) -> tuple[Node, ...]:
    found = []
    for variant in variants(_plain(text)):
        with suppress(Unread, ValueError, ZeroDivisionError):
            found.append(Reader(variant, ALL_LETTERS, functions).answer())
    return tuple(one for one in found if names_unit(one))


@lru_cache(maxsize=8192)
def readings(text: str, functions: frozenset[str] = frozenset()) -> tuple[Node, ...]:
    """
    Raises:
        Unread: there is none.
    """
    if DERIVATIVE.search(text):
        raise Unread(text[:50])
    plain = _plain(text)
    if special := by_look(plain):
        return special
    if family := _family(plain, functions):
        return family
    found: list[Node] = []
    for variant in variants(plain):
        for unit_letters in (NO_LETTERS, SOME_LETTERS)[: 1 + bool(_UNIT_LETTER.search(variant))]:
            try:
                found.append(Reader(variant, unit_letters, functions).answer())
            except (Unread, ValueError, ZeroDivisionError):
                continue
    if not found:
        raise Unread(text[:50])
    return (*found, *_as_letters(plain, found, functions))


def _as_letters(plain: str, found: list[Node], functions: frozenset[str]) -> tuple[Node, ...]:
    """`\\frac{2mg}{3k}` with m and g, where what was read as a unit stands among other letters."""
    if not _GLUED_UNIT.search(plain) or not any(holds_quantity(node) and free(node) for node in found):
        return ()
    try:
        return (Reader(_GLUED_UNIT.sub(lambda m: " ".join(m[0]), plain), NO_LETTERS, functions).answer(),)
    except (Unread, ValueError, ZeroDivisionError):
        return ()


def _plain(text: str) -> str:
    """In one spelling, without the name of a set or the index of a sequence."""
    if "." in text:
        text = _PERIOD.sub(r"\1\\overline{\2}", _REPEATING.sub(_overlined, text))
    plain = _SET_NAME.sub("", spelled(text)) if "=" in text else spelled(text)
    if (tail := _INDEX_TAIL.search(plain)) and re.search(rf"[a-z]_{{?{tail[1]}}}?\s*=", plain[: tail.start()]):
        plain = plain[: tail.start()]  # a sequence has a term for each index, said or not
    return written_out(plain) if "\\{" in plain or "\\setR" in plain else plain


def _overlined(found: re.Match[str]) -> str:
    """`0.1\\dot{4}285\\dot{7}` with a bar."""
    return rf"{found[1]}\overline{{{found[2]}{found[3] or ''}{found[4] or ''}}}"


def _family(text: str, functions: frozenset[str]) -> tuple[Node, ...]:
    """`\\frac{\\pi}{4} + k\\pi, k \\in \\mathbb{Z}`, in every reading of what stands before the condition."""
    if (parts := split(text)) is None:
        return ()
    body, parameter, condition = parts
    try:
        domain = Reader(condition).answer()
    except (Unread, ValueError, ZeroDivisionError):
        return ()
    found = []
    for variant in variants(body):
        try:
            value = Reader(variant, functions=functions).answer()
        except (Unread, ValueError, ZeroDivisionError):
            continue
        if is_family(value, parameter):
            found.append(Family(value, parameter, domain))
    return tuple(found)
