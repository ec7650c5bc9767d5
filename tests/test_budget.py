"""Budgets hold whatever the server tells, and what cannot be afforded stops nothing that can."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from asking import endpoint, follow, requests, short_rests  # noqa: F401
from stub_server import DONE, StubServer, answer, opening, piece, status
from test_accept import sums
from test_adaptive import outcomes, problems, request, run

from distill.errors import Refused
from distill.files import Log
from distill.problems import make_problems
from distill.recipe import Harvest
from distill.recipe_prompts import Prompt
from distill.records import Sampling, Trace
from teachers.adaptive import AdaptivePlan
from teachers.budget import Spent, longest_sample, spent_on
from teachers.earlier import Earlier
from teachers.harvest import harvest
from teachers.sampler import InOrder
from teachers.sampler import follow as follow_plan


def trace(**fields: Any) -> Trace:
    return Trace.model_validate(
        {
            "id": "p/0", "problem_id": "p", "request": "ab", "reasoning": "", "response": "", "finish_reason": "stop",
            "prompt_tokens": 0, "completion_tokens": 0, "model": "m", "sampling": Sampling(), **fields,
        }
    )  # fmt: skip


def test_a_prompt_counts_with_all_that_is_sent() -> None:
    (problem,) = problems(1)
    plain = longest_sample(problem, Harvest(max_tokens=10))
    system = longest_sample(problem, Harvest(max_tokens=10, prompt=Prompt(system="😀" * 1000)))
    assert system.prompt - plain.prompt == 4000  # an emoji is up to four tokens


@pytest.mark.parametrize(
    ("fields", "spent"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 5, "response": "x" * 900}, Spent(7, 5)),
        ({"counted": False, "completion_tokens": 5, "response": "x" * 60}, Spent(500, 60)),
        ({"counted": False, "completion_tokens": 5, "response": "x" * 900}, Spent(500, 100)),
        ({"counted": False, "completion_tokens": 5, "prompt_tokens": 7}, Spent(7, 5)),
    ],
)
def test_without_usage_an_answer_counts_as_the_most_it_can_be(fields: dict[str, Any], spent: Spent) -> None:
    assert spent_on(trace(**fields), Spent(500, 100)) == spent


def test_a_server_that_tells_no_usage_does_not_loosen_the_budget(tmp_path: Path) -> None:
    said = "x" * 50
    with StubServer(lambda *_: [opening(), piece("stop", content=said), DONE]) as server:
        spec = {"samples_per_problem": 50, "max_total_tokens": 20_000, "max_tokens": 100}
        recipe = sums(tmp_path, server.url, harvest=spec)
        made = make_problems(recipe.problems, 0)
        harvest(recipe, made, tmp_path / "traces", lambda *_: None)
        prompt = min(longest_sample(p, recipe.harvest).prompt for p in made)
    assert 50 < len(server.bodies) <= 20_000 // (prompt + 50)


@pytest.mark.parametrize("limit", [{"max_total_tokens": 100}, {"max_cost": 0.0101}])
def test_a_budget_for_nothing_is_refused(tmp_path: Path, limit: dict[str, Any]) -> None:
    with StubServer(lambda *_: answer()) as server:
        teacher = {
            "kind": "endpoint",
            "model": "r1",
            "base_urls": [server.url],
            "price": {"prompt": 9, "completion": 100},
        }
        recipe = sums(tmp_path, server.url, teacher=teacher, harvest={"max_tokens": 100, **limit})
        with pytest.raises(
            Refused, match=r"pays for no answer: the shortest prompt and harvest\.max_tokens=100 come to"
        ):
            harvest(recipe, make_problems(recipe.problems, 0), tmp_path / "traces", lambda *_: None)
        assert not server.bodies


def test_a_problem_that_is_too_dear_does_not_hold_the_others_up() -> None:
    made = problems(40)
    made[0] = made[0].model_copy(update={"question": "x" * 1_000_000})
    spec = Harvest(samples_per_problem=4, max_total_tokens=100_000, max_tokens=100)
    plan = AdaptivePlan(made, spec, request)
    under_way = plan.take(16)
    for _ in range(120):
        assert len(under_way) == 16
        done = under_way.pop(0)
        plan.note(trace(id=done.id, problem_id=done.problem.id, prompt_tokens=10, completion_tokens=50), False)
        under_way += plan.take(16 - len(under_way))
    assert {r.problem.id for r in under_way} <= {p.id for p in made[1:]}


def test_a_high_min_chance_still_asks_each_problem_once() -> None:
    plan = AdaptivePlan(problems(30), Harvest(samples_per_problem=4, min_chance=0.9), request)
    log = run(plan, outcomes([0.5] * 30, 4))
    assert {t.problem_id for t, _ in log} == {f"p{i}" for i in range(30)}


def test_with_equal_prospects_each_problem_comes_before_any_comes_again() -> None:
    plan = AdaptivePlan(problems(30), Harvest(samples_per_problem=4, max_total_tokens=10**6, max_tokens=100), request)
    assert {r.id for r in plan.take(30)} == {f"p{i}/0" for i in range(30)}


def test_no_sample_for_a_problem_that_can_no_longer_be_covered() -> None:
    spec = Harvest(samples_per_problem=4, accepted_per_problem=3, covered_problems=1)
    log = run(AdaptivePlan(problems(1), spec, request), {f"p0/{j}": j == 0 for j in range(4)}, at_once=1)
    assert len(log) == 3


def test_what_is_allowed_to_fail_may_be_all_that_is_left(tmp_path: Path) -> None:
    """After a kill the questions that get no answer come first, and all at once."""
    said = "This model's maximum context length is 4096 tokens. However, you requested 5000."
    with StubServer(lambda *_: status(400, said)) as server:
        left = asyncio.run(follow(endpoint(server.url, concurrency=4), requests(5), Log(tmp_path / "a"), 5))
    assert len(left) == 5


def test_an_answer_that_was_cut_is_asked_again_without_the_knife(tmp_path: Path) -> None:
    old = tmp_path / "traces.0123"
    old.mkdir()
    lines = [trace(request="aa", finish_reason="loop"), trace(request="bb")]
    long_id = trace(id="q" * 9000 + "/0", request="cc")
    (old / "samples.jsonl").write_text("".join(t.model_dump_json() + "\n" for t in [*lines, long_id]))
    cutting, not_cutting = Earlier(tmp_path / "traces"), Earlier(tmp_path / "traces", cut_loops=False)
    assert cutting.get("aa") is not None
    assert not_cutting.get("aa") is None
    assert not_cutting.get("bb") is not None
    assert cutting.get("cc") == long_id


VERDICT_SECONDS = 1.5


def test_streams_are_read_while_a_verdict_takes_its_time(tmp_path: Path) -> None:
    """Were they not, servers would see a reader that is asleep."""
    beats: list[float] = []
    verdicts: list[tuple[float, float]] = []
    threads: set[int] = set()

    async def heart() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    def slow_verdict(_: list[Trace]) -> None:
        threads.add(threading.get_ident())
        begun = time.monotonic()
        time.sleep(VERDICT_SECONDS)
        verdicts.append((begun, time.monotonic()))

    async def main(url: str) -> None:
        beating = asyncio.create_task(heart())
        teacher = endpoint(url)
        await follow_plan(teacher, InOrder(requests(4)), Log(tmp_path / "log"), slow_verdict)
        await teacher.close()
        beating.cancel()

    with StubServer(lambda *_: answer()) as server:
        asyncio.run(main(server.url))
    assert threading.get_ident() not in threads
    assert verdicts
    assert all(sum(begun < beat < ended for beat in beats) > 2 for begun, ended in verdicts)
