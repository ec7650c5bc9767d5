"""What curation holds of every trace in memory: some 200 bytes each, the texts stay on disk."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice, tee
from typing import Any, Generic, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from distill.curate.quality.phrases import encoded
from distill.curate.quality.reflection import counts_of
from distill.curate.quality.rule_score import features_of
from distill.curate.text.text_hash import text_hash
from distill.curate.traces.conflicts import Conflicts, merged, rank_of
from distill.curate.traces.sources import Gap, Judged, Read
from distill.records import Problem, VerdictName
from distill.verify.judgement import Judgement
from distill.verify.pool import Row, judge_all

T = TypeVar("T")

VERDICTS: tuple[VerdictName, ...] = ("correct", "wrong", "unknown")
"""By their codes in the column `verdict`."""

FIELDS = np.dtype(
    [
        ("place", np.int64),  # where the trace stands in its source, which finds it again by this
        ("row", np.int64),  # number of its row in its file; 0 in a run
        ("tokens", np.int64),  # sampled, reasoning included
        ("finished", np.bool_),  # ended by itself
        ("thinks", np.bool_),  # has reasoning apart from the response
        ("text", np.uint64),  # hash of reasoning and response
        ("rank", np.uint64),  # order of traces with one id: conflicts.rank_of
        ("features", np.int32, (4,)),  # rule_score.Features of the whole text
        ("reflections", np.int32),  # of keywords_v2 of oat-zero (reflection.counts)
        ("verdict", np.int8),  # place in VERDICTS
        ("flawed", np.bool_),  # not as harvest.accept wants it
        ("judged", np.int32),  # place in Columns.judgements
        ("source", np.int32),  # place in Columns.sources
    ]
)

AT_ONCE = 4096
"""Traces whose numbers are held as Python objects."""


@dataclass(frozen=True)
class Columns:
    """One entry a trace, in the order in which they were read."""

    ids: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Ids of the problems."""
    table: NDArray[np.void] = field(default_factory=lambda: np.empty(0, FIELDS))
    """The columns of `FIELDS`."""
    known: dict[str, Problem] = field(default_factory=dict)
    """The problems by their ids; of rows that tell one differently, what `conflicts.merged` makes of them."""
    conflicts: Conflicts = field(default_factory=Conflicts)
    """What of that rows tell differently."""
    judgements: list[Judged] = field(default_factory=list)
    """Those that differ, in the order in which they came first."""
    sources: list[str] = field(default_factory=list)
    """Likewise of the traces' rows, of which those of one problem may have several."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of the verdicts, with how many traces have each."""
    rows: int = 0
    """Rows that were read, those without traces included."""
    systems: int = 0
    """Traces with a system message of their own."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Why rows have no traces -> how many."""
    amiss: Counter[str] = field(default_factory=Counter)
    """What is no answer or gold answer in other rows -> how many."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.table[name]

    def judged(self, row: int) -> Judged:
        """What a verifier has said of a trace."""
        return self.judgements[int(self.table["judged"][row])]

    @staticmethod
    def joined(parts: "Iterable[Columns]") -> "Columns":
        """Those of several parts, one behind the other."""
        whole = Columns()
        tables, rows, systems, codes, sources = [whole.table], 0, 0, _Codes(whole.judgements), _Codes(whole.sources)
        for part in parts:
            whole.ids.extend(part.ids)
            whole.problems.extend(part.problems)
            for counts, more in zip(whole._counts(), part._counts(), strict=True):
                counts.update(more)
            whole.conflicts.update(part.conflicts)
            for problem in part.known.values():
                whole._tell(problem)
            if len(part):
                part.table["judged"] = np.array([codes.of(one) for one in part.judgements])[part.table["judged"]]
                part.table["source"] = np.array([sources.of(one) for one in part.sources])[part.table["source"]]
            tables.append(part.table)
            rows += part.rows
            systems += part.systems
        return replace(whole, table=np.concatenate(tables), rows=rows, systems=systems)

    def _tell(self, problem: Problem) -> None:
        held = self.known.setdefault(problem.id, problem)
        if held is not problem:
            self.conflicts.note(held, problem)
            self.known[problem.id] = merged(held, problem)

    def _counts(self) -> tuple[Counter[str], ...]:
        return self.reasons, self.left_out, self.amiss


class _Codes(Generic[T]):
    """Numbers for values that differ, each in a list at its number."""

    def __init__(self, values: list[T]) -> None:
        self._values = values
        self._numbers: dict[T, int] = {}

    def of(self, value: T) -> int:
        if value not in self._numbers:
            self._numbers[value] = len(self._values)
            self._values.append(value)
        return self._numbers[value]


class Entry(NamedTuple):
    """What is kept of a trace until its verdict is there."""

    id: str
    problem: Problem
    judged: Judged
    ask: Row | None
    numbers: tuple[Any, ...]
    """Of the columns but for those of the verdict."""


def measured(traces: Iterable[Read | Gap], verified: bool = False) -> Columns:
    """Read traces once, and keep what the steps need; with `verified` those that ask for a verdict are judged."""
    found = Columns()
    codes, sources, rows, systems = _Codes(found.judgements), _Codes(found.sources), 0, 0

    def entries() -> Iterator[Entry]:
        nonlocal rows, systems
        for read in traces:
            if isinstance(read, Gap):
                rows += read.is_row
                (found.left_out if read.is_row else found.amiss)[read.why] += 1
            else:
                rows += read.first
                systems += bool(read.system)
                found._tell(read.problem)
                yield Entry(read.trace.id, read.problem, read.judged, read.ask, _numbers(read))

    def numbers() -> Iterator[tuple[Any, ...]]:
        for entry in judged(entries()) if verified else entries():
            found.ids.append(entry.id)
            found.problems.append(found.known[entry.problem.id].id)  # the text that is held already
            verdict = entry.judged
            found.reasons[f"{verdict.verdict}: {verdict.reason}"] += 1
            code = VERDICTS.index(verdict.verdict)
            yield (*entry.numbers, code, verdict.flawed, codes.of(verdict), sources.of(entry.problem.source))

    parts, lines = [np.empty(0, FIELDS)], numbers()
    while part := list(islice(lines, AT_ONCE)):
        parts.append(np.array(part, FIELDS))
    return replace(found, table=np.concatenate(parts), rows=rows, systems=systems)


def judged(entries: Iterator[Entry]) -> Iterator[Entry]:
    """The same with the verdicts of `distill verify`, some hundred of them under way at a time."""
    order, waiting = tee(entries)
    asked = judge_all(entry.ask for entry in waiting if entry.ask is not None)
    with closing(cast("Generator[Judgement]", asked)) as verdicts:
        for entry in order:
            if entry.ask is None:
                yield entry
            else:
                found = next(verdicts)
                yield entry._replace(judged=Judged(found.verdict, False, found.reason, "rules", entry.ask.kind))


def _numbers(read: Read) -> tuple[Any, ...]:
    trace = read.trace
    data = encoded(f"{trace.reasoning}\n{trace.response}")
    return (
        read.place,
        read.row or 0,
        trace.completion_tokens,
        trace.finish_reason == "stop",
        bool(trace.reasoning),
        text_hash(trace.reasoning, trace.response),
        rank_of(read),
        features_of(data),
        counts_of(data).keywords_v2,
    )
