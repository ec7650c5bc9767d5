"""maj@k: how often the answer that most of k samples give is correct (self-consistency, Wang et al. 2022).

Of n samples, k < n are drawn in every possible way, without replacement; the figure is the exact mean over all draws.
Ties go to the answer that was drawn first, which over all draws is the same as an even share of them. With k = n there
is one draw, the run itself: `first` gives a tie to the answer that was sampled first, `shared` an even share, the
expected value over the order of the samples. Samples that give no answer are drawn as well, and do not vote.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import comb
from typing import Literal

import numpy as np

from distill.errors import Refused

Ties = Literal["first", "shared"]

MOST_EXACT = 256
"""Samples up to which all draws are counted; beyond them some are drawn."""

DRAWS = 4000
"""Draws where there are too many samples to count all: a standard error of at most 0.8 points a problem."""


def majority_at(
    votes: Sequence[int | None], right: frozenset[int], points: Sequence[int], ties: Ties = "first", seed: int = 0
) -> list[float]:
    """maj@k of one problem at each k of `points`: the chance that the answer with most votes is correct.

    `votes` are the samples' answers in the order of the samples, equal numbers for equal answers and None for none;
    `right` are the correct ones.

    Raises:
        Refused: a k that is more than there are samples.
    """
    n = len(votes)
    if max(points) > n:
        raise Refused(
            f"maj@{max(points)} needs at least that many samples of each problem; there are {n}.",
            "Raise evaluate.samples_per_problem.",
        )
    counts = Counter(vote for vote in votes if vote is not None)
    below = tuple(k for k in points if k < n)
    drawn = iter(_drawn_shares(counts, right, n, below, seed))
    return [next(drawn) if k < n else _of_all(votes, counts, right, ties) for k in points]


def _of_all(votes: Sequence[int | None], counts: Counter[int], right: frozenset[int], ties: Ties) -> float:
    most = max(counts.values(), default=0)
    leading = [vote for vote in dict.fromkeys(votes) if vote is not None and counts[vote] == most]
    if not leading:
        return 0.0
    return float(leading[0] in right) if ties == "first" else sum(v in right for v in leading) / len(leading)


def _drawn_shares(
    counts: Counter[int], right: frozenset[int], n: int, points: tuple[int, ...], seed: int
) -> Sequence[float]:
    if not points or not right & counts.keys():
        return [0.0] * len(points)
    own = tuple(sorted(counts[vote] for vote in counts.keys() & right))
    others = tuple(sorted(counts[vote] for vote in counts.keys() - right))
    return _exact(own, others, n, points) if n <= MOST_EXACT else _sampled(own, others, n, points, seed)


@lru_cache(maxsize=4096)
def _exact(right: tuple[int, ...], wrong: tuple[int, ...], n: int, points: tuple[int, ...]) -> tuple[float, ...]:
    """The share of all draws in which a right answer leads, ties shared; `right` and `wrong` are votes by answer."""
    wins = np.zeros(max(points) + 1)
    for at, own in enumerate(right):
        others = (*right[:at], *right[at + 1 :], *wrong)
        for votes in range(1, min(own, max(points)) + 1):
            ways = _ways_behind(others, votes, n - own - sum(others), max(points) - votes)
            shares = (ways / np.arange(1, len(ways) + 1)[:, None]).sum(axis=0)
            wins[votes:] += comb(own, votes) * shares
    return tuple(min(1.0, float(wins[k] / comb(n, k))) for k in points)


def _ways_behind(others: tuple[int, ...], most: int, blank: int, drawn: int) -> np.ndarray:
    """In how many ways up to `drawn` samples come from answers with so many votes each, and from those that have none,
    so that no answer has more than `most`; shape (answers that have just as many, samples drawn)."""
    level = min(sum(size >= most for size in others), drawn // most)
    ways = np.zeros((level + 1, drawn + 1))
    ways[0] = [float(comb(blank, i)) for i in range(drawn + 1)]
    for size in others:
        before = ways
        ways = np.zeros_like(before)
        for taken in range(min(size, most - 1, drawn) + 1):
            ways[:, taken:] += comb(size, taken) * before[:, : drawn + 1 - taken]
        if size >= most <= drawn and level:
            ways[1:, most:] += comb(size, most) * before[:-1, : drawn + 1 - most]
    return ways


def _sampled(right: tuple[int, ...], wrong: tuple[int, ...], n: int, points: tuple[int, ...], seed: int) -> list[float]:
    """The same from some draws of every size."""
    rng, sizes = np.random.default_rng(seed), [*right, *wrong]
    blank = n - sum(sizes)
    shares = []
    for k in points:
        drawn = rng.multivariate_hypergeometric([*sizes, blank], k, size=DRAWS)[:, :-1]
        leads = (drawn == drawn.max(axis=1, keepdims=True)) & (drawn > 0)
        shares.append(float((leads[:, : len(right)].sum(axis=1) / np.maximum(leads.sum(axis=1), 1)).mean()))
    return shares
