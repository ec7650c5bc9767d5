"""Continuations of prompts by a model that is being trained: `decode`, with a seed a row."""

from typing import TYPE_CHECKING

from distill.records import Sampling
from teachers.local import PROMPT_STEP, SeededSampling

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Rollout:
    """A `students.own_answers.Continue`; several calls with the same seeds give the same tokens."""

    def __init__(self, batch_size: int, pad_token_id: int) -> None:
        self._batch_size = batch_size
        self._pad = pad_token_id

    def __call__(
        self,
        model: "PreTrainedModel",
        prompts: list[list[int]],
        seeds: list[int],
        stops: set[int],
        max_tokens: int,
        temperature: float,
    ) -> list[list[int]]:
        """Rows of a batch do not depend on each other; batches are filled in the order of the prompts."""
        from teachers.decode import decode

        sampling = Sampling(temperature=temperature, top_p=1.0, max_tokens=max_tokens)
        width = -(-max(map(len, prompts)) // PROMPT_STEP) * PROMPT_STEP
        answers: list[list[int]] = [[] for _ in prompts]
        was_training = model.training
        model.eval()
        try:
            for start in range(0, len(prompts), self._batch_size):
                rows = range(start, min(start + self._batch_size, len(prompts)))

                def keep(row: int, answer: list[int], start: int = start) -> None:
                    answers[start + row] = answer

                choose = SeededSampling(sampling, [seeds[i] for i in rows])
                batch = [prompts[i] for i in rows]
                decode(model, batch, width, max_tokens, stops, choose, self._pad, self._batch_size, keep)
        finally:
            model.train(was_training)
        return answers
