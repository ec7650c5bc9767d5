"""A model in this process that answers what waits, a batch at a time, in a thread beside the event loop."""

import asyncio
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from distill import models
from teachers.base import TeacherError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Deliveries(Generic[Answer]):
    """Hands answers from the decoding thread to those who wait for them in the event loop."""

    def __init__(self, futures: "list[asyncio.Future[Answer]]") -> None:
        self._loop = asyncio.get_running_loop()
        self._futures = futures

    def __call__(self, i: int, result: Answer | Exception) -> None:
        self._loop.call_soon_threadsafe(self._set, self._futures[i], result)

    def _set(self, future: "asyncio.Future[Answer]", result: Answer | Exception) -> None:
        if future.done():
            return
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


class Batching(Generic[Asked, Answer]):
    """Gathers what is asked into batches of one kind, at most `at_once` in each."""

    def __init__(
        self,
        name: str,
        at_once: int,
        kind: Callable[[Asked], Hashable],
        work: Callable[[list[Asked], Deliveries[Answer]], None],
    ) -> None:
        """`work` runs in a thread and delivers the answer to each of a batch; what it raises goes to all of them."""
        self.closed = False
        """Set by `close`: `work` is to stop at the next token."""
        self._name, self._at_once, self._kind, self._work = name, at_once, kind, work
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._pump: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._answer_all())
        return await future

    async def close(self) -> None:
        self.closed = True
        if self._pump is not None:
            await asyncio.gather(self._pump, return_exceptions=True)

    async def _answer_all(self) -> None:
        """Until nothing waits."""
        while self._waiting:
            await asyncio.sleep(0)  # let everything of this round arrive
            batch = self._next()
            deliver = Deliveries([future for _, future in batch])
            try:
                await asyncio.to_thread(self._work, [asked for asked, _ in batch], deliver)
            except Exception as e:  # noqa: BLE001 - whatever it is belongs to the callers, not to this task
                for i in range(len(batch)):
                    deliver(i, _as_teacher_error(e, self._name))
            await asyncio.sleep(0)  # let what was delivered last be taken

    def _next(self) -> "list[tuple[Asked, asyncio.Future[Answer]]]":
        """The first that waits, with others of its kind."""
        kind = self._kind(self._waiting[0][0])
        batch = [entry for entry in self._waiting if self._kind(entry[0]) == kind][: self._at_once]
        taken = {id(entry) for entry in batch}
        self._waiting = [entry for entry in self._waiting if id(entry) not in taken]
        return batch


def load_for_sampling(source: models.ModelSource, dtype: str) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    import torch

    from teachers.decode import use_grouped_attention

    model = models.load(source, dtype)
    if not torch.cuda.is_available():
        use_grouped_attention(model)
    return model, models.tokenizer(source)


def _as_teacher_error(error: Exception, name: str) -> Exception:
    if isinstance(error, TeacherError):
        return error
    failure = TeacherError(f"{name} failed while sampling: {error}.")
    failure.__cause__ = error
    return failure
