"""Characters beyond ASCII in the spelling that a copy in ASCII or LaTeX has: `½`, `×`, `π`, `’`, full-width and other
digits, accents, and Cyrillic or Greek letters that only look Latin. Chinese, Japanese and Korean letters stay."""

import re
import unicodedata
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

_FOLDED = re.compile("[^\x00-\x7f\u3040-\u9fff\uac00-\ud7af]")
"""What may be folded."""


class _Folds(dict[int, str]):
    """Code point -> what stands for it, found at the first look."""

    def __missing__(self, code: int) -> str:
        self[code] = found = "".join(map(_fold, unicodedata.normalize("NFKC", chr(code))))
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
    return text if text.isascii() else _FOLDED.sub(lambda found: _FOLDS[ord(found[0])], text)


def unfolded(text: str, begin: int, end: int) -> str:
    """What of a text became the bytes from `begin` to `end` (in UTF-8) of what `folded` makes of it."""
    if text.isascii():
        return text[begin:end]
    ends = accumulate(len(folded(char).encode("utf-8", "replace")) for char in text)
    return "".join(char for char, at in zip(text, ends, strict=True) if begin < at <= end)
