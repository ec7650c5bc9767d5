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
from teachers.base import Completion, Request, Teacher, TeacherError

OnTraces = Callable[[list[Trace]], None]
"""Called with traces that have just reached the disk."""


async def sample(teacher: Teacher, requests: Iterable[Request], log: Log, on_traces: OnTraces) -> None:
    """Answer every request that the log does not hold yet, in order, `teacher.concurrency` at a time.

    Raises:
        TeacherError: a request failed for good; all answers that came before it are on disk.
    """
    held = {trace.request for trace in log.read(Trace)}
    todo = iter([r for r in requests if r.digest(teacher.name) not in held])
    running: list[asyncio.Task[Trace]] = []
    try:
        while True:
            for request in islice(todo, teacher.concurrency - len(running)):
                running.append(asyncio.create_task(_ask(teacher, request)))
            if not running:
                return
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            done = [task for task in running if task.done()]
            running = [task for task in running if not task.done()]
            _write(done, log, on_traces)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


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
        model=teacher.name,
        sampling=request.sampling,
    )


def _parts(completion: Completion) -> tuple[str, str]:
    if completion.reasoning is not None:
        return split_reasoning(joined(completion.reasoning, completion.text))
    return split_reasoning(completion.text)


def _write(done: list[asyncio.Task[Trace]], log: Log, on_traces: OnTraces) -> None:
    """Write what succeeded, then raise the first failure."""
    traces = [task.result() for task in done if task.exception() is None]
    log.append(traces)
    on_traces(traces)
    for task in done:
        error = task.exception()
        if error is not None:
            raise error if isinstance(error, DistillError) else TeacherError(f"sampling failed: {error}.") from error
