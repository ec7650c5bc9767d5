"""Does a trace hold what is sought? Its line is looked through as it lies on disk, and parsed if that finds it."""

import os
from collections.abc import Container, Sequence

from distill.errors import DistillError
from distill.records import Trace
from distill.view.index import Candidate, Index
from distill.view.needle import Needle
from distill.view.sources import Source


def problems_with(needle: Needle, within: str, index: Index) -> set[tuple[int, str]]:
    """Problems whose question or gold answer holds what is sought, wherever it is sought there."""
    if within not in ("", "question", "answer"):
        return set()
    return {
        (scope, problem)
        for scope, problem, question, answer in index.questions()
        if (within != "answer" and needle.is_in(question)) or (within != "question" and needle.is_in(answer))
    }


class Search:
    """Of one needle, with the files that it looks into held open."""

    def __init__(
        self, sources: Sequence[Source], needle: Needle, within: str, problems: Container[tuple[int, str]]
    ) -> None:
        self.sources, self.needle, self.within, self.problems = sources, needle, within, problems
        """`within` is a choice of `Filter.within`; empty is anywhere."""
        self._open: dict[int, int] = {}

    def __enter__(self) -> "Search":
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._open.values():
            os.close(handle)

    def finds(self, candidate: Candidate) -> bool:
        if (candidate.scope, candidate.problem) in self.problems:
            return True
        if self.within in ("", "answer") and self.needle.is_in(candidate.extracted):
            return True
        return self.within in ("", "reasoning", "response") and self._in_text(candidate)

    def _in_text(self, candidate: Candidate) -> bool:
        place, source = candidate.place, self.sources[candidate.place.source]
        try:
            line = os.pread(self._handle(place.source, source), place.size, place.at)
            if not self.needle.may_be_in(line):
                return False
            trace = source.read(place)
        except (DistillError, OSError, StopIteration):  # the file was replaced; its reader will notice
            return False
        return any(self.needle.is_in(text) for text in self._texts(trace))

    def _texts(self, trace: Trace) -> list[str]:
        texts = {"reasoning": [trace.reasoning], "response": [trace.response]}
        return texts.get(self.within, [trace.reasoning, trace.response])

    def _handle(self, number: int, source: Source) -> int:
        if number not in self._open:
            self._open[number] = os.open(source.path, os.O_RDONLY)
        return self._open[number]
