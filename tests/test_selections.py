"""The selections: the papers' weights and counts, the same rows in whatever order they arrive, ties and small pools."""

import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from distill.curate.selections import (
    Chosen,
    Pool,
    everything,
    limo,
    longest,
    openthoughts,
    randomly,
    s1,
    shortest,
    small_student,
)
from distill.curate.selections.mix import shares
from distill.curate.selections.s1 import benchmark_weights, draw_rank
from distill.errors import Refused


def pool(count: int = 60, traces: int = 3, seed: int = 0) -> Pool:
    """Problems with several traces, of five domains and four sources."""
    rng = random.Random(seed)
    ids = [(f"p{p:03}", t) for p in range(count) for t in range(traces)]
    return Pool(
        ids=[f"{p}/{t}" for p, t in ids],
        problems=[p for p, _ in ids],
        sources=[f"source {int(p[1:]) % 4}" for p, _ in ids],
        domains=[f"{int(p[1:]) % 5:02}" for p, _ in ids],
        tokens=np.array([rng.randrange(10, 400) for _ in ids]),
        quality=np.array([rng.random() for _ in ids]),
    )


def shuffled(before: Pool, seed: int) -> Pool:
    order = random.Random(seed).sample(range(len(before)), len(before))
    return Pool(
        **{name: [getattr(before, name)[i] for i in order] for name in ("ids", "problems", "sources", "domains")},
        tokens=before.tokens[order],
        quality=before.quality[order],
    )


SELECTIONS: dict[str, Callable[[Pool, int, int], Chosen]] = {
    "longest": longest,
    "shortest": shortest,
    "random": randomly,
    "all": everything,
    "s1": s1,
    "limo": limo,
    "small-student": small_student,
    "openthoughts": openthoughts,
}


def named(of: Pool, found: Chosen) -> list[str]:
    return [of.ids[row] for row in found.rows]


@pytest.mark.parametrize("name", SELECTIONS)
def test_the_same_rows_in_the_same_order_however_they_arrive(name: str) -> None:
    select, one = SELECTIONS[name], pool()
    first = select(one, 30, 7)
    assert len(first.rows) == len(set(first.rows)) == len(first.why) == 30
    for seed in range(3):
        other = shuffled(one, seed)
        assert named(other, select(other, 30, 7)) == named(one, first)
    if name not in ("longest", "limo"):
        assert named(one, select(one, 30, 8)) != named(one, first)


@pytest.mark.parametrize("name", [name for name in SELECTIONS if name not in ("all", "openthoughts")])
def test_one_trace_a_problem_and_no_more_than_there_are(name: str) -> None:
    one = pool(count=20)
    found = SELECTIONS[name](one, 1000, 0)
    assert sorted(one.problems[row] for row in found.rows) == sorted(set(one.problems))


def test_ranks_are_drawn_as_in_the_notebook() -> None:
    rng, draws = random.Random(0), 70_000
    found = Counter(draw_rank(3, rng) for _ in range(draws))
    for rank, share in enumerate((Fraction(4, 7), Fraction(2, 7), Fraction(1, 7))):
        assert abs(found[rank] / draws - share) < 4 * (share * (1 - share) / draws) ** 0.5
    assert {draw_rank(1, rng) for _ in range(100)} == {0}


def test_s1_draws_domains_uniformly_then_by_weight() -> None:
    """One domain holds nine problems in ten: 70 of the first 100 rows do not care, the last 30 know that one alone."""
    count = 3000
    one = Pool(
        ids=[f"{i:04}" for i in range(count)],
        problems=[f"{i:04}" for i in range(count)],
        sources=["s"] * count,
        domains=["large" if i % 10 else "small" for i in range(count)],
        tokens=np.arange(count),
        quality=np.zeros(count),
    )
    many: Counter[str] = Counter()
    for seed in range(30):
        found = s1(one, 100, seed, weights={"large": 1.0})
        many.update(one.domains[row] for row in found.rows[:70])
        assert {one.domains[row] for row in found.rows[70:]} == {"large"}
    assert abs(many["small"] / 2100 - 0.5) < 0.05


def test_s1_prefers_long_traces_and_keeps_its_seed_rows() -> None:
    one = pool(count=200, traces=1)
    shortest_row = int(np.argmin(one.tokens))
    found = s1(one, 40, 0, kept=[shortest_row])
    assert (found.rows[0], found.why[0]) == (shortest_row, "kept before the draw")
    assert found.rows.count(shortest_row) == 1
    drawn = one.tokens[found.rows[1:]]
    assert drawn.mean() > np.sort(one.tokens)[-80:].mean()
    assert s1(one, 3, 0, kept=range(10)).rows == sorted(range(10), key=lambda r: (-one.tokens[r], one.ids[r]))[:3]


