"""All that an answer can mean: a comma divides, groups digits or is a decimal point; a letter may be a unit."""

import re
from functools import lru_cache

from distill.verify.algebra.by_look import by_look
from distill.verify.algebra.families import is_family, split
from distill.verify.algebra.nodes import (
    Family,
    Node,
    Unread,
)
from distill.verify.algebra.reader import Reader
from distill.verify.algebra.tokens import spelled
from distill.verify.algebra.variants import variants
from distill.verify.notation import DERIVATIVE

_BUILDER = re.compile(r"\\\{\s*[A-Za-z](?:\s*\\in\s*\\setR)?\s*(?::|\\mid|\|)\s*(.*[<>=\\].*)\\\}")
_SET_NAME = re.compile(r"[A-Z]\s*(?:\\(?:cap|cup|setminus)\s*[A-Z]\s*)?=\s*(?=\\\{)")
_INDEX_TAIL = re.compile(r"[\s,;(]*([a-z])\s*\\in\s*(?:\\set)?[NZ]\s*(?:[\^_]\s*\{?\s*[*+]\s*\}?)?\s*\)?$")
_DOT = r"\\dot\s*\{?\s*(\d)\s*\}?"
_REPEATING = re.compile(rf"(\d\.\d*){_DOT}(?:(\d*){_DOT})?")
_PERIOD = re.compile(r"(?<![\d.])(\d+\.\d*)\((\d+)\)(?![\d^])")
"""`0.(3)`: a period in brackets."""
_UNIT_LETTER = re.compile(r"[\d})]\s*(?:[msghlLJNW]|(?<=\s)(?:[CVAKFTH]|\\Omega))(?![A-Za-z(])")


@lru_cache(maxsize=8192)
def readings(text: str, functions: frozenset[str] = frozenset()) -> tuple[Node, ...]:
    """
    Raises:
        Unread: there is none.
    """
    if DERIVATIVE.search(text):
        raise Unread(text[:50])
    plain = _SET_NAME.sub("", spelled(_PERIOD.sub(r"\1\\overline{\2}", _REPEATING.sub(_overlined, text))))
    if (tail := _INDEX_TAIL.search(plain)) and re.search(rf"[a-z]_{{?{tail[1]}}}?\s*=", plain[: tail.start()]):
        plain = plain[: tail.start()]  # a sequence has a term for each index, said or not
    if builder := _BUILDER.fullmatch(plain):
        plain = builder[1].strip()
    if special := by_look(plain):
        return special
    if family := _family(plain, functions):
        return family
    found: list[Node] = []
    for variant in variants(plain):
        for unit_letters in (False, True)[: 1 + bool(_UNIT_LETTER.search(variant))]:
            try:
                found.append(Reader(variant, unit_letters, functions).answer())
            except (Unread, ValueError, ZeroDivisionError):
                continue
    if not found:
        raise Unread(text[:50])
    return tuple(found)


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
