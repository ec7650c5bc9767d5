"""Budget forcing against a scripted engine: every token that is put, left out or cut, worked out by hand."""

import asyncio
import itertools
import random
import tempfile
from pathlib import Path

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, thinking_tokenizer
from transformers import PreTrainedTokenizerFast

from distill.errors import Refused
from distill.files import Log
from distill.records import Problem, Sampling, Trace
from distill.scaling.forced import FORMATS, Forced, Limits
from distill.scaling.forced_answers import GAVE_NONE, REJECTED, ForcedAnswers, judged
from distill.scaling.forcing import Forcing
from teachers.base import Completion, Request
from teachers.continuing import Ask, Continuation, Memory

PROBLEM = Problem(id="p", question="Make 33.", answer="33", kind="math", source="test")
PROMPT = "<|im_start|>user\nMake 33.<|im_end|>\n<|im_start|>assistant\n"
IM_START, IM_END = 1, 2


def request(seed: int = 0) -> Request:
    return Request("p/0", PROBLEM, [{"role": "user", "content": "Make 33."}], Sampling(temperature=0, seed=seed))


class Played:
    """One answer: what the engine was asked, what came of it."""

    def __init__(
        self, script: list[str], limits: Limits, form: str = "s1", tokenizer: PreTrainedTokenizerFast | None = None
    ) -> None:
        self.tokenizer = tokenizer or thinking_tokenizer()
        self.engine = Scripted(self.tokenizer, script)
        self.forcing = Forcing(self.engine, self.tokenizer, [IM_END], FORMATS[form])
        self.completion, self.forced = asyncio.run(self._play(limits))

    async def _play(self, limits: Limits) -> tuple[Completion, Forced]:
        asked = request()
        prompt = self.forcing.prompt(asked.messages)
        thought = await self.forcing.think(prompt, limits, asked.sampling)
        return await self.forcing.answer(asked, prompt, thought, limits)

    def count(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def room(self, number: int) -> int:
        return self.engine.asks[number].sampling.max_tokens


def test_thinking_that_ends_by_itself() -> None:
    """s1: stop at <|im_start|>, put `<|im_start|>answer` there, and no answer's prefix."""
    played = Played(["\n3*11=33\n<|im_start|>", "\nIt is 33.<|im_end|>"], Limits(budget=40, answer=20))
    assert played.engine.prefix(0) == PROMPT + "<|im_start|>think"
    assert played.engine.prefix(1) == PROMPT + "<|im_start|>think\n3*11=33\n<|im_start|>answer"
    assert [played.room(i) for i in (0, 1)] == [40, 20]
    assert played.engine.asks[0].ends.tokens == (IM_START, IM_END)
    assert played.engine.asks[1].ends.tokens == (IM_END,)
    assert (played.completion.reasoning, played.completion.text) == ("3*11=33", "It is 33.")
    assert played.completion.finish_reason == "stop"
    thought, answer = played.count("\n3*11=33\n"), played.count("\nIt is 33.")
    assert played.forced == Forced(
        trace_id="p/0",
        budget=40,
        waits=0,
        ended="end",
        thinking_tokens=thought,
        rounds=(thought + 1,),
        answer_tokens=answer + 1,
        answered=True,
        exact=True,
    )
    assert played.completion.completion_tokens == thought + 1 + answer + 1
    assert played.completion.prompt_tokens == played.count(PROMPT + "<|im_start|>think")


def test_a_budget_that_is_used_up_forces_the_answer() -> None:
    """s1: a line end, `<|im_start|>answer`, a line end, `Final Answer:`."""
    played = Played(["\n3*11=33, is it so?", " 33<|im_end|>"], Limits(budget=5, answer=20))
    cut = played.tokenizer.decode(played.tokenizer("\n3*11=33, is it so?")["input_ids"][:5])
    assert played.engine.prefix(1) == f"{PROMPT}<|im_start|>think{cut}\n<|im_start|>answer\nFinal Answer:"
    assert played.completion.text == "Final Answer: 33"
    assert (played.forced.ended, played.forced.thinking_tokens, played.forced.rounds) == ("cut", 5, (5,))


def test_no_second_line_end_where_one_stands() -> None:
    tokenizer = thinking_tokenizer()
    thinking = "\n3*11=33\n"
    played = Played([thinking + "more", " 33<|im_end|>"], Limits(len(tokenizer(thinking)["input_ids"]), 20))
    assert played.engine.prefix(1).endswith("think\n3*11=33\n<|im_start|>answer\nFinal Answer:")


@pytest.mark.parametrize("waits", [1, 2, 6])
def test_an_end_is_left_out_so_many_times(waits: int) -> None:
    """Wait stands where the end would; the budget decreases; no end is sampled at once behind a Wait."""
    rounds = [f" step {i}<|im_start|>" for i in range(waits + 1)]
    played = Played([*rounds, " 33<|im_end|>"], Limits(budget=300, answer=20, waits=waits))
    thought = "Wait".join(f" step {i}" for i in range(waits + 1))
    assert played.engine.prefix(waits + 1) == f"{PROMPT}<|im_start|>think{thought}<|im_start|>answer"
    for i in range(1, waits + 1):
        so_far = "".join(f" step {n}Wait" for n in range(i))
        assert played.engine.prefix(i) == f"{PROMPT}<|im_start|>think{so_far}"
        used = sum(played.count(f" step {n}") + played.count("Wait") for n in range(i))
        assert played.room(i) == 300 - used, "tokens of earlier rounds, and of what was put there, are gone"
    assert [ask.at_least for ask in played.engine.asks] == [0] + [1] * waits + [0]
    assert (played.forced.ended, played.forced.waits) == ("end", waits)
    assert played.forced.thinking_tokens == sum(map(played.count, [f" step {i}" for i in range(waits + 1)])) + (
        waits * played.count("Wait")
    )
    assert sum(played.forced.rounds) == sum(played.count(r) for r in rounds)
    assert len({ask.sampling.seed for ask in played.engine.asks}) == waits + 2


def test_extended_and_cut() -> None:
    """The budget ends in the second round: not the whole of it again, and not cut afterwards as the harness does."""
    tokenizer = thinking_tokenizer()
    first = len(tokenizer(" one Wait")["input_ids"])
    played = Played([" one<|im_start|>", " two three four five six", " 33<|im_end|>"], Limits(first + 6, 20, waits=2))
    assert (played.forced.ended, played.forced.waits, played.forced.thinking_tokens) == ("cut", 1, first + 6)
    assert played.engine.prefix(2).endswith("\n<|im_start|>answer\nFinal Answer:")
    assert " oneWait" in played.engine.prefix(2)


def test_an_end_stands_where_no_room_is_left_to_go_on() -> None:
    played = Played(["\n3*11=33<|im_start|>", " 33<|im_end|>"], Limits(thinking_length() + 2, 20, waits=3))
    assert (played.forced.waits, played.forced.ended) == (0, "end")


def thinking_length() -> int:
    return len(thinking_tokenizer()("\n3*11=33")["input_ids"])


def test_a_turn_that_ends_within_the_thinking() -> None:
    """As any end: left out so many times, and the answer's header in its place at last."""
    played = Played([" one<|im_end|>", " two<|im_end|>", " 33<|im_end|>"], Limits(100, 20, waits=1))
    assert played.engine.prefix(1).endswith("<|im_start|>think oneWait")
    assert played.engine.prefix(2).endswith("<|im_start|>think oneWait two<|im_start|>answer")
    assert played.forced.ended == "turn"


def test_tags_of_r1() -> None:
    played = Played(["one</think>", " two</think>", "\n\n33<|im_end|>"], Limits(100, 20, waits=1), "think")
    assert played.engine.prefix(0) == PROMPT + "<think>\n"
    assert played.engine.prefix(2) == PROMPT + "<think>\noneWait two</think>"
    cut = Played(["one two three four", " 33<|im_end|>"], Limits(3, 20), "think")
    assert cut.engine.prefix(1).endswith("\n</think>\n\nFinal Answer:")
    assert cut.completion.text == "Final Answer: 33"


@pytest.mark.parametrize("text", ["one.</think>", "one.\n</think>\n\n"])
def test_an_end_of_several_tokens(text: str) -> None:
    """Where the tags are no tokens of their own: the same, and the model's own tokens where nothing is put."""
    tokenizer = tiny.tokenizer()
    written = tuple(tokenizer(text)["input_ids"])
    plain = Played([text, "33<|im_end|>"], Limits(100, 20), "think", tokenizer)
    asked = plain.engine.asks
    sampled = asked[1].prefix[len(asked[0].prefix) :]
    assert sampled == written[: len(sampled)], "what the model wrote is not read again"
    assert plain.engine.prefix(1).endswith(text.rstrip("\n"))
    extended = Played([text, " two</think>", "33<|im_end|>"], Limits(100, 20, waits=1), "think", tokenizer)
    assert extended.engine.prefix(1).endswith("<think>\n" + text.partition("</think>")[0] + "Wait")
    assert extended.forced.ended == "end"


def test_a_text_in_the_midst_of_a_token_ends_it() -> None:
    """What stands before the end in its first token is thinking."""
    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens([".</", "think>"])
    played = Played(["one.</think>", " two</think>", "33<|im_end|>"], Limits(100, 20, waits=1), "think", tokenizer)
    assert played.engine.prefix(1).endswith("one.Wait")
    assert played.forced.thinking_tokens == played.count("one") + played.count(".") + played.count("Wait two")


def test_prompts() -> None:
    tokenizer = thinking_tokenizer()
    tokenizer.chat_template = tiny.CHATML.replace("assistant\\n'", "assistant\\n<think>\\n'")
    forcing = Forcing(Scripted(tokenizer, []), tokenizer, [IM_END])
    assert tokenizer.decode(forcing.prompt(request().messages)) == PROMPT + "<think>\n", "not opened twice"
    tokenizer.chat_template = tiny.CHATML.replace("assistant\\n'", "assistant\\n<think>\\n\\n</think>\\n\\n'")
    with pytest.raises(Refused, match="empty thinking block"):
        forcing.prompt(request().messages)


def test_steps_are_ended_at_the_last() -> None:
    limits = Limits(100, 20, waits=0, stop_at="\n0 steps left")
    played = Played(["2 steps left\na\n1 steps left\nb\n0 steps left", "33<|im_end|>"], limits, "think")
    assert played.engine.prefix(1).endswith("1 steps left\nb</think>")
    assert played.forced.ended == "text"


def trace(finish: str, response: str) -> Trace:
    return Trace(
        id="p/0",
        problem_id="p",
        request="r",
        reasoning="a",
        response=response,
        finish_reason=finish,  # type: ignore[arg-type]
        prompt_tokens=1,
        completion_tokens=1,
        model="m",
        sampling=Sampling(),
    )


@pytest.mark.parametrize(
    ("ended", "finish", "response", "verdict"),
    [
        ("cut", "stop", "Final Answer: 33", "correct"),
        ("cut", "stop", "Final Answer: 34", "wrong"),
        ("cut", "stop", "Final Answer:", "unknown"),
        ("cut", "length", "Final Answer: so let me see", "unknown"),
        ("text", "length", "so let me see", "unknown"),
        ("text", "stop", "\\boxed{34}", "wrong"),
        ("rejected", "length", "", "unknown"),
        ("end", "length", "so let me see", "wrong"),
        ("end", "stop", "", "wrong"),
    ],
)
def test_a_cut_of_ours_makes_no_answer_wrong(ended: str, finish: str, response: str, verdict: str) -> None:
    forced = Forced(
        trace_id="p/0",
        budget=9,
        waits=0,
        ended=ended,  # type: ignore[arg-type]
        thinking_tokens=9,
        rounds=(9,),
        answer_tokens=1,
        answered=response not in ("", "Final Answer:"),
        exact=True,
    )
    found = judged(trace(finish, response), PROBLEM, forced)
    assert found.verdict == verdict
    if verdict == "unknown":
        assert found.reason in (GAVE_NONE, REJECTED)


def reject(script: list[str], budget: int, tries: int, folder: Path) -> tuple[Scripted, Completion, Forced]:
    tokenizer = thinking_tokenizer()
    engine = Scripted(tokenizer, script)
    forcing = Forcing(engine, tokenizer, [IM_END])
    answers = ForcedAnswers(forcing, Limits(budget, 20), Log(folder / "forced.jsonl"), tries)
    completion = asyncio.run(answers.answer(request()))
    return engine, completion, answers.forced["p/0"]


def test_rejection_sampling_takes_the_first_that_fits(tmp_path: Path) -> None:
    """Thinking of at most budget + 1 tokens; the end counts, as in the paper's code."""
    tokenizer = thinking_tokenizer()
    fits = len(tokenizer(" short</think>")["input_ids"])
    script = [" far too long for it", " short.</think>", " short</think>", "33<|im_end|>"]
    engine, completion, forced = reject(script, fits, 5, tmp_path)
    assert [ask.sampling.max_tokens for ask in engine.asks] == [fits + 1] * 3 + [20]
    assert len({ask.sampling.seed for ask in engine.asks}) == 4
    assert (completion.text, forced.ended, forced.thinking_tokens, forced.budget) == ("33", "end", fits - 1, fits)
    assert completion.completion_tokens == sum(forced.rounds) + forced.answer_tokens
    assert forced.rounds == (fits + 1, fits + 1, fits)


def test_rejection_sampling_without_a_fitting_sample(tmp_path: Path) -> None:
    _, completion, forced = reject([" far too long for it"] * 3, 4, 3, tmp_path)
    assert (completion.text, completion.finish_reason, forced.ended) == ("", "length", "rejected")
    assert forced.rounds == (5, 5, 5)


class Dice:
    """Writes tokens that follow from the prefix and the seed alone, and ends now and then."""

    name, concurrency = "dice", 1

    def __init__(self) -> None:
        self.sampled = 0

    async def proceed(self, ask: Ask) -> Continuation:
        rng = random.Random(ask.digest(self.name))
        ids: list[int] = []
        while len(ids) < ask.sampling.max_tokens:
            may_end = len(ids) >= ask.at_least and rng.random() < 0.1
            ids.append(rng.choice(ask.ends.tokens) if may_end else rng.randrange(40, 300))
            if may_end:
                break
        self.sampled += len(ids)
        ended = ids[-1] in ask.ends.tokens
        return Continuation(ids=tuple(ids), end=int(ended), reason="stop" if ended else "length", tokens=len(ids))

    async def close(self) -> None: ...


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 80), st.integers(0, 4)), min_size=1, max_size=5), st.integers(0, 10**6))
def test_whatever_is_sampled(pairs: list[tuple[int, int]], seed: int) -> None:
    """The budget holds, counts add up, and the memory gives what the engine alone would give, in any order."""
    tokenizer = thinking_tokenizer()

    async def run(engine: Dice | Memory, limits: Limits) -> tuple[Completion, Forced]:
        forcing = Forcing(engine, tokenizer, [IM_END])
        prompt = forcing.prompt(request().messages)
        thought = await forcing.think(prompt, limits, request(seed).sampling)
        assert (thought.last.reason == "length") == (len(thought.ids) == limits.budget)
        return await forcing.answer(request(seed), prompt, thought, limits)

    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(engine := Dice(), Log(Path(folder) / "log.jsonl"))
        for budget, waits in pairs:
            limits, once = Limits(budget, 9, waits), Dice()
            alone = asyncio.run(run(once, limits))
            assert asyncio.run(run(memory, limits)) == alone
            completion, forced = alone
            assert forced.thinking_tokens <= budget
            assert forced.waits <= waits
            assert len(forced.rounds) == forced.waits + 1
            assert completion.completion_tokens == once.sampled
            left_out = forced.waits + (forced.ended != "cut")
            put = forced.waits * len(tokenizer("Wait")["input_ids"])
            assert forced.thinking_tokens == sum(forced.rounds) - left_out + put
        assert memory.sampled == engine.sampled


