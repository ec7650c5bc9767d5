"""Difficulty bands: certain decisions are never wrong, the others as seldom as they say."""

import random

import pytest

from distill.recipe import Band, Harvest
from distill.records import Problem, Sampling, Trace
from teachers.adaptive import AdaptivePlan
from teachers.bands import Decision, decide
from teachers.base import Request
from teachers.posterior import Beta

LIMO = Band()
GSM8K = Beta(0.709, 1.163)
CERTAIN = Band(confidence=1)


def side(band: Band, accepted: int) -> str:
    return "below" if accepted < band.low else "inside" if accepted <= band.high else "above"


@pytest.mark.parametrize(
    "band", [CERTAIN, Band(low=0, high=0, of=8, confidence=1), Band(low=2, high=6, of=8, confidence=1)]
)
def test_certain_decisions_are_what_all_samples_say(band: Band) -> None:
    """Every path of accepted and sampled: decided exactly where nothing can change it any more."""
    for sampled in range(band.of + 1):
        for accepted in range(sampled + 1):
            possible = {side(band, accepted + more) for more in range(band.of - sampled + 1)}
            found = decide(band, accepted, sampled, GSM8K)
            assert (found is not None) == (len(possible) == 1)
            assert found is None or found == Decision(possible.pop(), 0.0)


def test_a_run_of_wrong_answers_decides_before_the_last() -> None:
    assert decide(LIMO, 0, 8, GSM8K) is None
    found = decide(LIMO, 0, 31, GSM8K)
    assert found is not None
    assert found.side == "below"
    assert 0 < found.chance_of_error < 0.05


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"band": {"low": 4}}, "must rise"),
        ({"band": {}, "accepted_per_problem": 1, "samples_per_problem": 32}, "two things at once"),
        ({"band": {}, "samples_per_problem": 8}, "needs harvest.samples_per_problem=32"),
    ],
)
def test_bands_that_contradict(fields: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Harvest.model_validate(fields)


def walk(band: Band, seed: int, problems: int = 1500) -> tuple[int, int, float]:
    """Samples asked for, problems that all samples put elsewhere, and how many were expected to be."""
    rng = random.Random(seed)
    rates = [rng.betavariate(GSM8K.a, GSM8K.b) for _ in range(problems)]
    outcomes = {f"p{i}/{j}": rng.random() < rate for i, rate in enumerate(rates) for j in range(band.of)}
    asked = [Problem(id=f"p{i}", question="q", answer="", kind="math", source="") for i in range(problems)]
    spec = Harvest(samples_per_problem=band.of, band=band)
    plan = AdaptivePlan(asked, spec, lambda p, j: Request(f"{p.id}/{j}", p, [], Sampling(seed=j)))
    under_way: list[Request] = []
    samples, accepted = 0, dict.fromkeys((p.id for p in asked), 0)
    while under_way or (under_way := plan.take(64)):
        request = under_way.pop(rng.randrange(len(under_way)))
        trace = Trace(
            id=request.id,
            problem_id=request.problem.id,
            request="",
            reasoning="",
            response="",
            finish_reason="stop",
            prompt_tokens=1,
            completion_tokens=10,
            model="",
            sampling=request.sampling,
        )
        plan.note(trace, outcomes[request.id])
        samples += 1
        accepted[request.problem.id] += outcomes[request.id]
        under_way += plan.take(64 - len(under_way))
    told = plan.sides()
    assert told["undecided"] == 0
    truth = {p.id: side(band, sum(outcomes[f"{p.id}/{j}"] for j in range(band.of))) for p in asked}
    found = {p.problem.id: decide(band, p.accepted, p.sampled, plan._rates[p.place]) for p in plan._all.values()}
    return samples, sum(d is None or d.side != truth[key] for key, d in found.items()), told["expected_to_differ"]


def test_certainty_costs_less_than_all_samples_and_errs_never() -> None:
    samples, wrong, expected = walk(CERTAIN, 1)
    assert (wrong, expected) == (0, 0.0)
    assert samples < 0.6 * 1500 * 32


def test_nearly_certain_costs_less_still_and_errs_as_it_says() -> None:
    certain, _, _ = walk(CERTAIN, 2)
    samples, wrong, expected = walk(LIMO, 2)
    assert samples < 0.95 * certain
    assert wrong / 1500 < 0.05
    assert abs(wrong - expected) < 4 * max(1.0, expected**0.5), "calibrated: what it says is what it does"
