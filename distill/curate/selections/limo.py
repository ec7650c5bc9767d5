"""LIMO's selection: the best trace of every problem, then the best of all.

Ye et al., "LIMO: Less is More for Reasoning", version 3, section 3: rule score, one trace a problem, the top 800.
"""

from distill.curate.selections.pool import Chosen, Pool

TOP = 800


def limo(pool: Pool, count: int | None = TOP, seed: int = 0) -> Chosen:
    """The best traces by `pool.quality`, one a problem. Nothing is drawn: the seed plays no part."""
    rows = pool.first_of_each_problem(pool.by_quality(), 1)[:count]
    return Chosen(rows, [f"score {pool.quality[row]:.3f}, place {place}" for place, row in enumerate(rows, 1)])
