"""A bound that spares most comparisons: how many words of one text stand nowhere in the other?

`same_problem` counts the words in which two aligned texts differ. Whatever the alignment, a word of which no part
differs stands in the other text letter by letter, without a gap; so every word that does not is one that differs. The
bound decides nothing that the comparison would decide otherwise, and costs a tenth of it.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from distill.curate.conditions import NUMBERS
from distill.curate.problem_tokens import Spelled

_LEFT_OUT = bytes(code for code in range(128) if not chr(code).isalnum() and chr(code) not in " \n")
_NUMBER = re.compile("|".join(NUMBERS))
_MAY_BE_NUMBER = re.compile("|".join(["[0-9]", *NUMBERS]))
_CACHED = 1 << 14  # words of which it is known whether they may be numbers


class Words(NamedTuple):
    """The words of a text: what stands between spaces and ends of lines, only ASCII letters and digits of it, in lower
    case."""

    words: frozenset[str]
    joined: str
    most: int
    """As many as `Tokens.all_words` or more."""
    bare: bool
    """Has the text no punctuation at all?"""


def words_of(spelled: Spelled) -> Words:
    letters = spelled.text.lower().encode("ascii", "ignore").translate(None, _LEFT_OUT).decode()
    words = letters.split()
    beyond = 0 if spelled.source.isascii() else sum(not character.isascii() for character in spelled.source)
    return Words(frozenset(words), "".join(words), len(spelled.source.split()) + beyond, spelled.bare)


def too_different(first: Words, second: Words, least: float) -> bool:
    """Is it certain that less than this share of their words is the same?"""
    if first.bare != second.bare:  # they are compared without punctuation
        return False
    most = (1 - least) * min(first.most, second.most)
    return _missing(first, second, most) or _missing(second, first, most)


def _missing(words: Words, other: Words, most: float) -> bool:
    """Are more than `most` of the words nowhere in the other text? Words that are numbers, or may be, do not count:
    `three` is equal to 3."""
    missing = words.words - other.words
    if len(missing) <= most:
        return False
    left = most
    for word in missing:
        if word not in other.joined and not _may_be_number(word):
            left -= 1
            if left < 0:
                return True
    return not _NUMBER.search(other.joined) and sum(word not in other.joined and not _NUMBER.search(word) for word in missing) > most


@lru_cache(_CACHED)
def _may_be_number(word: str) -> bool:
    return bool(_MAY_BE_NUMBER.search(word))
