"""Problems of traces that others published: their questions, each with the places of its traces."""

import random
from collections import Counter
from pathlib import Path

from distill.errors import Refused
from distill.published import reader_for
from distill.published_rows import KNOWN, LeftOut, known_in, source_in, text_in
from distill.recipe import TracesProblems
from distill.records import CONTROL_TOKEN, Problem, digest
from distill.row_access import Rows, rows_of
from distill.table_problems import as_held, beside, draw, known_of, table_problems

_OWN_SYSTEM = "system message, for which that of the recipe's prompt stands"


def trace_problems(spec: TracesProblems, seed: int, left_out: Counter[str] | None = None) -> list[Problem]:
    """A problem for each question of a published set, with the places of its traces; equal questions are one.

    `left_out` counts the rows, and the answers in others, that could not be taken, by reason.
    """
    source = spec.hub_id or str(spec.path)
    rows = rows_of(spec)
    if not len(rows):
        raise Refused(f"{source} holds no rows.")
    counts: Counter[str] = Counter() if left_out is None else left_out
    pool = _pool(rows, spec, source, counts)
    if not pool:
        told = ", ".join(f"{n:,} x {why}" for why, n in counts.most_common(3))
        raise Refused(f"{source} holds no question with one answer that could be read ({told}).")
    for key in spec.known_keys:
        if not any(key in p.known for p in pool):
            has = ", ".join(sorted(rows.columns))
            said = f"{source}: no row has a number or a text in '{key}' (there are: {has})."
            raise Refused(said, "Mend problems.known_keys.")
    return _with_held_out(pool, spec, seed, source)


def _pool(rows: Rows, spec: TracesProblems, source: str, left_out: Counter[str]) -> list[Problem]:
    """The problems in the order of their first rows, which tell all but where the other traces are."""
    read = reader_for(rows.columns, spec, source)
    found: dict[str, Problem] = {}
    for number in range(len(rows)):
        held = rows[number]
        row = read(held)
        if isinstance(row, LeftOut) or CONTROL_TOKEN.search(row.question):
            left_out[row.why if isinstance(row, LeftOut) else "marks of a chat template in the question"] += 1
            continue
        left_out.update((*row.left_out, *row.amiss, *([_OWN_SYSTEM] if row.system else [])))
        key = digest(" ".join(row.question.split()))
        if key not in found:
            found[key] = Problem(
                id=f"{Path(source).stem}-{key[:12]}",
                question=row.question,
                answer=row.answer,
                kind=spec.kind,
                data={"traces": []},
                known=known_in(held, KNOWN) | known_of(held, spec.known_keys),
                source=source_in(held) or source,
                licence=text_in(held, "licence", "license") or spec.licence,
            )
        elif not found[key].answer and row.answer:
            found[key] = found[key].model_copy(update={"answer": row.answer})
        found[key].data["traces"].extend((number, place) for place in range(len(row.traces)))
    return list(found.values())


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
