"""Rows that tell one trace or one problem differently: what comes of them does not depend on their order."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from distill.curate.text.text_hash import text_hash
from distill.curate.traces.sources import Read
from distill.records import Problem
from distill.wording import counted

COMPARED = ("math", "number")
"""Kinds whose gold answers mean the same in every row; the letter of a choice depends on the order of its options."""


@dataclass(frozen=True)
class Conflicts:
    """What rows of one problem tell differently."""

    golds: dict[str, set[str]] = field(default_factory=dict)
    """Id of a problem -> its gold answers, where they are written differently."""
    columns: dict[str, set[str]] = field(default_factory=dict)
    """Name of a column -> ids of the problems of which it tells several things."""

    def note(self, held: Problem, other: Problem) -> None:
        """Compare what was known of a problem with what another row tells."""
        if held.answer and other.answer and held.answer != other.answer and held.kind in COMPARED:
            self.golds.setdefault(held.id, set()).update((held.answer, other.answer))
        for name, value in other.known.items():
            if held.known.get(name, value) != value:
                self.columns.setdefault(name, set()).add(held.id)

    def update(self, others: "Conflicts") -> None:
        """Take over what was found in another part."""
        for mine, theirs in ((self.golds, others.golds), (self.columns, others.columns)):
            for name, values in theirs.items():
                mine.setdefault(name, set()).update(values)

    def told(self, names: Iterable[str], problems: Collection[str]) -> list[str]:
        """A sentence for each of these columns that is told differently of some of these problems."""
        found = [(name, len(self.columns.get(name, set()) & set(problems))) for name in dict.fromkeys(names)]
        return [
            f"{counted(count, 'problem')} whose rows tell {name} differently: the lesser counts"
            for name, count in found
            if count
        ]


def merged(one: Problem, other: Problem) -> Problem:
    """What two rows tell of a problem: all that either knows; of what they tell differently the lesser."""
    if one == other:
        return one
    known = dict(one.known)
    for name, value in other.known.items():
        known[name] = min(known.get(name, value), value, key=_ordered)
    return min(one, other, key=_told).model_copy(update={"known": known})


def _ordered(value: float | str) -> tuple[bool, float, str]:
    """Numbers before texts, each in their order."""
    return (True, 0.0, value) if isinstance(value, str) else (False, value, "")


def _told(problem: Problem) -> tuple[Any, ...]:
    """All but `known`, which is merged, and the id, which both have; an answer comes before none."""
    p = problem
    return not p.answer, p.question, p.answer, p.source, p.licence, p.kind, repr(sorted(p.data.items())), p.held_out


def rank_of(read: Read) -> int:
    """Puts traces of one id, which have the same text, into an order: a hash of what else their rows tell."""
    problem, trace = read.problem, read.trace
    asked = None if read.ask is None else (read.ask.answer, read.ask.data)
    told = (trace.finish_reason, trace.completion_tokens, trace.counted, trace.model, trace.sampling, read.judged)
    known = sorted(problem.known.items())
    return text_hash(repr((_told(problem), known, told, asked, read.row_id, read.system)), read.file or "")
