"""Which texts hold questions of an evaluation set, and what is the evidence?"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from distill.curate.alignment import Match, compared
from distill.curate.changes import signs_of
from distill.curate.evaluated import Questions
from distill.curate.folding import unfolded
from distill.curate.pieces import Piece, kind_of, sought
from distill.curate.scratch_memory import keep_scratch_memory
from distill.curate.shingles import LENGTH, Batch, Stream, batch_of, stream_of

LEAST = 0.6
"""Share of a question's weight that must be in a text."""

LEAST_CHANGED = 0.8
"""The same where numbers or formulas are others."""

MOST_OF_TEXT = 0.6
"""Share of a text's tokens that make up for too little weight."""

LEAST_LIGHT = 0.8
"""Share of a question that must be there where that is little."""

LEAST_WEIGHT = 2.5
"""Weight that must be there too, unless it is a sentence of its own: "find $x$" stands in many."""

_ENDS_BEFORE = re.compile(rb"[.:?!\n]")
_ENDS_BEHIND = re.compile(rb"[?!\n]|\.(?!\d)")

LEAST_WEIGHT_CHANGED = 3.5
"""Weight that must be there where numbers are others: "evaluate $\\sqrt{x}$" with another number is no pattern."""

LONGEST = 1 << 20
"""Characters of a text that are looked at in one; a longer one in pieces that overlap."""

OVERLAP = 1 << 14

AT_ONCE = 1 << 22
"""Characters of texts that are looked at together."""


class Flag(NamedTuple):
    """A text that holds a question."""

    row: int
    question: int
    match: Match
    evidence: str
    """What of the text it is."""


class Decontaminator:
    """Finds questions in texts, some thousand at a time.

    Those of the same letters and digits are looked for once; `question` of a flag is the first of them.
    """

    def __init__(self, questions: Sequence[str]) -> None:
        keep_scratch_memory()
        streams = stream_of(batch_of(list(questions)))
        first: dict[tuple[bytes, str], int] = {}
        for number, text in enumerate(questions):
            if stream := streams.row(number):
                first.setdefault((stream, signs_of(text)), number)
        self.numbers = list(first.values())
        """Of the questions that are looked for."""
        texts = [questions[number] for number in self.numbers]
        self._questions = Questions(texts)
        batch = batch_of(texts)
        both = (self._questions.plain, self._questions.spelled)
        pieces = [[_piece(batch, s, *s.begins[n : n + 2].tolist()) for n in range(len(texts))] for s in both]
        tokens = ({piece.chars[a:b] for a, b in piece.tokens()} for piece in pieces[0])
        frequencies = Counter(token for found in tokens for token in found)
        scale = math.log(len(texts) + 1)

        def weigh(token: str) -> float:
            """Rarity among the questions, from 0.1 to 1."""
            return max(0.1, 1 - math.log(frequencies.get(token, 1)) / scale)

        self._sought = [[sought(piece, weigh) for piece in one] for one in pieces]

    def flags(self, texts: Sequence[str]) -> list[Flag]:
        """The questions that these texts hold, by text, the likest first."""
        if not self.numbers:
            return []
        parts = [(row, part) for row, text in enumerate(texts) for part in _parts_of(text)]
        best: dict[tuple[int, int], Flag] = {}
        for flag in (flag for some in _together(parts) for flag in self._flags_in(some)):
            held = best.get((flag.row, flag.question))
            if held is None or held.match.share < flag.match.share:
                best[flag.row, flag.question] = flag
        return sorted(best.values(), key=lambda flag: (flag.row, -flag.match.share, flag.question))

    def _flags_in(self, parts: list[tuple[int, str]]) -> list[Flag]:
        """Those of texts, or pieces of texts, each with the number of its row."""
        return [flag._replace(row=parts[flag.row][0]) for flag in self._flags([part for _, part in parts])]

    def _flags(self, texts: list[str]) -> list[Flag]:
        batch = batch_of(texts)
        stream = stream_of(batch)
        candidates = self._questions.candidates(stream)
        found = [self._flag(texts, batch, stream, *one) for one in zip(*(x.tolist() for x in candidates), strict=True)]
        return [flag for flag in (*found, *self._whole(texts, batch, stream)) if flag is not None]

    def _whole(self, texts: Sequence[str], batch: Batch, stream: Stream) -> Iterator[Flag | None]:
        """Texts that are nothing but a question, and sentences that are one too short for a shingle."""
        for row, number, begin, end in self._questions.whole(batch, stream):
            yield self._judged(texts, batch, stream, row, number, begin, end)

    def _flag(
        self, texts: Sequence[str], batch: Batch, stream: Stream, row: int, number: int, first: int, last: int
    ) -> Flag | None:
        begin, end = stream.begins[row : row + 2].tolist()
        chars = self._sought[0][number].piece.chars
        piece_begin = max(begin, first - _before(chars, _shingle(stream, first)))
        piece_end = min(end, last + _behind(chars, _shingle(stream, last)))
        return self._judged(texts, batch, stream, row, number, piece_begin, _token_end(stream, piece_end, end))

    def _judged(
        self, texts: Sequence[str], batch: Batch, stream: Stream, row: int, number: int, begin: int, end: int
    ) -> Flag | None:
        """What a part of the stream is to a question."""
        chars = stream.chars[begin:end].tobytes().decode("latin-1")
        if all(one[number].weight_in(chars) < LEAST * one[number].total for one in self._sought):
            return None
        match = self._compared(number, _piece(batch, stream, begin, end))
        if match is None:
            return None
        if match.kind == "changed" and (match.share < LEAST_CHANGED or match.weight < LEAST_WEIGHT_CHANGED):
            return None
        if match.weight < LEAST_WEIGHT and not self._is_enough(batch, stream, row, number, match, begin):
            return None
        places = stream.places[[begin + match.begin, begin + match.end - 1]]
        first = batch.begins[row]
        return Flag(row, self.numbers[number], match, unfolded(texts[row], places[0] - first, places[1] + 1 - first))

    def _is_enough(self, batch: Batch, stream: Stream, row: int, number: int, match: Match, begin: int) -> bool:
        """Is what is little all of a text but for some words, or all of a sentence?"""
        first, last = begin + match.begin, begin + match.end
        if match.kind == "exact" and _is_apart(batch, stream, row, first, last):
            return True
        if match.share < LEAST_LIGHT:
            return False
        row_begin, row_end = stream.begins[row : row + 2].tolist()
        starts = stream.starts[slice(*stream.starts.searchsorted([row_begin, row_end]))].tolist()
        if len(self._sought[0][number].tokens) - len(match.missing) < MOST_OF_TEXT * len(starts):
            return False
        spans = [(a, b) for a, b in pairwise([*starts, row_end]) if b <= first or a >= last]
        return not any(kind_of(stream.chars[a:b].tobytes().decode("latin-1")) for a, b in spans)

    def _compared(self, number: int, piece: Piece) -> Match | None:
        """As the question is spelled, or with the names of its LaTeX commands, whichever is liker."""
        plain, spelled = self._sought[0][number], self._sought[1][number]
        found = compared(plain, piece, LEAST)
        if (found is not None and found.kind == "exact") or plain.piece.chars == spelled.piece.chars:
            return found
        other = compared(spelled, piece, LEAST)
        return max((m for m in (found, other) if m is not None), key=lambda m: m.share, default=None)


