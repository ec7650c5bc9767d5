"""Logs of a run read once from end to end; what is held of a trace is its verdict and a few numbers."""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from distill.files import Log
from distill.records import Problem, Verdict, digest

T = TypeVar("T")


class Judged(NamedTuple):
    """What is held of a verdict; equal ones are one object."""

    verdict: str
    accepted: bool
    why: str
    """Verdict and reason in words that group well."""

    @property
    def reason(self) -> str:
        return self.why.partition(": ")[2]


NOT_JUDGED = Judged("unknown", False, "unknown: not judged")


def verdicts(path: Path) -> dict[str, Judged]:
    """By trace; a judge's verdict stands after that of the rules and takes its place."""
    known: dict[Judged, Judged] = {}
    found = {}
    for verdict in Log(path).each(Verdict):
        said = f"{verdict.verdict}: {verdict.reason}"
        if verdict.verdict == "correct" and verdict.flaw is not None:
            said = f"not accepted: {verdict.flaw}"
        judged = Judged(verdict.verdict, verdict.accepted, said)
        found[verdict.trace_id] = known.setdefault(judged, judged)
    return found


class Draw(Generic[T]):
    """So many of a stream, drawn by their names alone: the same ones whenever the page is written, picked by nobody."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen = 0
        self._held: list[tuple[int, int, T]] = []

    def offer(self, name: str, value: T) -> None:
        """One of the stream; its name decides."""
        self.seen += 1
        item = (-int(digest(["report", name]), 16), self.seen, value)
        if len(self._held) < self.size:
            heapq.heappush(self._held, item)
        elif item[0] > self._held[0][0]:
            heapq.heapreplace(self._held, item)

    def drawn(self) -> list[T]:
        return [value for _, _, value in sorted(self._held, key=lambda held: -held[0])]


class Asked(NamedTuple):
    """What examples show of a problem."""

    question: str
    answer: str


def asked(problems: Iterator[Problem], wanted: set[str]) -> dict[str, Asked]:
    """Of those problems that examples are of."""
    return {p.id: Asked(p.question, p.answer) for p in problems if p.id in wanted}
