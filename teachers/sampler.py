"""Requests in, traces on disk: nothing twice, nothing lost, an error never a trace.

Answers that arrive together are written with one call and synced before any of them counts, so a
killed process leaves whole batches behind. Harvest and evaluation both sample through here.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Protocol

from distill.errors import DistillError
from distill.files import Log
from distill.records import Trace, split_reasoning
from teachers.base import Completion, Request, Teacher, TeacherError, TeacherRefused
from teachers.earlier import Earlier

logger = logging.getLogger(__name__)

LAST_ANSWERS = 600.0
"""Seconds, at most, for the answers that are under way when the teacher refuses to go on."""

OnTraces = Callable[[list[Trace]], None]
"""Called with traces that have just reached the disk."""


class Plan(Protocol):
    """What is asked next."""

    def take(self, most: int) -> list[Request]:
        """Up to `most` further requests; none when there is nothing to ask before more has come back."""
        ...

    def failed(self, request: Request) -> None:
        """A request got no answer."""
        ...


class InOrder:
    """A plan that asks everything once."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._todo = iter(requests)

    def take(self, most: int) -> list[Request]:
        return list(islice(self._todo, most))

    def failed(self, request: Request) -> None:
        """Asked again by the next attempt."""


async def sample(teacher: Teacher, requests: Iterable[Request], log: Log, on_traces: OnTraces) -> None:
    """Answer every request that the log does not hold yet, in order; see `follow`."""
    held = {trace.request for trace in log.each(Trace)}
    await follow(teacher, InOrder(r for r in requests if r.digest(teacher.name) not in held), log, on_traces)


async def follow(
    teacher: Teacher,
    plan: Plan,
    log: Log,
    on_traces: OnTraces,
    allow_unanswered: int = 0,
    earlier: Earlier | None = None,
) -> list[TeacherError]:
    """Answer the plan's requests, `teacher.concurrency` at a time; as answers arrive, new requests go out.

    What `earlier` holds is not asked again.

    A request that fails for good does not stop the others, until as many in a row have failed as are under way
    at once. One that the teacher refuses is the last, and what is under way then may still end. Returns
    the failures, where there are no more of them than allowed.

    Raises:
        TeacherError: more requests failed for good; all answers are on disk, and none of the failures.
    """
    failures = _Failures(teacher.concurrency, allow_unanswered)
    under_way = _UnderWay(teacher, plan, log, on_traces, earlier)
    try:
        while True:
            under_way.ask(plan.take(teacher.concurrency - len(under_way.running)))
            if not under_way.running:
                failures.tell_unless_allowed()
                return failures.errors
            failures.note(await under_way.arrive())
    except TeacherRefused as e:
        await under_way.last_answers(e)
        raise
    finally:
        await under_way.end()


class _UnderWay:
    """Requests that have gone out; what comes back is on disk before it counts."""

    def __init__(self, teacher: Teacher, plan: Plan, log: Log, on_traces: OnTraces, earlier: Earlier | None) -> None:
        self.running: dict[asyncio.Task[Trace], Request] = {}
        self._done: asyncio.Queue[asyncio.Task[Trace]] = asyncio.Queue()  # asyncio.wait would look at all for each
        self._teacher, self._plan, self._earlier = teacher, plan, earlier
        self._log, self._on_traces = log, on_traces

    def ask(self, requests: list[Request]) -> None:
        for request in requests:
            task = asyncio.create_task(_ask(self._teacher, request, self._earlier))
            task.add_done_callback(self._done.put_nowait)
            self.running[task] = request

    async def arrive(self) -> list[asyncio.Task[Trace]]:
        """Wait for the next, and take all that have come by then; returns them, failures too."""
        arrived = [await self._done.get()] + [self._done.get_nowait() for _ in range(self._done.qsize())]
        asked = {task: self.running.pop(task) for task in arrived}
        for task, request in asked.items():
            if task.exception() is not None:
                self._plan.failed(request)
        traces = [task.result() for task in asked if task.exception() is None]
        self._log.append(traces)
        await asyncio.to_thread(self._on_traces, traces)  # a verdict may take seconds; streams are read meanwhile
        return arrived

    async def last_answers(self, refused: TeacherRefused) -> None:
        """Keep what still comes after a refusal, for a while: it is paid for."""
        if self.running:
            logger.info("%s Up to %.0f s for %d requests under way", refused, LAST_ANSWERS, len(self.running))
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_ANSWERS):
                while self.running:
                    await self.arrive()

    async def end(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)


class _Failures:
    """Requests that failed for good, and when it is in vain to go on."""

    def __init__(self, concurrency: int, allowed: int) -> None:
        self.limit = concurrency
        self.allowed = allowed
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
            self.tell_unless_allowed()

    def tell_unless_allowed(self) -> None:
        if len(self.errors) > self.allowed:
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


async def _ask(teacher: Teacher, request: Request, earlier: Earlier | None) -> Trace:
    digest = request.digest(teacher.name)
    if earlier is not None and (paid := earlier.get(digest)):
        return paid
    completion = await teacher.answer(request)
    if completion.finish_reason == "error":
        raise TeacherError(f"{teacher.name} failed on {request.id} without saying why.")
    reasoning, response = _parts(completion)
    return Trace(
        id=request.id,
        problem_id=request.problem.id,
        request=digest,
        reasoning=reasoning,
        response=response,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        counted=completion.counted,
        model=teacher.name,
        sampling=completion.sampling or request.sampling,
    )


def _parts(completion: Completion) -> tuple[str, str]:
    """Reasoning and response; think tags stand in neither, wherever the server left them."""
    inline, response = split_reasoning(completion.text)
    if completion.reasoning is None:
        return inline, response
    apart = re.sub(r"</?think>", "", completion.reasoning).strip()
    return "\n\n".join(part for part in (apart, inline) if part), response
