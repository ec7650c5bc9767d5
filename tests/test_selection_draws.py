"""Selections drawn two thousand times, beside the exact chances of every set of rows by the papers' rules."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chisquare

from distill.curate.selections import Chosen, Pool, everything, longest, randomly, s1, shortest, small_student

SEEDS = 2000
Rows = tuple[int, ...]


def pool(domains: Sequence[str], tokens: Sequence[int], problems: Sequence[str] | None = None) -> Pool:
    count = len(domains)
    names = [f"t{row}" for row in range(count)]
    return Pool(names, problems or names, ["s"] * count, domains, np.array(tokens), np.zeros(count))


def chances(of: Pool, count: int, uniform: int, weights: Mapping[str, int]) -> dict[Rows, Fraction]:
    """Of every set of rows that s1 may take: a domain, then 2^-rank by length; `uniform` rows come without weights."""
    states: dict[Rows, Fraction] = {(): Fraction(1)}
    for taken in range(count):
        following: dict[Rows, Fraction] = defaultdict(Fraction)
        for rows, chance in states.items():
            left = [row for row in range(len(of)) if row not in rows]
            domains = sorted({of.domains[row] for row in left})
            weight = {name: weights.get(name, 0) for name in domains} if taken >= uniform else {}
            if not any(weight.values()):
                weight = dict.fromkeys(domains, 1)
            for name in domains:
                some = sorted((row for row in left if of.domains[row] == name), key=lambda row: -of.tokens[row])
                whole = 2 - Fraction(1, 2 ** (len(some) - 1))
                for rank, row in enumerate(some):
                    share = Fraction(weight[name], sum(weight.values())) / 2**rank / whole
                    following[tuple(sorted((*rows, row)))] += chance * share
        states = following
    return {rows: chance for rows, chance in states.items() if chance}


def assert_drawn(found: Iterable[Rows], expected: Mapping[Rows, Fraction]) -> None:
    counts = Counter(found)
    assert not {*counts} - {*expected}
    rare = [rows for rows, chance in expected.items() if chance * counts.total() < 5]
    cells = [[rows] for rows in expected if rows not in rare] + ([rare] if rare else [])
    wanted = [float(sum(expected[rows] for rows in cell)) * counts.total() for cell in cells]
    observed = [sum(counts[rows] for rows in cell) for cell in cells]
    assert len(cells) == 1 or chisquare(observed, wanted).pvalue > 1e-4


DOMAINS, TOKENS = ["a", "a", "a", "b", "b", "c"], [5, 4, 3, 9, 1, 2]


@pytest.mark.parametrize(
    ("of", "count", "uniform", "weights"),
    [
        (pool(DOMAINS, TOKENS), 3, 3, {}),
        (pool(DOMAINS, TOKENS), 5, 5, {}),
        (pool([""] * 5, range(5)), 2, 2, {}),
        (pool(DOMAINS, TOKENS), 4, 2, {"a": 3, "b": 1}),
        (pool(DOMAINS, TOKENS), 4, 0, {"a": 1, "b": 2, "c": 7}),
        (pool(DOMAINS, TOKENS), 5, 0, {"c": 1, "elsewhere": 9}),
    ],
    ids=["uniform", "nearly all", "one domain", "tail", "weights", "a domain used up"],
)
def test_s1_draws_every_set_of_rows_with_its_chance(
    of: Pool, count: int, uniform: int, weights: dict[str, int]
) -> None:
    shares = {name: weight / 10 for name, weight in weights.items()}
    found = (s1(of, count, seed, weights=shares, uniform=uniform / count).rows for seed in range(SEEDS))
    assert_drawn((tuple(sorted(rows)) for rows in found), chances(of, count, uniform, weights))


def test_rows_of_equal_length_have_a_rank_too() -> None:
    of = pool([""] * 3, [7, 7, 7])
    found = Counter(s1(of, 1, seed).rows[0] for seed in range(SEEDS))
    assert chisquare([found[row] for row in range(3)], [SEEDS * share / 7 for share in (4, 2, 1)]).pvalue > 1e-4
    assert longest(of, 2, 0).rows == [0, 1]


@pytest.mark.parametrize("select", [randomly, everything, shortest])
def test_a_problem_with_more_traces_is_drawn_no_sooner(select: Callable[..., Chosen]) -> None:
    problems = ["a"] * 4 + ["b"] * 2 + ["c"]
    of = pool([""] * 7, [7] * 7, problems)
    found = Counter(problems[select(of, 1, seed, 1).rows[0]] for seed in range(SEEDS))
    assert chisquare([found[name] for name in "abc"]).pvalue > 1e-4


@pytest.mark.parametrize("select", [randomly, everything])
def test_without_a_limit_every_trace_is_drawn_alike(select: Callable[..., Chosen]) -> None:
    of = pool([""] * 7, [7] * 7, ["a"] * 4 + ["b"] * 2 + ["c"])
    found = Counter(select(of, 1, seed, None).rows[0] for seed in range(SEEDS))
    assert chisquare([found[row] for row in range(7)]).pvalue > 1e-4


def test_the_last_rows_are_drawn_by_the_weights_that_were_written() -> None:
    of = pool(["large" if row % 10 else "small" for row in range(2000)], range(2000))
    found = s1(of, 100, 0, weights={"large": 1.0}, uniform=0.55)
    assert sum("by weight" in why for why in found.why) == 45
    used_up = s1(of, 300, 0, weights={"small": 1.0}, uniform=0)
    assert sum("by weight" in why for why in used_up.why) == 200
    assert {of.domains[row] for row in used_up.rows[:200]} == {"small"}


def test_small_student_takes_long_traces_wherever_they_are() -> None:
    with_both = [f"p{number:03}" for number in range(1000) for _ in range(2 if number < 100 else 1)]
    tokens = [10 + 90 * (before == name) for before, name in zip(["", *with_both], with_both, strict=False)]
    found = small_student(pool([""] * len(tokens), tokens, with_both), 100, 0)
    assert Counter(found.why) == {"long": 20, "short": 80}
    assert not found.notes
    many = small_student(pool([""] * len(tokens), tokens, with_both), 600, 0)
    assert Counter(many.why) == {"long": 100, "short": 500}
    assert many.notes


def test_a_large_pool_takes_no_time() -> None:
    of = pool([""] * 60_000, range(60_000))
    started = time.process_time()
    assert len(s1(of, 20_000, 0, kept=range(10_000)).rows) == 20_000
    assert time.process_time() - started < 3
