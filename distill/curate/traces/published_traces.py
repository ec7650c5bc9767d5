"""Traces in files of any known layout (`distill.published`), jsonl or parquet, larger than the memory."""

import pickle
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from distill.curate.files.short_names import short_names
from distill.curate.text.text_hash import text_hash
from distill.curate.traces.file_shards import columns, groups, line_ranges, lines, row_groups, rows_at
from distill.curate.traces.row_verdicts import asked_of, told_of
from distill.curate.traces.sources import NOT_JUDGED, Advice, Gap, Read, Shard
from distill.errors import Refused
from distill.files import naming_temporary_folder
from distill.given_paths import Stamp, content_digest, refuse_if_changed
from distill.published import Reader, as_flag, reader_for
from distill.published_rows import KNOWN, LeftOut, PublishedTrace, known_in, sampling_in, source_in, text_in
from distill.recipe_problems import TracesProblems
from distill.records import Problem, Trace, digest

INDEX_BITS, AT_BITS = 10, 40
"""Of a place: the trace's number in its row, below the row's place in its file, below the file's number."""

CHARACTERS_PER_TOKEN = 4
"""Where no column tells the tokens."""

TEACHERS = ("teacher", "model", "generation_model", "generator")
TOKENS = ("completion_tokens", "num_tokens", "tokens")
MOST_TOKENS = 1 << 40
"""Of one answer; a larger number, or none above 0, counts something else."""


