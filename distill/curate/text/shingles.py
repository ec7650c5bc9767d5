"""Texts as streams of letters and digits, and the hashes of their shingles: all rows of a batch at once.

What two copies of one problem differ in when somebody reformats it is left out of the stream: case, white space,
punctuation, `$`, and the names of LaTeX commands that lay out or have many spellings (`\\dfrac`, `\\left`, `\\leq`).
`$\\frac{1}{2}x$`, `\\dfrac 12 x` and `1/2 x` are all `12x`. A shingle is `LENGTH` characters of the stream from the
begin of a word, a number, or a character beyond ASCII: hashing only those costs a fifth of hashing all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.text.folding import folded

LENGTH = 10
"""Characters of a shingle: two or three words. With 12 a twentieth more rows a second and a tenth fewer of the short
questions with replaced words; with 8 a fifth fewer rows."""

OTHER, LETTER, DIGIT, CONTINUING, LEADING = range(5)
"""Kinds of bytes; the last two are those of characters beyond ASCII."""

LAYOUT = """left right big bigl bigr bigm bigg biggl biggr displaystyle textstyle scriptstyle limits nolimits
displaylimits text textbf textit textrm textnormal mbox hbox mathrm mathbf mathit mathsf mathcal mathbb operatorname
quad qquad hspace vspace phantom hline boxed overline underline begin end frac dfrac tfrac cfrac binom dbinom tbinom
over le leq leqslant ge geq geqslant ne neq lt gt cdot cdots times div ldots dots dotsb dotsc dotsm""".split()
"""LaTeX commands that are left out of the stream."""

PADDING = 16

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]


def _kinds() -> Bytes:
    kinds = np.zeros(256, np.uint8)
    kinds[[*range(ord("a"), ord("z") + 1), *range(ord("A"), ord("Z") + 1)]] = LETTER
    kinds[ord("0") : ord("9") + 1] = DIGIT
    kinds[0x80:0xC0] = CONTINUING
    kinds[0xC0:] = LEADING
    return kinds


def _lower() -> Bytes:
    table = np.arange(256, dtype=np.uint8)
    table[ord("A") : ord("Z") + 1] += 32
    return table


def names(words: list[str]) -> Hashes:
    """Up to 8 characters of each with its length, sorted."""
    packed = [int.from_bytes(w.encode()[:8].ljust(8, b"\0"), "little") ^ len(w) << 59 for w in words]
    return np.sort(np.array(packed, np.uint64))


def _ends() -> NDArray[np.bool_]:
    """Bytes at which a sentence or a line may end."""
    ends = np.zeros(256, bool)
    ends[[ord(c) for c in ".?!:\n"]] = True
    return ends


SHORT = 160
"""Bytes of a text that may be little more than a formula."""

LEAST_FORMULA = 3
"""Letters and digits of one that tells something."""

_ENDS = _ends()
_BEGINS_FORMULA = np.isin(np.arange(256), [*b"$\\0123456789"])
KINDS, LOWER, _LAYOUT, _AROUND = _kinds(), _lower(), names(LAYOUT), names(["begin", "end"])
_TABLES = KINDS.tobytes(), LOWER.tobytes()
_ONES = np.uint64(0x0101010101010101)
MASKS = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(PADDING)], np.uint64)
PRIMES = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


class Batch(NamedTuple):
    """Rows of text, one after another."""

    data: Bytes
    """In UTF-8."""
    begins: Places
    """Of the rows, and the end of the last: one more than there are rows."""


class Stream(NamedTuple):
    """The letters and digits of a batch."""

    chars: Bytes
    """In lower case, with some bytes more behind the last."""
    starts: Places
    """Where in `chars` words, numbers, and characters beyond ASCII begin."""
    begins: Places
    """Of the rows in `chars`, and the end of the last."""
    places: Places
    """Where in the batch each of `chars` stands."""

    def row(self, number: int) -> bytes:
        return self.chars[self.begins[number] : self.begins[number + 1]].tobytes()


class Shingles(NamedTuple):
    """Those of all rows of a stream, in order."""

    hashes: Hashes
    starts: Places
    """In the stream."""
    rows: Places


def batch_of(texts: list[str]) -> Batch:
    """Texts one after another, `folded`; halves of surrogate pairs become question marks."""
    encoded = [folded(text).encode("utf-8", "replace") for text in texts]
    begins = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(row) for row in encoded], out=begins[1:])
    return Batch(np.frombuffer(b"".join(encoded), np.uint8), begins)


def stream_of(batch: Batch, without_layout: bool = True) -> Stream:
    """The letters and digits of a batch; `without_layout` leaves out commands of `LAYOUT`, known by their backslash."""
    data, begins = batch
    text = data.tobytes()
    kinds, lower = (np.frombuffer(text.translate(table), np.uint8) for table in _TABLES)
    kept = kinds != OTHER
    if without_layout and b"\\" in text:
        kept[_layout(data, kinds, lower)] = False
    before = np.zeros_like(kinds)
    before[1:] = kinds[:-1]
    before[begins[:-1][begins[:-1] < len(data)]] = OTHER
    starting = (kinds != before) & (kinds != CONTINUING) | (kinds == LEADING)
    places = np.flatnonzero(kept)
    chars = np.zeros(len(places) + PADDING, np.uint8)
    chars[: len(places)] = lower[places]
    return Stream(chars, np.flatnonzero(starting[places]), np.searchsorted(places, begins), places)


def _layout(data: Bytes, kinds: Bytes, lower: Bytes) -> Places:
    """Where the letters of the names of commands of `LAYOUT` stand, and of the environments that they begin or end."""
    letters = np.append(kinds == LETTER, np.zeros(2 * PADDING, bool)).view(np.uint8)
    begins = np.flatnonzero(data == ord("\\")) + 1
    lengths = _run(letters, begins)
    begins, lengths = begins[lengths > 0], lengths[lengths > 0]
    spelled = eight(np.append(lower, np.zeros(PADDING, np.uint8)), begins) & MASKS[lengths]
    spelled ^= lengths.astype(np.uint64) << np.uint64(59)
    known = among(spelled, _LAYOUT)
    begins, lengths = begins[known], lengths[known]
    around = (begins + lengths)[among(spelled[known], _AROUND)]
    if len(around):
        named = around + _run(letters ^ np.uint8(1), around)
        named = named[named <= around + 3]  # `\begin{pmatrix}`, `\begin { pmatrix }`
        begins, lengths = np.append(begins, named), np.append(lengths, _run(letters, named))
    shift = begins - np.cumsum(lengths) + lengths
    return np.repeat(shift, lengths) + np.arange(lengths.sum())


def _run(inside: Bytes, begins: Places) -> Places:
    """How many ones stand from each place on; 0 where they are `PADDING` or more."""
    first, second = (_ones(eight(inside, begins + at)) for at in (0, 8))
    lengths = np.where(first == 8, 8 + second, first)
    return np.where(lengths < PADDING, lengths, 0)


def _ones(packed: Hashes) -> Places:
    """How many of eight bytes are ones before the first that is not."""
    others = packed ^ _ONES
    return (np.bitwise_count((others & -others) - np.uint64(1)) >> 3).astype(np.int64)


def shingles_of(stream: Stream, length: int = LENGTH, of_rows: NDArray[np.bool_] | None = None) -> Shingles:
    """The hash of every shingle, of up to 16 characters, none of which leaves its row; of all rows, or of these."""
    starts, begins = stream.starts, stream.begins
    counts = np.diff(np.searchsorted(starts, begins))
    if of_rows is not None:
        starts, counts = starts[np.repeat(of_rows, counts)], counts * of_rows
    rows = np.repeat(np.arange(len(begins) - 1), counts)
    whole = starts + length <= begins[rows + 1]
    starts, rows = starts[whole], rows[whole]
    first, last = eight(stream.chars, starts), eight(stream.chars, starts + max(length - 8, 0))
    if length < 8:
        first &= MASKS[length]
        last &= MASKS[length]
    first *= PRIMES[0]
    last *= PRIMES[1]
    hashes = first ^ (last >> np.uint64(29)) ^ (last << np.uint64(35))
    hashes ^= hashes >> np.uint64(32)
    hashes *= PRIMES[2]
    hashes ^= hashes >> np.uint64(29)
    return Shingles(hashes, starts, rows)


def numbers_of(stream: Stream) -> Hashes:
    """Of each row a hash of its numbers, in whatever order they stand; the last byte is how many they are (255: or
    more)."""
    starts, begins = stream.starts, stream.begins
    ends = np.append(starts[1:], begins[-1])
    digits = KINDS[stream.chars[starts]] == DIGIT
    starts, lengths = starts[digits], np.minimum(ends[digits] - starts[digits], 8)
    hashes = (eight(stream.chars, starts) & MASKS[lengths]) * PRIMES[0]
    hashes = (hashes ^ hashes >> np.uint64(32)) * PRIMES[1]
    sums = np.append(np.uint64(0), np.cumsum(hashes, dtype=np.uint64))
    places = np.searchsorted(starts, begins)
    counts = np.minimum(np.diff(places), 255).astype(np.uint64)
    return np.diff(sums[places]) >> np.uint64(8) << np.uint64(8) | counts


def sentences_of(batch: Batch, stream: Stream, length: int) -> tuple[Places, Places]:
    """Begins and ends in the stream of what stands between ends of sentences and lines, up to three of them in one, and
    has fewer characters than `length`."""
    ends = np.flatnonzero(_ENDS[batch.data])
    ends = ends[KINDS[batch.data[(ends + 1).clip(max=len(batch.data) - 1)]] != DIGIT]  # no decimal point
    marks = np.searchsorted(stream.places, ends)
    marks = np.concatenate([marks, stream.begins])
    marks.sort()
    marks = marks[np.append(True, marks[1:] != marks[:-1])]
    short = [np.flatnonzero(marks[step:] - marks[:-step] < length) for step in (1, 2, 3)]
    begin = np.concatenate([marks[at] for at in short])
    end = np.concatenate([marks[at + step] for at, step in zip(short, (1, 2, 3), strict=True)])
    inside = end <= stream.begins[np.searchsorted(stream.begins, begin, side="right").clip(max=len(stream.begins) - 1)]
    return begin[inside], end[inside]


def formulas_of(batch: Batch, stream: Stream) -> tuple[Places, Places]:
    """Rows of at most `SHORT` bytes, and where in the stream the formula begins in which each of them ends: at the
    first number or mark of LaTeX, if some letters and digits follow."""
    lengths = np.diff(batch.begins)
    rows = np.flatnonzero((lengths <= SHORT) & (lengths > 0))
    at = np.repeat(batch.begins[rows] - np.cumsum(lengths[rows]) + lengths[rows], lengths[rows])
    at += np.arange(len(at))
    marks = at[_BEGINS_FORMULA[batch.data[at]]]
    first = np.searchsorted(marks, batch.begins[rows])
    inside = first < np.searchsorted(marks, batch.begins[rows + 1])
    rows, begins = rows[inside], np.searchsorted(stream.places, marks[first[inside]])
    enough = stream.begins[rows + 1] - begins >= LEAST_FORMULA
    return rows[enough], begins[enough]


def names_of(stream: Stream, begins: Places, ends: Places) -> Hashes:
    """A number for what stands at each of these places of the stream: by its length and both its ends."""
    lengths = ends - begins
    first = eight(stream.chars, begins) & MASKS[lengths.clip(max=8)]
    last = eight(stream.chars, (ends - 8).clip(min=0)) & MASKS[(lengths >= 8) * 8]
    return first * PRIMES[0] ^ last * PRIMES[1] ^ lengths.astype(np.uint64) * PRIMES[2]


def eight(chars: Bytes, at: Places) -> Hashes:
    """Eight bytes from each place, as a number."""
    return np.ndarray((len(chars) - 8,), np.uint64, chars, strides=(1,))[at]


def among(values: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """Which of the values stand in a sorted array."""
    if not len(known):
        return np.zeros(len(values), bool)
    at = np.searchsorted(known, values)
    at[at == len(known)] = 0
    return known[at] == values
