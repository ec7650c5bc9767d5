"""Words and phrases of fixed lists in texts: all of them in one pass, however many there are.

Aho-Corasick over bytes (ahocorasick-rs): some twenty times as fast as a regular expression of the hundred phrases of
`reflection.py` (`benchmarks/trace_scores.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_TABLE = bytes(range(256)).lower().translate(bytes.maketrans(b"\t\n\v\f\r", b"     "))
_IN_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")
_SPELLED = {
    **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u2028\u2029", "\n"),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys("\u2019\u02bc", "'"),
    **dict.fromkeys("\u00ad\u200b\ufeff", ""),
}
"""Spaces, hyphens and apostrophes beyond ASCII, as gpt-oss writes them, and what is not seen at all."""


class Place(NamedTuple):
    """Where a phrase stands, in bytes of what `encoded` makes of the text."""

    phrase: int
    begin: int
    end: int


class Phrases:
    """Finds phrases as whole words, in any case, with any white space character between them.

    A phrase that ends in `*` is the begin of a word: `verif*` stands in "verified". Phrases are counted each for
    itself, so that "check" is found in "double-check" too.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation

        needles = [phrase.rstrip("*").encode().translate(_TABLE) for phrase in phrases]
        self._automaton = BytesAhoCorasick(needles, implementation=Implementation.DFA)
        self._open = [phrase.endswith("*") for phrase in phrases]

    def places(self, data: bytes) -> list[Place]:
        """Where they stand in an `encoded` text, by their ends."""
        low = data.translate(_TABLE)
        last = len(low)
        return [
            Place(phrase, begin, end)
            for phrase, begin, end in self._automaton.find_matches_as_indexes(low, overlapping=True)
            if (begin == 0 or low[begin - 1] not in _IN_WORD)
            and (end == last or self._open[phrase] or low[end] not in _IN_WORD)
        ]

    def counts(self, data: bytes) -> list[int]:
        """How often each of them stands in an `encoded` text."""
        counts = [0] * len(self._open)
        for phrase, _, _ in self.places(data):
            counts[phrase] += 1
        return counts


def encoded(text: str) -> bytes:
    """A text as `Phrases` takes it: UTF-8, with the spaces, hyphens and apostrophes of ASCII."""
    if not text.isascii():
        for char, plain in _SPELLED.items():  # one after another: ten times as fast as all in one go
            if char in text:
                text = text.replace(char, plain)
    return text.encode("utf-8", "replace")


def words(data: bytes) -> int:
    """Runs of anything but white space (and control characters) in an `encoded` text. Chinese has few of them: it is
    not for that."""
    if not data:
        return 0
    inside = np.frombuffer(data, np.uint8) > ord(" ")
    return int(inside[0]) + int(np.count_nonzero(inside[1:] > inside[:-1]))
