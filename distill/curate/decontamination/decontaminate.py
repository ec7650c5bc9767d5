"""Which texts hold questions of an evaluation set, and what is the evidence?"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from distill.curate.decontamination.alignment import Match, compared
from distill.curate.decontamination.canonical import answer_forms, canonical, with_digits, without_drawings
from distill.curate.decontamination.changes import signs_in
from distill.curate.decontamination.choices import without_given
from distill.curate.decontamination.common_words import weights
from distill.curate.decontamination.evaluated import Questions
from distill.curate.decontamination.noise import is_noise
from distill.curate.decontamination.read_texts import Looked, Place, Read
from distill.curate.decontamination.rewriting import Rewriting
from distill.curate.text.folding import folded
from distill.curate.text.instructions import without_instructions
from distill.curate.text.markup import without_markup
from distill.curate.text.parts import together
from distill.curate.text.pieces import Piece, Sought, kind_of, sought
from distill.curate.text.scratch_memory import keep_scratch_memory
from distill.curate.text.shingles import DIGIT, KINDS, LENGTH, Batch, Stream, batch_of, stream_of

LEAST = 0.6
"""Share of a question's weight that must be in a text."""

LEAST_SEEN = 0.6
"""Share of it whose tokens stand there at all, for whatever letters and in whatever order."""

FORM = 0.02
"""Weight of a word that tells in what form the answer is given: some forty of them in AIME."""

LEAST_ASKED = 3.5
"""Weight of a question without its choices or examples from which on it is looked for without them."""

LEAST_GAIN = 0.02
"""Share of a question that must be found more where it is written as a text writes it."""

LEAST_CHANGED = 0.8
"""The same where numbers or formulas are others."""

MOST_OF_TEXT = 0.6
"""Share of a text's tokens that make up for too little weight."""

LEAST_SYMBOLS = 3
"""Numbers and symbols of a formula by which a question is known, all of them there, whatever words stand around it."""

MOST_WITH_FORMULA = 0.4
"""Share of a text's tokens that are enough then."""

MOST_WITH_NOISE = 0.4
"""The same where others are replaced blindly."""

LEAST_LIGHT = 0.8
"""Share of a question that must be there where that is little."""

LEAST_WEIGHT = 2.5
"""Weight that must be there too, unless it is a sentence of its own: "find $x$" stands in many."""

_ENDS_BEFORE = re.compile(rb"[.:?!\n]")
_ENDS_BEHIND = re.compile(rb"[?!\n]|\.(?!\d)|[\s$)\]][ \t]+[\[(*\"]*(?=[A-Z][a-z])")

LEAST_WEIGHT_CHANGED = 3.5
"""Weight that must be there where numbers are others: "evaluate $\\sqrt{x}$" with another number is no pattern."""

