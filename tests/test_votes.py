"""pass@k and maj@k: published values, every draw written out, ties, and which answers vote together."""

from itertools import combinations, permutations
from math import comb

import pytest
from answered import answer, answers, problem
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.errors import Refused
from distill.evaluate import majority
from distill.evaluate.majority import majority_at
from distill.evaluate.pass_at_k import curve_points, pass_at_k
from distill.evaluate.votes import right_votes, votes_of
from distill.records import Verdict, VerdictName

VOTES = st.lists(st.sampled_from([0, 1, 2, 3, None]), min_size=2, max_size=7)


@pytest.mark.parametrize(
    ("n", "correct", "k", "expected"),
    [(10, 3, 1, 0.3), (10, 3, 5, 0.916667), (10_000, 1, 100, 0.01), (10, 0, 5, 0.0), (10, 8, 3, 1.0)],
)
def test_pass_at_k_as_published(n: int, correct: int, k: int, expected: float) -> None:
    """Unit values of Large Language Monkeys' estimator (arXiv 2407.21787)."""
    assert pass_at_k(n, correct, k) == pytest.approx(expected, abs=5e-7)


@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_the_ratio_of_binomials(n: int, data: st.DataObject) -> None:
    correct, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, correct, k) == pytest.approx(1 - comb(n - correct, k) / comb(n, k), abs=1e-12)


def test_pass_at_k_needs_k_samples() -> None:
    with pytest.raises(Refused, match="pass@5 needs at least 5 samples of each problem; there are 4"):
        pass_at_k(4, 2, 5)
    with pytest.raises(Refused, match="maj@5"):
        majority_at([0, 1], frozenset({0}), [1, 5])
    with pytest.raises(ValueError, match="correct among"):
        pass_at_k(4, 5, 2)


def test_curves_are_told_at_powers_of_two_and_at_the_end() -> None:
    assert [curve_points(n) for n in (1, 2, 6, 64)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8, 16, 32, 64]]


@settings(max_examples=40)
@given(VOTES, st.sets(st.integers(0, 3)))
def test_majorities_are_those_of_all_draws(votes: list[int | None], right: set[int]) -> None:
    """The answer drawn first has the tie: over all orders of all draws."""

    def leads(drawn: tuple[int, ...]) -> bool:
        said = [votes[i] for i in drawn if votes[i] is not None]
        return bool(said) and max(dict.fromkeys(said), key=said.count) in right  # max keeps the first

    points = list(range(1, len(votes)))
    found = majority_at(votes, frozenset(right), points)
    for k, value in zip(points, found, strict=True):
        draws = [order for drawn in combinations(range(len(votes)), k) for order in permutations(drawn)]
        assert value == pytest.approx(sum(map(leads, draws)) / len(draws), abs=1e-12)


@given(VOTES, st.sets(st.integers(0, 3)), st.randoms())
def test_the_order_of_samples_matters_for_a_tie_of_the_whole_run_alone(
    votes: list[int | None], right: set[int], random: object
) -> None:
    points = curve_points(len(votes))
    shared = majority_at(votes, frozenset(right), points, "shared")
    other = list(votes)
    random.shuffle(other)  # type: ignore[attr-defined]
    assert majority_at(other, frozenset(right), points, "shared") == shared
    assert majority_at(other, frozenset(right), points[:-1]) == shared[:-1]
    said = [vote for vote in votes if vote is not None]
    assert shared[0] == pytest.approx(sum(vote in right for vote in said) / len(votes))


def test_ties_of_the_whole_run() -> None:
    """2 : 2 : 1. The answer that was sampled first has it, or each an even share."""
    votes = [0, 1, 1, 0, 2]
    assert majority_at(votes, frozenset({0}), [5]) == [1.0]
    assert majority_at(votes[1:] + votes[:1], frozenset({0}), [5]) == [0.0]
    assert majority_at(votes, frozenset({0}), [5], "shared") == [0.5]
    assert majority_at(votes, frozenset({2}), [5], "shared") == [0.0]
    assert majority_at([None, None], frozenset(), [1, 2]) == [0.0, 0.0]
    assert majority_at([None, None, 0], frozenset({0}), [3]) == [1.0], "what says nothing has no vote"


def test_drawn_majorities_are_near_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    votes = [0] * 20 + [1] * 18 + [2] * 6 + [None] * 10 + list(range(3, 13))
    exact = majority_at(votes, frozenset({0}), [4, 16, 32])
    monkeypatch.setattr(majority, "MOST_EXACT", 0)
    drawn = majority_at(votes, frozenset({0}), [4, 16, 32])
    assert drawn == pytest.approx(exact, abs=0.03)
    assert drawn == majority_at(votes, frozenset({0}), [4, 16, 32])


def test_a_large_run_is_counted_exactly() -> None:
    """At 256 samples: what must come out for two answers is known without all that."""
    votes: list[int | None] = [0] * 192 + [1] * 64
    k = 16
    wins = sum(comb(192, i) * comb(64, k - i) for i in range(9, k + 1)) + comb(192, 8) * comb(64, 8) / 2
    assert majority_at(votes, frozenset({0}), [k])[0] == pytest.approx(wins / comb(256, k), rel=1e-12)


def verdicts(*said: tuple[str | None, VerdictName]) -> list[Verdict]:
    return [answer("p", i, verdict, extracted)[1] for i, (extracted, verdict) in enumerate(said)]


@pytest.mark.parametrize(
    ("kind", "said", "together"),
    [
        ("math", ["1/2", "0.5", r"\frac{1}{2}", r"\dfrac12", "2", "2.0", "x+1", "1 + x"], "00001122"),
        ("math", [r"\frac{\sqrt{2}}{2}", "7", r"\frac{1}{\sqrt 2}", "x", "1,000", "1000"], "010233"),
        ("number", ["1000", "1,000", "3.14", "3.15"], "0012"),
        ("choice", ["A", "(A)", "b", "B"], "0011"),
        ("countdown", ["3*7+12", "3 * 7 + 12 = 33", "3×7+12", "12+3*7"], "0001"),
    ],
)
def test_equal_answers_in_other_writing_vote_together(kind: str, said: list[str], together: str) -> None:
    """And do so in whatever order they come."""
    for turned in (said, said[::-1], said[3:] + said[:3]):
        votes = votes_of(problem("p", kind), verdicts(*((one, "wrong") for one in turned)))
        groups = dict(zip(turned, votes, strict=True))
        for a, b in combinations(range(len(said)), 2):
            assert (groups[said[a]] == groups[said[b]]) == (together[a] == together[b]), (said[a], said[b])


def test_an_answer_is_right_where_most_verdicts_on_it_say_so() -> None:
    said = verdicts(
        ("5", "unknown"), ("5", "correct"), ("5.0", "correct"), ("6", "wrong"), (None, "wrong"), ("7", "unknown")
    )
    votes = votes_of(problem("p"), said)
    assert votes[0] == votes[1] == votes[2] != votes[3]
    assert votes[4] is None
    assert right_votes(votes, said) == {votes[0]}
    assert not right_votes([0, 0], verdicts(("5", "correct"), ("5", "wrong")))


def test_votes_do_not_look_at_the_gold_answer() -> None:
    """Two right expressions are two answers: who votes does not know that they are right."""
    found = [v for _, v in answers("p", "11")]
    other = [found[0].model_copy(update={"extracted": "3*7"}), found[1].model_copy(update={"extracted": "7*3"})]
    votes = votes_of(problem("p", "countdown"), other)
    assert votes[0] != votes[1]
    assert right_votes(votes, other) == set(votes)
