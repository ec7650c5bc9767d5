"""A bound that spares most comparisons: how many words of one text stand nowhere in the other?

`same_problem` counts the words in which two aligned texts differ. However they are aligned, a word of which no part
differs stands in the other text letter by letter, without a gap; so every word that does not is one that differs. The
bound never decides otherwise than the comparison would, and costs a tenth of it.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from distill.curate.conditions import NUMBERS
from distill.curate.problem_tokens import is_bare
from distill.curate.shingles import LAYOUT

_CACHED = 1 << 14  # words of which it is known whether they count
_LAYS_OUT = re.compile(rf"\\(?:{'|'.join(LAYOUT)})(?![A-Za-z])")
_NUMBER = re.compile("|".join(NUMBERS))
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())
_WITHIN_WORDS = bytes(code for code in _NO_LETTERS if chr(code) not in " \n\\{}")
_ENDS_OF_LINES = bytes.maketrans(b"\n", b" ")


class Letters(NamedTuple):
    """A text without all that is no ASCII letter or digit."""

    text: str
    """In lower case, LaTeX that lays out left out."""
    most: int
    """As many as `Tokens.all_words`, or more."""
    bare: bool
    """Has it no punctuation at all?"""


class Words(NamedTuple):
    """The words of a text: what stands between spaces and ends of lines."""

    words: set[str]
    """In lower case, without punctuation but braces and backslashes, and without what is not ASCII."""
    most: int
    bare: bool


def letters_of(text: str) -> Letters:
    letters = _LAYS_OUT.sub("", text.lower() if text.isupper() else text) if "\\" in text else text
    return Letters(_ascii(letters, None, _NO_LETTERS), _most(text), is_bare(text))


def words_of(text: str) -> Words:
    words = {*_ascii(text, _ENDS_OF_LINES, _WITHIN_WORDS).split(" ")}
    return Words(words, _most(text), is_bare(text))


def too_different(words: Words, letters: Letters, least: float) -> bool:
    """Is it certain that two texts have less than this share of their words in common? The words should be those of the
    longer one."""
    if words.bare != letters.bare:  # both are compared without punctuation
        return False
    most, missing = (1 - least) * min(words.most, letters.most), 0
    for word in words.words:
        if word not in letters.text and _counts(word):
            missing += 1
            if missing > most:
                return True
    return False


def _ascii(text: str, table: bytes | None, left_out: bytes) -> str:
    return text.lower().encode("ascii", "ignore").translate(table, left_out).decode()


def _most(text: str) -> int:
    return len(text.split()) + (0 if text.isascii() else sum(not character.isascii() for character in text))


@lru_cache(_CACHED)
def _counts(word: str) -> bool:
    """Not those with digits, braces, or backslashes, as `problem_tokens` may join two of them, nor those that are
    numbers, or may be: `three` is compared as 3."""
    return word.isalpha() and not _NUMBER.search(word)
