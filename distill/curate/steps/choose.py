"""Which of the traces that are left are taken, why, and in which order."""

from collections.abc import Mapping
from typing import Any

from distill.curate.quality.rule_score import scores as quality
from distill.curate.selections import (
    Chosen,
    Pool,
    everything,
    limo,
    longest,
    openthoughts,
    randomly,
    s1,
    shortest,
    small_student,
)
from distill.curate.selections.pool import Ints, shuffled
from distill.curate.steps.problems import Tried
from distill.curate.traces.columns import Columns
from distill.errors import Refused
from distill.recipe_curate import ONE_A_PROBLEM, Curate
from distill.wording import counted, key, setting


def pool_of(rows: Ints, columns: Columns, domains: Mapping[str, str]) -> Pool:
    """What selections need of these traces; `domains` are those of their problems. LIMO's score is over these alone."""
    numbers = rows.tolist()
    problems = [columns.problems[row] for row in numbers]
    return Pool(
        ids=[columns.ids[row] for row in numbers],
        problems=problems,
        sources=[columns.sources[code] for code in columns["source"][rows].tolist()],
        domains=[domains[name] for name in problems],
        tokens=columns["tokens"][rows],
        quality=quality(columns["features"][rows]),
    )


def scores_of(pool: Pool, at: int, columns: Columns, row: int, counts: Tried) -> dict[str, Any]:
    """What is known of the trace `at` in the pool, which is a row of the columns."""
    words, verifying, exploring, adapting = columns["features"][row].tolist()
    problem = columns.problems[row]
    correct, judged = counts.of(problem)
    return {
        "quality": round(float(pool.quality[at]), 6),
        "words": words,
        "verifying": verifying,
        "exploring": exploring,
        "adapting": adapting,
        "reflections": int(columns["reflections"][row]),
        "correct": correct if judged else None,
        "judged": judged,
        "sampled": counts.all_of[problem],
        "domain": pool.domains[at],
    }


def chosen_of(pool: Pool, spec: Curate, seed: int) -> Chosen:
    """What `curate.select` takes."""
    if spec.select == "s1":
        return _by_s1(pool, spec, seed)
    if spec.select == "limo":
        return limo(pool, spec.rows)
    if spec.select == "small-student":
        return small_student(pool, spec.rows, seed)
    if spec.select == "openthoughts":
        answers = spec.traces_per_problem or len(pool)
        return openthoughts(pool, spec.rows, seed, answers, spec.openthoughts.sources)
    baseline = {"longest": longest, "shortest": shortest, "random": randomly, "all": everything}[spec.select]
    return baseline(pool, spec.rows, seed, spec.traces_per_problem)


def _by_s1(pool: Pool, spec: Curate, seed: int) -> Chosen:
    """
    Raises:
        Refused: `keep_sources` names one that no trace comes from, or has more problems than there are to be rows.
    """
    own, count = spec.s1, spec.rows or len(pool)
    if missing := sorted({*own.keep_sources} - {*pool.sources}):
        raise Refused(
            f"{key('curate.s1.keep_sources')} names '{missing[0]}', which no trace that is left comes from.",
            f"There are: {', '.join(sorted(set(pool.sources)))}.",
        )
    kept = [
        row
        for row, source in enumerate(pool.sources)
        if source in own.keep_sources and pool.tokens[row] > own.least(source)
    ]
    if (problems := len({pool.problems[row] for row in kept})) > count:
        raise Refused(
            f"{key('curate.s1.keep_sources')} keeps {counted(problems, 'problem')}, more than the"
            f" {counted(count, 'row')} of {key('curate.rows')}.",
            f"Ask for more rows, name fewer sources, or set {key('curate.s1.keep_longer_than')}.",
        )
    found = s1(pool, count, seed, kept, own.weights, own.uniform)
    notes = [] if any(pool.domains) else [f"no domains are known, so all are one; see {key('curate.domains')}"]
    if unknown := sorted({*own.weights} - {*pool.domains}):
        notes.append(f"weights of domains that are not there: {', '.join(unknown)}")
    return Chosen(found.rows, found.why, (*found.notes, *notes))


def order_of(rows: list[int], columns: Columns, counts: Tried, spec: Curate, seed: int) -> list[int]:
    """Places in `rows` in the order in which they are trained on.

    Raises:
        Refused: that goes by verdicts, and there are none.
    """
    ids, tokens = columns.ids, columns["tokens"]
    if spec.order == "random":
        return shuffled(range(len(rows)), [ids[row] for row in rows], seed, "order")
    if spec.order == "short-first":
        return sorted(range(len(rows)), key=lambda at: (int(tokens[rows[at]]), ids[rows[at]]))
    if not any(counts.sampled[columns.problems[row]] for row in rows):
        raise Refused(
            f"{key('curate.order')}=easy-first goes by a problem's share of correct traces, and no trace is judged.",
            f"Judge them first, or choose another order: {setting('curate.order', 'short-first')}.",
        )
    rates = [counts.rate(columns.problems[row]) for row in rows]
    return sorted(range(len(rows)), key=lambda at: (-rates[at], int(tokens[rows[at]]), ids[rows[at]]))


def order_told(rows: list[int], columns: Columns, counts: Tried, spec: Curate) -> str:
    """Where the order is not what a user may expect of it; empty otherwise."""
    if spec.order != "easy-first":
        return ""
    problems = {columns.problems[row] for row in rows}
    unknown = sum(not counts.sampled[name] for name in problems)
    if unknown:
        return f"{counted(unknown, 'problem')} of unknown difficulty stand last"
    same = len(problems) > 1 and len({counts.rate(name) for name in problems}) == 1
    return "all problems are equally easy, so that short ones stand first" if same else ""


def name_of(spec: Curate) -> str:
    """What the funnel calls the selection."""
    each = f", at most {spec.traces_per_problem} a problem" if spec.traces_per_problem else ""
    most = "up to " if spec.fill == "less" else ""
    rows = f", {most}{counted(spec.rows, 'row')}" if spec.rows else ""
    return f"{spec.select}{each if spec.select not in ONE_A_PROBLEM else ''}{rows}"
