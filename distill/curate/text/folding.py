"""Characters beyond ASCII in the spelling that a copy in ASCII or LaTeX has: `½`, `×`, `π`, `’`, full-width and other
digits, accents, and Cyrillic or Greek letters that only look Latin. Chinese, Japanese and Korean letters stay."""

import re
import unicodedata
from array import array
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate

_SYMBOLS = dict(
    zip(
        "−–—‐‑⁄∕×⋅·∙÷≤⩽≥⩾≠√∞°±→∈∠∑∏∫∪∩⊂⊆≡≈⌊⌋⌈⌉∆△⊥∥",
        r"- - - - - / / \times \cdot \cdot \cdot \div \le \le \ge \ge \ne \sqrt \infty ^\circ \pm \to \in \angle \sum"
        r" \prod \int \cup \cap \subset \subseteq \equiv \approx \lfloor \rfloor \lceil \rceil \triangle \triangle"
        r" \perp \parallel".split(),
        strict=True,
    )
)

_LOOKALIKES = dict(zip("аеорсухіјѕԁһӏАВЕКМНОРСТУХІЈЅ", "aeopcyxijsdhlABEKMHOPCTYXIJS", strict=True))
"""Cyrillic letters, and the Latin ones that they are mistaken for."""

_GREEK = re.compile("GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)$")

_RAISED, _LOWERED = "[\u00b2\u00b3\u00b9\u2070-\u207f]", "[\u2080-\u209c]"
_FOLDED = re.compile(
    f"({_RAISED}(?<!{_RAISED}{_RAISED}))|({_LOWERED}(?<!{_LOWERED}{_LOWERED}))|[^\x00-\x7f\u3040-\u9fff\uac00-\ud7af]"
)
"""What may be folded; the first of an exponent or an index gets its sign: `10¹⁴` is not `1014`."""


class _Folds(dict[int, str]):
    """Code point -> what stands for it, found at the first look."""

    def __missing__(self, code: int) -> str:
        found = "".join(map(_fold, unicodedata.normalize("NFKC", chr(code))))
        self[code] = found = f" {found}" if "/" in found[1:] else found  # `3½` is not `31/2`
        return found


_FOLDS = _Folds()


def _fold(char: str) -> str:
    if char.isascii():
        return char
    if char in _SYMBOLS:
        return _SYMBOLS[char] + " " * (_SYMBOLS[char][-1].isalpha())
    if char in _LOOKALIKES:
        return _LOOKALIKES[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if greek := _GREEK.match(unicodedata.name(char, "")):
        return f"\\{greek[2].lower().replace('lamda', 'lambda')} "
    kind = unicodedata.category(char)
    if kind == "Cf" or "\u0300" <= char < "\u0370":  # invisible, or an accent on the letter before it
        return ""
    if kind[0] in "PSZ":
        return "'" if char in "’‘ʼ" else " "
    letter = unicodedata.normalize("NFKD", char)[0]
    return letter if letter.isascii() else char


def folded(text: str) -> str:
    """The text with every such character spelled out."""
    return text if text.isascii() else _FOLDED.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    char = _FOLDS[ord(found[0])]
    return char if found.lastindex is None else f"{' ^_'[found.lastindex]}{char}"


def unfolded(text: str, begin: int, end: int) -> slice:
    """Which of a text's characters became the bytes from `begin` to `end` (in UTF-8) of what `folded` makes of it."""
    if text.isascii():
        return slice(begin, end)
    ends = _ends(text)
    return slice(bisect_right(ends, begin), bisect_right(ends, end))


@lru_cache(2)
def _ends(text: str) -> "array[int]":
    """Where each character's bytes end in what `folded` makes of a text: asked for once for each of its flags."""
    pairs = zip(f" {text}", text, strict=False)  # an exponent is told by what stands before it
    sizes = (1 if char.isascii() else _bytes(folded(before + char)) - _bytes(folded(before)) for before, char in pairs)
    return array("q", accumulate(sizes))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