Signs = tuple[tuple[int, str], ...]
"""Each with its place."""


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

    def __init__(self, questions: Sequence[str], sets: Sequence[str] | None = None) -> None:
        """`sets`: of which set each is (None: all of one). Whether a text holds a question depends on no other set."""
        keep_scratch_memory()
        names = list(sets) if sets is not None else [""] * len(questions)
        written = [*map(without_markup, questions)]
        batch = batch_of(written)
        streams = stream_of(batch)
        first: dict[tuple[bytes, Signs], int] = {}
        of_set: dict[tuple[int, str], int] = {}
        for number in range(len(written)):
            if stream := streams.row(number):
                same = first.setdefault((stream, _signs(batch, streams, number)), number)
                of_set.setdefault((same, names[number]), number)
        self.numbers = list(first.values())
        """Of the questions that are looked for."""
        self._numbers = list(of_set.values())
        self._same = [same for same, _ in of_set]
        folds = [without_drawings(folded(without_instructions(written[number]))) for number in self._numbers]
        order = {name: at for at, name in enumerate(dict.fromkeys(names))}
        groups = [order[name] for _, name in of_set]
        for at, text in _asked(folds, groups):
            folds.append(text)
            groups.append(len(order) + groups[at])
            self._numbers.append(self._numbers[at])
            self._same.append(self._same[at])
        self._questions = Questions(folds, groups)
        self._sought = [
            *zip(
                *(
                    _sought(texts, folds, groups, layout)
                    for texts, layout in (([*map(canonical, folds)], True), ([*map(with_digits, folds)], False))
                ),
                strict=True,
            )
        ]
        self._rewriting = [Rewriting(plain) for plain, _ in self._sought]

    def flags(self, texts: Sequence[str]) -> list[Flag]:
        """The questions that these texts hold, by text: what is `changed` last, the likest first."""
        if not self.numbers:
            return []
        best: dict[tuple[int, int], Flag] = {}
        for flag in (flag for rows, parts in together(texts) for flag in self._flags_in(rows, parts)):
            key = flag.row, self._same[flag.question]
            held = best.get(key)
            if held is None or _rank(held) < _rank(flag) or _is_liker(flag, held):
                best[key] = flag
        found = [flag._replace(question=self._numbers[flag.question]) for flag in best.values()]
        return sorted(found, key=_by_text)

    def _flags_in(self, rows: Sequence[int], parts: list[str]) -> list[Flag]:
        """Those of texts, or pieces of texts, each with the number of its row."""
        return [flag._replace(row=rows[flag.row]) for flag in self._flags(parts)]

    def _flags(self, written: list[str]) -> list[Flag]:
        texts = [*map(without_markup, written)]
        read = Read(texts)
        found = self._questions.candidates(read.stream)
        pairs = [Place(*one) for one in zip(*(x.tolist() for x in found), strict=True)]
        whole = {
            *self._questions.whole(read.batch, read.stream),
            *self._questions.with_formula(read.batch, read.stream),
        }
        pairs += [Place(*one, True) for one in sorted(whole)]
        pairs = [pair for pair in pairs if self._may_be(read, pair)]
        looked = Looked(written, texts, sorted({pair.row for pair in pairs}))
        flags = (self._flag(looked, place) for place in looked.placed(read, pairs))
        return [flag for flag in flags if flag is not None]

    def _flag(self, looked: Looked, place: Place) -> Flag | None:
        """What a place of a text is to a question."""
        sought, (begin, end) = self._sought[place.question], self._around(looked, place)
        end = end if place.whole else looked.token_end(end, place.row)
        if end <= begin:
            return None
        piece = looked.piece(begin, end)
        match = _compared(sought, self._rewriting[place.question], piece)
        if match is None:
            return None
        if match.kind != "changed" and looked.goes_on(sought[0], begin + match.end, place.row):
            match = match._replace(kind="changed")
        if match.kind == "changed" and (match.share < LEAST_CHANGED or match.weight < LEAST_WEIGHT_CHANGED):
            return None
        if match.weight < LEAST_WEIGHT and not _is_enough(looked, place.row, sought[0], match, begin):
            alone = _is_most_of(looked, place.row, sought[0], match, MOST_WITH_NOISE)
            if not alone or not is_noise(sought[0], piece):
                return None
        return Flag(looked.rows[place.row], place.question, match, looked.evidence(place.row, begin, match))

    def _may_be(self, read: Read, place: Place) -> bool:
        """Do enough of its words stand there, wherever?"""
        begin, end = self._around(read, place)
        chars = read.chars[begin:end]
        return end > begin and any(
            one.weight_in(chars) >= LEAST_SEEN * one.total for one in self._sought[place.question]
        )

    def _around(self, read: Read, place: Place) -> tuple[int, int]:
        """Where a question may begin and end that has these shingles."""
        if place.whole:
            return place.first, place.last
        chars = self._sought[place.question][0].piece.chars
        first = place.first - _before(chars, read.chars[place.first : place.first + LENGTH])
        last = place.last + _behind(chars, read.chars[place.last : place.last + LENGTH])
        return max(first, read.begins[place.row]), min(last, read.begins[place.row + 1])


def _signs(batch: Batch, stream: Stream, row: int) -> Signs:
    """The signs of a row, and where numbers follow numbers, each with its place among letters and digits:
    `-\\sqrt{-9}` is not `\\sqrt{-(-9)}`, and 1/12 not 11/2."""
    begin, end = batch.begins[row : row + 2].tolist()
    signs = signs_in(batch.data[begin:end].tobytes().decode("latin-1"))
    places = np.searchsorted(stream.places, [begin + at for at, _ in signs]) - stream.begins[row]
    first, last = stream.begins[row : row + 2].tolist()
    starts = stream.starts[slice(*stream.starts.searchsorted([first + 1, last]))]
    are_digits = (KINDS[stream.chars[starts - at]] == DIGIT for at in (0, 1))
    parted = starts[np.logical_and(*are_digits)] - first
    told = [(place, sign) for place, (_, sign) in zip(places.tolist(), signs, strict=True)]
    return (*told, *((place, "") for place in parted.tolist()))


def _rank(flag: Flag) -> int:
    """Of a question of several sets that flag is told which says most, the first of such."""
    return ("changed", "near", "exact").index(flag.match.kind)


def _by_text(flag: Flag) -> tuple[int, bool, float, int]:
    """A text that holds one question is no better for being like another one: what it is removed for comes first."""
    return flag.row, flag.match.kind == "changed", -flag.match.share, flag.question


def _is_liker(flag: Flag, held: Flag) -> bool:
    return (flag.question, flag.match.kind) == (held.question, held.match.kind) and flag.match.share > held.match.share


def _asked(folds: list[str], groups: list[int]) -> list[tuple[int, str]]:
    """Questions without what they give beside what they ask, where enough is left to know them by; each with its
    number."""
    bare = [*map(without_given, folds)]
    if bare == folds:
        return []
    left = _sought([*map(canonical, bare)], bare, groups, True)
    found = zip(folds, bare, left, strict=True)
    return [(at, text) for at, (fold, text, one) in enumerate(found) if text != fold and one.total >= LEAST_ASKED]


