"""Bands, panels and ranges: LIMO's and s1's rules on small numbers; what cannot be told is neither kept nor dropped."""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from distill.curate.problems.difficulty import (
    Band,
    between,
    chance_inside,
    failed_by_panel,
    in_band,
    length_between,
    refuse_single_guesses,
    side,
)
from distill.errors import Refused

LIMO = Band(1, 3, 32)


def test_limo_keeps_1_to_3_of_32() -> None:
    assert [k for k in range(33) if in_band(LIMO, k, 32)] == [1, 2, 3]
    assert Counter(side(LIMO, k, 32) for k in range(33)) == {"below": 1, "inside": 3, "above": 29}


@pytest.mark.parametrize(
    ("accepted", "sampled", "where"),
    [
        (4, 4, "above"),  # whatever comes
        (0, 20, "below"),
        (1, 20, "inside"),
        (2, 20, "inside"),
        (3, 20, "above"),  # scales to 4.8
        (0, 8, None),  # no count of 8 falls inside
        (1, 8, None),
        (4, 8, "above"),
        (0, 64, "below"),
        (1, 64, "inside"),  # halves up
        (6, 64, "inside"),
        (7, 64, "above"),
        (0, 0, None),
    ],
)
def test_other_numbers_of_samples_are_scaled(accepted: int, sampled: int, where: str | None) -> None:
    assert side(LIMO, accepted, sampled) == where


@given(st.data())
def test_sides_follow_the_counts(data: st.DataObject) -> None:
    of = data.draw(st.integers(2, 64))
    low = data.draw(st.integers(0, of - 1))
    band = Band(low, data.draw(st.integers(low, of - 1)), of)
    sampled = data.draw(st.integers(2, 200))
    sides = [side(band, accepted, sampled) for accepted in range(sampled + 1)]
    known = [("below", "inside", "above").index(where) for where in sides if where]
    assert known == sorted(known)
    assert (None not in sides) or "inside" not in sides
    for accepted, where in enumerate(sides):
        if sampled >= of and where:
            scaled = Fraction(accepted * of, sampled) + Fraction(1, 2)
            assert (where == "inside") == (band.low <= scaled.__floor__() <= band.high)


def test_a_chance_is_that_of_the_beta_distribution() -> None:
    low, high = LIMO.rates
    assert (low, high) == (0.5 / 32, 3.5 / 32)
    assert chance_inside(LIMO, 2, 32) == pytest.approx(beta(3, 31).cdf(high) - beta(3, 31).cdf(low))
    assert chance_inside(LIMO, 2, 32, (0.5, 4)) == pytest.approx(beta(2.5, 34).cdf(high) - beta(2.5, 34).cdf(low))
    thirds = [Band(0, 9, 32), Band(10, 20, 32), Band(21, 32, 32)]
    assert sum(chance_inside(band, 5, 17) for band in thirds) == pytest.approx(1)


def test_certainty_keeps_fewer_and_drops_fewer() -> None:
    assert in_band(LIMO, 2, 32) is True
    assert in_band(LIMO, 2, 32, certainty=0.95) is None
    assert in_band(LIMO, 40, 640, certainty=0.95) is True
    assert in_band(LIMO, 30, 32, certainty=0.95) is False
    assert in_band(LIMO, 0, 4, certainty=0.95) is None
    assert in_band(LIMO, 0, 4, certainty=0.95, prior=(0.1, 40)) is False
    assert in_band(LIMO, 0, 400, certainty=0.95) is False


def test_a_single_guess_tells_nothing_unless_it_is_accepted() -> None:
    easy = Band(1, 1, 1)
    assert side(easy, 1, 1) is None
    assert side(easy, 1, 1, accept_a_single_guess=True) == "inside"
    assert in_band(Band(0, 16, 32), 1, 1, certainty=0.6) is None
    assert in_band(Band(0, 16, 32), 1, 1, certainty=0.6, accept_a_single_guess=True) is False
    with pytest.raises(Refused, match="answered once"):
        refuse_single_guesses([1, 1, 0, 1])
    refuse_single_guesses([1, 2, 0])
    refuse_single_guesses([])


@pytest.mark.parametrize(
    ("attempts", "all_fail", "any_fails"),
    [
        ({"7B": [False], "32B": [False]}, True, True),
        ({"7B": [False], "32B": [True]}, False, True),
        ({"7B": [True], "32B": [True]}, False, False),
        ({"7B": [None], "32B": [False]}, None, True),
        ({"7B": [None], "32B": [True]}, False, None),
        ({"7B": [], "32B": [False]}, None, True),
        ({"7B": [False, None, True, False], "32B": [False]}, False, True),
        ({"7B": [False] * 4}, True, True),
    ],
)
def test_a_panel_fails(attempts: Any, all_fail: bool | None, any_fails: bool | None) -> None:
    assert failed_by_panel(attempts) is all_fail
    assert failed_by_panel(attempts, "any") is any_fails


def test_one_answer_of_one_model_is_no_panel() -> None:
    with pytest.raises(Refused, match="one answer of one model, 7B"):
        failed_by_panel({"7B": [False]})
    assert failed_by_panel({"7B": [False]}, accept_a_single_guess=True) is True
    with pytest.raises(Refused, match="no models"):
        failed_by_panel({})


def test_ranges_include_their_ends() -> None:
    assert [between(v, 3, 5) for v in (2, 3, 5, 5.1, None, float("nan"))] == [False, True, True, False, None, None]
    assert between(7, least=3) is True
    assert between(7, most=3) is False
    assert length_between([9000, 100, 6000, 7000], least=5600) is True
    assert length_between([9000, 100, 200, 7000], least=5600) is False
    assert length_between([], least=5600) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: Band(3, 1, 32),
        lambda: Band(0, 32, 32),
        lambda: Band(-1, 3, 32),
        lambda: side(LIMO, 5, 4),
        lambda: in_band(LIMO, 1, 4, certainty=0.4),
        lambda: chance_inside(LIMO, 1, 4, (0, 1)),
        lambda: between(1),
        lambda: between(1, 5, 3),
    ],
)
def test_what_cannot_be_is_refused(call: Any) -> None:
    with pytest.raises(Refused):
        call()
