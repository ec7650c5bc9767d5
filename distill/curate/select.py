"""Which traces teach: the steps in their order, each with its count in the funnel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from distill.curate.columns import VERDICTS, Columns
from distill.curate.funnel import Funnel, Step
from distill.curate.problem_steps import Ask, Tried, domains_of, fitting, tried
from distill.curate.quality import scores as quality
from distill.curate.questions import Contaminated, Question, asked_before, contaminated
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
from distill.curate.selections.pool import shuffled
from distill.errors import Refused
from distill.recipe_curate import Curate
from distill.recipe_difficulty import Difficulty
from distill.records import Problem

ACCEPTED = {
    "correct": ("correct",),
    "correct_or_unknown": ("correct", "unknown"),
    "any_i_accept_wrong_traces": ("correct", "unknown", "wrong"),
}


@dataclass(frozen=True)
class Selection:
    """What the curation took, and how it came to that."""

    rows: list[int]
    """Of the columns, in the order in which they are trained on."""
    why: list[str]
    """Of each of them."""
    scores: list[dict[str, Any]]
    """Of each of them: what is known of its quality, its problem's difficulty and domain."""
    steps: list[Step]
    contaminated: list[Contaminated]
    """Problems that hold questions of the evaluation, with the evidence."""


def select(
    columns: Columns,
    held_out: Sequence[Problem],
    evaluation: Sequence[Question],
    spec: Curate,
    seed: int,
    ask: Ask | None = None,
) -> Selection:
    """Run the funnel. The result is the same, row by row, for the same traces and seed, in whatever order they came.

    `evaluation` are questions beside the held-out problems; `ask` gets domains of problems from a model.

    Raises:
        Refused: a step leaves nothing, or fewer rows than are asked for.
    """
    problems, places = columns.known, columns["place"]
    by_id = np.array(sorted(range(len(columns)), key=lambda row: (columns.ids[row], places[row])), np.int64)
    funnel = Funnel(columns.problems, by_id)
    funnel.keep("sampled", by_id)
    _verified(funnel, columns, spec)
    left = [problems[name] for name in sorted(funnel.first_of_problems())]
    if spec.deduplicate:
        _without_duplicates(funnel, columns, asked_before(left))
    found: list[Contaminated] = []
    if spec.decontaminate:
        left = [problems[name] for name in sorted(funnel.first_of_problems())]
        found = contaminated(left, held_out, evaluation)
        gone = {one.problem_id for one in found if one.kind != "changed"}
        kept = np.array([columns.problems[row] not in gone for row in funnel.rows], np.bool_)
        funnel.keep("not in the evaluation", kept, _changed(found))
    counts = tried(columns)
    if spec.difficulty is not None:
        _hard(funnel, columns, counts, spec.difficulty)
    pool = _pool(funnel, columns, spec, seed, ask)
    chosen = _chosen(pool, spec, seed)
    rows = funnel.rows[np.array(chosen.rows, np.int64)] if chosen.rows else funnel.rows[:0]
    funnel.keep(_name(spec), rows, "; ".join(chosen.notes))
    if spec.rows is not None and spec.fill == "refuse" and len(rows) < spec.rows:
        raise Refused(
            f"curate.rows={spec.rows} asks for more rows than are left: {len(rows)}.",
            "Ask for fewer, harvest more, or take what there is: `curate.fill: less`.",
        )
    order = _order(rows.tolist(), columns, counts, spec, seed)
    scores = [_scores(pool, chosen.rows[at], columns, int(rows[at]), counts) for at in order]
    return Selection([int(rows[at]) for at in order], [chosen.why[at] for at in order], scores, funnel.steps, found)


def _verified(funnel: Funnel, columns: Columns, spec: Curate) -> None:
    """Traces with the right verdict, that are complete and well formed."""
    codes = [VERDICTS.index(name) for name in ACCEPTED[spec.require_verdict]]
    accepted = np.isin(columns["verdict"], codes)
    if not accepted.any():
        raise Refused(_all_rejected(columns), "Nothing was trained; the traces are kept.")
    funnel.keep(f"verdict: {spec.require_verdict}", accepted[funnel.rows])
    funnel.keep("finished", columns["finished"][funnel.rows])
    if columns["flawed"][funnel.rows].any():
        funnel.keep("accepted by harvest.accept", ~columns["flawed"][funnel.rows])
    if spec.require_reasoning:
        funnel.keep("has reasoning", columns["thinks"][funnel.rows])


