"""A selection for students up to about 3B: few long traces among short ones.

Li et al., "Small Models Struggle to Learn from Strong Reasoners" (2502.12143), section 4, "Mix-Long": long to short
chains of thought as 0.2 to 0.8.
"""

from distill.curate.selections.pool import Chosen, Pool, shuffled

LONG = 0.2


def small_student(pool: Pool, count: int | None, seed: int, long: float = LONG) -> Chosen:
    """One trace a problem: of `long` of the problems the longest, of the others the shortest.

    The paper takes long traces from a reasoner and short ones from an instruction-tuned model. Here both come from the
    pool, whatever its teachers: which problems give the long ones is drawn among those whose traces differ in length.
    """
    shortest = pool.first_of_each_problem(pool.by_length(longest_first=False), 1)
    longest = {pool.problems[row]: row for row in pool.first_of_each_problem(pool.by_length(), 1)}
    drawn = shuffled(shortest, pool.problems, seed, "small-student")[:count]
    wanted = round(long * len(drawn))
    with_both = [row for row in drawn if pool.tokens[longest[pool.problems[row]]] > pool.tokens[row]]
    long_ones = set(with_both[:wanted])
    rows = [longest[pool.problems[row]] if row in long_ones else row for row in drawn]
    why = ["long" if row in long_ones else "short" for row in drawn]
    if len(long_ones) == wanted:
        return Chosen(rows, why)
    return Chosen(
        rows, why, (f"{len(long_ones)} of {wanted} long traces: the other problems have traces of one length alone",)
    )
