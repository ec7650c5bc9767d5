"""Problems of traces that others published: their questions, each with the places of its traces."""

import random
from pathlib import Path

from distill.errors import Refused
from distill.published import reader_for
from distill.recipe import TracesProblems
from distill.records import CONTROL_TOKEN, Problem, digest
from distill.row_access import rows_of
from distill.table_problems import as_held, beside, draw, table_problems


def trace_problems(spec: TracesProblems, seed: int) -> list[Problem]:
    """A problem for each question of a published set, with the places of its traces; equal questions are one."""
    source = spec.hub_id or str(spec.path)
    rows = rows_of(spec)
    if not len(rows):
        raise Refused(f"{source} holds no rows.")
    read = reader_for(rows.columns, spec, source)
    found: dict[str, tuple[str, str, list[tuple[int, int]]]] = {}
    for number in range(len(rows)):
        row = read(rows[number])
        if row is None or CONTROL_TOKEN.search(row.question):
            continue
        key = digest(" ".join(row.question.split()))
        question, gold, places = found.setdefault(key, (row.question, row.answer, []))
        places += [(number, place) for place in range(len(row.traces))]
        found[key] = (question, gold or row.answer, places)
    if not found:
        raise Refused(f"{source} holds no question with one answer that could be read.")
    pool = [
        Problem(
            id=f"{Path(source).stem}-{key[:12]}",
            question=question,
            answer=gold,
            kind=spec.kind,
            data={"traces": places},
            source=source,
            licence=spec.licence,
        )
        for key, (question, gold, places) in found.items()
    ]
    return _with_held_out(pool, spec, seed, source)


def _with_held_out(pool: list[Problem], spec: TracesProblems, seed: int, source: str) -> list[Problem]:
    if spec.held_out_from is not None:
        held = [p for p in table_problems(spec.held_out_from, seed) if p.held_out]
        return beside(draw(pool, spec.count, seed, source), [p.model_copy(update={"held_out": False}) for p in held])
    order = random.Random(seed).sample(pool, len(pool))
    held = [p for p in order if p.answer][: spec.held_out]
    if len(held) < spec.held_out or len(held) == len(pool):
        raise Refused(
            f"{source} has {len(pool)} questions, {sum(bool(p.answer) for p in pool)} of them with a gold answer: too "
            f"few for {spec.held_out} held out and any to train on.",
            "Lower problems.held_out, or take the evaluation's problems from elsewhere: problems.held_out_from.",
        )
    names = {p.id for p in held}
    train = [p for p in order if p.id not in names]
    if spec.count is not None and len(train) < spec.count:
        raise Refused(f"{source} leaves {len(train)} questions to train on, fewer than problems.count={spec.count}.")
    return [*train[: spec.count], *as_held(held)]
