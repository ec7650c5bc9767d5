"""Sketches of texts (MinHash), and the pairs of them that may be near-duplicates (LSH): arrays of NumPy throughout.

MinHash: Broder, "On the resemblance and containment of documents", 1997. Of each minimum only 8 bits are kept: Li and
König, "b-Bit Minwise Hashing", WWW 2010, section 2. Bands: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets",
section 3.4; a band is four bytes that stand together, so that the sketch itself is the key and nothing else is stored.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.text.shingles import Hashes, Places, Shingles, batch_of, numbers_of, shingles_of, stream_of

LENGTH = 8
"""Characters of a shingle: two words. A word replaced is two shingles of some eighty; of twelve characters, three."""

SLOTS = 128
"""Minima of a sketch; as many bytes. Bands are of four, 32: a pair of Jaccard similarity s is met with probability
1 - (1 - s^4)^32: 0.99 at 0.6, 0.87 at 0.5."""

LEAST_SHARED = 0.36
"""Share of the slots that a pair must have in common to be looked at."""

WINDOW = 32
"""Rows of the same band that a row is paired with; those that share the next band too come first."""

MOST = 32
"""Earlier rows that a row is compared with: those with the same numbers, then the likest. This and `WINDOW` bound the
cost where thousands of rows are of one pattern."""

_SEED = 0x5EED
_PART = 512  # rows that are sketched at once: their shingles stay in the cache
_MERGED = 1 << 20  # pairs that are gathered before they are merged, and as many as there are
_LOWER_HALF = (1 << 32) - 1  # a pair is one number: the later row, and in the lower half the earlier

Bytes = NDArray[np.uint8]


class Sketches(NamedTuple):
    """Of texts, one a row: 152 bytes."""

    slots: Bytes
    """(rows, SLOTS); 0 where a text is too short for a shingle."""
    numbers: Hashes
    """Of the numbers in it, and how many they are."""
    plain: Hashes
    """Of the letters and digits, LaTeX that lays out left out; 0: there are none."""
    spelled: Hashes
    """The same with the names of all commands, as in a text that has lost its backslashes."""

    def rows(self, chosen: Places) -> "Sketches":
        return Sketches(self.slots[chosen], self.numbers[chosen], self.plain[chosen], self.spelled[chosen])


def sketches_of(texts: list[str]) -> Sketches:
    stream = stream_of(batch_of(texts))
    plain = _row_hashes([stream.row(number) for number in range(len(texts))])
    spelled = plain.copy()
    latex = [number for number, text in enumerate(texts) if "\\" in text]
    if latex:
        other = stream_of(batch_of([texts[number] for number in latex]), without_layout=False)
        spelled[latex] = _row_hashes([other.row(number) for number in range(len(latex))])
    return Sketches(_slots_of(shingles_of(stream, LENGTH), len(texts)), numbers_of(stream), plain, spelled)


def _row_hashes(rows: list[bytes]) -> Hashes:
    digests = b"".join(blake2b(row, digest_size=8).digest() if row else bytes(8) for row in rows)
    return np.frombuffer(digests, np.uint64).copy()


def _permutations() -> NDArray[np.uint32]:
    rng = np.random.Generator(np.random.PCG64(_SEED))
    return rng.integers(0, 1 << 32, (2, SLOTS), np.uint32)


_OFFSETS, _FACTORS = _permutations()
_FACTORS |= np.uint32(1)


def _slots_of(shingles: Shingles, count: int) -> Bytes:
    slots = np.zeros((count, SLOTS), np.uint8)
    hashes = (shingles.hashes >> np.uint64(32)).astype(np.uint32)
    for first in range(0, count, _PART):
        begin, end = np.searchsorted(shingles.rows, [first, first + _PART])
        if begin < end:
            rows = shingles.rows[begin:end]
            begins = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
            slots[rows[begins]] = _minima(hashes[begin:end], begins)
    return slots


def _minima(hashes: NDArray[np.uint32], begins: Places) -> Bytes:
    """(texts, SLOTS): the last byte of the least of the hashes of a text, permuted in as many ways."""
    minima = np.empty((SLOTS, len(begins)), np.uint8)
    permuted = np.empty_like(hashes)
    for slot in range(SLOTS):
        np.bitwise_xor(hashes, _OFFSETS[slot], out=permuted)
        np.multiply(permuted, _FACTORS[slot], out=permuted)
        minima[slot] = np.minimum.reduceat(permuted, begins).astype(np.uint8)
    return minima.T


def same(hashes: Hashes) -> Places:
    """Pairs of a row and the first with the same hash: (pairs, 2), the earlier first, in the order of the later."""
    _, firsts, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    first = firsts[numbers]
    later = np.flatnonzero((first != np.arange(len(hashes))) & (hashes != 0))
    return np.stack([first[later], later], axis=1)


def alike(sketches: Sketches) -> Places:
    """Pairs of rows that share a band and enough slots, and have the same numbers or not as many: (pairs, 2), the
    earlier first, in the order of the later. As many numbers, but others, are another problem of the same pattern."""
    slots, numbers = sketches.slots, sketches.numbers
    bands = slots.view(np.uint32)
    there = np.flatnonzero(slots.any(axis=1))
    codes, found = np.empty(0, np.int64), list[Places]()
    for band in range(bands.shape[1]):
        for earlier, later in _neighbours(bands, band, there):
            differing = numbers[earlier] ^ numbers[later]
            likely = (differing == 0) | (differing & np.uint64(255) != 0)
            earlier, later = earlier[likely], later[likely]
            enough = _shared(slots, earlier, later) >= LEAST_SHARED * SLOTS
            found.append(later[enough] << 32 | earlier[enough])
        if band == bands.shape[1] - 1 or sum(map(len, found)) > len(codes) + _MERGED:  # so that all merges are linear
            codes, found = _likest(sketches, _distinct(np.concatenate([codes, *found]))), []
    return np.stack([codes & _LOWER_HALF, codes >> 32], axis=1)


def _neighbours(bands: NDArray[np.uint32], band: int, rows: Places) -> Iterator[tuple[Places, Places]]:
    """Rows that share a band, at most `WINDOW` places apart among those that do: the earlier, the later.

    Values are sorted that carry their rows: that is several times faster than sorting indices."""
    keys = bands[rows, band].astype(np.int64) << 32 | rows
    keys.sort()
    key = keys >> 32
    begins = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else key
    sizes = np.diff(np.append(begins, len(key)))
    shared = np.repeat(sizes > 1, sizes)
    key, rows, sizes = key[shared], keys[shared] & _LOWER_HALF, sizes[sizes > 1]
    large = np.flatnonzero(np.repeat(sizes > WINDOW + 1, sizes))
    following = bands[rows[large], (band + 1) % bands.shape[1]]
    rows[large] = rows[large[np.lexsort((following, key[large]))]]
    at = np.arange(len(rows))
    for distance in range(1, WINDOW + 1):
        at = at[: np.searchsorted(at, len(rows) - distance)]
        at = at[key[at] == key[at + distance]]
        if not len(at):
            return
        one, other = rows[at], rows[at + distance]
        yield np.minimum(one, other), np.maximum(one, other)


def _distinct(values: Places) -> Places:
    """Sorted; `np.unique` hashes before it sorts, which takes ten times as long."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values


