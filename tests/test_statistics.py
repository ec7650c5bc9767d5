"""Intervals and standard errors: published values, limits that are known, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluate.bootstrap import bootstrap, hierarchical
from distill.evaluate.paired import paired_difference
from distill.evaluate.statistics import accuracy, effective_number, sampling_error, standard_error, wilson

COUNTS = st.lists(st.integers(0, 4), min_size=2, max_size=40)
PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40)


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
    found = paired_difference(base, student, 1, 0.95)
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4).filter(any))
def test_one_sample_a_problem_is_newcombe_whatever_the_table(cells: list[int]) -> None:
    """His formulas, from the four counts: both solve it, the student alone, the base alone, neither."""
    a, b, c, d = cells
    n = a + b + c + d
    (l1, u1), (l2, u2) = wilson(a + b, n, 0.95), wilson(a + c, n, 0.95)
    p1, p2 = (a + b) / n, (a + c) / n
    scale = ((a + b) * (c + d) * (a + c) * (b + d)) ** 0.5
    above = a * d - b * c
    phi = (max(above - n / 2, 0) if above > 0 else above) / scale if scale else 0.0
    down = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    up = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    base = [1.0] * a + [0.0] * b + [1.0] * c + [0.0] * d
    student = [1.0] * (a + b) + [0.0] * (c + d)
    found = paired_difference(base, student, 1, 0.95)
    assert (found.low, found.high) == pytest.approx((p1 - p2 - down**0.5, p1 - p2 + up**0.5), abs=1e-7)


def test_pairing_needs_the_same_problems() -> None:
    with pytest.raises(ValueError, match="same problems"):
        paired_difference([1.0], [1.0, 0.0], 1, 0.95)


@given(COUNTS, st.sampled_from([0.9, 0.95, 0.99]))
def test_one_sample_a_problem_is_wilson_whatever_the_problems(counts: list[int], confidence: float) -> None:
    scores = [float(c > 2) for c in counts]
    found = accuracy(scores, 1, confidence)
    assert (found.low, found.high) == pytest.approx(wilson(sum(scores), len(scores), confidence), abs=1e-12)


@given(COUNTS)
def test_more_samples_are_worth_more_than_one_and_no_more_than_all(counts: list[int]) -> None:
    scores = np.array(counts) / 4
    assert len(counts) - 1e-9 <= effective_number(scores, 4) <= 4 * len(counts) + 1e-9
    found = accuracy(list(scores), 4, 0.95)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.low < found.high


@given(PAIRS, st.randoms())
def test_order_and_names_of_models_change_nothing_but_the_sign(pairs: list[tuple[int, int]], random: object) -> None:
    base, student = [b / 4 for b, _ in pairs], [s / 4 for _, s in pairs]
    found, swapped = paired_difference(base, student, 4, 0.95), paired_difference(student, base, 4, 0.95)
    assert (swapped.mean, swapped.low, swapped.high) == pytest.approx((-found.mean, -found.high, -found.low), abs=1e-12)
    assert -1 <= found.low <= found.mean <= found.high <= 1
    random.shuffle(pairs)  # type: ignore[attr-defined]
    shuffled = paired_difference([b / 4 for b, _ in pairs], [s / 4 for _, s in pairs], 4, 0.95)
    assert (shuffled.low, shuffled.high) == pytest.approx((found.low, found.high), abs=1e-9)


def test_intervals_do_not_vanish_where_nothing_differs() -> None:
    for k in (1, 4, 64):
        assert accuracy([0.0] * 10, k, 0.95).high > 0.2
        assert accuracy([1.0] * 10, k, 0.95).low < 0.8
        found = paired_difference([0.0] * 10, [0.0] * 10, k, 0.95)
        assert found.mean == 0
        assert found.low < -0.1 < 0.1 < found.high


def test_a_solved_sample_more_moves_an_interval_little() -> None:
    """A rule for the case that nothing was solved, beside another for all others, would jump here."""
    none, one = accuracy([0.0] * 30, 64, 0.95), accuracy([1 / 64] + [0.0] * 29, 64, 0.95)
    assert one.high == pytest.approx(none.high, rel=0.1)


def test_many_problems_give_the_normal_interval() -> None:
    rng = np.random.default_rng(0)
    scores = rng.binomial(8, rng.beta(2, 2, 5000)) / 8
    error = standard_error(list(scores))
    assert error is not None
    found = accuracy(list(scores), 8, 0.95)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.01)
    low, high = bootstrap(list(scores), 0.95, 0)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.03)
    other = rng.binomial(8, np.clip(scores, 0.1, 0.9)) / 8
    between = standard_error([a - b for a, b in zip(other, scores, strict=True)])
    assert between is not None
    difference = paired_difference(list(scores), list(other), 8, 0.95)
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * between, rel=0.02)


def test_standard_errors_by_hand() -> None:
    """Miller 2024: of 0, 0, 1, 1 the root of (4 * 0.25 / 3) / 4; of two clusters of two the root of 2 * 1 / 16."""
    scores = [0.0, 0.0, 1.0, 1.0]
    assert standard_error(scores) == pytest.approx((1 / 12) ** 0.5)
    assert standard_error(scores, [1, 2, 3, 4]) == pytest.approx((1 / 12) ** 0.5)
    assert standard_error(scores, ["a", "a", "b", "b"]) == pytest.approx((1 / 12 + 4 * 0.25 / 16) ** 0.5)
    assert standard_error([1.0]) is None
    assert sampling_error(scores, 4) == 0
    assert sampling_error([0.5, 0.5], 2) == pytest.approx((0.5 / 1) ** 0.5 / 2)
    assert sampling_error(scores, 1) is None


def test_the_law_of_total_variance() -> None:
    """Over many evaluations: the first error is that of the mean, the second what remains when problems stay."""
    rng = np.random.default_rng(1)
    n, k, runs = 40, 6, 3000
    chances = rng.beta(0.8, 0.8, (runs, n))
    scores = rng.binomial(k, chances) / k
    both = np.mean([standard_error(list(row)) ** 2 for row in scores])  # type: ignore[operator]
    alone = np.mean([sampling_error(list(row), k) ** 2 for row in scores])  # type: ignore[operator]
    assert both == pytest.approx(scores.mean(axis=1).var(), rel=0.08)
    assert alone == pytest.approx((scores.mean(axis=1) - chances.mean(axis=1)).var(), rel=0.08)
    assert both - alone == pytest.approx(chances.mean(axis=1).var(), rel=0.1)


def test_problems_that_go_together_count_as_fewer() -> None:
    scores = [float(i // 5 % 2) for i in range(100)]  # twenty texts with five questions each
    texts = [i // 5 for i in range(100)]
    apart, together = accuracy(scores, 1, 0.95), accuracy(scores, 1, 0.95, texts)
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(5**0.5, rel=0.1)
    assert (together.low, together.high) == pytest.approx(wilson(10, 20, 0.95), abs=0.01)
    low, high = bootstrap(scores, 0.95, 0, texts)
    assert high - low > 1.8 * (bootstrap(scores, 0.95, 0)[1] - bootstrap(scores, 0.95, 0)[0])


@pytest.mark.parametrize(
    ("lost", "gained", "n", "seed", "published"),
    [
        (4, 0, 30, 0, (-26.7, -3.3)),  # random 1,000 instead of s1K, AIME24: 36.7 against 50.0
        (7, 0, 30, 0, (-40.0, -10.0)),  # diverse only: 26.7
        (3, 4, 30, 0, (-13.3, 20.0)),  # all 59K: 53.3
        (7, 2, 30, 3, (-36.7, 0.0)),  # longest only: 33.3; of other seeds some give +3.3, a resample in 10,000 decides
        (25, 12, 500, 0, (-5.0, -0.2)),  # longest only, MATH-500: 90.4 against 93.0
    ],
)
def test_s1_intervals_come_out_of_the_paired_bootstrap(
    lost: int, gained: int, n: int, seed: int, published: tuple[float, float]
) -> None:
    """s1 (arXiv 2501.19393) prints 95 % intervals of 10,000 resamples. The accuracies fix gained - lost; on AIME these
    are the only numbers of problems that differ with which the printed ends come out."""
    differences = [-1.0] * lost + [1.0] * gained + [0.0] * (n - lost - gained)
    low, high = bootstrap(differences, 0.95, seed)
    assert (round(100 * low, 1), round(100 * high, 1)) == published


def test_the_bootstrap_repeats_and_pairs() -> None:
    scores = [i % 5 / 4 for i in range(50)]
    assert bootstrap(scores, 0.95, 1) == bootstrap(scores, 0.95, 1)
    with_noise = [score + i / 1000 for i, score in enumerate(scores)]
    assert bootstrap(with_noise, 0.95, 1) != bootstrap(with_noise, 0.95, 2)
    assert bootstrap([0.25] * 9, 0.95, 0) == (0.25, 0.25)


def test_samples_drawn_again_count_twice() -> None:
    """Of 200 problems of an even chance all variation is that of sampling: the variance doubles."""
    rng = np.random.default_rng(0)
    scores = list(rng.binomial(4, 0.5, 200) / 4)
    once, twice = bootstrap(scores, 0.95, 0), hierarchical(scores, 4, 0.95, 0)
    assert (twice[1] - twice[0]) / (once[1] - once[0]) == pytest.approx(2**0.5, rel=0.1)
    low, high = hierarchical(scores, 4, 0.95, 0, scores)
    assert low < 0 < high
