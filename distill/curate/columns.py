"""What curation holds of every trace in memory: some 200 bytes each, the texts stay on disk."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.records import Trace, VerdictName

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

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.table[name]


def measured(traces: Iterable[tuple[int, Trace]], verdicts: Mapping[str, tuple[VerdictName, bool]]) -> Columns:
    """Read traces once, each with its place, and keep what the steps need.

    `verdicts` has verdict and flaw by the trace's id.
    """
    ids: list[str] = []
    problems: list[str] = []

    def numbers() -> Iterator[tuple[Any, ...]]:
        for place, trace in traces:
            ids.append(trace.id)
            problems.append(trace.problem_id)
            yield _numbers(place, trace, *verdicts[trace.id])

    rows = numbers()
    parts = [np.empty(0, FIELDS)]
    while part := list(islice(rows, AT_ONCE)):
        parts.append(np.array(part, FIELDS))
    return Columns(ids, problems, np.concatenate(parts))


def _numbers(place: int, trace: Trace, verdict: VerdictName, flawed: bool) -> tuple[Any, ...]:
    return (
        place,
        trace.completion_tokens,
        VERDICTS.index(verdict),
        flawed,
        trace.finish_reason == "stop",
        bool(trace.reasoning),
        text_hash(trace.reasoning, trace.response),
    )


def text_hash(*texts: str) -> int:
    """64 bits; among a million texts two unequal ones share it with a chance of 3 in 10^8."""
    whole = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little")
