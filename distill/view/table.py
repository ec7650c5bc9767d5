"""Files of traces in somebody's layout (`distill.published`), or samples of ours without a run around them."""

import gzip
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from distill.curate.select_files import refuse_paths
from distill.curate.traces.file_shards import columns
from distill.curate.traces.published_traces import INDEX_BITS, PublishedTraces
from distill.curate.traces.sources import NOT_JUDGED as NO_VERDICT
from distill.curate.traces.sources import Gap, Read, Shard
from distill.errors import DistillError, Refused
from distill.files import each_row, json_line, whole_text
from distill.published import as_flag, reader_for
from distill.recipe_problems import TracesProblems
from distill.records import Trace
from distill.view.index import ADDED_TRACE, NOT_JUDGED, Index, Judged, Place
from distill.view.problems import problem_row
from distill.view.sources import SAMPLES, Log, problems_of
from distill.view.tail import Tail


@dataclass(frozen=True)
class Table:
    """A file of traces in somebody's layout, as jsonl: itself, or a copy of it that goes with this process."""

    file: Path
    """As it was named."""
    path: Path
    """Where its lines are."""
    columns: TracesProblems
    """Which of them hold what."""

    @property
    def name(self) -> str:
        return self.file.name

    @cached_property
    def traces(self) -> PublishedTraces:
        return PublishedTraces((self.path,), self.columns, given=(self.file,))

    def read(self, place: Place) -> Trace:
        """
        Raises:
            DistillError: the row is no longer what it was.
        """
        return next(self.traces.at([place.at << INDEX_BITS | place.part])).trace


class TableFollower:
    """Rows of a layout of somebody's, each with its question, traces and verdicts."""

    def __init__(self, index: Index, number: int, table: Table) -> None:
        self.index, self.number, self.table = index, number, table
        self.tail = Tail(table.path, whole=False)
        self.damaged = 0
        self.left_out = 0

    @property
    def left(self) -> int:
        return max(0, self.tail.size - self.tail.at)

    def step(self) -> bool:
        if self.tail.was_replaced():
            with self.index.changing() as db:
                db.execute("delete from traces where source = ?", (self.number,))
        lines = self.tail.lines()
        if not lines:
            return False
        with self.index.changing() as db:
            for at, line in lines:
                if not line.strip():
                    continue
                for read in self._of_line(at, len(line)):
                    db.execute("insert or ignore into problems values (?,?,?,?,?,?)", problem_row(0, read.problem))
                    db.execute(ADDED_TRACE, self._row(read, at, len(line)))
        return True

    def _of_line(self, at: int, size: int) -> Iterator[Read]:
        try:
            for found in self.table.traces.read(Shard(0, at, at + size)):
                if isinstance(found, Gap):
                    self.left_out += 1
                else:
                    yield found
        except DistillError:
            self.damaged += 1

    def _row(self, read: Read, at: int, size: int) -> tuple[Any, ...]:
        trace, judged = read.trace, read.judged
        told = NOT_JUDGED if judged == NO_VERDICT else Judged(judged.verdict, whole_text(judged.reason), None, None)
        told = told._replace(flaw="a flaw") if judged.flawed else told
        part = read.place & ((1 << INDEX_BITS) - 1)
        place = (self.number, at, part, size, self.table.file.stem, whole_text(trace.model))
        return (*place, trace.id, trace.problem_id, 0, trace.completion_tokens, trace.finish_reason, *told)


def file_of(path: Path, spec: TracesProblems, unpacked: IO[bytes] | None) -> Log | Table:
    """What a file holds; one that is packed or no lines of text is unpacked into `unpacked`, which has a name on disk.

    Raises:
        Refused: no such file, or columns of no layout that is known.
    """
    refuse_paths([path])
    if set(columns(path)) >= {"id", "problem_id", "request", "reasoning", "response", "finish_reason"}:
        who = path.name.removesuffix(SAMPLES).rstrip(".") or "teacher"
        return Log(path, path.resolve().parent.name, who, problems_of(path.parent))
    reader_for(columns(path), spec, str(path), as_flag)
    return Table(path, path if unpacked is None else _as_lines(path, unpacked), spec)


def _as_lines(path: Path, unpacked: IO[bytes]) -> Path:
    """Rows as jsonl: of a file that is packed by gzip as they are, of a table as JSON."""
    if path.suffix == ".parquet":
        unpacked.writelines(map(json_line, each_row(path)))
    else:
        try:
            with gzip.open(path) as f:
                shutil.copyfileobj(f, unpacked, 1 << 20)
        except (OSError, EOFError, zlib.error) as e:
            raise Refused(f"{path} cannot be unpacked: {e}.") from e
    unpacked.flush()
    return Path(unpacked.name)
