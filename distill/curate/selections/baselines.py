"""What a selection has to beat: the longest, the shortest, any, all."""

from distill.curate.selections.pool import Chosen, Pool


def longest(pool: Pool, count: int | None, seed: int, per_problem: int | None = 1) -> Chosen:
    """The longest traces of each problem, and of those the longest of all (s1, section 5.1, "1K-longest")."""
    return _by_length(pool, count, per_problem, longest_first=True)


def shortest(pool: Pool, count: int | None, seed: int, per_problem: int | None = 1) -> Chosen:
    """The shortest traces of each problem; of those any, as the shortest of all would be the easiest problems."""
    kept = pool.first_of_each_problem(pool.by_length(longest_first=False), per_problem)
    return _told(pool.at_random(seed, "shortest", kept), "a shortest trace of its problem").first(count)


def randomly(pool: Pool, count: int | None, seed: int, per_problem: int | None = 1) -> Chosen:
    """Any traces of each problem, and of those any: a problem with more traces is drawn no sooner."""
    kept = pool.first_of_each_problem(pool.at_random(seed, "random"), per_problem)
    return _told(pool.at_random(seed, "random rows", kept), "drawn").first(count)


def everything(pool: Pool, count: int | None, seed: int, per_problem: int | None = None) -> Chosen:
    """All of them, or as many as are wanted, any."""
    kept = pool.first_of_each_problem(pool.at_random(seed, "all"), per_problem)
    return _told(pool.at_random(seed, "all rows", kept), "all are taken").first(count)


def _by_length(pool: Pool, count: int | None, per_problem: int | None, longest_first: bool) -> Chosen:
    rows = pool.first_of_each_problem(pool.by_length(longest_first), per_problem)[:count]
    return Chosen(rows, [f"length {pool.tokens[row]}, place {place}" for place, row in enumerate(rows, 1)])


def _told(rows: list[int], why: str) -> Chosen:
    return Chosen(rows, [why] * len(rows))
