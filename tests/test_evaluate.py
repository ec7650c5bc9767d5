"""Figures: intervals against published values, pairing, gold answers, and what counts as wrong."""

import pytest

from distill.errors import Refused
from distill.evaluate.stage import refuse_broken_gold, summarise
from distill.evaluate.statistics import accuracy, exact_mcnemar, newcombe, paired_difference, wilson
from distill.recipe import Recipe
from distill.records import Problem, Sampling, Trace, Verdict


def test_wilson_as_published() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I, method 3."""
    for (r, n), (low, high) in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(r, n, 0.95) == pytest.approx((low, high), abs=5e-5)


def test_newcombe_paired_as_published() -> None:
    """Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10 for the table 36, 12, 2, 0."""
    base = [1.0] * 36 + [0.0] * 12 + [1.0] * 2
    student = [1.0] * 36 + [1.0] * 12 + [0.0] * 2
    assert newcombe(base, student, 0.95) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    low, high = newcombe(student, base, 0.95)
    assert (low, high) == pytest.approx((-0.3404, -0.0569), abs=5e-5)


def test_intervals_do_not_vanish_at_the_edges() -> None:
    nothing = [0.0] * 10
    estimate = paired_difference(nothing, nothing, 1, 0.95, 0)
    assert estimate.mean == 0
    assert estimate.low < -0.1 < 0.1 < estimate.high
    assert accuracy(nothing, 1, 0.95, 0).high > 0.2


def test_bootstrap_covers_and_repeats() -> None:
    scores = [i % 5 / 4 for i in range(200)]
    first = accuracy(scores, 4, 0.95, 1)
    assert first == accuracy(scores, 4, 0.95, 1)
    assert first.low < first.mean < first.high
    standard_error = (sum((s - first.mean) ** 2 for s in scores) / 200**2) ** 0.5
    assert first.high - first.low == pytest.approx(2 * 1.96 * standard_error, rel=0.05)


def test_mcnemar_exact() -> None:
    assert exact_mcnemar([0] * 10, [1] * 10) == pytest.approx(2 / 1024)
    assert exact_mcnemar([0, 1], [1, 0]) == 1.0
    assert exact_mcnemar([1, 1], [1, 1]) == 1.0


def test_pairing_needs_the_same_problems() -> None:
    with pytest.raises(ValueError, match="same problems"):
        paired_difference([1.0], [1.0, 0.0], 1, 0.95, 0)


def answer(problem: str, verdict: str, finish: str = "stop") -> tuple[Trace, Verdict]:
    trace = Trace(
        id=f"{problem}/0",
        problem_id=problem,
        request=problem,
        reasoning="",
        response="x",
        finish_reason=finish,  # type: ignore[arg-type]
        prompt_tokens=1,
        completion_tokens=5,
        model="m",
        sampling=Sampling(),
    )
    return trace, Verdict(trace_id=trace.id, verdict=verdict, extracted=None, reason="r", kind="math")  # type: ignore[arg-type]


def test_summary_pairs_by_problem_and_states_its_protocol(recipe: Recipe) -> None:
    held = [Problem(id=i, question=i, answer="", kind="math", source="t", held_out=True) for i in "abcd"]
    rows = {
        "base": [answer("a", "correct"), answer("b", "wrong"), answer("c", "unknown"), answer("d", "wrong", "length")],
        "student": [answer("d", "correct"), answer("c", "correct"), answer("b", "correct"), answer("a", "wrong")],
    }
    summary = summarise(rows, held, recipe)
    assert (summary["base"]["accuracy"], summary["student"]["accuracy"]) == (0.25, 0.75)
    assert summary["difference"]["mean"] == 0.5
    assert summary["difference"]["low"] < 0.5 < summary["difference"]["high"]
    assert summary["base"]["finished"] == 0.75
    assert summary["base"]["unknown"] == 1
    for key in ("n", "k", "temperature", "max_tokens", "prompt", "engine", "dtype", "seed", "problems"):
        assert key in summary["protocol"]


def test_a_gold_answer_that_no_model_could_match_is_refused() -> None:
    good = Problem(id="a", question="q", answer="3", kind="math", source="t")
    refuse_broken_gold([good])
    with pytest.raises(Refused, match="does not verify as equal to itself"):
        refuse_broken_gold([good, Problem(id="b", question="q", answer="}{", kind="math", source="t")])
    with pytest.raises(Refused, match="no held-out problem"):
        refuse_broken_gold([])
