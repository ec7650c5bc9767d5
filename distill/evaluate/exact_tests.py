"""Do two models differ, on the same problems? Exact two-sided tests.

The hypothesis that is tested is that the models are equally good on every problem, so that each problem's difference
could as well have gone the other way.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from distill.evaluate.statistics import Clusters

MOST_EXACT = 2 * 10**9
"""Additions of an exact sign-flip test, some seconds; beyond them signs are drawn."""

FLIPS = 100_000
"""Draws of signs where all of them are too many."""


class Tested(NamedTuple):
    """A two-sided p-value and where it comes from."""

    p_value: float
    test: str


def compared(
    base: Sequence[int], student: Sequence[int], k: int, seed: int, clusters: Clusters | None = None
) -> Tested:
    """The test of one set from the correct samples of every problem: McNemar's for k = 1, sign flips for more.

    With `clusters` the problems of one cluster flip together.
    """
    if clusters is None and k == 1:
        return Tested(exact_mcnemar(base, student), "exact McNemar")
    return flipped([s - b for b, s in zip(base, student, strict=True)], seed, clusters)


def flipped(differences: Sequence[int], seed: int, clusters: Clusters | None = None) -> Tested:
    """`sign_flip` of the differences, or of their sums over clusters."""
    if clusters is None:
        return sign_flip(differences, seed)
    sums = dict.fromkeys(clusters, 0)
    for name, difference in zip(clusters, differences, strict=True):
        sums[name] += difference
    found = sign_flip(list(sums.values()), seed)
    return Tested(found.p_value, f"{found.test} of clusters")


def discordant(base: Sequence[float], student: Sequence[float]) -> tuple[int, int]:
    """Problems on which the student is better, and on which the base is."""
    pairs = list(zip(base, student, strict=True))
    return sum(s > b for b, s in pairs), sum(s < b for b, s in pairs)


def exact_mcnemar(base: Sequence[float], student: Sequence[float]) -> float:
    """On the discordant problems, of one sample each: the binomial test of an even chance."""
    gained, lost = discordant(base, student)
    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5)))


def sign_flip(differences: Sequence[int], seed: int) -> Tested:
    """Fisher's randomisation test of paired differences, in whole samples a problem.

    The share of all 2^n choices of signs whose sum is at least as far from 0 as the one that was found, exactly: the
    distribution of the sum is built problem after problem. With one sample a problem it is McNemar's test. Where it
    would take too long `FLIPS` draws of signs stand for it, the found one counted among them (Phipson and Smyth 2010).
    """
    sizes = [abs(d) for d in differences if d]
    unit = gcd(*sizes)
    if not unit:
        return Tested(1.0, "exact sign-flip")
    steps, found = [size // unit for size in sizes], abs(sum(differences)) // unit
    if 2 * len(steps) * sum(steps) <= MOST_EXACT:
        return Tested(_exact_tail(steps, found), "exact sign-flip")
    return Tested(_drawn_tail(steps, found, seed), f"sign-flip, {FLIPS:,} seeded draws")


def as_whole(values: Sequence[Fraction]) -> list[int]:
    """The values times the least number that makes all of them whole: differences that weigh differently."""
    times = lcm(*(value.denominator for value in values))
    return [int(value * times) for value in values]


def _exact_tail(steps: list[int], found: int) -> float:
    """Probability that a sum of +-steps is at least `found` from 0."""
    reach = sum(steps)
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for step in steps:
        half = 0.5 * chance
        chance = np.zeros_like(half)
        chance[step:] += half[:-step]
        chance[:-step] += half[step:]
    return min(1.0, float(chance[: reach - found + 1].sum() + chance[reach + max(found, 1) :].sum()))


def _drawn_tail(steps: list[int], found: int, seed: int) -> float:
    rng, sizes = np.random.default_rng(seed), np.array(steps, np.float64)
    as_far = 0
    for start in range(0, FLIPS, 1000):
        signs = rng.integers(0, 2, size=(min(1000, FLIPS - start), len(sizes))) * 2.0 - 1
        as_far += int((np.abs(signs @ sizes) >= found * (1 - 1e-12)).sum())
    return (as_far + 1) / (FLIPS + 1)
