"""Prefixes continued in this process, in batches, with transformers; each with its own seed and its own length."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill import models
from teachers.base import TeacherError
from teachers.continuing import Ask, Continuation, Ends, ended
from teachers.local import PROMPT_STEP, Deliveries, SeededSampling, as_teacher_error, greedy

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from teachers.decode import Choose


class LocalContinuing:
    """A `Continues` by a transformers model, loaded at the first prefix."""

    def __init__(self, source: models.ModelSource, dtype: str, batch_size: int) -> None:
        shown = "" if dtype == "auto" else f" {dtype}"
        self.name = f"{source.name}@{source.fingerprint()}{shown}"
        self.concurrency = batch_size
        self._source, self._dtype = source, dtype
        self._waiting: list[tuple[Ask, asyncio.Future[Continuation]]] = []
        self._pump: asyncio.Task[None] | None = None
        self._closed = False
        self._loaded: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None

    async def proceed(self, ask: Ask) -> Continuation:
        future: asyncio.Future[Continuation] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Stop at the next token and free the model."""
        self._closed = True
        if self._pump is not None:
            await asyncio.gather(self._pump, return_exceptions=True)
        self._loaded = None

    async def _work(self) -> None:
        """Take what is waiting, a batch of one kind at a time, until nothing is."""
        while self._waiting:
            await asyncio.sleep(0)  # let every prefix of this round arrive
            kind = _kind(self._waiting[0][0])
            batch = [entry for entry in self._waiting if _kind(entry[0]) == kind][: self.concurrency]
            taken = {id(entry) for entry in batch}
            self._waiting = [entry for entry in self._waiting if id(entry) not in taken]
            deliver = Deliveries([future for _, future in batch])
            try:
                await asyncio.to_thread(self._continue, [ask for ask, _ in batch], deliver)
            except Exception as e:  # noqa: BLE001 - whatever it is belongs to the callers, not to this task
                for i in range(len(batch)):
                    deliver(i, as_teacher_error(e, self.name))
            await asyncio.sleep(0)  # let what was delivered last be taken

    def _continue(self, asks: list[Ask], deliver: Deliveries[Continuation]) -> None:
        from teachers.decode import LOOK_EVERY, decode

        model, tokenizer = self._load()
        ends, longest = asks[0].ends, max(len(ask.prefix) for ask in asks)

        def over(ids: list[int]) -> bool:
            return ended(tokenizer, ids, Ends((), ends.texts)) is not None

        def on_row(row: int, ids: list[int]) -> None:
            length = Continuation(ids=tuple(ids), reason="length", tokens=len(ids))
            deliver(row, ended(tokenizer, ids, ends) or length)

        decode(
            model,
            [list(ask.prefix) for ask in asks],
            -(-longest // PROMPT_STEP) * PROMPT_STEP,
            [ask.sampling.max_tokens for ask in asks],
            ends.tokens,
            self._choose(asks),
            tokenizer.pad_token_id,
            self.concurrency,
            on_row,
            over if ends.texts else lambda ids: False,
            1 if ends.texts else LOOK_EVERY,
        )

    def _choose(self, asks: list[Ask]) -> "Choose":
        """Sampling that takes no end too early, and ends itself when this is closed."""
        sampling, at_least, stops = asks[0].sampling, asks[0].at_least, list(asks[0].ends.tokens)
        choose = SeededSampling(sampling, [ask.sampling.seed for ask in asks]) if sampling.temperature else greedy
        step = 0

        def chosen(scores: "torch.Tensor", rows: Sequence[int]) -> "torch.Tensor":
            nonlocal step
            if self._closed:
                raise TeacherError("sampling was stopped.")
            if step < at_least:
                scores[:, stops] = -float("inf")
            step += 1
            return choose(scores, rows)

        return chosen

    def _load(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        import torch

        from teachers.decode import use_grouped_attention

        if self._loaded is None:
            model = models.load(self._source, self._dtype)
            if not torch.cuda.is_available():
                use_grouped_attention(model)
            self._loaded = (model, models.tokenizer(self._source))
        return self._loaded


def _kind(ask: Ask) -> tuple[object, ...]:
    """What the asks of a batch have in common; lengths and seeds are each one's own."""
    return ask.sampling.temperature, ask.sampling.top_p, ask.ends, ask.at_least