@dataclass(frozen=True)
class PublishedTraces:
    """The files in the order in which they are named."""

    files: tuple[Path, ...]
    spec: TracesProblems
    """Which columns hold what; its `path` and `kind` play no part."""
    kind: str = "math"
    """What the verdicts are of."""
    verifies: bool = False
    """Judge every trace by its gold answer, whatever verdicts stand beside it."""
    systems: bool = True
    """Are rows written with their own system messages?"""
    carried: Mapping[str, str] = field(default_factory=dict)
    """Columns that are known of a problem beside `KNOWN`, each with the key that names it."""
    given: tuple[Path, ...] = ()
    """The files as they were named, where some are read in another place; the same number of them."""
    stamps: Mapping[Path, Stamp] = field(default_factory=dict)
    """Of the files that must not change until all is read."""

    @property
    def advice(self) -> Advice:
        unknown = "Take those that are not decided, too: require_verdict=correct_or_unknown."
        if not self.verifies:
            unknown = f"Judge them by their gold answers: --verify. {unknown}"
        return Advice(unknown, "Loosen that step or switch it off; nothing was written.")

    def inputs(self) -> list[tuple[str, str]]:
        return [(name, content_digest(file)) for name, file in zip(self.names, self.given or self.files, strict=True)]

    @cached_property
    def names(self) -> list[str]:
        """What the files are called in rows, evidence and the card."""
        return short_names(self.given or self.files)

    def shards(self, size: int) -> list[Shard]:
        """
        Raises:
            Refused: a file that cannot be read, holds nothing, or is of no layout that is known; a column that is to be
                carried and in none of them.
        """
        found: list[Shard] = []
        there: set[str] = set()
        for number, file in enumerate(self.files):
            self._reader(number)
            there |= columns(file)
            parts = row_groups(file, size) if file.suffix == ".parquet" else line_ranges(file, size)
            found += [Shard(number, *part) for part in parts]
        for name, key in self.carried.items():
            if name not in there:
                said = f"{key} names '{name}', which is no column of {self._shown(0)}."
                raise Refused(said, f"It has {', '.join(sorted(there))}.")
        return found

    def read(self, shard: Shard) -> Iterator[Read | Gap]:
        file = self.files[shard.file]
        reader = self._reader(shard.file)
        rows = groups(file, shard) if file.suffix == ".parquet" else lines(file, shard)
        for number, (at, row) in enumerate(rows, shard.before + 1):
            for read in self._of_row(reader, shard.file, at, row):
                yield read._replace(row=number) if isinstance(read, Read) else read

    def at(self, places: Sequence[int]) -> Iterator[Read]:
        """The traces of these places; rows of parquet, which are packed together, go through a temporary file.

        Raises:
            Refused: a file has changed since the first reading.
        """
        with naming_temporary_folder(), tempfile.TemporaryFile() as spool:
            begins = {}
            for number, some in groupby(sorted(set(places)), key=lambda place: place >> (AT_BITS + INDEX_BITS)):
                wanted = {(place >> INDEX_BITS) & ((1 << AT_BITS) - 1) for place in some}
                for at, row in rows_at(self.files[number], wanted):
                    begins[number, at] = spool.tell()
                    pickle.dump(row, spool)  # bytes too, which no step reads and JSON cannot hold
            refuse_if_changed(self.stamps)
            readers = {number: self._reader(number) for number, _ in begins}
            for place in places:
                number, at = place >> (AT_BITS + INDEX_BITS), (place >> INDEX_BITS) & ((1 << AT_BITS) - 1)
                spool.seek(begins[number, at])
                row = pickle.load(spool)  # written just above, by this process
                reads = (read for read in self._of_row(readers[number], number, at, row) if isinstance(read, Read))
                yield next(read for read in reads if read.place == place)

    def file_of(self, place: int) -> str:
        return self.names[place >> (AT_BITS + INDEX_BITS)]

    def _of_row(self, reader: Reader, number: int, at: int, row: dict[str, Any]) -> Iterator[Read | Gap]:
        found = reader(row)
        if isinstance(found, LeftOut):
            yield Gap(found.why)
            return
        for why in (*found.left_out, *found.amiss):
            yield Gap(why, is_row=False)
        name, file = digest(" ".join(found.question.split())), self.names[number]
        problem = Problem.model_construct(
            id=name,
            question=found.question,
            answer=found.answer,
            kind=self.kind,
            known=known_in(row, (*KNOWN, *self.carried)),
            source=source_in(row) or file,
            licence=text_in(row, "licence", "license") or self.spec.licence,
        )
        for index, trace in enumerate(found.traces):
            place = (number << AT_BITS | at) << INDEX_BITS | index
            judged = NOT_JUDGED if self.verifies else told_of(row, found, trace, self.spec.response_key, self.kind)
            ask = asked_of(row, found, trace, self.spec.answer_key, self.kind) if self.verifies else None
            if self.verifies and ask is None:
                judged = judged._replace(reason="no gold answer", by="rules", kind=self.kind)
            whole = _trace(name, trace, row)
            system = found.system if self.systems else ""
            yield Read(place, problem, whole, judged, ask, file, None, _id_of(row), index == 0, system)

    def _reader(self, number: int) -> Reader:
        return reader_for(columns(self.files[number]), self.spec, self._shown(number), as_flag)

    def _shown(self, number: int) -> str:
        return str((self.given or self.files)[number])


def _trace(problem: str, trace: PublishedTrace, row: dict[str, Any]) -> Trace:
    count = next((count for key in TOKENS if (count := _count(row.get(key))) is not None), None)
    characters = len(trace.reasoning) + len(trace.response)
    return Trace.model_construct(
        id=f"{problem}/{text_hash(trace.reasoning, trace.response):016x}",
        problem_id=problem,
        request="",
        reasoning=trace.reasoning,
        response=trace.response,
        finish_reason=trace.finish_reason,
        prompt_tokens=0,
        completion_tokens=characters // CHARACTERS_PER_TOKEN if count is None else count,
        counted=count is not None,
        model=text_in(row, *TEACHERS) or "unknown",
        sampling=sampling_in(row),
    )


def _count(value: Any) -> int | None:
    """Tokens that a column tells, also as a float, which a column with nulls is; None for what is no count."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MOST_TOKENS:
        return None
    return int(value) if value == int(value) else None


def _id_of(row: dict[str, Any]) -> str | None:
    """What the row calls itself."""
    held = (row.get(key) for key in ("id", "uuid"))
    return next((str(value) for value in held if isinstance(value, str | int) and value != ""), None)
