"""What the student writes for a step: with a seed an answer, on disk before it is trained on, never sampled twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

from distill.files import Log
from distill.records import Record, derived_seed, digest

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Continue(Protocol):
    """Samples a continuation of each prompt from a model in this process, the same for the same seeds."""

    def __call__(
        self,
        model: "PreTrainedModel",
        prompts: list[list[int]],
        seeds: list[int],
        stops: set[int],
        max_tokens: int,
        temperature: float,
    ) -> list[list[int]]:
        """Tokens behind each prompt, up to a stop token (included) or `max_tokens`."""
        ...


class OwnAnswer(Record):
    """An answer of the student in training, as a line of `samples.jsonl`."""

    position: int
    """Which one in the whole stage, from 0."""
    step: int
    """Optimiser steps that the student had done."""
    problem_id: str
    request: str
    """Digest of prompt, seed and limits: the same digest is the same sample."""
    token_ids: list[int]
    """What it wrote, the end of the turn included."""
    finished: bool
    """False where it was cut at max_tokens."""
    text: str
    """The same for people."""


@dataclass(frozen=True)
class Asked:
    """A problem as the student is asked it."""

    problem_id: str
    prompt_ids: list[int]


def order_of(problems: int, samples: int, seed: int) -> list[int]:
    """Which problem each sample is of: every problem once before any comes again, in another order each time."""
    found: list[int] = []
    while len(found) < samples:
        found += Random(derived_seed(seed, "on_policy order", len(found))).sample(range(problems), problems)
    return found[:samples]


class OwnAnswers:
    """Samples the answers of a step, or takes those that an earlier, killed attempt at it left on disk."""

    def __init__(
        self,
        log: Path,
        asked: Sequence[Asked],
        order: Sequence[int],
        tokenizer: "PreTrainedTokenizerBase",
        stops: set[int],
        limits: tuple[int, float, int],
        sample: Continue,
        at_once: int,
    ) -> None:
        """`order` says of which problem of `asked` each sample is; `limits` are max_tokens, temperature, seed; so many
        are sampled `at_once`."""
        self._log = Log(log)
        self._asked, self._order = asked, order
        self._tokenizer, self._stops = tokenizer, stops
        self._max_tokens, self._temperature, self._seed = limits
        self._sample, self._at_once = sample, at_once
        self._held = {answer.position: answer for answer in self._log.each(OwnAnswer)}

    def prompt(self, position: int) -> list[int]:
        return self._asked[self._order[position]].prompt_ids

    def of(self, positions: Sequence[int], step: int, model: "PreTrainedModel") -> list[OwnAnswer]:
        """The answers at these positions, by the model as it is at this step."""
        missing = [p for p in positions if p not in self._held or self._held[p].request != self._request(p)]
        for begin in range(0, len(missing), self._at_once):  # a kill costs those that are sampled together
            self._write(missing[begin : begin + self._at_once], step, model)
        return [self._held.pop(p) for p in positions]  # each is trained on once

    def _write(self, missing: Sequence[int], step: int, model: "PreTrainedModel") -> None:
        prompts, seeds = [self.prompt(p) for p in missing], [self._seed_of(p) for p in missing]
        written = self._sample(model, prompts, seeds, self._stops, self._max_tokens, self._temperature)
        new = [self._answer(p, step, ids) for p, ids in zip(missing, written, strict=True)]
        self._log.append(new)
        self._held.update({answer.position: answer for answer in new})

    def _answer(self, position: int, step: int, ids: list[int]) -> OwnAnswer:
        return OwnAnswer(
            position=position,
            step=step,
            problem_id=self._asked[self._order[position]].problem_id,
            request=self._request(position),
            token_ids=ids,
            finished=ids[-1] in self._stops,
            text=self._tokenizer.decode(ids),
        )

    def _seed_of(self, position: int) -> int:
        return derived_seed(self._seed, "on_policy", position)

    def _request(self, position: int) -> str:
        limits = [self._max_tokens, self._temperature, sorted(self._stops)]
        return digest([self.prompt(position), self._seed_of(position), limits])
