"""s1's selection: domains uniformly, then as the benchmarks have them; within a domain long traces first.

Muennighoff et al., "s1: Simple test-time scaling", section 2.2, and its notebook `data/filter.ipynb`.
"""

import random
from collections.abc import Collection, Mapping

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
    order = pool.first_of_each_problem([*_sorted(kept, pool), *pool.by_length()], 1)
    first = [row for row in order if row in set(kept)][:count]
    domains = _domains(pool, [row for row in order if row not in set(first)])
    rows, why = list(first), ["kept before the draw"] * len(first)
    while len(rows) < count and domains:
        by_weight = None if len(rows) < uniform * count else weights
        name = _draw_domain(domains, by_weight, rng)
        rank = draw_rank(len(domains[name]), rng)
        rows.append(domains[name].pop(rank))
        why.append(
            f"{f'domain {name}' if name else 'any domain'}{' by weight' if by_weight else ''}, rank {rank} by length"
        )
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
    """Rows by domain, the longest first; domains by name."""
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(pool.domains[row], []).append(row)
    return dict(sorted(found.items()))


def _draw_domain(domains: Mapping[str, list[int]], weights: Mapping[str, float] | None, rng: random.Random) -> str:
    names = list(domains)
    each = [weights.get(name, 0.0) for name in names] if weights else []
    if not sum(each):
        return names[int(rng.random() * len(names))]
    at = rng.random() * sum(each)
    for name, weight in zip(names, each, strict=True):
        at -= weight
        if at < 0:
            return name
    return max(zip(each, names, strict=True))[1]  # rounding has left nothing behind the last one
