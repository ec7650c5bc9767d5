"""The text of a problem as tokens that can be compared: words, numbers, and characters beyond ASCII.

`1,000` is 1000, `three` is 3, `\\dfrac{1}{2}` is 1/2, and LaTeX that only lays out is left out, as in `shingles`.
"""

import re
import string
from typing import NamedTuple

from distill.curate.duplicates.plain_formulas import plain
from distill.curate.text.conditions import NUMBERS
from distill.curate.text.pieces import SHORT_WORDS

_ASCII_TOKEN = r"\\?[A-Za-z]++(?:['’](?:s|t|d|m|ll|re|ve)(?![A-Za-z]))?+|\d++(?:\.\d++)?+"
_TOKEN = re.compile(rf"({_ASCII_TOKEN}|[^\W\d_A-Za-z])")
_TOKEN_OF_ASCII = re.compile(rf"({_ASCII_TOKEN})")  # the same where nothing else is, in two thirds of the time
_COMMA = re.compile(r",[\s}~]*\d{3}")  # as in `_THOUSANDS`, but found ten times as fast
_THOUSANDS = re.compile(r"(?<=\d)\s*(?:\{\s*,\s*\}|,)[\s~]*(?=\d{3}(?!\d))")
_PARENTHESES = re.compile(r"([^/÷^\w\s]\s*|[a-z]{2}\s(?=\(\d+/\d+\)))\(([\s~]*\w+\s*/\s*\w+[\s~]*)\)(?![\s~]*[\^!'])")
"""Around a fraction that is not divided by, raised to, or an argument."""

_PARENTHESIS = re.compile(r"\([\s~]*\w+\s*/")  # as in `_PARENTHESES`, but found ten times as fast

_NUMBER_WORDS = frozenset(NUMBERS)
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")
_TELLING = re.compile(r"(?<=\d)[.,:](?=\d)|[+*/^=<>|%]|[-!](?=\d)|(?<=\d)[-!)\]]")

FEW = 4
"""Marks of punctuation that a text may have whose copy just has none."""


class Tokens(NamedTuple):
    """A text as tokens."""

    words: list[str]
    """As they are compared."""
    written: list[str]
    """As they are written, LaTeX commands with their backslash."""
    between: list[str]
    """What stands before each, and behind the last."""
    bare: bool
    """Has the text no punctuation at all?"""
    text: str

    def spanned(self, begin: int, end: int) -> int:
        """Words that some tokens are of: they stand between white space, those beyond ASCII alone."""
        if begin == end:
            return 0
        spaces = sum(" " in part or "\n" in part for part in self.between[begin + 1 : end])
        return 1 + spaces + sum(not word.isascii() for word in self.words[begin + 1 : end])

    def all_words(self) -> int:
        """The same of all."""
        beyond = 0 if self.text.isascii() else sum(not word.isascii() for word in self.words)
        return len(self.text.split()) + beyond

    def loses_by_punctuation(self) -> bool:
        """Has it few marks, one of them in a number or a formula? `1.6` is no `16` that somebody has reformatted."""
        return len(_PUNCTUATION.findall(self.text)) <= FEW and bool(_TELLING.search(self.text))

    def without_punctuation(self) -> "Tokens":
        return self if self.bare else _tokens(self.text.translate(_WITHOUT_PUNCTUATION), bare=True)


def tokens_of(text: str) -> Tokens:
    return _tokens(text, is_bare(text))


def is_bare(text: str) -> bool:
    """Has it no punctuation at all?"""
    return not _PUNCTUATION.search(text)


def _tokens(text: str, bare: bool) -> Tokens:
    spelled = text.lower() if text.isupper() else text
    spelled = plain(spelled)
    if _COMMA.search(spelled):
        spelled = _THOUSANDS.sub("", spelled)
    if "/" in spelled and _PARENTHESIS.search(spelled):
        spelled = _PARENTHESES.sub(r"\1\2", spelled)
    parts = (_TOKEN_OF_ASCII if spelled.isascii() else _TOKEN).split(spelled)
    written = parts[1::2]
    words = "\0".join(written).lower().replace("\\", "").split("\0") if written else []
    if not _NUMBER_WORDS.isdisjoint(words):
        words = [*map(NUMBERS.get, words, words)]
    return Tokens(words, written, parts[::2], bare, text)


def is_symbol(token: str) -> bool:
    """A number, a symbol of a formula, a LaTeX command, or a word in capitals: in "the letters of RADII" it is data."""
    if token[0].isdigit() or token[0] == "\\" or (len(token) > 1 and token.isupper()):
        return True
    if len(token) > 2 or not token.isascii() or token in ("a", "A") or token.lower() in SHORT_WORDS:
        return False
    return not (len(token) == 2 and token.istitle())  # Ed, Mr
