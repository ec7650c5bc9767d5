"""Notations that are known by their look alone: bases, dates, times, ratios in words, residues, cycles."""

import re
from fractions import Fraction

from distill.verify.algebra.domains import in_words
from distill.verify.algebra.families import CYCLES, RESIDUE, permutation, residues
from distill.verify.algebra.groups import group
from distill.verify.algebra.nodes import (
    Based,
    Node,
    Num,
    Quantity,
    Ratio,
    Relation,
    Sym,
    Unread,
    Words,
)
from distill.verify.algebra.reader import Reader

_DIGITS = r"(?:[A-Za-z]\s*=\s*)?\x01?\(?(-?\s*[0-9A-Fa-f]+)\)?\s*"
_BASED = re.compile(rf"{_DIGITS}_\s*\{{?\s*\(?\s*(\d{{1,2}}|\x01?[a-z]+)\s*\)?\s*\}}?")
_BASE_SAID = re.compile(rf"{_DIGITS}\(?\s*(?:\x01?in\s+)?\x01?base\s*-?\s*(\d{{1,2}}|\x01?[a-z]+)\s*\)?")
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_BASES |= {"twelve": 12, "sixteen": 16, "hex": 16, "bin": 2, "oct": 8, "dec": 10}
_PROGRAMMED = re.compile(r"0([xXbBoO])([0-9A-Fa-f]+)")
_PREFIXES = {"x": 16, "b": 2, "o": 8}
_ISO_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_MONTHS = "january february march april may june july august september october november december".split()
_DATE_LIKE = re.compile(r"\d{4}-\d\d-\d\d")
LONGEST_DATE = len("2024-12-31")
_CLOCK = re.compile(r"(\d{1,2})\s*:\s*(\d\d)(?:\s*:\s*(\d\d))?\s*\x01?([ap])\s*\.?\s*\x01?m\s*\.?", re.IGNORECASE)
_TO = re.compile(r"(\d+)\s+\x01?to\s+(\d+)")
_MINUTES = re.compile(
    r"(\d+)\s*\^\s*\{?\s*\\circ\s*\}?\s*(\d+)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)(?:\s*(\d+(?:\.\d+)?)\s*(?:''|\"))?"
)
_FEET = re.compile(r"(\d+)\s*'\s*(\d+(?:\.\d+)?)\s*(?:''|\")")
_EQUATION = re.compile(r"Eq\((.*)\)")


def by_look(text: str) -> tuple[Node, ...]:
    """Notations that are known by their look alone: bases, times of day, ratios in words, residues, cycles, options."""
    if text in ("R", "Z", "N", "Q"):
        return Sym(text), Sym(f"set {text}")
    if ("_" in text or "base" in text) and (match := _BASED.fullmatch(text) or _BASE_SAID.fullmatch(text)):
        base = match[2].lstrip("\x01")
        if base.isdigit() or base in _BASES:
            digits = match[1].upper().replace(" ", "")
            return (Based(digits, int(base) if base.isdigit() else _BASES[base]),)
    if (node := in_words(text)) is not None:
        return (node,)
    if text.startswith("0") and (match := _PROGRAMMED.fullmatch(text)):
        base_of = _PREFIXES[match[1].lower()]
        return (Num(Fraction(int(match[2], base_of))), Based(match[2].upper(), base_of))
    if len(text) == LONGEST_DATE and (match := _ISO_DATE.fullmatch(text)):
        return (Words(f"{_MONTHS[int(match[2]) - 1]} {int(match[3])} {match[1]}"),)
    if len(text) == LONGEST_DATE and _DATE_LIKE.fullmatch(text):
        raise Unread(text)
    if ":" in text and (match := _CLOCK.fullmatch(text)):
        hour = int(match[1]) % 12 + (12 if match[4].lower() == "p" else 0)
        return (Ratio((str(hour), *(part for part in match.group(2, 3) if part)), of_day=True),)
    if text.startswith("Eq(") and (match := _EQUATION.fullmatch(text)) and (parts := _apart(match[1])):
        return (Relation(tuple(Reader(part).answer() for part in parts), ("=",)),)
    if "circ" in text and (match := _MINUTES.fullmatch(text)):
        seconds = Fraction(match[1]) * 3600 + Fraction(match[2]) * 60 + Fraction(match[3] or 0)
        return (Quantity(Num(seconds / 3600), "degree"),)
    if "'" in text and (match := _FEET.fullmatch(text)):
        return (Quantity(Num(12 * Fraction(match[1]) + Fraction(match[2])), "inch"),)
    if "to" in text and (match := _TO.fullmatch(text)):
        return (Ratio((match[1], match[2])),)
    if "_" in text or "\\set" in text:
        return (found,) if (found := group(text)) else ()
    if "mod" in text and (match := RESIDUE.fullmatch(text)):
        return residues(match)
    return (permutation(text),) if text.startswith("(") and CYCLES.fullmatch(text) else ()


def _apart(text: str) -> list[str]:
    """The two parts on both sides of a comma outside of brackets; nothing where there are not two."""
    depth, places = 0, []
    for at, sign in enumerate(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if sign == "," and not depth:
            places.append(at)
    return [text[: places[0]], text[places[0] + 1 :]] if len(places) == 1 and not depth else []
