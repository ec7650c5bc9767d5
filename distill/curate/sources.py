"""Where curation reads traces: in one pass from the first to the last, and later those that were chosen."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from distill.errors import DistillError
from distill.files import Log
from distill.records import Trace, Verdict, VerdictName

Verdicts = dict[str, tuple[VerdictName, bool]]
"""Verdict and flaw by the trace's id."""


class Source(Protocol):
    """Traces on disk."""

    def each(self) -> Iterator[tuple[int, Trace]]:
        """All traces once, each with its place."""

    def at(self, places: Sequence[int]) -> Iterator[Trace]:
        """The traces of these places, in this order."""


class RunTraces:
    """The samples of a run, where a place is the byte at which a line begins."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "samples.jsonl"

    def each(self) -> Iterator[tuple[int, Trace]]:
        """
        Raises:
            DistillError: a line that is no trace.
        """
        at = 0
        with self.path.open("rb") as f:
            for number, line in enumerate(f, 1):
                if line.endswith(b"\n"):
                    yield at, self._trace(line, number)
                at += len(line)

    def at(self, places: Sequence[int]) -> Iterator[Trace]:
        with self.path.open("rb") as f:
            for place in places:
                f.seek(place)
                yield self._trace(f.readline(), 0)

    def _trace(self, line: bytes, number: int) -> Trace:
        try:
            return Trace.model_validate_json(line)
        except ValueError as e:
            raise DistillError(
                f"{self.path} is damaged: line {number} is no trace.",
                "Delete that line; the same command makes up for it.",
            ) from e


def verdicts_of(folder: Path, judged: bool) -> tuple[Verdicts, dict[str, str]]:
    """Verdict and flaw of every trace of a run, and the reasons; with `judged` a judge's count, who comes last."""
    verdicts: Verdicts = {}
    reasons: dict[str, str] = {}
    for verdict in Log(folder / "verdicts.jsonl").each(Verdict):
        if judged or verdict.by == "rules":
            verdicts[verdict.trace_id] = verdict.verdict, verdict.flaw is not None
            reasons[verdict.trace_id] = verdict.reason
    return verdicts, reasons
