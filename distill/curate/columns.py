"""What curation holds of every trace in memory: some 200 bytes each, the texts stay on disk."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from distill.curate.selections.pool import Bools, Floats, Ints
from distill.records import Trace, VerdictName

VERDICTS: tuple[VerdictName, ...] = ("correct", "wrong", "unknown")
"""By their codes in `Columns.verdict`."""


@dataclass(frozen=True)
class Columns:
    """One entry a trace, in the order in which they were read."""

    ids: list[str]
    problems: list[str]
    """Ids of the problems."""
    place: Ints
    """Where the trace stands in its source, which finds it again by this."""
    tokens: Ints
    """Sampled, reasoning included."""
    verdict: NDArray[np.int8]
    """Place in `VERDICTS`."""
    flawed: Bools
    """Not as `harvest.accept` wants it."""
    finished: Bools
    """Ended by itself."""
    thinks: Bools
    """Has reasoning apart from the response."""
    text: NDArray[np.uint64]
    """Hash of reasoning and response."""

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def joined(parts: "Sequence[Columns]") -> "Columns":
        """Several of them behind one another."""
        whole = {}
        for field in fields(Columns):
            values = [getattr(part, field.name) for part in parts]
            whole[field.name] = np.concatenate(values) if isinstance(values[0], np.ndarray) else sum(values, [])
        return Columns(**whole)


def measured(
    traces: Iterable[tuple[int, Trace]], verdicts: Mapping[str, tuple[VerdictName, bool]]
) -> Columns:
    """Read traces once, each with its place, and keep what the steps need.

    `verdicts` has verdict and flaw by the trace's id.
    """
    ids: list[str] = []
    problems: list[str] = []
    numbers: list[tuple[int, int, int, bool, bool, bool, int]] = []
    for place, trace in traces:
        verdict, flawed = verdicts[trace.id]
        ids.append(trace.id)
        problems.append(trace.problem_id)
        numbers.append(
            (
                place,
                trace.completion_tokens,
                VERDICTS.index(verdict),
                flawed,
                trace.finish_reason == "stop",
                bool(trace.reasoning),
                text_hash(trace.reasoning, trace.response),
            )
        )
    place, tokens, verdict, flawed, finished, thinks, text = zip(*numbers, strict=True) if numbers else [()] * 7
    return Columns(
        ids,
        problems,
        np.array(place, np.int64),
        np.array(tokens, np.int64),
        np.array(verdict, np.int8),
        np.array(flawed, np.bool_),
        np.array(finished, np.bool_),
        np.array(thinks, np.bool_),
        np.array(text, np.uint64),
    )


def text_hash(*texts: str) -> int:
    """64 bits; among a million texts two unequal ones share it with a chance of 3 in 10^8."""
    whole = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little")
