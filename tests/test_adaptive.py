"""Adaptive sampling: it stops where it should, spends where it pays, and decides the same after a kill."""

import gc
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from distill.recipe import Harvest
from distill.records import Problem, Sampling, Trace
from teachers.adaptive import AdaptivePlan
from teachers.base import Request
from teachers.harvest import _collector_spared

TOKENS = 100


def problems(n: int) -> list[Problem]:
    return [Problem(id=f"p{i}", question=str(i), answer="1", kind="math", source="test") for i in range(n)]


def request(problem: Problem, index: int) -> Request:
    return Request(f"{problem.id}/{index}", problem, [], Sampling(seed=index))


def trace(asked: Request, tokens: int = TOKENS) -> Trace:
    return Trace(
        id=asked.id,
        problem_id=asked.problem.id,
        request=asked.id,
        reasoning="",
        response="1",
        finish_reason="stop",
        prompt_tokens=0,
        completion_tokens=tokens,
        model="m",
        sampling=asked.sampling,
    )


def outcomes(rates: list[float], cap: int, seed: int = 0) -> dict[str, bool]:
    """Which samples would be accepted: fixed beforehand, so that plans can be compared on the same samples."""
    rng = random.Random(seed)
    return {f"p{i}/{j}": rng.random() < rate for i, rate in enumerate(rates) for j in range(cap)}


def run(plan: AdaptivePlan, accepted: dict[str, bool], at_once: int = 8, order: int = 0) -> list[tuple[Trace, bool]]:
    """Follow a plan to its end, answers arriving in a shuffled order."""
    rng = random.Random(order)
    under_way: list[Request] = []
    log: list[tuple[Trace, bool]] = []
    while True:
        under_way += plan.take(at_once - len(under_way))
        if not under_way:
            return log
        asked = under_way.pop(rng.randrange(len(under_way)))
        log.append((trace(asked), accepted[asked.id]))
        plan.note(*log[-1])


def plan_for(n: int, **fields: Any) -> AdaptivePlan:
    return AdaptivePlan(problems(n), Harvest(**fields), request)


def beta_rates(n: int, seed: int = 0) -> list[float]:
    rng = random.Random(seed)
    return [rng.betavariate(0.70, 1.15) for _ in range(n)]


@pytest.mark.parametrize("target", [1, 2, 4])
@pytest.mark.parametrize("at_once", [1, 64])
def test_it_stops_at_the_target_or_the_cap(target: int, at_once: int) -> None:
    """In whatever order answers arrive, a problem gets exactly the samples that one by one would give it."""
    rates = beta_rates(150)
    accepted = outcomes(rates, 16)
    log = run(plan_for(150, samples_per_problem=16, accepted_per_problem=target), accepted, at_once, order=at_once)
    got = Counter(t.problem_id for t, _ in log)
    assert len({t.id for t, _ in log}) == len(log), "no sample twice"
    for i in range(150):
        hits = [j for j in range(16) if accepted[f"p{i}/{j}"]]
        assert got[f"p{i}"] == (hits[target - 1] + 1 if len(hits) >= target else 16)


def test_samples_needed_are_those_of_theory() -> None:
    """0.313 of fixed n = 16 for pass rates of Beta(0.70, 1.15), at the same coverage."""
    rates = beta_rates(4000)
    log = run(plan_for(4000, samples_per_problem=16, accepted_per_problem=1), outcomes(rates, 16), 256)
    assert len(log) / (16 * 4000) == pytest.approx(0.313, rel=0.03)


def test_hopeless_problems_are_given_up() -> None:
    rates = [0.9] * 100 + [0.0] * 100
    log = run(plan_for(200, samples_per_problem=64, accepted_per_problem=1, min_chance=0.02), outcomes(rates, 64), 8)
    on_hopeless = [t for t, _ in log if int(t.problem_id[1:]) >= 100]
    assert len(on_hopeless) < 100 * 32
    assert {t.problem_id for t, ok in log if ok} == {f"p{i}" for i in range(100)}


def test_a_budget_goes_first_to_the_cheapest() -> None:
    """Half of the problems are easy. With tokens for a third of all samples, nearly all easy ones are covered."""
    rates = [0.9 if i % 2 else 0.02 for i in range(400)]
    accepted = outcomes(rates, 8)
    log = run(plan_for(400, samples_per_problem=8, accepted_per_problem=1, max_total_tokens=80_000), accepted)
    assert 70_000 <= sum(t.completion_tokens for t, _ in log) <= 80_000
    covered = {t.problem_id for t, ok in log if ok}
    assert sum(f"p{i}" in covered for i in range(1, 400, 2)) > 190


@pytest.mark.parametrize("killed_after", [1, 63, 64, 200, 500])
def test_a_resumed_run_goes_on_to_the_same_samples(killed_after: int) -> None:
    fields = {"samples_per_problem": 16, "accepted_per_problem": 1}
    accepted = outcomes(beta_rates(100), 16)
    whole = run(plan_for(100, **fields), accepted, at_once=8)
    resumed = plan_for(100, **fields)
    for entry in whole[:killed_after]:
        resumed.note(*entry)
    rest = run(resumed, accepted, at_once=8)
    assert {t.id for t, _ in whole[:killed_after] + rest} == {t.id for t, _ in whole}


def test_a_failed_request_rests_and_is_asked_again_by_the_next_attempt() -> None:
    first = plan_for(3, samples_per_problem=4)
    asked = {r.id for r in first.take(5)}
    assert asked
    for item in sorted(asked):
        if item == "p1/0":
            first.failed(request(problems(3)[1], 0))
    assert not any(r.problem.id == "p1" for r in first.take(100))
    second = plan_for(3, samples_per_problem=4, max_total_tokens=10**9)
    second.note(trace(request(problems(3)[1], 1)), True)
    assert "p1/0" in {r.id for r in second.take(100)}


@pytest.mark.parametrize("fails", [False, True])
def test_the_garbage_collector_is_left_as_it_was(fails: bool) -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with suppress(ZeroDivisionError), _collector_spared():
        assert gc.get_threshold() != before[0]
        assert gc.get_freeze_count() > 0
        assert not fails or 1 / 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
