"""Sampling: same seed, same answer, whatever the batch; nothing twice, nothing lost; an error is never a trace."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM

from distill import models
from distill.countdown_problems import countdown_problems
from distill.files import Log
from distill.recipe import CountdownProblems, Recipe
from distill.records import Problem, Sampling, Trace, joined, split_reasoning
from teachers.base import Completion, Request, TeacherError
from teachers.harvest import harvest, requests_for
from teachers.local import LocalModel, SeededSampling
from teachers.sampler import sample


def requests(n: int = 10, temperature: float = 1.0, max_tokens: int = 8) -> list[Request]:
    problem = Problem(id="p", question="Make 33.", answer="", kind="countdown", source="test")
    return [
        Request(
            f"p/{i}",
            problem,
            [{"role": "user", "content": "Make 33." + "!" * i}],
            Sampling(temperature=temperature, top_p=0.9, max_tokens=max_tokens, seed=i),
        )
        for i in range(n)
    ]


def texts(folder: Path, asked: list[Request], batch_size: int, log: Path) -> dict[str, Trace]:
    teacher = LocalModel(models.resolve(str(folder)), "float32", batch_size)
    asyncio.run(sample(teacher, asked, Log(log), lambda _: None))
    return {t.id: t for t in Log(log).read(Trace)}


def test_an_answer_does_not_depend_on_its_batch(tiny_model: Path, tmp_path: Path) -> None:
    alone = texts(tiny_model, requests(), 1, tmp_path / "alone.jsonl")
    together = texts(tiny_model, requests(), 4, tmp_path / "together.jsonl")
    assert {k: t.response for k, t in alone.items()} == {k: t.response for k, t in together.items()}
    assert len({t.response for t in alone.values()}) == 10


def test_greedy_equals_transformers(tiny_model: Path, tmp_path: Path) -> None:
    (request,) = requests(1, temperature=0, max_tokens=12)
    trace = texts(tiny_model, [request], 1, tmp_path / "log.jsonl")["p/0"]
    source = models.resolve(str(tiny_model))
    tokenizer, model = models.tokenizer(source), AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    inputs = tokenizer.apply_chat_template(
        request.messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    expected = tokenizer.decode(output, skip_special_tokens=True).strip()
    assert joined(trace.reasoning, trace.response) == expected
    assert (trace.prompt_tokens, trace.completion_tokens) == (inputs["input_ids"].shape[1], len(output))


def test_seeded_sampling_draws_from_the_softmax() -> None:
    """Chi-square of 4,000 draws against temperature-scaled probabilities, at the 0.1 % level."""
    logits = torch.tensor([1.0, 0.0, -1.0, 2.0])
    processor = SeededSampling(Sampling(temperature=0.7, top_p=1.0), list(range(4000)))
    drawn = processor(logits.expand(4000, -1), range(4000))
    expected = torch.softmax(logits / 0.7, -1) * 4000
    counts = torch.bincount(drawn, minlength=4)
    assert ((counts - expected) ** 2 / expected).sum() < 16.3


def test_nucleus_leaves_unlikely_tokens_out() -> None:
    logits = torch.tensor([5.0, 4.0, -5.0, -5.0])
    processor = SeededSampling(Sampling(temperature=1.0, top_p=0.9), list(range(500)))
    drawn = processor(logits.expand(500, -1), range(500))
    assert set(drawn.tolist()) == {0, 1}


@pytest.mark.parametrize("killed_after", [1, 2])
def test_interrupted_sampling_goes_on_to_the_same_traces(tiny_model: Path, tmp_path: Path, killed_after: int) -> None:
    whole = texts(tiny_model, requests(), 4, tmp_path / "whole.jsonl")

    class Killed(Exception):
        pass

    writes = 0

    def kill(_: list[Trace]) -> None:
        nonlocal writes
        writes += 1
        if writes == killed_after:
            raise Killed

    log = tmp_path / "log.jsonl"
    with pytest.raises(Killed):
        asyncio.run(sample(LocalModel(models.resolve(str(tiny_model)), "float32", 4), requests(), Log(log), kill))
    before = Log(log).read(Trace)
    assert 0 < len(before) < 10
    assert texts(tiny_model, requests(), 4, log) == whole
    assert Log(log).read(Trace)[: len(before)] == before


class Flaky:
    """A teacher that fails on one request: an adapter for the error path, which no real model takes on demand."""

    name = "flaky"
    concurrency = 3

    def __init__(self, fails_on: str) -> None:
        self.fails_on = fails_on
        self.asked: list[str] = []

    async def answer(self, request: Request) -> Completion:
        self.asked.append(request.id)
        await asyncio.sleep(0)
        if request.id == self.fails_on:
            raise TeacherError("429 Too Many Requests.")
        return Completion(f"answer to {request.id}", "stop", 1, 1)

    async def close(self) -> None:
        return None


def test_an_error_is_never_a_trace_and_costs_no_other_answer(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    teacher = Flaky("p/4")
    with pytest.raises(TeacherError, match="429"):
        asyncio.run(sample(teacher, requests(), Log(log), lambda _: None))
    held = {t.id for t in Log(log).read(Trace)}
    assert held >= {"p/0", "p/1", "p/2", "p/3"}
    assert "p/4" not in held
    assert "429" not in log.read_text()
    again = Flaky("nothing")
    asyncio.run(sample(again, requests(), Log(log), lambda _: None))
    assert not held & set(again.asked)
    assert Counter(t.id for t in Log(log).read(Trace)) == Counter(f"p/{i}" for i in range(10))


def test_a_prompt_that_leaves_no_room_is_refused_with_numbers(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match=r"context of .*, 512 tokens"):
        texts(tiny_model, requests(1, max_tokens=600), 1, tmp_path / "log.jsonl")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>\na\n</think>\n\nb", ("a", "b")),
        ("a\n</think>\n\nb", ("a", "b")),
        ("<think>a, cut", ("a, cut", "")),
        ("b", ("", "b")),
        ("<think>a</think>b</think>c", ("a</think>b", "c")),
        ("", ("", "")),
    ],
)
def test_reasoning_is_split_off(text: str, parts: tuple[str, str]) -> None:
    assert split_reasoning(text) == parts


def test_a_larger_harvest_pays_only_for_what_is_new(recipe: Recipe, tmp_path: Path) -> None:
    problems = countdown_problems(CountdownProblems(source="countdown", count=20, held_out=5), 0)
    harvest(recipe, problems, tmp_path / "traces", lambda *_: None)
    (tmp_path / "traces").rename(tmp_path / "traces.12345678")
    more = recipe.model_copy(update={"harvest": recipe.harvest.model_copy(update={"samples_per_problem": 3})})
    counts = harvest(more, problems, tmp_path / "traces", lambda *_: None)
    assert (counts["samples"], counts["adopted"]) == (60, 20)
    assert len(list(requests_for(problems, more.harvest, 0))) == 60


def test_an_answer_is_on_disk_as_soon_as_it_is_whole(tiny_model: Path, tmp_path: Path) -> None:
    """Not when the longest of its batch is; and a run that is stopped in mid-batch ends at the next token."""
    log = Log(tmp_path / "log.jsonl")
    teacher = LocalModel(models.resolve(str(tiny_model)), "float32", 8)
    seen: list[int] = []

    def stop_after_two(_: list[Trace]) -> None:
        seen.append(len(log.read(Trace)))
        if seen[-1] >= 2:
            raise KeyboardInterrupt

    async def run() -> None:
        try:
            await sample(teacher, requests(8, max_tokens=400), log, stop_after_two)
        finally:
            await teacher.close()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(run())
    assert 2 <= len(log.read(Trace)) < 8


def test_a_local_model_that_loops_is_cut(tmp_path: Path) -> None:
    """A model that says one token for ever; the evaluation, which has its own limit, lets it go on to that."""
    model = tiny.model()
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.weight[70] = 1.0
        model.model.norm.weight.fill_(1.0)
        model.model.embed_tokens.weight.fill_(1.0)
    model.config.max_position_embeddings = 4096
    model.save_pretrained(tmp_path / "loops")
    tiny.tokenizer().save_pretrained(tmp_path / "loops")
    (request,) = requests(1, temperature=0, max_tokens=3000)
    for cut_loops in (True, False):
        teacher = LocalModel(models.resolve(str(tmp_path / "loops")), "float32", 1, cut_loops=cut_loops)
        log = Log(tmp_path / f"{cut_loops}.jsonl")
        asyncio.run(sample(teacher, [request], log, lambda _: None))
        (trace,) = log.read(Trace)
        assert len(set(trace.response)) == 1
        if cut_loops:
            assert trace.finish_reason == "loop"
            assert 2000 <= trace.completion_tokens <= 2100
        else:
            assert (trace.finish_reason, trace.completion_tokens) == ("length", 3000)


def test_what_was_paid_for_before_changes_no_decision(recipe: Recipe, tmp_path: Path) -> None:
    """An adaptive harvest beside a larger one takes from it what it would have asked, and no more."""
    problems = countdown_problems(CountdownProblems(source="countdown", count=40, held_out=5), 0)
    all_four = recipe.model_copy(update={"harvest": recipe.harvest.model_copy(update={"samples_per_problem": 4})})
    first = all_four.model_copy(update={"harvest": all_four.harvest.model_copy(update={"accepted_per_problem": 1})})
    fresh = harvest(first, problems, tmp_path / "fresh" / "traces", lambda *_: None)
    harvest(all_four, problems, tmp_path / "run" / "traces", lambda *_: None)
    (tmp_path / "run" / "traces").rename(tmp_path / "run" / "traces.12345678")
    with (tmp_path / "run" / "traces.12345678" / "samples.jsonl").open("a") as f:
        f.write('no trace\n{"request":"0123456789abcdef"}\ntorn')
    again = harvest(first, problems, tmp_path / "run" / "traces", lambda *_: None)
    assert again == fresh | {"adopted": fresh["samples"]}
    assert fresh["samples"] < 160
