"""A model in this process, sampled in batches with transformers.

Each sample has its own seed: noise is drawn per row (Gumbel-max, which samples exactly from the
softmax), so what a request gets does not depend on which requests share its batch. Batches have a
constant number of rows and prompts a length that is a multiple of 32, which keeps oneDNN from
compiling kernels for ever new shapes.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from distill import models
from distill.recipe import LocalTeacher
from distill.records import FinishReason, Sampling
from distill.verify.loops import MAX_PERIOD, MIN_REPEATS, find_loop
from teachers.base import Completion, Request, TeacherError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from teachers.decode import OnRow

LOOKED_BACK = MIN_REPEATS * MAX_PERIOD
"""Tokens whose text is looked through for a loop: a token has at least a character."""

PROMPT_STEP = 32
"""Prompts are padded to a multiple of so many tokens."""


class LocalModel:
    """Answers requests with a transformers model; loaded at the first request."""

    def __init__(
        self,
        source: models.ModelSource,
        dtype: str,
        batch_size: int,
        name: str | None = None,
        cut_loops: bool = False,
    ) -> None:
        self.source = source
        self.cut_loops = cut_loops
        self.dtype = dtype
        self.concurrency = batch_size
        self.name = name or source.name
        self._waiting: list[tuple[Request, asyncio.Future[Completion]]] = []
        self._pump: asyncio.Task[None] | None = None
        self._closed = False
        self._loaded: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None

    @classmethod
    def from_recipe(cls, spec: LocalTeacher, cut_loops: bool = False) -> "LocalModel":
        source = models.resolve(spec.model, spec.revision)
        return cls(source, spec.dtype, spec.batch_size, _name(spec, source), cut_loops)

    async def answer(self, request: Request) -> Completion:
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
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
        """Take what is waiting, a batch at a time, until nothing is."""
        while self._waiting:
            await asyncio.sleep(0)  # let every request of this round arrive
            batch = _same_sampling(self._waiting)[: self.concurrency]
            self._waiting = [entry for entry in self._waiting if entry not in batch]
            deliver = Deliveries([future for _, future in batch])
            try:
                await asyncio.to_thread(self._generate, [request for request, _ in batch], deliver)
            except Exception as e:  # noqa: BLE001 - whatever it is belongs to the callers, not to this task
                for i in range(len(batch)):
                    deliver(i, as_teacher_error(e, self.name))
            await asyncio.sleep(0)  # let what was delivered last be taken

    def _generate(self, requests: list[Request], deliver: "Deliveries[Completion]") -> None:
        """Answer each request as soon as its answer is whole; one whose prompt does not fit disturbs no other."""
        model, tokenizer = self._load()
        prompts = [prompt_ids(tokenizer, request.messages) for request in requests]
        kept = []
        for i, prompt in enumerate(prompts):
            error = _too_long(model, prompt, requests[i], self.name)
            if error is None:
                kept.append(i)
            else:
                deliver(i, error)
        if kept:
            stops = _stop_ids(model, tokenizer)

            def on_row(row: int, answer: list[int]) -> None:
                i = kept[row]
                most = requests[i].sampling.max_tokens
                deliver(i, _completion(tokenizer, answer, stops, len(prompts[i]), most))

            self._decode([requests[i] for i in kept], [prompts[i] for i in kept], on_row)

    def _decode(self, requests: list[Request], prompts: list[list[int]], on_row: "OnRow") -> None:
        from teachers.decode import decode

        model, tokenizer = self._load()
        width = -(-max(map(len, prompts)) // PROMPT_STEP) * PROMPT_STEP
        sampling = requests[0].sampling
        seeds = [r.sampling.seed for r in requests]
        choose = SeededSampling(sampling, seeds) if sampling.temperature > 0 else greedy

        def unless_closed(scores: "torch.Tensor", rows: Sequence[int]) -> "torch.Tensor":
            if self._closed:
                raise TeacherError("sampling was stopped.")
            return choose(scores, rows)

        decode(
            model,
            prompts,
            width,
            sampling.max_tokens,
            _stop_ids(model, tokenizer),
            unless_closed,
            tokenizer.pad_token_id,
            self.concurrency,
            on_row,
            self._loops if self.cut_loops else lambda answer: False,
        )

    def _loops(self, answer: list[int]) -> bool:
        _, tokenizer = self._load()
        return find_loop(tokenizer.decode(answer[-LOOKED_BACK:])) is not None

    def _load(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        import torch

        from teachers.decode import use_grouped_attention

        if self._loaded is None:
            model = models.load(self.source, self.dtype)
            if not torch.cuda.is_available():
                use_grouped_attention(model)
            self._loaded = (model, models.tokenizer(self.source))
        return self._loaded


R = TypeVar("R")


class Deliveries(Generic[R]):
    """Hands answers from the decoding thread to those who wait for them in the event loop."""

    def __init__(self, futures: "list[asyncio.Future[R]]") -> None:
        self._loop = asyncio.get_running_loop()
        self._futures = futures

    def __call__(self, i: int, result: R | Exception) -> None:
        self._loop.call_soon_threadsafe(self._set, self._futures[i], result)

    def _set(self, future: "asyncio.Future[R]", result: R | Exception) -> None:
        if future.done():
            return
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> list[int]:
    """The tokens of a prompt, as every server renders it."""
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def greedy(scores: "torch.Tensor", rows: Sequence[int]) -> "torch.Tensor":
    return scores.argmax(-1)


class SeededSampling:
    """Draws next tokens: temperature, nucleus, then Gumbel noise from each row's own generator."""

    def __init__(self, sampling: Sampling, seeds: list[int]) -> None:
        import torch
        from transformers import TopPLogitsWarper

        self.temperature = sampling.temperature
        self.nucleus = TopPLogitsWarper(sampling.top_p) if sampling.top_p < 1 else None
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, scores: "torch.Tensor", rows: Sequence[int]) -> "torch.Tensor":
        import torch

        scores = scores / self.temperature
        if self.nucleus is not None:
            scores = self.nucleus(None, scores)
        noise = torch.stack([torch.rand(scores.shape[1], generator=self.generators[row]) for row in rows])
        return (scores - (-noise.to(scores.device).clamp_min(1e-20).log()).log()).argmax(-1)


