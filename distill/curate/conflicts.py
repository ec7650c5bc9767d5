"""Rows that tell one trace or one problem differently: what comes of them does not depend on their order."""

from typing import Any

from distill.curate.sources import Read
from distill.curate.text_hash import text_hash
from distill.records import Problem


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
    return text_hash(repr((_told(problem), sorted(problem.known.items()), told, asked, read.row_id)), read.file or "")
