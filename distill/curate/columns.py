"""What curation holds of every trace in memory: some 200 bytes each, the texts stay on disk."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.curate.phrases import encoded
from distill.curate.quality import features_of
from distill.curate.reflection import counts_of
from distill.curate.sources import Read
from distill.records import Problem, VerdictName

VERDICTS: tuple[VerdictName, ...] = ("correct", "wrong", "unknown")
"""By their codes in the column `verdict`."""

FIELDS = np.dtype(
    [
        ("place", np.int64),  # where the trace stands in its source, which finds it again by this
        ("tokens", np.int64),  # sampled, reasoning included
        ("verdict", np.int8),  # place in VERDICTS
        ("flawed", np.bool_),  # not as harvest.accept wants it
        ("finished", np.bool_),  # ended by itself
        ("thinks", np.bool_),  # has reasoning apart from the response
        ("text", np.uint64),  # hash of reasoning and response
        ("features", np.int32, (4,)),  # quality.Features of the whole text
        ("reflections", np.int32),  # of keywords_v2 of oat-zero (reflection.counts)
    ]
)

AT_ONCE = 4096
"""Traces whose numbers are held as Python objects."""


@dataclass(frozen=True)
class Columns:
    """One entry a trace, in the order in which they were read."""

    ids: list[str]
    problems: list[str]
    """Ids of the problems."""
    table: NDArray[np.void]
    """The columns of `FIELDS`."""
    known: dict[str, Problem]
    """The problems by their ids."""
    reasons: Counter[str]
    """Of the verdicts, with how many traces have each."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.table[name]

    @staticmethod
    def joined(parts: "Iterable[Columns]") -> "Columns":
        """Those of several parts, one behind the other."""
        whole = Columns([], [], np.empty(0, FIELDS), {}, Counter())
        tables = [whole.table]
        for part in parts:
            whole.ids.extend(part.ids)
            whole.problems.extend(part.problems)
            whole.reasons.update(part.reasons)
            for name, problem in part.known.items():
                whole.known.setdefault(name, problem)
            tables.append(part.table)
        return replace(whole, table=np.concatenate(tables))


def measured(traces: Iterable[Read]) -> Columns:
    """Read traces once, and keep what the steps need."""
    ids: list[str] = []
    problems: list[str] = []
    known: dict[str, Problem] = {}
    reasons: Counter[str] = Counter()

    def numbers() -> Iterator[tuple[Any, ...]]:
        for read in traces:
            ids.append(read.trace.id)
            problems.append(known.setdefault(read.problem.id, read.problem).id)
            reasons[f"{read.judged.verdict}: {read.judged.reason}"] += 1
            yield _numbers(read)

    rows = numbers()
    parts = [np.empty(0, FIELDS)]
    while part := list(islice(rows, AT_ONCE)):
        parts.append(np.array(part, FIELDS))
    return Columns(ids, problems, np.concatenate(parts), known, reasons)


def _numbers(read: Read) -> tuple[Any, ...]:
    trace = read.trace
    data = encoded(f"{trace.reasoning}\n{trace.response}")
    return (
        read.place,
        trace.completion_tokens,
        VERDICTS.index(read.judged.verdict),
        read.judged.flawed,
        trace.finish_reason == "stop",
        bool(trace.reasoning),
        text_hash(trace.reasoning, trace.response),
        features_of(data),
        counts_of(data).keywords_v2,
    )


def text_hash(*texts: str) -> int:
    """64 bits; among a million texts two unequal ones share it with a chance of 3 in 10^8."""
    whole = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little")
