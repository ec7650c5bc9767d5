"""Steps of the funnel that leave out traces that are not reasoned well, by their numbers or by their texts."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, get_args

import numpy as np

from distill.curate.quality.rule_score import scores
from distill.curate.quality.superficial import Kind, reflections, superficial
from distill.curate.selections.pool import Bools, Ints
from distill.curate.traces.columns import Columns
from distill.curate.traces.sources import Read
from distill.recipe_difficulty import Range
from distill.recipe_quality import Quality
from distill.verify.repetition import repeats

WORDS = 1000
"""In which reflections are counted: long traces have more of everything."""

KINDS = get_args(Kind)


class Left(NamedTuple):
    """What one step leaves: a truth value for each trace that came to it."""

    name: str
    kept: Bools
    note: str = ""


def by_numbers(rows: Ints, columns: Columns, spec: Quality) -> Iterator[tuple[str, Callable[[Ints], Bools]]]:
    """The steps that need no text, each a name and what it keeps of the rows that are left."""
    if spec.score is not None or spec.best is not None:
        found = dict(zip(rows.tolist(), scores(columns["features"][rows]).tolist(), strict=True))
        if (limits := spec.score) is not None:
            yield "quality score", lambda left: _within([found[row] for row in left.tolist()], limits)
        if (best := spec.best) is not None:
            yield f"best {best:.0%} by score", lambda left: _best(left, found, columns.ids, best)
    if (wanted := spec.reflections) is not None:
        yield "reflections", lambda left: _within(_rates(left, columns), wanted)


def _within(values: Sequence[float], limits: Range) -> Bools:
    least = -math.inf if limits.least is None else limits.least
    most = math.inf if limits.most is None else limits.most
    found = np.asarray(values, np.float64)
    return (found >= least) & (found <= most)


def _best(rows: Ints, found: dict[int, float], ids: Sequence[str], share: float) -> Bools:
    """The best of all, equal ones by their ids; at least one."""
    order = sorted(rows.tolist(), key=lambda row: (-found[row], ids[row]))
    taken = set(order[: max(1, round(share * len(order)))])
    return np.array([row in taken for row in rows.tolist()], np.bool_)


def _rates(rows: Ints, columns: Columns) -> list[float]:
    """Reflections in a thousand words; 0 where there are no words."""
    words = columns["features"][rows, 0]
    return [WORDS * n / count if count else 0.0 for n, count in zip(columns["reflections"][rows], words, strict=True)]


def by_texts(
    rows: Ints, columns: Columns, read: Callable[[Sequence[int]], Iterator[Read]], spec: Quality
) -> tuple[list[Left], dict[int, float]]:
    """The steps that read the traces once more, one at a time; and the share of superficial reflections of each row.

    A trace that says nothing to be told by (no reflection, or none whose effect is clear) is kept, and counted.
    """
    loops, shares = [], dict[int, float]()
    order = np.argsort(columns["place"][rows], kind="stable")
    texts = read(columns["place"][rows][order].tolist())
    for row, found in zip(rows[order].tolist(), texts, strict=True):
        text = f"{found.trace.reasoning}\n{found.trace.response}"
        loops.append(spec.repetition and repeats(text) is not None)
        if spec.superficial is not None and not loops[-1] and (share := _superficial(found, text)) is not None:
            shares[row] = share
    looping = np.zeros(len(rows), np.bool_)
    looping[order] = loops
    steps = [Left("no repetition", ~looping)] if spec.repetition else []
    if (most := spec.superficial) is not None:
        left = rows[~looping]
        kept = np.array([shares.get(row, 0.0) <= most for row in left.tolist()], np.bool_)
        untold = len(left) - sum(row in shares for row in left.tolist())
        steps.append(Left("few superficial reflections", kept, f"{untold} of which it cannot be told, kept"))
    return steps, shares


def _superficial(read: Read, text: str) -> float | None:
    kind, gold = read.problem.kind, read.problem.answer
    if kind not in KINDS or not gold:
        return None
    return superficial(reflections(text, gold, "number" if kind == "number" else "math"))