def test_s1_goes_on_where_the_weighted_domains_are_used_up() -> None:
    one = pool(count=20, traces=1)
    found = s1(one, 20, 0, weights={"00": 1.0, "nowhere": 5.0}, uniform=0)
    assert len(found.rows) == 20
    assert {one.domains[row] for row in found.rows[:4]} == {"00"}


def test_weights_of_the_notebook() -> None:
    counts = {"AIME": {"05": 3, "11": 1}, "GPQA": {"physics": 8}}
    assert benchmark_weights(counts, "AIME", "GPQA") == {"05": 3, "11": 1, "physics": 2}


def test_limo_takes_the_best_of_each_problem_and_then_the_best() -> None:
    one = pool()
    found = limo(one, 10)
    of_problem = {p: [row for row in range(len(one)) if one.problems[row] == p] for p in one.problems}
    best = {p: max(rows, key=lambda row: one.quality[row]) for p, rows in of_problem.items()}
    assert found.rows == sorted(best.values(), key=lambda r: -one.quality[r])[:10]


def test_small_student_mixes_one_long_to_four_short() -> None:
    one = pool(count=100)
    found = small_student(one, 50, 0)
    assert Counter(found.why) == {"long": 10, "short": 40}
    assert not found.notes
    for row, why in zip(found.rows, found.why, strict=True):
        mine = [int(one.tokens[r]) for r in range(len(one)) if one.problems[r] == one.problems[row]]
        assert int(one.tokens[row]) == (max(mine) if why == "long" else min(mine))
    single = small_student(pool(count=10, traces=1), 10, 0)
    assert single.notes == ("0 of 2 long traces: the other problems have traces of one length alone",)


def test_openthoughts_takes_several_answers_of_the_longest_questions_of_few_sources() -> None:
    one = pool(count=40, traces=20)
    found = openthoughts(one, 80, 0)
    assert len({one.sources[row] for row in found.rows}) <= 2
    assert Counter(Counter(one.problems[row] for row in found.rows).values()) == {16: 5}
    mean = {p: np.mean([one.tokens[r] for r in range(len(one)) if one.problems[r] == p]) for p in one.problems}
    of_two = {one.sources[row] for row in openthoughts(one, None, 0).rows}
    best = sorted((p for p in mean if f"source {int(p[1:]) % 4}" in of_two), key=lambda p: -mean[p])[:5]
    assert {one.problems[row] for row in found.rows} == set(best)
    assert {one.sources[r] for r in openthoughts(one, 5, 0, sources=["source 3"]).rows} == {"source 3"}
    with pytest.raises(Refused, match="sources names 'elsewhere', which no trace"):
        openthoughts(one, 5, 0, sources=["elsewhere"])


@pytest.mark.parametrize(
    ("weights", "available", "count", "rows"),
    [
        ({"reasoning": 3, "general": 1}, {"reasoning": 600, "general": 200}, None, {"reasoning": 600, "general": 200}),
        ({"reasoning": 3, "general": 1}, {"reasoning": 600, "general": 50}, None, {"reasoning": 150, "general": 50}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 9, "b": 9, "c": 9}, 10, {"a": 4, "b": 3, "c": 3}),
        ({"a": 0.1, "b": 0.2, "c": 0.7}, {"a": 9, "b": 9, "c": 9}, 10, {"a": 1, "b": 2, "c": 7}),
        ({"a": 1, "b": 0}, {"a": 5}, 5, {"a": 5}),
        ({"a": 0.95, "b": Fraction("0.05")}, {"a": 99, "b": 1}, None, {"a": 19, "b": 1}),
    ],
)
def test_shares_of_a_mix(weights: Any, available: Any, count: int | None, rows: dict[str, int]) -> None:
    assert shares(weights, available, count) == rows


def test_a_mix_that_a_source_cannot_fill_is_refused() -> None:
    with pytest.raises(Refused, match="the mix wants 5 rows of 'b', which has 2"):
        shares({"a": 1, "b": 1}, {"a": 50, "b": 2}, 10)
    with pytest.raises(Refused, match="all zero"):
        shares({"a": 0}, {"a": 1})
