"""Requests in, traces on disk: nothing twice, nothing lost, an error never a trace.

Answers that arrive together are written with one call and synced before any of them counts, so a
killed process leaves whole batches behind. Harvest and evaluation both sample through here.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice

from distill.errors import DistillError
from distill.files import Log
from distill.records import Trace, joined, split_reasoning
from teachers.base import Completion, Request, Teacher, TeacherError, TeacherRefused

OnTraces = Callable[[list[Trace]], None]
"""Called with traces that have just reached the disk."""


async def sample(teacher: Teacher, requests: Iterable[Request], log: Log, on_traces: OnTraces) -> None:
    """Answer every request that the log does not hold yet, in order, `teacher.concurrency` at a time.

    A request that fails for good does not stop the others, until as many in a row have failed as are under way
    at once.

    Raises:
        TeacherError: requests failed for good; all answers are on disk, and none of the failures.
    """
    held = {trace.request for trace in log.read(Trace)}
    todo = iter([r for r in requests if r.digest(teacher.name) not in held])
    failures = _Failures(teacher.concurrency)
    running: list[asyncio.Task[Trace]] = []
    try:
        while True:
            for request in islice(todo, teacher.concurrency - len(running)):
                running.append(asyncio.create_task(_ask(teacher, request)))
            if not running:
                return failures.tell()
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            done = [task for task in running if task.done()]
            running = [task for task in running if not task.done()]
            traces = [task.result() for task in done if task.exception() is None]
            log.append(traces)
            on_traces(traces)
            failures.note(done)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Failures:
    """Requests that failed for good, and when it is in vain to go on."""

    def __init__(self, concurrency: int) -> None:
        self.limit = concurrency
        self.errors: list[TeacherError] = []
        self.in_a_row = 0

    def note(self, done: list[asyncio.Task[Trace]]) -> None:
        """Count the failures among finished requests.

        Raises:
            DistillError: one that no other request will escape, or too many in a row.
        """
        for task in done:
            error = task.exception()
            if error is None:
                self.in_a_row = 0
                continue
            if isinstance(error, TeacherRefused) or (
                isinstance(error, DistillError) and not isinstance(error, TeacherError)
            ):
                raise error
            self.errors.append(error if isinstance(error, TeacherError) else _unforeseen(error))
            self.in_a_row += 1
        if self.in_a_row >= self.limit:
            self.tell()

    def tell(self) -> None:
        """Raise what failed, if anything did."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise TeacherError(
                f"{len(self.errors)} requests got no answer; the first: {self.errors[0]}",
                "Every answer is on disk. The same command asks again for those that are missing.",
            ) from self.errors[0]


def _unforeseen(error: BaseException) -> TeacherError:
    failure = TeacherError(f"sampling failed: {error}.")
    failure.__cause__ = error
    return failure


async def _ask(teacher: Teacher, request: Request) -> Trace:
    completion = await teacher.answer(request)
    if completion.finish_reason == "error":
        raise TeacherError(f"{teacher.name} failed on {request.id} without saying why.")
    reasoning, response = _parts(completion)
    return Trace(
        id=request.id,
        problem_id=request.problem.id,
        request=request.digest(teacher.name),
        reasoning=reasoning,
        response=response,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        counted=completion.counted,
        model=teacher.name,
        sampling=request.sampling,
    )


def _parts(completion: Completion) -> tuple[str, str]:
    if completion.reasoning is not None:
        return split_reasoning(joined(completion.reasoning, completion.text))
    return split_reasoning(completion.text)
