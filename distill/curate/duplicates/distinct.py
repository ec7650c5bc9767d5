"""Several traces of one problem, those that say nothing new left out.

By the Levenshtein distance of their characters, as a share of the longer one's; white space of any width is one space.
Nothing is sketched before: rapidfuzz
gives up where the cut-off is passed, after 2 ms for two traces of 30,000 characters, and the lower bound that q-grams
give (Ukkonen, "Approximate string-matching with q-grams and maximal matches", 1992) is 0.13 between traces whose
distance is 0.8: it would spare nothing where 0.15 and more is asked for (`benchmarks/near_duplicates.py`).
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from distill.errors import Refused

BY_WORDS = 60_000
"""Characters from which on traces are compared by words instead, which are a fifth as many."""

MOST_WORDS = 200_000
"""From which on they are compared by pieces of several words: the cost grows as the square."""


class Copy(NamedTuple):
    """A trace that differs too little from one that is kept."""

    trace: int
    kept: int
    """The first that it differs too little from."""
    distance: float
    """Normalised Levenshtein distance, from 0 to 1."""


class Distinct(NamedTuple):
    """What `distinct` finds; numbers are places in its traces."""

    kept: list[int]
    copies: list[Copy]


def distinct(traces: Sequence[str], least: float) -> Distinct:
    """Every trace that differs from all kept before it by `least` or more: the first of the likes stays, so give the
    best first. With n kept of m traces at most n m pairs are compared.

    Raises:
        Refused: `least` is not from 0 to 1.
    """
    if not 0 <= least <= 1:
        raise Refused(f"traces that differ by {least}: it is a share of their characters, from 0 to 1.")
    found = Distinct([], [])
    texts = [" ".join(trace.split()) for trace in traces]
    for number, text in enumerate(texts):
        likes = (Copy(number, other, _distance(text, texts[other], least)) for other in found.kept)
        copy = next((like for like in likes if like.distance < least), None)
        if copy is None:
            found.kept.append(number)
        else:
            found.copies.append(copy)
    return found


def _distance(one: str, other: str, least: float) -> float:
    """Their normalised distance; 1 where it is above `least`."""
    if one == other:
        return 0.0
    if max(len(one), len(other)) < BY_WORDS:
        return Levenshtein.normalized_distance(one, other, score_cutoff=least)
    words, others = one.split(), other.split()
    size = max(len(words), len(others)) // MOST_WORDS + 1
    return Levenshtein.normalized_distance(_pieces(words, size), _pieces(others, size), score_cutoff=least)


def _pieces(words: list[str], size: int) -> list[str]:
    """About so many words together. They end at words that a hash chooses, so that a word more or less moves no other
    piece; none has less than half as many, or four times as many."""
    return words if size == 1 else list(_cut(words, size))


def _cut(words: list[str], size: int) -> Iterator[str]:
    begin = 0
    for at, word in enumerate(words, 1):
        if (
            2 * (at - begin) >= size and zlib.crc32(word.encode("utf-8", "replace")) % size == 0
        ) or at - begin == 4 * size:
            yield " ".join(words[begin:at])
            begin = at
    if begin < len(words):
        yield " ".join(words[begin:])
