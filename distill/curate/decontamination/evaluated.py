"""The questions of evaluation sets, indexed by their shingles: which of them may a text contain?

A shingle counts by its rarity among the questions, as inverse document frequency does: "where m and n are relatively
prime positive integers" stands in a third of AIME and tells nothing. What is looked for is the share of a question that
stands in a text, not the one n-gram that they have in common.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.text.shingles import (
    LENGTH,
    Batch,
    Hashes,
    Places,
    Shingles,
    Stream,
    among,
    batch_of,
    formulas_of,
    names_of,
    sentences_of,
    shingles_of,
    stream_of,
)

COMMON = 8
"""Questions that a shingle may stand in; in more it tells nothing."""

KEYS = 4
"""Shingles, the rarest, that tell of a question however common: one of a set of templates has no rare ones."""

MOST_COMMON = 256
"""Questions that those may stand in."""

LEAST_SHARE = 0.28
"""Of a question's weight in a text that is looked at more closely."""

LEAST_ALONE = 0.12
"""The same of a text not much longer than a short question, of which little is left where words are replaced."""

ALONE, SHORT = 1.5, 120
"""So many times as long, in letters and digits, and how many of them a short question has at most."""

_BITS = 20
"""First bits of a hash, which tell its slot."""

_SHIFT = np.uint64(64 - _BITS)


class Candidates(NamedTuple):
    """Pairs of a row and a question that may be the same, each once, in the order of rows and then of questions."""

    rows: Places
    questions: Places
    first: Places
    """Where in the stream the first shingle that they share begins."""
    last: Places
    """The same of the last one."""


