"""Budget forcing through transformers: token for token what it is when done by hand with generate."""

import asyncio
from pathlib import Path

import pytest
import tiny
import torch
from transformers import LlamaForCausalLM

from distill import models
from distill.records import Problem, Sampling
from distill.scaling.forced import Limits
from distill.scaling.forcing import Forcing
from teachers.base import Request
from teachers.continue_local import LocalContinuing
from teachers.continuing import Ask, Ends

ENDS = tuple(range(3, 320, 17))
"""So many that a random model meets one now and then."""
QUESTIONS = ["Make 33.", "Make 12 from 3 4.", "What is 2 plus 2?", "Make 7 from 3 7 12 with + - * /.", "No."]
PROBLEM = Problem(id="p", question="", answer="", kind="countdown", source="test")


def asked(question: str, temperature: float = 0, seed: int = 0) -> Request:
    messages = [{"role": "user", "content": question}]
    return Request(f"{question}/0", PROBLEM, messages, Sampling(temperature=temperature, seed=seed))


def continued(model: LlamaForCausalLM, prefix: list[int], most: int, least: int = 0) -> list[int]:
    with torch.inference_mode():
        whole = model.generate(
            torch.tensor([prefix]),
            max_new_tokens=most,
            min_new_tokens=least,
            do_sample=False,
            eos_token_id=list(ENDS),
            pad_token_id=0,
        )
    return whole[0, len(prefix) :].tolist()


def by_hand(model: LlamaForCausalLM, prompt: list[int], limits: Limits) -> tuple[list[int], str, int, list[int]]:
    """Thinking, how it ended, waits and answer, by the words of docs/test-time-scaling.md."""
    tokenizer = tiny.tokenizer()
    wait, thinking, waits = tokenizer("Wait")["input_ids"], [], 0
    while True:
        new = continued(model, prompt + thinking, limits.budget - len(thinking), least=1 if waits else 0)
        stopped = new[-1] in ENDS
        thinking += new[:-1] if stopped else new
        if not stopped or waits == limits.waits or len(thinking) + len(wait) >= limits.budget:
            break
        thinking += wait
        waits += 1
    if stopped:
        closing = "</think>"
    else:
        newline = "" if tokenizer.decode(thinking, skip_special_tokens=True).endswith("\n") else "\n"
        closing = f"{newline}</think>\n\nFinal Answer:"
    parts = [closing] if stopped else [newline, closing.removeprefix(newline)]
    prefix = prompt + thinking + [t for part in parts if part for t in tokenizer(part)["input_ids"]]
    return thinking, "turn" if stopped else "cut", waits, continued(model, prefix, limits.answer)


@pytest.mark.parametrize("waits", [0, 2])
@pytest.mark.parametrize("budget", [9, 40])
def test_forced_as_by_hand(tiny_model: Path, budget: int, waits: int) -> None:
    """Five questions at once, whose rounds share batches with others of other lengths."""
    source, limits = models.resolve(str(tiny_model)), Limits(budget, 12, waits)
    tokenizer = models.tokenizer(source)
    engine = LocalContinuing(source, "float32", 4)
    forcing = Forcing(engine, tokenizer, ENDS)

    async def one(question: str) -> tuple[list[int], str, int, str]:
        request = asked(question)
        prompt = forcing.prompt(request.messages)
        thought = await forcing.think(prompt, limits, request.sampling)
        completion, forced = await forcing.answer(request, prompt, thought, limits)
        assert completion.completion_tokens == sum(thought.rounds) + forced.answer_tokens
        assert forced.thinking_tokens == len(thought.ids) <= budget
        return thought.ids, forced.ended, forced.waits, completion.text

    async def run() -> list[tuple[list[int], str, int, str]]:
        try:
            return await asyncio.gather(*map(one, QUESTIONS))
        finally:
            await engine.close()

    model, ends = tiny.model(), set()
    for question, (thinking, ended, extended, text) in zip(QUESTIONS, asyncio.run(run()), strict=True):
        expected = by_hand(model, forcing.prompt(asked(question).messages), limits)
        assert (thinking, ended, extended) == expected[:3]
        answer = [token for token in expected[3] if token not in ENDS]
        final = "Final Answer:" if ended == "cut" else ""
        assert text == (final + tokenizer.decode(answer, skip_special_tokens=True)).strip()
        ends.add((ended, extended))
    assert len(ends) > (budget == 40 and waits > 0), ends


def test_sampling_does_not_depend_on_the_company(tiny_model: Path) -> None:
    """A prefix gets the same with its seed alone and among others, and with a larger limit the same and more."""
    source = models.resolve(str(tiny_model))
    prompts = [tuple(models.tokenizer(source)(q)["input_ids"]) for q in QUESTIONS]

    def ask(i: int, most: int) -> Ask:
        return Ask(prompts[i], Ends(ENDS), Sampling(temperature=1, top_p=1, max_tokens=most, seed=i))

    async def run(batch_size: int, asks: list[Ask]) -> list[tuple[int, ...]]:
        engine = LocalContinuing(source, "float32", batch_size)
        try:
            return [said.ids for said in await asyncio.gather(*map(engine.proceed, asks))]
        finally:
            await engine.close()

    lengths = (30, 3, 12, 30, 7)
    together = asyncio.run(run(8, [ask(i, n) for i, n in enumerate(lengths)]))
    assert all(len(ids) == n or ids[-1] in ENDS for ids, n in zip(together, lengths, strict=True))
    alone = asyncio.run(run(1, [ask(i, 30) for i in range(5)]))
    assert [ids[:n] for ids, n in zip(alone, lengths, strict=True)] == together
    assert len(set(alone)) == 5


def test_no_end_before_so_many_tokens(tiny_model: Path) -> None:
    """Where all tokens but one are ends, that one comes first, and an end behind it."""
    source = models.resolve(str(tiny_model))
    prefix = tuple(models.tokenizer(source)("Make 33.")["input_ids"])
    ends = Ends(tuple(token for token in range(320) if token != 77))

    async def run(temperature: float, at_least: int) -> tuple[int, ...]:
        engine = LocalContinuing(source, "float32", 1)
        try:
            return (await engine.proceed(Ask(prefix, ends, Sampling(temperature=temperature), at_least))).ids
        finally:
            await engine.close()

    for temperature in (0.0, 1.0):
        assert len(asyncio.run(run(temperature, 0))) == 1
        ids = asyncio.run(run(temperature, 2))
        assert ids[:2] == (77, 77)
        assert len(ids) == 3 or 77 in ids[2:]
