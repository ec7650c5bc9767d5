"""Which questions share how much of what is rare in them with which texts: an inverted index of shingles.

A shingle counts by its rarity among the questions, as inverse document frequency does: "where m and n are relatively
prime positive integers" stands in a third of AIME and tells nothing. What is looked for is the share of a question that
stands in a text, not the one n-gram that they have in common.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.text.shingles import Hashes, Places, Stream, shingles_of

COMMON = 8
"""Questions that a shingle may stand in; in more it tells nothing."""

MOST_COMMON = 256
"""Questions that a question's rarest may stand in."""

REACH, DRAWN = 4, 2000
"""Times a question's length, and letters and digits of a drawing, that may stand between two parts of a copy."""

_BITS = 20
"""First bits of a hash, which tell its slot."""

_SHIFT = np.uint64(64 - _BITS)


class Candidates(NamedTuple):
    """Places of rows where a question may stand, in the order of rows and then of questions."""

    rows: Places
    questions: Places
    first: Places
    """Where in the stream the first shingle that they share begins."""
    last: Places
    """The same of the last one."""


class Keys(NamedTuple):
    """What questions are known by."""

    length: int
    """Characters of a shingle."""
    rarest: int
    """Shingles that tell of a question however common: one of a set of templates has no rare ones."""
    share: float
    """Of a question's weight in a text that is looked at more closely."""
    alone: float | None = None
    """How many times as long as a question a text may be (None: of any length)."""


class Index:
    """Questions by their shingles."""

    def __init__(self, streams: tuple[Stream, Stream], sets: Places, keys: Keys, most: int | None = None) -> None:
        """`streams`: the questions without layout and with it, as texts have them that lost their backslashes; `sets`:
        of which set each is, for what is rare is told by the questions of the same set; `most`: letters and digits that
        a question may have."""
        self.keys = keys
        self.questions = len(sets)
        self._lengths = np.diff(streams[0].begins)
        self._reach = REACH * self._lengths + DRAWN
        self._longest = self._lengths.max(initial=0) if most is None else most
        ours, theirs = (shingles_of(stream, keys.length) for stream in streams)
        pairs, first = np.unique(
            np.stack([np.append(ours.hashes, theirs.hashes), np.append(ours.rows, theirs.rows).astype(np.uint64)]),
            axis=1,
            return_index=True,
        )
        plain = first < len(ours.hashes)
        frequencies, telling = _telling(pairs, sets, plain, keys.rarest)
        telling &= (self._lengths <= self._longest)[pairs[1].astype(np.int64)]
        pairs, frequencies, plain = pairs[:, telling], frequencies[telling], plain[telling]
        self.hashes, counts = np.unique(pairs[0], return_counts=True)
        self._questions = pairs[1].astype(np.int64)
        self._offsets = np.append(0, np.cumsum(counts))
        sizes = np.bincount(sets)[sets[self._questions]] + 1
        self.weights = np.log(sizes / frequencies) / np.log(sizes)
        """Of each pair of a shingle and a question."""
        self.total = np.bincount(self._questions[plain], self.weights[plain], len(sets))
        """Weight of each question."""
        in_slot = np.bincount((self.hashes >> _SHIFT).view(np.int64), minlength=1 << _BITS)
        self._filled = in_slot > 0
        self._first = np.append(0, np.cumsum(in_slot)).astype(np.int32)
        """Where the hashes of each slot begin, by which they are found: searching all of them takes thrice the time."""

    def candidates(self, stream: Stream) -> Candidates:
        """The questions of which each row of a stream holds a good share."""
        lengths, alone = np.diff(stream.begins), self.keys.alone
        shingles = shingles_of(stream, self.keys.length, None if alone is None else lengths <= alone * self._longest)
        found, places = self._known(shingles.hashes)
        counts = self._offsets[places + 1] - self._offsets[places]
        every = np.repeat(found, counts)
        posts = np.arange(len(every)) + np.repeat(self._offsets[places] - np.cumsum(counts) + counts, counts)
        if alone is not None:
            near = lengths[shingles.rows[every]] <= alone * self._lengths[self._questions[posts]]
            every, posts = every[near], posts[near]
        pairs = shingles.rows[every] * self.questions + self._questions[posts]
        likely = self._likely(pairs, posts)
        return self._shared(pairs[likely], posts[likely], shingles.starts[every[likely]])

    def _likely(self, pairs: Places, posts: Places) -> Places:
        """Which of the pairs share enough if shingles may count more than once: nearly in order, they sort fast."""
        order = np.argsort(pairs, kind="stable")
        pairs = pairs[order]
        groups = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)])
        if not len(groups):
            return groups
        weights = np.add.reduceat(self.weights[posts[order]], groups)
        enough = weights >= self.keys.share * self.total[pairs[groups] % self.questions]
        return order[np.repeat(enough, np.diff(np.append(groups, len(pairs))))]

    def _shared(self, pairs: Places, posts: Places, starts: Places) -> Candidates:
        """Places of rows that share enough with a question: where their shingles stand no further apart than a copy's
        with much added in between."""
        order = np.lexsort((starts, pairs))
        pairs, posts, starts = pairs[order], posts[order], starts[order]
        begins = np.flatnonzero(
            np.diff(pairs, prepend=-1) | (np.diff(starts, prepend=0) > self._reach[pairs % self.questions])
        )
        if not len(begins):
            return Candidates(pairs, pairs, starts, starts)
        place = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(pairs)))
        once = np.unique(place * len(self.weights) + posts)  # a shingle that comes again counts once
        weights = np.bincount(once // len(self.weights), self.weights[once % len(self.weights)], len(begins))
        rows, questions = np.divmod(pairs[begins], self.questions)
        enough = weights >= self.keys.share * self.total[questions]
        first, last = np.minimum.reduceat(starts, begins), np.maximum.reduceat(starts, begins)
        return Candidates(rows[enough], questions[enough], first[enough], last[enough])

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


def _telling(pairs: Hashes, of_set: Places, plain: NDArray[np.bool_], rarest: int) -> tuple[Places, NDArray[np.bool_]]:
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
    return frequencies, (frequencies <= COMMON) | (ranks < rarest) & (frequencies <= MOST_COMMON)