class Questions:
    """Questions to be looked for. Those with the same letters and digits are looked for once."""

    def __init__(self, texts: Sequence[str], sets: Sequence[int]) -> None:
        """`sets`: of which set each is. What is rare is told by the questions of the same set."""
        self.texts = texts
        batch = batch_of(list(texts))
        self.plain = stream_of(batch)
        self.spelled = stream_of(batch, without_layout=False)
        """With the names of all LaTeX commands, as in a text that has lost its backslashes."""
        ours, theirs = shingles_of(self.plain), shingles_of(self.spelled)
        pairs, first = np.unique(
            np.stack([np.append(ours.hashes, theirs.hashes), _rows(ours, theirs)]), axis=1, return_index=True
        )
        of_set = np.array(sets, np.int64)
        plain = first < len(ours.hashes)
        frequencies, telling = _telling(pairs, of_set, plain)
        pairs, frequencies, plain = pairs[:, telling], frequencies[telling], plain[telling]
        self.hashes, counts = np.unique(pairs[0], return_counts=True)
        self._questions = pairs[1].astype(np.int64)
        self._offsets = np.append(0, np.cumsum(counts))
        sizes = np.bincount(of_set)[of_set[self._questions]] + 1
        self.weights = np.log(sizes / frequencies) / np.log(sizes)
        """Of each pair of a shingle and a question."""
        lengths = np.diff(self.plain.begins)
        self._alone = np.where(lengths <= SHORT, ALONE * lengths, 0)
        self.total = np.bincount(self._questions[plain], self.weights[plain], len(texts))
        """Weight of each question."""
        in_slot = np.bincount((self.hashes >> _SHIFT).view(np.int64), minlength=1 << _BITS)
        self._filled = in_slot > 0
        self._first = np.append(0, np.cumsum(in_slot)).astype(np.int32)
        """Where the hashes of each slot begin, by which they are found: searching all of them takes thrice the time."""
        self._index_whole()
        self._index_formulas(batch)

    def _index_whole(self) -> None:
        self._whole: dict[bytes, list[int]] = {}
        for number in range(len(self.texts)):
            for row in {self.plain.row(number), self.spelled.row(number)}:
                self._whole.setdefault(row, []).append(number)
        self._has_short = any(len(row) < LENGTH for row in self._whole)
        names = [names_of(s, s.begins[:-1], s.begins[1:]) for s in (self.plain, self.spelled)]
        self._names = np.unique(np.concatenate(names))

    def _index_formulas(self, batch: Batch) -> None:
        self._formulas: dict[bytes, list[int]] = {}
        rows, begins = formulas_of(batch, self.plain)
        for number, begin in zip(rows.tolist(), begins.tolist(), strict=True):
            formula = self.plain.chars[begin : self.plain.begins[number + 1]].tobytes()
            self._formulas.setdefault(formula, []).append(number)
        self._formula_names = np.unique(names_of(self.plain, begins, self.plain.begins[rows + 1]))

    def whole(self, batch: Batch, stream: Stream) -> Iterator[tuple[int, int, int, int]]:
        """Rows that are nothing but a question, and sentences that are one too short for a shingle: row, question, and
        where in the stream it begins and ends."""
        begins, ends = stream.begins[:-1], stream.begins[1:]
        if self._has_short:
            short = sentences_of(batch, stream, LENGTH)
            begins, ends = np.append(begins, short[0]), np.append(ends, short[1])
        likely = np.flatnonzero(among(names_of(stream, begins, ends), self._names))
        rows = np.searchsorted(stream.begins, begins[likely], side="right") - 1
        for row, begin, end in zip(rows.tolist(), begins[likely].tolist(), ends[likely].tolist(), strict=True):
            for number in self._whole.get(stream.chars[begin:end].tobytes(), ()):
                yield row, number, begin, end

    def with_formula(self, batch: Batch, stream: Stream) -> Iterator[tuple[int, int, int, int]]:
        """Short rows that end in the formula that a short question ends in, whatever words stand before it, as
        `whole`; not of formulas that are those of many questions."""
        rows, begins = formulas_of(batch, stream)
        likely = among(names_of(stream, begins, stream.begins[rows + 1]), self._formula_names)
        for row, begin in zip(rows[likely].tolist(), begins[likely].tolist(), strict=True):
            first, last = stream.begins[row : row + 2].tolist()
            numbers = self._formulas.get(stream.chars[begin:last].tobytes(), ())
            for number in numbers if len(numbers) <= COMMON else ():
                yield row, number, first, last

    def candidates(self, stream: Stream) -> Candidates:
        """The questions of which each row of a stream holds a good share."""
        shingles = shingles_of(stream)
        found, places = self._known(shingles.hashes)
        counts = self._offsets[places + 1] - self._offsets[places]
        every = np.repeat(np.arange(len(found)), counts)
        within = np.arange(len(every)) - np.repeat(np.cumsum(counts) - counts, counts)
        posts = self._offsets[places][every] + within
        pairs = shingles.rows[found][every] * len(self.texts) + self._questions[posts]
        lengths = np.diff(stream.begins)
        likely = self._likely(pairs, posts, lengths)
        return self._shared(pairs[likely], posts[likely], shingles.starts[found][every][likely], lengths)

    def _is_enough(self, pairs: Places, weights: NDArray[np.float64], lengths: Places) -> NDArray[np.bool_]:
        """Of which pairs of a row and a question, with what they share, may one be the other?"""
        rows, questions = np.divmod(pairs, len(self.texts))
        alone = lengths[rows] <= self._alone[questions]
        return weights >= np.where(alone, LEAST_ALONE, LEAST_SHARE) * self.total[questions]

    def _likely(self, pairs: Places, posts: Places, lengths: Places) -> Places:
        """Which of the pairs share enough if shingles may count more than once: nearly in order, they sort fast."""
        order = np.argsort(pairs, kind="stable")
        pairs = pairs[order]
        groups = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)])
        if not len(groups):
            return groups
        weights = np.add.reduceat(self.weights[posts[order]], groups)
        enough = self._is_enough(pairs[groups], weights, lengths)
        return order[np.repeat(enough, np.diff(np.append(groups, len(pairs))))]

    def _shared(self, pairs: Places, posts: Places, starts: Places, lengths: Places) -> Candidates:
        """Pairs, each with the shingles it shares, down to those that share enough."""
        order = np.lexsort((posts, pairs))
        pairs, posts, starts = pairs[order], posts[order], starts[order]
        again = np.zeros(len(pairs), bool)
        again[1:] = posts[1:] == posts[:-1]
        again[1:] &= pairs[1:] == pairs[:-1]
        once, groups = np.unique(pairs, return_index=True)
        if not len(once):
            return Candidates(once, once, once, once)
        weights = np.add.reduceat(np.where(again, 0.0, self.weights[posts]), groups)
        questions = once % len(self.texts)
        enough = self._is_enough(once, weights, lengths)
        first, last = np.minimum.reduceat(starts, groups), np.maximum.reduceat(starts, groups)
        return Candidates(once[enough] // len(self.texts), questions[enough], first[enough], last[enough])

    def _known(self, hashes: Hashes) -> tuple[Places, Places]:
        """Which hashes are those of questions, and where in `self.hashes` they stand."""
        slots = (hashes >> _SHIFT).view(np.int64)
        likely = np.flatnonzero(self._filled[slots])
        hashes, slots = hashes[likely], slots[likely]
        at, last = self._first[slots], self._first[slots + 1] - 1
        behind = np.flatnonzero(at < last)  # of those with the same first bits
        while len(behind):
            behind = behind[self.hashes[at[behind]] < hashes[behind]]
            at[behind] += 1
            behind = behind[at[behind] < last[behind]]
        same = self.hashes[at] == hashes
        return likely[same], at[same].astype(np.int64)


def _rows(ours: Shingles, theirs: Shingles) -> Hashes:
    return np.append(ours.rows, theirs.rows).astype(np.uint64)


def _telling(pairs: Hashes, of_set: Places, plain: NDArray[np.bool_]) -> tuple[Places, NDArray[np.bool_]]:
    """How many questions of its set hold the shingle of each pair of one and a question, and which pairs tell
    something: of each question's own shingles, and of those with the names of LaTeX commands, the rarest."""
    keys = np.stack([pairs[0], of_set[pairs[1].astype(np.int64)].astype(np.uint64)])
    _, group, counts = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    frequencies = counts[group]
    questions = 2 * pairs[1] + plain
    order = np.lexsort((frequencies, questions))
    rows = questions[order]
    begins = np.flatnonzero(np.append(True, rows[1:] != rows[:-1])) if len(rows) else np.zeros(0, np.int64)
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows)) - np.repeat(begins, np.diff(np.append(begins, len(rows))))
    return frequencies, (frequencies <= COMMON) | (ranks < KEYS) & (frequencies <= MOST_COMMON)
