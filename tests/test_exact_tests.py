"""The tests of a difference against all choices of signs, written out."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluate import exact_tests
from distill.evaluate.exact_tests import as_whole, compared, exact_mcnemar, sign_flip

DIFFERENCES = st.lists(st.integers(-4, 4), min_size=1, max_size=9)


def test_mcnemar_exact() -> None:
    assert exact_mcnemar([0] * 10, [1] * 10) == pytest.approx(2 / 1024)
    assert exact_mcnemar([0, 1], [1, 0]) == 1.0
    assert exact_mcnemar([1, 1], [1, 1]) == 1.0


@given(DIFFERENCES)
def test_sign_flips_are_those_of_all_choices(differences: list[int]) -> None:
    found = abs(sum(differences))
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True))) >= found for signs in all_signs(differences)
    ]
    assert sign_flip(differences, 0).p_value == pytest.approx(sum(flips) / len(flips), abs=1e-12)


def all_signs(differences: list[int]) -> list[tuple[int, ...]]:
    return list(product((1, -1), repeat=len(differences)))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_with_one_sample_sign_flips_are_mcnemar(pairs: list[tuple[bool, bool]]) -> None:
    base, student = [int(b) for b, _ in pairs], [int(s) for _, s in pairs]
    flips = sign_flip([s - b for b, s in zip(base, student, strict=True)], 0)
    assert flips.p_value == pytest.approx(exact_mcnemar(base, student), abs=1e-12)


@given(DIFFERENCES, st.integers(2, 7))
def test_neither_the_sign_nor_the_unit_matters(differences: list[int], times: int) -> None:
    p = sign_flip(differences, 0).p_value
    assert sign_flip([-d for d in differences], 0).p_value == p
    assert sign_flip([times * d for d in differences], 0).p_value == pytest.approx(p, abs=1e-12)
    assert sign_flip([*differences, 0, 0], 0).p_value == p


def test_drawn_signs_are_near_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = [3, 1, 4, -1, 5, -2, 6, 5, 3, 5, -8, 9]
    exact = sign_flip(differences, 0)
    monkeypatch.setattr(exact_tests, "MOST_EXACT", 0)
    drawn = sign_flip(differences, 0)
    assert drawn.test == "sign-flip, 100,000 seeded draws"
    assert drawn == sign_flip(differences, 0)
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.005)
    assert 0 < sign_flip([64] * 200, 0).p_value < 1e-4, "a p-value that was drawn is never zero"


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=20))
def test_clusters_flip_as_wholes(rows: list[tuple[int, int, int]]) -> None:
    base, student, names = (list(column) for column in zip(*rows, strict=True))
    sums = [sum(s - b for b, s, c in rows if c == name) for name in set(names)]
    assert compared(base, student, 4, 0, names).p_value == sign_flip(sums, 0).p_value
    apart = compared(base, student, 4, 0, list(range(len(rows))))
    assert apart.p_value == compared(base, student, 4, 0).p_value


def test_which_test_is_told() -> None:
    assert compared([0], [1], 1, 0).test == "exact McNemar"
    assert compared([0], [3], 4, 0).test == "exact sign-flip"
    assert compared([0], [1], 1, 0, ["a"]).test == "exact sign-flip of clusters"
    assert as_whole([Fraction(1, 4), Fraction(-1, 6)]) == [3, -2]