def shared(sketches: Sketches, pairs: Places) -> NDArray[np.float64]:
    """Share of the slots that each pair has in common: about the Jaccard similarity of their shingles."""
    return _shared(sketches.slots, pairs[:, 0], pairs[:, 1]) / SLOTS


def _shared(slots: Bytes, earlier: Places, later: Places) -> Places:
    """Slots that each pair has in common."""
    shared = np.empty(len(earlier), np.int64)
    for begin in range(0, len(earlier), 8192):
        part = slice(begin, begin + 8192)
        shared[part] = np.count_nonzero(slots[earlier[part]] == slots[later[part]], axis=1)
    return shared


def _likest(sketches: Sketches, codes: Places) -> Places:
    """Sorted codes of pairs, of each later row at most `MOST`."""
    laters = codes >> 32
    begins = np.flatnonzero(np.append(True, laters[1:] != laters[:-1])) if len(codes) else codes
    sizes = np.diff(np.append(begins, len(codes)))
    if not len(sizes) or sizes.max() <= MOST:
        return codes
    crowded = np.repeat(sizes > MOST, sizes)
    many = codes[crowded]
    earlier, later = many & _LOWER_HALF, many >> 32
    others = sketches.numbers[earlier] != sketches.numbers[later]
    order = np.lexsort((earlier, -_shared(sketches.slots, earlier, later), others, later))
    sizes = sizes[sizes > MOST]
    places = np.arange(len(many)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(np.concatenate([codes[~crowded], many[order[places < MOST]]]))
