"""A selection for students up to about 3B: few long traces among short ones.

Li et al., "Small Models Struggle to Learn from Strong Reasoners" (2502.12143), section 4, "Mix-Long": long to short
chains of thought as 0.2 to 0.8.
"""

from itertools import islice

from distill.curate.selections.pool import Chosen, Pool, shuffled

LONG = 0.2


def small_student(pool: Pool, count: int | None, seed: int, long: float = LONG) -> Chosen:
    """One trace a problem: of `long` of the problems the longest, of the others the shortest.

    The paper takes long traces from a reasoner and short ones from an instruction-tuned model. Here both come from the
    pool, whatever its teachers: which problems give the long ones is drawn among those whose traces differ in length,
    and where these are few, they come before others.
    """
    shortest = pool.first_of_each_problem(pool.by_length(longest_first=False), 1)
    longest = {pool.problems[row]: row for row in pool.first_of_each_problem(pool.by_length(), 1)}
    order = shuffled(shortest, pool.problems, seed, "small-student")
    count = len(order) if count is None else min(count, len(order))
    wanted = round(long * count)
    with_both = (row for row in order if pool.tokens[longest[pool.problems[row]]] > pool.tokens[row])
    long_ones = set(islice(with_both, wanted))
    short_ones = set(islice((row for row in order if row not in long_ones), count - len(long_ones)))
    drawn = [row for row in order if row in long_ones or row in short_ones]
    rows = [longest[pool.problems[row]] if row in long_ones else row for row in drawn]
    why = ["long" if row in long_ones else "short" for row in drawn]
    if len(long_ones) == wanted:
        return Chosen(rows, why)
    return Chosen(
        rows, why, (f"{len(long_ones)} of {wanted} long traces: the other problems have traces of one length alone",)
    )