def test_what_was_thought_for_a_large_budget_serves_small_ones(tmp_path: Path) -> None:
    """Each (budget, waits) gets what it would get alone, and the engine is asked for the thinking once."""
    tokenizer = thinking_tokenizer()
    rounds = [" one two</think>", " three four</think>", " five six seven eight"]
    alone: dict[tuple[int, int], Completion] = {}
    pairs = list(itertools.product((40, 20, 5), (2, 1, 0)))

    async def run(engine: Scripted | Memory, limits: Limits) -> Completion:
        forcing = Forcing(engine, tokenizer, [IM_END])
        prompt = forcing.prompt(request().messages)
        return (
            await forcing.answer(request(), prompt, await forcing.think(prompt, limits, request().sampling), limits)
        )[0]

    for budget, waits in pairs:
        alone[budget, waits] = asyncio.run(run(ByPrefix(tokenizer, rounds), Limits(budget, 20, waits)))
    engine = ByPrefix(tokenizer, rounds)
    memory = Memory(engine, Log(tmp_path / "continuations.jsonl"))
    for budget, waits in pairs:
        assert asyncio.run(run(memory, Limits(budget, 20, waits))) == alone[budget, waits]
    assert sum(len(ask.ends.tokens) == 2 for ask in engine.asks) == 3, "three rounds of thinking serve all"
    assert len({completion.reasoning for completion in alone.values()}) > 4
    held = Memory(Silent(), Log(tmp_path / "continuations.jsonl"))
    for budget, waits in pairs:
        assert asyncio.run(run(held, Limits(budget, 20, waits))) == alone[budget, waits], "nothing is asked again"
    assert held.tokens == memory.tokens == engine.sampled


class ByPrefix(Scripted):
    """Thinks its rounds by how often it was told to wait; answers with the length of what stands before."""

    sampled = 0

    async def proceed(self, ask: Ask) -> Continuation:
        prefix = self.tokenizer.decode(ask.prefix)
        answers = len(ask.ends.tokens) == 1
        once = Scripted(self.tokenizer, [f"{len(prefix)}<|im_end|>" if answers else self.script[prefix.count("Wait")]])
        said = await once.proceed(ask)
        self.asks += once.asks
        self.sampled += said.tokens
        return said


class Silent:
    """An engine that must not be asked."""

    name, concurrency = "scripted", 1

    async def proceed(self, ask: Ask) -> Continuation:
        raise AssertionError("it was asked")

    async def close(self) -> None: ...
