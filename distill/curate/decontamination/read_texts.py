"""Texts as streams that are searched, and the few that are looked at more closely."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from distill.curate.decontamination.alignment import Match
from distill.curate.decontamination.canonical import canonical
from distill.curate.text.folding import folded, unfolded
from distill.curate.text.pieces import Piece, Sought, kind_of
from distill.curate.text.shingles import batch_of, stream_of

_CUT_BEFORE, _CUT_BEHIND = re.compile(rb"[\s,;:+*/=^_{-]*[a-z]"), re.compile(rb".[\s,;:+*/=^_{(\\-]*", re.DOTALL)
_SPACE = re.compile(rb"\s")
_GOES_ON = re.compile(rb"[\s)\]}|]*(?:[-+*/^_<>]|\}\s*\{)[^$\n?!.,;:]*")


class Place(NamedTuple):
    """Where a question may be."""

    row: int
    question: int
    first: int
    """In a stream: where the first shingle that they share begins, or the question itself."""
    last: int
    """Where the last one begins, or the question ends."""
    whole: bool = False
    """Is it the question itself?"""


class Read:
    """Texts as they are searched."""

    def __init__(self, texts: list[str], without_layout: bool = True, folds: list[str] | None = None) -> None:
        """`folds`: the same texts, each as long, as their words stand there (None: these)."""
        self.batch = batch_of(texts)
        self.stream = stream_of(self.batch, without_layout)
        self.data = self.batch.data.tobytes()
        self._written = folds
        self.chars = self.stream.chars.tobytes().decode("latin-1")
        """A character for each byte of the stream."""
        self.begins = self.stream.begins.tolist()

    def piece(self, begin: int, end: int) -> Piece:
        """What stands between two places of the stream."""
        first, last = self.stream.starts.searchsorted([begin, end]).tolist()
        starts = (self.stream.starts[first:last] - begin).tolist()
        places = self.stream.places[begin:end]

        def raw(a: int, b: int) -> str:
            return self.data[places[a] + 1 : places[b]].decode("utf-8", "replace")

        def written(a: int, b: int) -> str:
            return self.data[places[a] : places[b - 1] + 1].decode("utf-8", "replace")

        starts = starts if starts[:1] == [0] else [0, *starts]
        words = partial(self._words, begin, end)
        return Piece(self.chars[begin:end], starts, raw, written, words, *self._cut(begin, end))

    @cached_property
    def _folds(self) -> bytes:
        if self._written is None:
            return self.data
        return b"".join(text.encode("utf-8", "replace") for text in self._written)

    def _words(self, begin: int, end: int) -> list[str]:
        """Those between two places of the stream, each whole, with what stands around them but letters and digits."""
        if begin == end:
            return []
        row = bisect_right(self.begins, begin) - 1
        first, last = self.batch.begins[row : row + 2].tolist()
        a, b = int(self.stream.places[begin]), int(self.stream.places[end - 1]) + 1
        if begin > self.begins[row]:  # from white space on
            space = _SPACE.search(self._folds, int(self.stream.places[begin - 1]) + 1, a)
            first = space.start() if space else a
        if end < self.begins[row + 1]:
            rest = self._folds[b : self.stream.places[end]]
            last = b + (len(rest) if rest[-1:].isspace() else rest.rfind(b" ") + 1)  # but for the next word's begin
        return self._folds[first:last].decode("utf-8", "replace").split()

    def _cut(self, begin: int, end: int) -> tuple[bool, bool]:
        """Is what stands between two places the begin, or the end, of a text that was cut inside a sentence?"""
        if begin == end:
            return False, False
        row = bisect_right(self.begins, begin) - 1
        before = self.data[self.batch.begins[row] : self.stream.places[begin] + 1]
        behind = self.data[self.stream.places[end - 1] : self.batch.begins[row + 1]]
        return (
            begin == self.begins[row] and bool(_CUT_BEFORE.fullmatch(before)),
            end == self.begins[row + 1] and bool(_CUT_BEHIND.fullmatch(behind)),
        )


class Looked(Read):
    """Texts that are looked at more closely, as they are compared (`canonical`)."""

    def __init__(self, written: Sequence[str], texts: Sequence[str], rows: list[int]) -> None:
        self.rows = rows
        """Their numbers."""
        self.written = [written[row] for row in rows]
        self.texts = [texts[row] for row in rows]
        """Without markup, as long."""
        folds = [*map(folded, self.texts)]
        super().__init__([*map(canonical, folds)], folds=folds)

    def placed(self, read: Read, pairs: list[Place]) -> Iterator[Place]:
        """Places of all texts among these."""
        at = {row: at for at, row in enumerate(self.rows)}
        rows = [at[pair.row] for pair in pairs]
        shifts = self.batch.begins[rows] - read.batch.begins[[pair.row for pair in pairs]]
        first, last, whole = np.array([pair[2:] for pair in pairs], np.int64).reshape(-1, 3).T
        ends = read.stream.places[last - whole] + whole  # of a whole question the place behind its last letter
        found = np.searchsorted(self.stream.places, np.stack([read.stream.places[first], ends]) + shifts)
        for pair, row, (begin, end) in zip(pairs, rows, found.T.tolist(), strict=True):
            yield pair._replace(row=row, first=begin, last=end)

    def token_end(self, at: int, row: int) -> int:
        """The next begin of a token, or the end of the row: a number is not cut."""
        following = int(self.stream.starts.searchsorted(at))
        end = self.begins[row + 1]
        return min(end, int(self.stream.starts[following])) if following < len(self.stream.starts) else end

    def goes_on(self, question: Sought, end: int, row: int) -> bool:
        """Does a formula in which a question ends go on behind what was found of it?"""
        if not question.kinds[-1] or end >= self.begins[row + 1] or not self.chars.endswith(question.words[-1], 0, end):
            return False
        at = int(self.stream.starts.searchsorted(end, side="right"))
        following = self.chars[end : min([self.begins[row + 1], *self.stream.starts[at : at + 1].tolist()])]
        between = self.data[self.stream.places[end - 1] + 1 : self.stream.places[end]]
        return bool(kind_of(following)) and bool(_GOES_ON.fullmatch(between))

    def evidence(self, row: int, begin: int, match: Match) -> str:
        """What of a text it is."""
        places = self.stream.places[[begin + match.begin, begin + match.end - 1]] - self.batch.begins[row]
        return self.written[row][unfolded(self.texts[row], places[0], places[1] + 1)]
