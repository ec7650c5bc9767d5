"""What is known beforehand: how it is read, what is learned from it, and what it saves."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_adaptive import outcomes, request, run

from distill.errors import Refused
from distill.problems import make_problems, read_problems, write_problems
from distill.recipe import FileProblems, Harvest
from distill.records import Problem
from distill.table_problems import known_of
from teachers.adaptive import AdaptivePlan
from teachers.known import features
from teachers.pass_rates import PassRates, fit, regress


def known(i: int, **values: float | str) -> Problem:
    return Problem(id=f"p{i}", question="?", answer="1", kind="math", source="test", known=values)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (0.25, 0.25),
        (True, 1.0),
        ("Level 5", "Level 5"),
        ("  algebra ", "algebra"),
        ("x" * 1000, pytest.approx(np.log(1000))),
        ([True, False, False, True], 0.5),
        (["a", "b"], 2.0),
        (float("nan"), None),
        (None, None),
        ("", None),
        ([], None),
        ({"a": 1}, None),
        ("0.8125", 0.8125),
        (" -3 ", -3.0),
        ("1e-3", 0.001),
        ("nan", None),
        ("1_2", "1_2"),
        pytest.param(10**400, None, id="a number of 401 digits"),
        ("1" + "0" * 35, 1e35),
        pytest.param([10**400, 1], None, id="such a number in a list"),
        ([float("nan"), 1], None),
        ([1e308, 1e308], None),
        (float("-inf"), None),
        (b"Level 5", None),
    ],
)
def test_what_a_column_tells(value: Any, expected: float | str | None) -> None:
    assert known_of({"column": value}, ["column"]).get("column") == expected


def test_known_columns_of_a_file(tmp_path: Path) -> None:
    rows = [{"question": f"q{i}", "answer": "1", "level": f"Level {i % 5}", "rate": i / 10} for i in range(10)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    spec = {"source": "file", "path": str(tmp_path / "rows.jsonl"), "held_out": 2, "known_keys": ["level", "rate"]}
    made = make_problems(FileProblems.model_validate(spec), 0)
    assert sorted(p.known["rate"] for p in made) == [i / 10 for i in range(10)]
    write_problems(tmp_path / "p.parquet", made)
    assert read_problems(tmp_path / "p.parquet") == made
    with pytest.raises(Refused, match=r"no row has a number or a text in 'leve' \(there are: answer, level"):
        make_problems(FileProblems.model_validate(spec | {"known_keys": ["leve"]}), 0)


@pytest.mark.parametrize("key", ["question", "answer", "id"])
def test_binary_columns_are_refused(tmp_path: Path, key: str) -> None:
    """A text in them would be trained on as Python shows its bytes."""
    rows = [{"id": f"i{i}", "question": f"q{i}", "answer": str(i)} for i in range(9)]
    table = pa.Table.from_pylist([{**row, key: row[key].encode()} for row in rows])
    pq.write_table(table, tmp_path / "rows.parquet")
    spec = {"source": "file", "path": str(tmp_path / "rows.parquet"), "held_out": 2, "id_key": "id"}
    with pytest.raises(Refused, match=f"row 1: '{key}' is a binary value, not a text or a number"):
        make_problems(FileProblems.model_validate(spec), 0)


def test_features_are_numbers_of_one_scale() -> None:
    made = [known(i, level=f"L{i % 3}", rate=i / 9) for i in range(9)] + [known(9)]
    x = features(made)
    assert x.shape == (10, 4)  # three levels and the rate; the question is the same for all
    assert x.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert x.std(axis=0) == pytest.approx(1)
    assert x[9, 3] == pytest.approx(0, abs=1e-12), "a number that is missing counts as the mean"
    assert features([known(0)]).shape == (1, 0)
    assert features([]).shape == (0, 0)


@pytest.mark.parametrize("weight", [0.0, 0.7, -1.5])
def test_the_regression_finds_what_made_the_counts(weight: float) -> None:
    rng = np.random.default_rng(0)
    x, size = rng.standard_normal((4000, 1)), 3.0
    mean = 1 / (1 + np.exp(0.5 - weight * x[:, 0]))
    sampled = rng.choice([1.0, 2.0, 4.0, 8.0], 4000)
    accepted = rng.binomial(sampled.astype(int), rng.beta(mean * size, (1 - mean) * size)).astype(float)
    bias, log_size, found = regress(x, accepted, sampled, np.ones(4000))
    assert bias == pytest.approx(-0.5, abs=0.1)
    assert found == pytest.approx(weight, abs=0.1)
    assert np.exp(log_size) == pytest.approx(size, rel=0.15)


def test_without_features_it_is_the_fit_of_the_counts() -> None:
    rates = PassRates(np.zeros((300, 0)))
    rates.fit(np.array([1.0, 0.0, 3.0] * 100), np.array([2.0, 2.0, 4.0] * 100))
    expected = fit({(1, 2): 100, (0, 2): 100, (3, 4): 100})
    assert rates[7].a == pytest.approx(expected.a, rel=1e-3)
    assert rates[7].b == pytest.approx(expected.b, rel=1e-3)


def levels(n: int) -> tuple[list[Problem], list[float]]:
    """Problems of five levels, pass rates from 0.97 down to 0.01, with what no level tells added."""
    rng = random.Random(1)
    means = [0.95, 0.7, 0.4, 0.1, 0.02]
    rates = [rng.betavariate(6 * means[i % 5], 6 * (1 - means[i % 5])) for i in range(n)]
    return [known(i, level=f"Level {i % 5}") for i in range(n)], rates


def samples_to_cover(problems: list[Problem], rates: list[float], wanted: int) -> int:
    spec = Harvest(samples_per_problem=32, accepted_per_problem=2, covered_problems=wanted)
    plan = AdaptivePlan(problems, spec, request)
    log = run(plan, outcomes(rates, 32), at_once=16)
    assert wanted <= plan.covered <= wanted + 16, "it ends once enough are covered"
    return len(log)


def test_what_is_known_saves_samples() -> None:
    problems, rates = levels(500)
    knowing = samples_to_cover(problems, rates, 200)
    not_knowing = samples_to_cover([p.model_copy(update={"known": {}}) for p in problems], rates, 200)
    assert knowing < 0.85 * not_knowing


def test_the_same_samples_make_the_same_decisions() -> None:
    """A run that goes on after a kill knows what it knew."""
    problems, rates = levels(200)
    accepted = outcomes(rates, 8)
    spec = Harvest(samples_per_problem=8, accepted_per_problem=1, covered_problems=120)
    whole = AdaptivePlan(problems, spec, request)
    log = run(whole, accepted, at_once=1)
    resumed = AdaptivePlan(problems, spec, request)
    for entry in log[:200]:
        resumed.note(*entry)
    assert [t.id for t, _ in log[200:]] == [t.id for t, _ in run(resumed, accepted, at_once=1)]
