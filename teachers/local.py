"""A model in this process, sampled in batches with transformers.

Each sample has its own seed: noise is drawn per row (Gumbel-max, which samples exactly from the
softmax), so what a request gets does not depend on which requests share its batch. Batches have a
constant number of rows and prompts a length that is a multiple of 32, which keeps oneDNN from
compiling kernels for ever new shapes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill import models
from distill.recipe import LocalTeacher
from distill.records import FinishReason, Sampling
from distill.verify.loops import MAX_PERIOD, MIN_REPEATS, find_loop
from teachers.base import Completion, Request, TeacherError
from teachers.batching import Batching, Deliveries, load_for_sampling

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
        self._batching = Batching(self.name, batch_size, _sampling_alone, self._generate)
        self._loaded: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None

    @classmethod
    def from_recipe(cls, spec: LocalTeacher, cut_loops: bool = False) -> "LocalModel":
        source = models.resolve(spec.model, spec.revision)
        return cls(source, spec.dtype, spec.batch_size, _name(spec, source), cut_loops)

    async def answer(self, request: Request) -> Completion:
        return await self._batching.ask(request)

    async def close(self) -> None:
        """Stop at the next token and free the model."""
        await self._batching.close()
        self._loaded = None

    def _generate(self, requests: list[Request], deliver: Deliveries[Completion]) -> None:
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
            if self._batching.closed:
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
        if self._loaded is None:
            self._loaded = load_for_sampling(self.source, self.dtype)
        return self._loaded


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


def _sampling_alone(request: Request) -> Sampling:
    """What the requests of a batch have in common: all but the seed."""
    return request.sampling.model_copy(update={"seed": 0})


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
