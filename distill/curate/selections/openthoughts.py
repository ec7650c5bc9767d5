"""OpenThoughts3's selection: few good sources, the questions that are thought about longest, several answers to each.

Guha et al., "OpenThoughts: Data Recipes for Reasoning Models" (2506.04178): one or two sources beat sixteen, response
length is among the best filters of questions, sixteen answers a question, and filtering answers gains nothing at scale.
"""

from collections import Counter
from collections.abc import Sequence

from distill.curate.selections.pool import Chosen, Pool
from distill.errors import Refused
from distill.wording import counted, key

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
            f"{key('curate.openthoughts.sources')} names '{missing[0]}', which no trace that is left comes from.",
            f"There are: {', '.join(sorted(set(pool.sources)))}.",
        )
    place = {name: at for at, name in enumerate(names)}
    questions = {name: at for at, name in enumerate(_longest(pool, pool.problems))}
    rows = [row for row in pool.at_random(seed, "openthoughts") if pool.sources[row] in place]
    rows.sort(key=lambda row: (questions[pool.problems[row]], place[pool.sources[row]]))
    kept = pool.first_of_each_problem(rows, answers)[:count]
    why = [f"question {questions[pool.problems[row]] + 1} by length" for row in kept]
    return Chosen(kept, why, (_told(names, pool, given=not isinstance(sources, int)),))


def _told(names: Sequence[str], pool: Pool, given: bool) -> str:
    """The sources that are taken, with what they hold, and how many are not."""
    there, mean = len(set(pool.sources)), _means(pool, pool.sources)
    traces = Counter(pool.sources)
    questions = Counter(source for source, _ in set(zip(pool.sources, pool.problems, strict=True)))
    some = [f"{n} ({counted(questions[n], 'question')}, {traces[n]:,} traces of {mean[n]:,.0f} tokens)" for n in names]
    why = "named" if given else "whose traces are longest"
    own = key("curate.openthoughts.sources")
    return f"of {counted(there, 'source')} those {why}, by {own}: {', '.join(some)}"


def _longest(pool: Pool, groups: Sequence[str]) -> list[str]:
    """Groups of rows by the mean length of their traces, the longest first, equal ones by name."""
    means = _means(pool, groups)
    return sorted(means, key=lambda name: (-means[name], name))


def _means(pool: Pool, groups: Sequence[str]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for name, tokens in zip(groups, pool.tokens, strict=True):
        total[name] += int(tokens)
    rows = Counter(groups)
    return {name: total[name] / rows[name] for name in rows}
