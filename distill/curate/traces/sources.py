"""Where curation reads traces: in one pass from the first to the last, and later those that were chosen.

A source is cut into shards that are read apart from each other, by several processes or on several machines; what is
read of a shard is the same wherever that happens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from distill.errors import DistillError
from distill.files import Log
from distill.records import Problem, Trace, Verdict, VerdictName
from distill.verify.pool import Row


class Judged(NamedTuple):
    """What a verifier has said of a trace."""

    verdict: VerdictName
    flawed: bool
    reason: str
    by: str
    """The rules, or the model of the judge."""
    kind: str


NOT_JUDGED = Judged("unknown", False, "not judged", "nobody", "")


class Read(NamedTuple):
    """A trace as it was read."""

    place: int
    """Finds it again in its source."""
    problem: Problem
    trace: Trace
    judged: Judged
    ask: Row | None = None
    """What a verifier is to be asked, whose verdict is then the one that counts."""
    file: str | None = None
    """Name of the file in which it stands; None in a run."""
    row: int | None = None
    """Number of its row there, from 1, as the first reading tells it."""
    row_id: str | None = None
    """What the file calls that row."""
    first: bool = True
    """Is it the first of its row?"""
    system: str = ""
    """The system message with which it was asked, where that is to be written."""


class Gap(NamedTuple):
    """What was read and is no trace."""

    why: str
    is_row: bool = True
    """Is it a whole row, or an answer or gold answer in one?"""


class Advice(NamedTuple):
    """What a user can do where nothing is left."""

    unknown: str
    """Where no verdict is as it is asked for, and some are unknown."""
    nothing: str
    """Where any other step left nothing."""


class Shard(NamedTuple):
    """A part of a file."""

    file: int
    """Place of the file in its source."""
    begin: int
    """First byte of a line, or first group of rows."""
    end: int
    before: int = 0
    """Rows of the file before it."""


class Source(Protocol):
    """Traces on disk, with their problems and verdicts."""

    @property
    def verifies(self) -> bool:
        """Are its traces to be judged as they are read?"""

    @property
    def advice(self) -> Advice:
        """What to do where nothing is left."""

    def inputs(self) -> list[tuple[str, str]]:
        """Names of the files that a card tells, each with the SHA-256 of its bytes."""

    def shards(self, size: int) -> list[Shard]:
        """Parts of about `size` bytes, in the order of the traces."""

    def read(self, shard: Shard) -> Iterator[Read | Gap]:
        """The traces of a part, in their order, and what is none."""

    def at(self, places: Sequence[int]) -> Iterator[Read]:
        """The traces of these places, in this order."""

    def file_of(self, place: int) -> str | None:
        """Name of the file in which a place is; None in a run."""


@dataclass(frozen=True)
class RunTraces:
    """The samples of a run, where a place is the byte at which a line begins."""

    folder: Path
    problems: Mapping[str, Problem]
    verdicts: Mapping[str, Judged]
    verifies: ClassVar[bool] = False
    advice: ClassVar[Advice] = Advice(*["Nothing was trained; the traces are kept."] * 2)

    def inputs(self) -> list[tuple[str, str]]:
        """None that others have."""
        return []

    @property
    def path(self) -> Path:
        return self.folder / "samples.jsonl"

    def shards(self, size: int) -> list[Shard]:
        return [Shard(0, *part) for part in line_ranges(self.path, size)]

    def read(self, shard: Shard) -> Iterator[Read | Gap]:
        """
        Raises:
            DistillError: a line that is no trace.
        """
        at = shard.begin
        with self.path.open("rb") as f:
            f.seek(at)
            while at < shard.end and (line := f.readline()).endswith(b"\n"):
                yield self._trace(at, line)
                at += len(line)

    def at(self, places: Sequence[int]) -> Iterator[Read]:
        with self.path.open("rb") as f:
            for place in places:
                f.seek(place)
                yield self._trace(place, f.readline())

    def file_of(self, place: int) -> None:
        return None

    def _trace(self, at: int, line: bytes) -> Read:
        try:
            trace = Trace.model_validate_json(line)
        except ValueError as e:
            raise DistillError(
                f"{self.path} is damaged: the line at byte {at} is no trace.",
                "Delete that line; the same command makes up for it.",
            ) from e
        return Read(at, self.problems[trace.problem_id], trace, self.verdicts[trace.id])


def of_run(folder: Path, problems: Sequence[Problem], judged: bool) -> RunTraces:
    """The traces of a run; with `judged` a judge's verdicts count, which come last."""
    verdicts = {}
    for v in Log(folder / "verdicts.jsonl").each(Verdict):
        if judged or v.by == "rules":
            verdicts[v.trace_id] = Judged(v.verdict, v.flaw is not None, v.reason, v.judge or v.by, v.kind)
    return RunTraces(folder, {p.id: p for p in problems}, verdicts)


def line_ranges(path: Path, size: int) -> list[tuple[int, int]]:
    """Begin and end of parts of about `size` bytes that are cut between lines."""
    whole = path.stat().st_size
    begins = [0]
    with path.open("rb") as f:
        while begins[-1] + size < whole:
            f.seek(begins[-1] + size - 1)
            f.readline()
            begins.append(f.tell())
    ends = [*begins[1:], whole]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]
