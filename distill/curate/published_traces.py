"""Traces in files of any known layout (`distill.published`), jsonl or parquet, larger than the memory."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from distill.curate.columns import text_hash
from distill.curate.sources import NOT_JUDGED, Judged, Read, Shard, line_ranges
from distill.curate.tables import readable_table
from distill.errors import DistillError, Refused
from distill.files import each_row, naming_temporary_folder, parsed_row
from distill.parquet import batches, open_parquet
from distill.plain_values import plain
from distill.published import PublishedTrace, Reader, reader_for
from distill.recipe_problems import TracesProblems
from distill.records import Problem, Sampling, Trace, digest

INDEX_BITS, AT_BITS = 10, 40
"""Of a place: the trace's number in its row, below the row's place in its file, below the file's number."""

BATCH = 64
"""Rows of parquet that are Python objects at a time."""

CHARACTERS_PER_TOKEN = 4
"""Where no column tells the tokens."""

TOKENS = ("completion_tokens", "num_tokens", "tokens")
KNOWN = ("domain", "subject", "type", "level", "difficulty", "pass_rate")
"""Columns that tell beforehand how hard a problem is, or what it is about."""


@dataclass(frozen=True)
class PublishedTraces:
    """The files in the order in which they are named."""

    files: tuple[Path, ...]
    spec: TracesProblems
    """Which columns hold what; its `path` plays no part."""

    def shards(self, size: int) -> list[Shard]:
        """
        Raises:
            Refused: a file that cannot be read, holds nothing, or is of no layout that is known.
        """
        found = []
        for number, file in enumerate(self.files):
            _reader_of(file, self.spec)
            ranges = _row_groups(file, size) if file.suffix == ".parquet" else line_ranges(file, size)
            found += [Shard(number, *part) for part in ranges]
        return found

    def read(self, shard: Shard) -> Iterator[Read]:
        file = self.files[shard.file]
        for at, row in _groups(file, shard) if file.suffix == ".parquet" else _lines(file, shard):
            yield from self._of_row(shard.file, at, row)

    def at(self, places: Sequence[int]) -> Iterator[Read]:
        """The traces of these places; rows of parquet, which are packed together, go through a temporary file."""
        with naming_temporary_folder(), tempfile.TemporaryFile() as spool:
            begins = {}
            for number, some in groupby(sorted(set(places)), key=lambda place: place >> (AT_BITS + INDEX_BITS)):
                wanted = {(place >> INDEX_BITS) & ((1 << AT_BITS) - 1) for place in some}
                for at, row in _rows_at(self.files[number], wanted):
                    begins[number, at] = spool.tell()
                    spool.write(json.dumps(row).encode() + b"\n")
            for place in places:
                number, at = place >> (AT_BITS + INDEX_BITS), (place >> INDEX_BITS) & ((1 << AT_BITS) - 1)
                spool.seek(begins[number, at])
                row = json.loads(spool.readline())
                yield next(read for read in self._of_row(number, at, row) if read.place == place)

    def _of_row(self, number: int, at: int, row: dict[str, Any]) -> Iterator[Read]:
        found = _reader_of(self.files[number], self.spec)(row)
        if found is None:
            return
        name = digest(" ".join(found.question.split()))
        problem = Problem.model_construct(
            id=name,
            question=found.question,
            answer=found.answer,
            kind=self.spec.kind,
            known={key: row[key] for key in KNOWN if isinstance(row.get(key), int | float | str)},
            source=_text(row, "source") or self.files[number].name,
            licence=_text(row, "licence", "license") or self.spec.licence,
        )
        for index, trace in enumerate(found.traces):
            place = (number << AT_BITS | at) << INDEX_BITS | index
            yield Read(place, problem, _trace(name, trace, row), _judged(row, self.spec.kind))


def _trace(problem: str, trace: PublishedTrace, row: dict[str, Any]) -> Trace:
    counts = [row[key] for key in TOKENS if isinstance(row.get(key), int)]
    characters = len(trace.reasoning) + len(trace.response)
    return Trace.model_construct(
        id=f"{problem}/{text_hash(trace.reasoning, trace.response):016x}",
        problem_id=problem,
        request="",
        reasoning=trace.reasoning,
        response=trace.response,
        finish_reason=trace.finish_reason,
        prompt_tokens=0,
        completion_tokens=counts[0] if counts else characters // CHARACTERS_PER_TOKEN,
        counted=bool(counts),
        model=_text(row, "teacher", "model") or "unknown",
        sampling=Sampling(),
    )


def _judged(row: dict[str, Any], kind: str) -> Judged:
    """What `distill verify` has written beside a row."""
    verdict = row.get("verdict")
    if verdict not in ("correct", "wrong", "unknown"):
        return NOT_JUDGED
    return Judged(verdict, bool(row.get("flaw")), _text(row, "reason") or "", _text(row, "judge") or "rules", kind)


def _text(row: dict[str, Any], *keys: str) -> str | None:
    return next((row[key] for key in keys if isinstance(row.get(key), str) and row[key]), None)


@lru_cache(maxsize=64)
def _reader_of(file: Path, spec: TracesProblems) -> Reader:
    return reader_for(_columns(file), spec, str(file))


def _columns(file: Path) -> set[str]:
    """
    Raises:
        Refused: the file cannot be read, or is empty.
    """
    try:
        first = next(each_row(file, halves=True), None)
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    if first is None:
        raise Refused(f"{file} holds no traces.")
    return set(first)


def _lines(file: Path, shard: Shard) -> Iterator[tuple[int, dict[str, Any]]]:
    at = shard.begin
    with file.open("rb") as f:
        f.seek(at)
        while at < shard.end and (line := f.readline()):
            if line.strip():
                yield at, _row(line, file, at)
            at += len(line)


def _row(line: bytes, file: Path, at: int) -> dict[str, Any]:
    try:
        return parsed_row(line.decode("utf-8-sig" if not at else "utf-8"), file, at, halves=True)
    except UnicodeDecodeError as e:
        raise Refused(f"{file} is no text in UTF-8 (byte {at + e.start}).", "Rows come as .jsonl or .parquet.") from e
    except DistillError as e:
        raise Refused(str(e).replace(f"line {at}", f"the line at byte {at}"), e.hint) from e


def _row_groups(file: Path, size: int) -> list[tuple[int, int]]:
    """Groups of rows, several together up to about `size` bytes as they are unpacked."""
    with readable_table(file), open_parquet(file) as table:
        sizes = [table.metadata.row_group(group).total_byte_size for group in range(table.num_row_groups)]
    ranges, begin, held = [], 0, 0
    for group, bytes_ in enumerate(sizes):
        held += bytes_
        if held >= size or group == len(sizes) - 1:
            ranges.append((begin, group + 1))
            begin, held = group + 1, 0
    return ranges


def _groups(file: Path, shard: Shard) -> Iterator[tuple[int, dict[str, Any]]]:
    with readable_table(file), open_parquet(file) as table:
        at = sum(table.metadata.row_group(group).num_rows for group in range(shard.begin))
        for batch in batches(table, BATCH, row_groups=range(shard.begin, shard.end)):
            for row in batch.to_pylist():
                yield at, plain(row)
                at += 1


def _rows_at(file: Path, wanted: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some rows of a file, in its order: those of parquet by their numbers, others by the bytes at which they begin."""
    if file.suffix != ".parquet":
        with file.open("rb") as f:
            for at in sorted(wanted):
                f.seek(at)
                yield at, _row(f.readline(), file, at)
        return
    for begin, end in _row_groups(file, 1):
        yield from ((at, row) for at, row in _groups(file, Shard(0, begin, end)) if at in wanted)