def _sought(texts: list[str], folds: list[str], groups: list[int], layout: bool) -> list[Sought]:
    """Questions as they are compared, each token with its weight in its set; `layout`: without names of commands."""
    read = Read(texts, layout, folds)
    pieces = [read.piece(*ends) for ends in pairwise(read.begins)]
    frequencies: dict[int, Counter[str]] = {}
    for piece, group in zip(pieces, groups, strict=True):
        frequencies.setdefault(group, Counter()).update({piece.chars[a:b] for a, b in piece.tokens()})
    sizes = Counter(groups)
    weigh = {group: weights(found, sizes[group]) for group, found in frequencies.items()}
    found = [sought(piece, weigh[group]) for piece, group in zip(pieces, groups, strict=True)]
    return [_without_form(one, text, read, n) for n, (one, text) in enumerate(zip(found, texts, strict=True))]


def _without_form(question: Sought, text: str, read: Read, row: int) -> Sought:
    """In what form the answer is given weighs next to nothing."""
    forms = answer_forms(text) if text.isascii() else []
    if not forms:
        return question
    stream, batch = read.stream, read.batch
    places = stream.places[stream.begins[row] + np.array([a for a, _ in question.tokens])] - batch.begins[row]
    light = [any(a <= place < b for a, b in forms) for place in places.tolist()]
    found = [FORM if one else weight for weight, one in zip(question.weights, light, strict=True)]
    return question._replace(weights=found, total=sum(found))


def _is_enough(looked: Looked, row: int, question: Sought, match: Match, begin: int) -> bool:
    """Is what is little all of a text but for some words, or all of a sentence?"""
    stream, first, last = looked.stream, begin + match.begin, begin + match.end
    if (
        not match.missing
        and not match.instead
        and match.kind != "changed"
        and _is_apart(looked.batch, stream, row, first, last)
    ):
        return True
    formula = question.symbols >= LEAST_SYMBOLS and not any(map(kind_of, [*match.missing, *match.instead]))
    if match.share < LEAST_LIGHT and not formula:
        return False
    row_begin, row_end = stream.begins[row : row + 2].tolist()
    starts = stream.starts[slice(*stream.starts.searchsorted([row_begin, row_end]))].tolist()
    share = MOST_WITH_FORMULA if formula else MOST_OF_TEXT
    if not _is_most_of(looked, row, question, match, share):
        return False
    spans = [(a, b) for a, b in pairwise([*starts, row_end]) if b <= first or a >= last]
    return not any(kind_of(stream.chars[a:b].tobytes().decode("latin-1")) for a, b in spans)


def _is_most_of(looked: Looked, row: int, question: Sought, match: Match, share: float) -> bool:
    """Is what was found of a question this share of a text's tokens?"""
    stream = looked.stream
    first, last = stream.starts.searchsorted(stream.begins[row : row + 2]).tolist()
    return len(question.tokens) - len(match.missing) >= share * (last - first)


def _compared(question: Sequence[Sought], rewriting: Rewriting, piece: Piece) -> Match | None:
    """As the question is spelled, with the names of its LaTeX commands, or as the text writes it, whichever is
    liker."""
    plain, spelled = question
    found = compared(plain, piece, LEAST)
    if (found is None or found.kind != "exact") and plain.piece.chars != spelled.piece.chars:
        other = compared(spelled, piece, LEAST)
        found = max(filter(None, (found, other)), key=lambda m: (m.share, m.kind != "changed"), default=None)
    if found is not None and not found.missing and found.kind != "changed":
        return found
    told = rewriting.of(piece)
    again = compared(told, piece, LEAST) if told is not None else None
    if again is None or (found is not None and again.share < found.share + LEAST_GAIN):
        return found
    return again._replace(kind="near") if again.kind == "exact" else again


def _is_apart(batch: Batch, stream: Stream, row: int, begin: int, end: int) -> bool:
    """Is what stands between two places of the stream a sentence of its own?"""
    places, (first, last) = stream.places, batch.begins[row : row + 2].tolist()
    before = first if begin == stream.begins[row] else places[begin - 1] + 1
    behind = last if end == stream.begins[row + 1] else min(places[end] + 2, last)
    return (before == first or bool(_ENDS_BEFORE.search(batch.data[before : places[begin]].tobytes()))) and (
        end == stream.begins[row + 1] or bool(_ENDS_BEHIND.search(batch.data[places[end - 1] + 1 : behind].tobytes()))
    )


def _before(question: str, shingle: str) -> int:
    """How far before its first shingle a question may begin in a text that has other words."""
    at = question.find(shingle)
    return 0 if at == 0 else at + at // 4 + 2 * LENGTH if at > 0 else len(question)


def _behind(question: str, shingle: str) -> int:
    """How far it may go on from the begin of its last one."""
    at = question.rfind(shingle)
    rest = len(question) - at
    return len(question) if at < 0 else LENGTH if rest == LENGTH else rest + rest // 4 + 2 * LENGTH
