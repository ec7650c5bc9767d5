"""A bound that spares most comparisons: how many words of one text stand nowhere in the other?

`same_problem` counts the words in which two aligned texts differ. However they are aligned, a word of which no part
differs stands in the other text letter by letter, without a gap; so every word that does not is one that differs. Here
a word is known by its first `PIECE` letters, and the letters of a text by a bitmap of all such pieces (a Bloom filter
with one hash: Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970), for all rows at once. Where
two pieces fall on one bit, fewer words are missing: the bound never decides otherwise than the comparison would.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.duplicates.problem_tokens import is_bare
from distill.curate.text.conditions import NUMBERS
from distill.curate.text.shingles import (
    KINDS,
    LETTER,
    LOWER,
    MASKS,
    PADDING,
    PRIMES,
    Batch,
    Hashes,
    Places,
    Stream,
    among,
    batch_of,
    eight,
    names,
    stream_of,
)

PIECE = 3
"""Letters of a word that are looked for. With more, fewer words are long enough; with fewer, most stand somewhere."""

BITS = 2048
"""Of a bitmap, of which a text of 300 letters sets an eighth; half a kilobyte for a row that is in a pair."""

_PAIRS = 1 << 14  # that are looked at in one
_SPACES = np.isin(np.arange(256), [ord(" "), ord("\n")])  # between which `Tokens.spanned` counts words
_BLANKS = np.array([chr(code).isspace() for code in range(128)] + [False] * 128)
_ENDING = np.isin(np.arange(256), [ord(character) for character in ".,;:?!)"])
_NUMBER_WORDS = names([*NUMBERS])


class Letters(NamedTuple):
    """Of texts, one a row."""

    asked: Hashes
    """(rows, BITS / 64): the pieces that its words begin with."""
    there: Hashes
    """The same of all pieces of its letters, whatever stands between them."""
    most: Places
    """As many as `Tokens.all_words`, or more."""
    bare: NDArray[np.bool_]
    """Has it no punctuation at all?"""


def letters_of(texts: list[str]) -> Letters:
    batch = batch_of(texts)
    stream = stream_of(batch)
    beyond = [0 if text.isascii() else sum(not character.isascii() for character in text) for text in texts]
    blanks = np.append(0, np.cumsum(_BLANKS[batch.data]))[batch.begins]
    bare = np.fromiter(map(is_bare, texts), bool, len(texts))
    return Letters(_asked(batch), _there(stream), np.diff(blanks) + 1 + np.array(beyond, np.int64), bare)


def too_different(letters: Letters, pairs: Places, least: float) -> NDArray[np.bool_]:
    """Of which pairs (pairs, 2) is it certain that they have less than this share of their words in common?"""
    found = np.zeros(len(pairs), bool)
    for begin in range(0, len(pairs), _PAIRS):
        one, other = pairs[begin : begin + _PAIRS].T
        missing = np.maximum(_missing(letters, one, other), _missing(letters, other, one))
        far = missing > (1 - least) * np.minimum(letters.most[one], letters.most[other])
        found[begin : begin + _PAIRS] = far & (letters.bare[one] == letters.bare[other])  # else both go without
    return found


def _missing(letters: Letters, one: Places, other: Places) -> Places:
    """Words of one that stand nowhere in the other, or fewer."""
    return np.bitwise_count(letters.asked[one] & ~letters.there[other]).sum(axis=1, dtype=np.int64)


def _asked(batch: Batch) -> Hashes:
    """Of the words of letters only, between spaces or ends of lines, perhaps with one mark behind them."""
    data, begins = batch
    padded = np.append(LOWER[data], np.zeros(PADDING, np.uint8))
    last = np.append(_SPACES[data], True)  # where a word has ended
    first = np.append(True, last[:-1])  # where one may begin
    last[begins] = first[begins] = True
    others = np.append(np.flatnonzero(KINDS[data] != LETTER), len(data))
    starts = np.flatnonzero(first[:-1] & (KINDS[data] == LETTER))
    ends = others[np.searchsorted(others, starts)]
    ends = np.minimum(ends, begins[np.searchsorted(begins, starts, side="right")])
    marked = _ENDING[padded[ends]] & last[np.minimum(ends + 1, len(data))]
    lengths = ends - starts
    whole = (last[ends] | marked) & (lengths >= PIECE)
    starts, lengths = starts[whole], lengths[whole]
    packed = eight(padded, starts)
    words = packed & MASKS[np.minimum(lengths, PADDING - 1)] ^ lengths.astype(np.uint64) << np.uint64(59)
    telling = ~among(words, _NUMBER_WORDS)
    starts, packed = starts[telling], packed[telling]
    return _bitmap(packed, np.searchsorted(begins, starts, side="right") - 1, len(begins) - 1)


def _there(stream: Stream) -> Hashes:
    count = int(stream.begins[-1])
    rows = np.repeat(np.arange(len(stream.begins) - 1), np.diff(stream.begins))
    return _bitmap(eight(stream.chars, np.arange(count)), rows, len(stream.begins) - 1)


def _bitmap(packed: Hashes, rows: Places, count: int) -> Hashes:
    """(count, BITS / 64): a bit for each piece, the first bytes of a number, in its row."""
    bits = np.zeros((count, BITS), np.uint8)
    hashed = (packed & MASKS[PIECE]) * PRIMES[0]
    bits[rows, hashed >> np.uint64(64 - BITS.bit_length() + 1)] = 1
    return np.packbits(bits, axis=1).view(np.uint64)
