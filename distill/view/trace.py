"""One trace with all that stands beside it: its problem, every verdict, the answers of others to the same problem."""

import json
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from distill.errors import DistillError
from distill.records import Trace
from distill.view.follow import Follower
from distill.view.index import Index, Row
from distill.view.list import Lists
from distill.view.needle import Needle
from distill.view.sources import Log
from distill.view.text import LONGEST_SHOWN, visible

COLUMNS = 4
"""Answers that stand beside each other."""

PARTS = ("reasoning", "response")

FORMS = {"temperature": "g", "top_p": "g", "max_tokens": ",", "seed": ""}
"""How figures of the sampling are written."""


@dataclass(frozen=True)
class Text:
    """A part of an answer as it is shown."""

    shown: Markup
    length: int
    """Characters of all of it."""
    found: bool
    """Does it hold what is sought?"""

    @property
    def is_cut(self) -> bool:
        return self.length > LONGEST_SHOWN


@dataclass(frozen=True)
class Column:
    """An answer."""

    row: Row
    trace: Trace | None
    """None where its line can no longer be read, which `failure` tells."""
    failure: str
    texts: dict[str, Text]
    """By their names in `PARTS`, those that are not empty."""
    verdicts: list[dict[str, Any]]
    """Each line of them, in their order."""

    @property
    def sampling(self) -> str:
        """What is told of it, in words."""
        if self.trace is None:
            return ""
        told = {key: value for key, value in self.trace.sampling.model_dump().items() if value is not None}
        names = {"top_p": "top-p", "max_tokens": "tokens at most"}
        return ", ".join(f"{names.get(key, key)} {value:{FORMS[key]}}" for key, value in told.items())


@dataclass(frozen=True)
class Page:
    """What the page of a trace tells."""

    row: Row
    problem: dict[str, Any]
    """The record as JSON; empty where there is none."""
    columns: list[Column]
    """The trace and what others answered, in the order base, sft, student, teacher."""
    others: list[Row]
    """More answers to the same problem."""


def page_of(row: Row, lists: Lists, index: Index, follower: Follower, needle: Needle | None) -> Page:
    """The page of a trace; its text is read of the disk now."""
    every = lists.beside(row)
    shown = side_by_side(row, every)
    record = index.problem(row.scope, row.problem)
    return Page(
        row,
        json.loads(record) if record else {},
        [column_of(one, index, follower, needle) for one in shown],
        [one for one in every if one not in shown],
    )


def side_by_side(row: Row, every: list[Row]) -> list[Row]:
    """The trace, and of each other one who answered the problem the sample of the same number, or else the first."""
    chosen: dict[str, Row] = {row.who: row}
    for other in every:
        if other.who not in chosen:
            twins = [one for one in every if one.who == other.who and one.id == row.id]
            chosen[other.who] = twins[0] if twins else other
    ordered = [one for one in every if one in chosen.values()]
    if row not in ordered[:COLUMNS]:
        ordered = [row, *ordered]
    return ordered[:COLUMNS]


def column_of(row: Row, index: Index, follower: Follower, needle: Needle | None) -> Column:
    """An answer as it lies on the disk."""
    source = follower.sources[row.place.source]
    try:
        trace = source.read(row.place)
    except (DistillError, OSError, StopIteration) as e:
        return Column(row, None, str(e) or "its line has changed", {}, [])
    texts = {name: _text(text, needle) for name in PARTS if (text := getattr(trace, name))}
    return Column(row, trace, "", texts, _verdicts(row, source if isinstance(source, Log) else None, index))


def _text(text: str, needle: Needle | None) -> Text:
    found = needle is not None and needle.is_in(text)
    return Text(visible(text[:LONGEST_SHOWN], needle), len(text), found)


def _verdicts(row: Row, log: Log | None, index: Index) -> list[dict[str, Any]]:
    """Of a log every line, those of the rules before a judge's; of a table what its row tells."""
    if log is not None:
        lines = (log.verdict(at, size) for at, size in index.verdicts(row.place.source, row.id))
        return [verdict.model_dump() for verdict in lines if verdict is not None]
    if not row.verdict:
        return []
    return [
        {"verdict": row.verdict, "reason": row.reason, "flaw": row.flaw, "extracted": None, "by": "", "judge": None}
    ]
