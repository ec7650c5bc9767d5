"""Prefixes continued in this process, in batches, with transformers; each with its own seed and its own length."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill import models
from teachers.base import TeacherError
from teachers.batching import Batching, Deliveries, load_for_sampling
from teachers.continuing import Ask, Continuation, Ends, ended
from teachers.local import PROMPT_STEP, SeededSampling, greedy

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
        self._batching = Batching(self.name, batch_size, _kind, self._continue)
        self._loaded: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None

    async def proceed(self, ask: Ask) -> Continuation:
        return await self._batching.ask(ask)

    async def close(self) -> None:
        """Stop at the next token and free the model."""
        await self._batching.close()
        self._loaded = None

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
            if self._batching.closed:
                raise TeacherError("sampling was stopped.")
            if step < at_least:
                scores[:, stops] = -float("inf")
            step += 1
            return choose(scores, rows)

        return chosen

    def _load(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        if self._loaded is None:
            self._loaded = load_for_sampling(self._source, self._dtype)
        return self._loaded


def _kind(ask: Ask) -> tuple[object, ...]:
    """What the asks of a batch have in common; lengths and seeds are each one's own."""
    return ask.sampling.temperature, ask.sampling.top_p, ask.ends, ask.at_least
