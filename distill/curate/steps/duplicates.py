"""Problems and traces that are nearly others, each with the evidence."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from distill.curate.decontamination.questions import AT_ONCE, GENERATED, asked
from distill.curate.duplicates.distinct import distinct
from distill.curate.duplicates.near_duplicates import NearDuplicates
from distill.curate.duplicates.problem_tokens import tokens_of
from distill.curate.duplicates.same_problem import likeness
from distill.curate.selections.pool import Ints
from distill.curate.text.instructions import without_instructions
from distill.curate.traces.columns import Columns
from distill.curate.traces.sources import Read
from distill.records import Problem


@dataclass(frozen=True)
class Duplicate:
    """A problem that goes as it asks what another one does, or nearly, or a trace that is nearly another."""

    what: str
    """`problem` or `trace`."""
    id: str
    stays: str
    """The id of the other one."""
    similarity: float
    """From 0 to 1: of their words for problems, of their characters for traces; 1 for problems that ask the same but
    for white space, punctuation, instructions."""
    differences: list[tuple[str, str]]
    """Of problems: what stands in the one that stays, and here instead."""


def asked_before(problems: Iterable[Problem]) -> dict[str, str]:
    """Ids of problems that ask what an earlier one asks, with that one's id.

    Letters and digits alone do not tell: 3.5 and 35, 12 × 4 and 12 ÷ 4, (a+b)² and a+b² have the same. So questions
    that are equal in them are compared token by token.
    """
    firsts: dict[str, list[Problem]] = {}
    before: dict[str, str] = {}
    for problem in problems:
        others = firsts.setdefault(asked(problem), [])
        same = next((other for other in others if _asks_the_same(problem, other)), None)
        if same is None:
            others.append(problem)
        else:
            before[problem.id] = same.id
    return before


def _asks_the_same(one: Problem, other: Problem) -> bool:
    first, second = (p.question if p.kind in GENERATED else without_instructions(p.question) for p in (one, other))
    return first == second or likeness(tokens_of(first), tokens_of(second), 1) is not None


def near_problems(problems: Sequence[Problem], least: float) -> list[Duplicate]:
    """Problems of which another one, with a lesser id, has at least this share of their words (`near_duplicates`).

    Generated problems are made from one pattern and are never compared.
    """
    some = [p for p in problems if p.kind not in GENERATED]
    with NearDuplicates(least) as finder:
        for at in range(0, len(some), AT_ONCE):
            part = some[at : at + AT_ONCE]
            finder.add([p.id for p in part], [without_instructions(p.question) for p in part])
        found = finder.removals()
    return [Duplicate("problem", r.key, r.survivor, round(r.similarity, 4), r.differences) for r in found]


def similar_traces(
    rows: Ints, columns: Columns, read: Callable[[Sequence[int]], Iterator[Read]], least: float
) -> list[Duplicate]:
    """Traces that differ from another of their problem by less than this share of their characters.

    The shorter one stays, of equally long ones that with the lesser id. The traces of one problem are in memory at a
    time.
    """
    names, tokens = columns.problems, columns["tokens"]
    order = sorted(rows.tolist(), key=lambda row: (names[row], int(tokens[row]), columns.ids[row]))
    groups = [part for _, each in groupby(order, key=names.__getitem__) if len(part := list(each)) > 1]
    texts = read([int(columns["place"][row]) for part in groups for row in part])
    found = []
    for part in groups:
        traces = [next(texts).trace for _ in part]
        for copy in distinct([f"{trace.reasoning}\n{trace.response}" for trace in traces], least).copies:
            one, other = columns.ids[part[copy.trace]], columns.ids[part[copy.kept]]
            found.append(Duplicate("trace", one, other, round(1 - copy.distance, 4), []))
    return found