def _is_apart(batch: Batch, stream: Stream, row: int, begin: int, end: int) -> bool:
    """Is what stands between two places of the stream a sentence of its own?"""
    places, (first, last) = stream.places, batch.begins[row : row + 2].tolist()
    before = first if begin == stream.begins[row] else places[begin - 1] + 1
    behind = last if end == stream.begins[row + 1] else places[end] + 1
    return (before == first or bool(_ENDS_BEFORE.search(batch.data[before : places[begin]].tobytes()))) and (
        end == stream.begins[row + 1] or bool(_ENDS_BEHIND.search(batch.data[places[end - 1] + 1 : behind].tobytes()))
    )


def _parts_of(text: str) -> list[str]:
    if len(text) <= LONGEST:
        return [text]
    return [text[at : at + LONGEST + OVERLAP] for at in range(0, len(text), LONGEST)]


def _together(parts: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Runs of so many characters that their arrays, of some twenty bytes each, are small."""
    begin, size = 0, 0
    for at, (_, part) in enumerate(parts, 1):
        size += len(part)
        if at == len(parts) or size >= AT_ONCE:
            yield parts[begin:at]
            begin, size = at, 0


def _shingle(stream: Stream, at: int) -> str:
    return stream.chars[at : at + LENGTH].tobytes().decode("latin-1")


def _before(question: str, shingle: str) -> int:
    """How far before its first shingle a question may begin in a text that has other words."""
    at = question.find(shingle)
    return 0 if at == 0 else at + at // 4 + 2 * LENGTH if at > 0 else len(question)


def _behind(question: str, shingle: str) -> int:
    """How far it may go on from the begin of its last one."""
    at = question.rfind(shingle)
    rest = len(question) - at
    return len(question) if at < 0 else LENGTH if rest == LENGTH else rest + rest // 4 + 2 * LENGTH


def _token_end(stream: Stream, at: int, end: int) -> int:
    """The next begin of a token, or the end of the row: a number is not cut."""
    following = int(stream.starts.searchsorted(at))
    return min(end, int(stream.starts[following])) if following < len(stream.starts) else end


def _piece(batch: Batch, stream: Stream, begin: int, end: int) -> Piece:
    first, last = stream.starts.searchsorted([begin, end])
    starts = [0, *(s for s in (stream.starts[first:last] - begin).tolist() if s > 0)]

    def raw(a: int, b: int) -> str:
        return batch.data[stream.places[begin + a] + 1 : stream.places[begin + b]].tobytes().decode("utf-8", "replace")

    return Piece(stream.chars[begin:end].tobytes().decode("latin-1"), starts, raw)