def _same_sampling(waiting: list[Any]) -> list[Any]:
    """The waiting requests that can share a batch with the first: same sampling but for the seed."""
    neutral = waiting[0][0].sampling.model_copy(update={"seed": 0})
    return [entry for entry in waiting if entry[0].sampling.model_copy(update={"seed": 0}) == neutral]


def _name(spec: LocalTeacher, source: models.ModelSource) -> str:
    """Who answers: in another precision the same request gets another answer."""
    dtype = "" if spec.dtype == "auto" else f" {spec.dtype}"
    return f"{spec.model}@{source.fingerprint()}{dtype}"


def _too_long(model: "PreTrainedModel", prompt: list[int], request: Request, name: str) -> TeacherError | None:
    context, wanted = model.config.get_text_config().max_position_embeddings, request.sampling.max_tokens
    if len(prompt) + wanted <= context:
        return None
    return TeacherError(
        f"max_tokens={wanted} and the prompt of {request.id}, {len(prompt)} tokens, exceed the context of {name}, "
        f"{context} tokens.",
        f"Set max_tokens to at most {max(0, context - len(prompt))}, leave the question out, or set "
        "harvest.allow_unanswered.",
    )


def _stop_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> set[int]:
    configured = model.generation_config.eos_token_id
    return {tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])} - {None}


def _completion(
    tokenizer: "PreTrainedTokenizerBase", ids: list[int], stops: set[int], prompt_tokens: int, most: int
) -> Completion:
    end = next((i for i, token in enumerate(ids) if token in stops), None)
    kept = ids if end is None else ids[:end]
    count = len(ids) if end is None else end + 1
    text = tokenizer.decode(kept, skip_special_tokens=True)
    reason: FinishReason = "stop" if end is not None else "length" if len(ids) >= most else "loop"
    return Completion(text, reason, prompt_tokens, count)


def as_teacher_error(error: Exception, name: str) -> Exception:
    if isinstance(error, TeacherError):
        return error
    failure = TeacherError(f"{name} failed while sampling: {error}.")
    failure.__cause__ = error
    return failure
