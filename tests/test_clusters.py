"""Problems that go together: every interval and every test of an evaluation counts them by their clusters."""

from typing import Any

import numpy as np
import pytest
from answered import set_of

from distill.evaluate.answers import Method
from distill.evaluate.bootstrap import bootstrap, hierarchical
from distill.evaluate.statistics import accuracy
from distill.evaluate.summary import summarise

BY_TEXT = Method(cluster_by="text")
TEXTS = {"abcdefgh"[text] + str(i): {"text": text, "level": text % 2} for text in range(4) for i in range(6)}
"""Four texts with six questions each; texts 0 and 2 are of level 0."""
SOLVED = {name: "1" if name[0] in "ac" else "0" for name in TEXTS}
"""Alike within each text."""


def told_of(method: Method, sets: int = 1, said: dict[str, str] = SOLVED) -> dict[str, Any]:
    result = set_of({"base": dict.fromkeys(TEXTS, "0"), "student": said}, method, **TEXTS)
    return summarise({f"s{i}": result for i in range(sets)})


@pytest.mark.parametrize("sizes", [[30] + [1] * 30, [20, 10] + [1] * 30, [40, 30, 20, 5, 5], [5] * 10])
def test_intervals_hold_where_clusters_are_of_any_size(sizes: list[int]) -> None:
    """All questions on a text are as hard as the text is; the truth is that of all texts that might have been."""
    rng, names, held = np.random.default_rng(7), np.repeat(np.arange(len(sizes)), sizes), 0
    for _ in range(400):
        chances = np.repeat(rng.beta(0.4, 0.4, len(sizes)), sizes)
        found = accuracy((rng.binomial(4, chances) / 4).tolist(), 4, 0.95, names.tolist())
        held += found.low <= 0.5 <= found.high
    assert held / 400 > 0.91  # three standard errors below 95 %


def test_groups_know_of_clusters() -> None:
    """A level of two texts is worth two answers, not twelve."""
    plain, by_text = (
        told_of(method)["sets"]["s0"]["figures"]["student"]["groups"]["level"]["0"] for method in (Method(), BY_TEXT)
    )
    assert (by_text["n"], by_text["accuracy"]) == (plain["n"], plain["accuracy"]) == (12, 1.0)
    assert by_text["low"] == pytest.approx(accuracy([1.0, 1.0], 1, 0.95).low)
    assert by_text["low"] < plain["low"]


def test_differences_of_groups_know_of_clusters() -> None:
    plain, by_text = (
        told_of(method)["sets"]["s0"]["differences"][0]["groups"]["level"]["0"] for method in (Method(), BY_TEXT)
    )
    assert by_text["mean"] == plain["mean"] == 1.0
    assert by_text["low"] < plain["low"]


def test_the_test_over_sets_flips_clusters() -> None:
    """Two sets, two texts gained in each: four signs, so nothing below 2 / 2^4."""
    plain, by_text = (told_of(method, sets=2)["over_sets"]["differences"][0] for method in (Method(), BY_TEXT))
    assert plain["p_value"] < 1e-6
    assert (by_text["p_value"], by_text["test"]) == (2 / 2**4, "exact sign-flip of clusters")


def test_the_bootstrap_of_samples_draws_clusters() -> None:
    scores, names = np.repeat([0.0, 1.0], 20).tolist(), np.repeat([0, 1], 20).tolist()
    assert hierarchical(scores, 8, 0.95, 0, clusters=names) == (0.0, 1.0) == bootstrap(scores, 0.95, 0, names)
    low, high = hierarchical(scores, 8, 0.95, 0)
    assert 0.3 < low < high < 0.7
    assert hierarchical(scores, 8, 0.95, 0, scores, names) == (0.0, 0.0)


def test_clusters_of_one_problem_are_none() -> None:
    scores, names = [0.25, 1.0, 0.5, 0.0], list("abcd")
    assert hierarchical(scores, 4, 0.95, 0, clusters=names) == hierarchical(scores, 4, 0.95, 0)
    assert accuracy(scores, 4, 0.95, names) == accuracy(scores, 4, 0.95)


def test_groups_of_large_numbers_stay_apart() -> None:
    """1,000,001 and 1,000,002 are two levels; 3.0, 3 and '3' are one."""
    levels = {"a": 1000001, "b": 1000002, "c": 3, "d": "3", "e": 3.0, "f": 0.1234567}
    told = summarise(
        {"s": set_of({"base": dict.fromkeys(levels, "1")}, None, **{n: {"level": v} for n, v in levels.items()})}
    )
    groups = told["sets"]["s"]["figures"]["base"]["groups"]["level"]
    assert {name: one["n"] for name, one in groups.items()} == {"0.1234567": 1, "3": 3, "1000001": 1, "1000002": 1}
