"""The questions of evaluation sets: which of them may a text contain?"""

from collections.abc import Iterator, Sequence

import numpy as np

from distill.curate.decontamination.shared_shingles import COMMON, Candidates, Index, Keys
from distill.curate.text.shingles import (
    LENGTH,
    Batch,
    Stream,
    among,
    batch_of,
    formulas_of,
    names_of,
    sentences_of,
    stream_of,
)

ANYWHERE = Keys(length=LENGTH, rarest=4, share=0.28)

ALONE = Keys(length=5, rarest=12, share=0.25, alone=1.5)
"""For texts not much longer than a short question, of which little is left where words are replaced."""

SHORT = 120
"""Letters and digits of such a question at most."""


class Questions:
    """Questions to be looked for. Those with the same letters and digits are looked for once."""

    def __init__(self, texts: Sequence[str], sets: Sequence[int]) -> None:
        """`sets`: of which set each is. What is rare is told by the questions of the same set."""
        self.texts = texts
        batch = batch_of(list(texts))
        self.plain = stream_of(batch)
        self.spelled = stream_of(batch, without_layout=False)
        """With the names of all LaTeX commands, as in a text that has lost its backslashes."""
        streams, of_set = (self.plain, self.spelled), np.array(sets, np.int64)
        self._indices = Index(streams, of_set, ANYWHERE), Index(streams, of_set, ALONE, SHORT)
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
        anywhere, alone = (index.candidates(stream) for index in self._indices)
        pairs = [found.rows * len(self.texts) + found.questions for found in (anywhere, alone)]
        new = ~np.isin(pairs[1], pairs[0])
        return Candidates(*(np.append(one, two[new]) for one, two in zip(anywhere, alone, strict=True)))
