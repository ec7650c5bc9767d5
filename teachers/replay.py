"""Traces that others published, as a teacher: a sample's index picks one of those that its problem has."""

from distill.published import reader_for
from distill.published_rows import LeftOut, sampling_in
from distill.recipe_problems import TracesProblems
from distill.records import digest
from distill.row_access import rows_of
from teachers.base import CHARACTERS_PER_TOKEN, Completion, Request, TeacherError


class Replay:
    """Answers with what stands in a published set."""

    concurrency = 64

    def __init__(self, source: TracesProblems) -> None:
        self._rows = rows_of(source)
        self._read = reader_for(self._rows.columns, source, where(source))
        picked = source.model_dump(include={"question_key", "answer_key", "thinking_key", "response_key"})
        self.name = f"replay {where(source)} {digest([source.revision, source.config, source.split, picked], 8)}"

    async def answer(self, request: Request) -> Completion:
        places = request.problem.data.get("traces")
        index = int(request.id.rsplit("/", 1)[1])
        if places is None or index >= len(places):
            raise TeacherError(f"{request.id} has no published trace.", "Run the stage `problems` again.")
        row, place = places[index]
        held = self._rows[row]
        found = self._read(held)
        if isinstance(found, LeftOut) or place >= len(found.traces):
            raise TeacherError(f"{self.name} has changed: row {row} no longer holds the trace of {request.id}.")
        trace = found.traces[place]
        tokens = (len(trace.reasoning) + len(trace.response)) // CHARACTERS_PER_TOKEN
        told = sampling_in(held)
        return Completion(trace.response, trace.finish_reason, 0, tokens, trace.reasoning, counted=False, sampling=told)

    async def close(self) -> None:
        return None


def where(source: TracesProblems) -> str:
    """What a published set is called in traces and messages."""
    return source.hub_id or source.path or ""
