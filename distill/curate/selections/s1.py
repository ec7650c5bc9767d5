"""s1's selection: domains uniformly, then as the benchmarks have them; within a domain long traces first.

Muennighoff et al., "s1: Simple test-time scaling", section 2.2, and its notebook `data/filter.ipynb`.
"""

import random
from collections.abc import Collection, Mapping
from fractions import Fraction

from distill.curate.selections.pool import Chosen, Pool
from distill.records import derived_seed

UNIFORM = 0.7
"""Share of the rows up to which domains are drawn uniformly: 700 of 1,000."""


def s1(
    pool: Pool,
    count: int,
    seed: int,
    kept: Collection[int] = (),
    weights: Mapping[str, float] | None = None,
    uniform: float = UNIFORM,
) -> Chosen:
    """Fill up to `count` rows, one trace a problem.

    Rows in `kept` are taken before anything is drawn (s1: correct ones of GPQA and AIME, and of MATH those with more
    than 5,600 tokens of thinking). Then a domain is drawn, uniformly until `uniform` of the rows are there, afterwards
    by `weights` (uniformly too where there are none), and in the domain a row with a probability that halves from each
    trace to the next shorter one: 2^-rank, rank 0 the longest.

    Deviations from the notebook, which has no seed: the draws come from `seed`; rows in `kept` leave their domain and
    are not drawn again; a problem with several traces takes part with its longest.
    """
    rng = random.Random(derived_seed(seed, "s1"))
    wanted = set(kept)
    order = pool.first_of_each_problem([*_sorted(wanted, pool), *pool.by_length()], 1)
    rows = [row for row in order if row in wanted][:count]
    taken, why = set(rows), ["kept before the draw"] * len(rows)
    domains = _domains(pool, [row for row in order if row not in taken])
    until = Fraction(str(uniform)) * count  # the decimal number that was written: 0.55 of 100 are 55
    while len(rows) < count and domains:
        by_weight = {} if len(rows) < until else {name: (weights or {}).get(name, 0.0) for name in domains}
        name = _draw_domain(domains, by_weight, rng)
        rank = draw_rank(len(domains[name]), rng)
        rows.append(domains[name].pop(-1 - rank))
        weighed = " by weight" if by_weight.get(name) else ""
        why.append(f"{f'domain {name}' if name else 'any domain'}{weighed}, rank {rank} by length")
        if not domains[name]:
            del domains[name]
    return Chosen(rows, why)


def draw_rank(count: int, rng: random.Random) -> int:
    """A rank below `count` with a probability proportional to 2^-rank: 4/7, 2/7, 1/7 of three."""
    while True:
        rank = 0
        while rng.random() < 0.5:
            rank += 1
        if rank < count:
            return rank


def benchmark_weights(counts: Mapping[str, Mapping[str, int]], main: str, other: str) -> dict[str, float]:
    """Weights of domains: counts of the benchmark `main`, and of `other` scaled to half as much (s1: AIME and GPQA).

    `counts` has a number of questions for each domain, by benchmark.
    """
    scale = 0.5 * sum(counts[main].values()) / max(1, sum(counts[other].values()))
    names = sorted({*counts[main], *counts[other]})
    return {name: counts[main].get(name, 0) + scale * counts[other].get(name, 0) for name in names}


def _sorted(rows: Collection[int], pool: Pool) -> list[int]:
    return sorted(rows, key=lambda row: (-int(pool.tokens[row]), pool.ids[row]))


def _domains(pool: Pool, rows: list[int]) -> dict[str, list[int]]:
    """Rows by domain, the longest last, where taking it moves no other; domains by name."""
    found: dict[str, list[int]] = {}
    for row in reversed(rows):
        found.setdefault(pool.domains[row], []).append(row)
    return dict(sorted(found.items()))


def _draw_domain(domains: Mapping[str, list[int]], weights: Mapping[str, float], rng: random.Random) -> str:
    """Uniformly where no domain that is left has a weight."""
    names = list(domains)
    each = [weights.get(name, 0.0) for name in names]
    if not sum(each):
        return names[int(rng.random() * len(names))]
    at = rng.random() * sum(each)
    for name, weight in zip(names, each, strict=True):
        at -= weight
        if at < 0:
            return name
    return max(zip(each, names, strict=True))[1]  # rounding has left nothing behind the last one
