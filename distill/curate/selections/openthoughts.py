"""OpenThoughts3's selection: few good sources, the questions that are thought about longest, several answers to each.

Guha et al., "OpenThoughts: Data Recipes for Reasoning Models" (2506.04178): one or two sources beat sixteen, response
length is among the best filters of questions, sixteen answers a question, and filtering answers gains nothing at scale.
"""

from collections.abc import Sequence

from distill.curate.selections.pool import Chosen, Pool
from distill.errors import Refused

ANSWERS = 16
SOURCES = 2


def openthoughts(
    pool: Pool, count: int | None, seed: int, answers: int = ANSWERS, sources: int | Sequence[str] = SOURCES
) -> Chosen:
    """All of the best sources' longest-thought questions, up to `answers` traces each, until `count` rows are there.

    `sources` names them, the best first, or says how many: those whose traces are longest in the mean. The paper ranks
    sources by training on each; length is the part of its findings that needs no training.

    Raises:
        Refused: a source that the pool does not have.
    """
    names = _longest(pool, pool.sources)[:sources] if isinstance(sources, int) else list(sources)
    if missing := sorted({*names} - {*pool.sources}):
        raise Refused(
            f"no trace comes from the source '{missing[0]}'.", f"There are: {', '.join(sorted(set(pool.sources)))}."
        )
    place = {name: at for at, name in enumerate(names)}
    questions = {name: at for at, name in enumerate(_longest(pool, pool.problems))}
    rows = [row for row in pool.at_random(seed, "openthoughts") if pool.sources[row] in place]
    rows.sort(key=lambda row: (questions[pool.problems[row]], place[pool.sources[row]]))
    kept = pool.first_of_each_problem(rows, answers)[:count]
    return Chosen(kept, [f"question {questions[pool.problems[row]] + 1} by length" for row in kept])


def _longest(pool: Pool, groups: Sequence[str]) -> list[str]:
    """Groups of rows by the mean length of their traces, the longest first, equal ones by name."""
    total: dict[str, int] = {}
    rows: dict[str, int] = {}
    for name, tokens in zip(groups, pool.tokens, strict=True):
        total[name] = total.get(name, 0) + int(tokens)
        rows[name] = rows.get(name, 0) + 1
    return sorted(total, key=lambda name: (-total[name] / rows[name], name))