def _without_duplicates(funnel: Funnel, columns: Columns, before: Mapping[str, str]) -> None:
    """The first of equal traces; and of problems that ask the same, the first one's traces."""
    seen: set[tuple[str, int]] = set()
    kept = []
    for row in funnel.rows.tolist():
        key = (columns.problems[row], int(columns["text"][row]))
        kept.append(columns.problems[row] not in before and key not in seen)
        seen.add(key)
    funnel.keep("not a duplicate", np.array(kept, np.bool_))


def _changed(found: Sequence[Contaminated]) -> str:
    changed = sum(one.kind == "changed" for one in found)
    return f"{changed} more with other numbers, kept" if changed else ""


def _hard(funnel: Funnel, columns: Columns, counts: Tried, spec: Difficulty) -> None:
    """Problems that are as hard as is asked for."""
    left = [columns.known[name] for name in sorted(funnel.first_of_problems())]
    lengths: dict[str, list[int]] = {}
    for row in np.flatnonzero(columns["finished"]).tolist() if spec.tokens else ():
        lengths.setdefault(columns.problems[row], []).append(int(columns["tokens"][row]))
    kept = fitting(left, counts, lengths, spec)
    funnel.keep("as hard as asked for", np.array([columns.problems[row] in kept for row in funnel.rows], np.bool_))


def _pool(funnel: Funnel, columns: Columns, spec: Curate, seed: int, ask: Ask | None) -> Pool:
    rows, problems = funnel.rows.tolist(), columns.known
    left = [problems[name] for name in sorted(funnel.first_of_problems())]
    domains = domains_of(left, spec.domains, ask, seed)
    return Pool(
        ids=[columns.ids[row] for row in rows],
        problems=[columns.problems[row] for row in rows],
        sources=[problems[columns.problems[row]].source for row in rows],
        domains=[domains[columns.problems[row]] for row in rows],
        tokens=columns["tokens"][funnel.rows],
        quality=quality(columns["features"][funnel.rows]),
    )


def _scores(pool: Pool, at: int, columns: Columns, row: int, counts: Tried) -> dict[str, Any]:
    words, verifying, exploring, adapting = columns["features"][row].tolist()
    correct, sampled = counts.of(columns.problems[row])
    return {
        "quality": round(float(pool.quality[at]), 6),
        "words": words,
        "verifying": verifying,
        "exploring": exploring,
        "adapting": adapting,
        "reflections": int(columns["reflections"][row]),
        "correct": correct,
        "sampled": sampled,
        "domain": pool.domains[at],
    }


def _chosen(pool: Pool, spec: Curate, seed: int) -> Chosen:
    if spec.select == "s1":
        kept = [
            row
            for row, source in enumerate(pool.sources)
            if source in spec.s1.keep_sources and pool.tokens[row] > (spec.s1.keep_longer_than or 0)
        ]
        return s1(pool, spec.rows or len(pool), seed, kept, spec.s1.weights, spec.s1.uniform)
    if spec.select == "limo":
        return limo(pool, spec.rows)
    if spec.select == "small-student":
        return small_student(pool, spec.rows, seed)
    if spec.select == "openthoughts":
        return openthoughts(pool, spec.rows, seed, answers=spec.traces_per_problem or len(pool))
    baseline = {"longest": longest, "shortest": shortest, "random": randomly, "all": everything}[spec.select]
    return baseline(pool, spec.rows, seed, spec.traces_per_problem)


def _order(rows: list[int], columns: Columns, counts: Tried, spec: Curate, seed: int) -> list[int]:
    """Places in `rows` in the order in which they are trained on."""
    ids, tokens = columns.ids, columns["tokens"]
    if spec.order == "random":
        return shuffled(range(len(rows)), [ids[row] for row in rows], seed, "order")
    if spec.order == "short-first":
        return sorted(range(len(rows)), key=lambda at: (int(tokens[rows[at]]), ids[rows[at]]))
    rates = [counts.rate(columns.problems[row]) for row in rows]
    return sorted(range(len(rows)), key=lambda at: (-rates[at], int(tokens[rows[at]]), ids[rows[at]]))


def _name(spec: Curate) -> str:
    each = f", at most {spec.traces_per_problem or 'all'} a problem"
    rows = f", {spec.rows:,} rows" if spec.rows else ""
    return f"{spec.select}{each if spec.select not in ('s1', 'limo', 'small-student') else ''}{rows}"


def _all_rejected(columns: Columns) -> str:
    told = ", ".join(f"{n} x {why}" for why, n in columns.reasons.most_common(3))
    return f"all {len(columns)} traces were rejected ({told})"
