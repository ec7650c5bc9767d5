"""Verdicts of published traces: those that stand beside them, and what a verifier is asked to give one."""

from collections.abc import Mapping
from typing import Any

from distill.curate.traces.columns import VERDICTS
from distill.curate.traces.sources import NOT_JUDGED, Judged
from distill.judged_text import judged_digest
from distill.published_rows import PublishedRow, PublishedTrace, text_in
from distill.records import VerdictName
from distill.verify.choice_row import unordered_in
from distill.verify.pool import Row
from distill.verify.table import Columns, to_judge

OTHERS = ("correctness_math_verify", "correctness_llama")
"""Columns of OpenR1-Math with a truth value for each of a row's `generations`. Llama was asked about those that
math-verify had not found correct."""

NO_FLAW = "no flaw"
"""The reason of `distill verify --kind flaws`, whose `correct` says nothing of the answer."""


def told_of(
    row: Mapping[str, Any], found: PublishedRow, trace: PublishedTrace, response_key: str | None, kind: str
) -> Judged:
    """What stands beside a trace: a verdict of that text, by `distill verify` or whoever has made the file."""
    ours = _of_row(row, found, trace, response_key, kind)
    if ours is not None and ours.by != NOT_JUDGED.by:
        return ours
    return _of_list(row, trace, kind) or ours or NOT_JUDGED


def _of_row(
    row: Mapping[str, Any], found: PublishedRow, trace: PublishedTrace, response_key: str | None, kind: str
) -> Judged | None:
    """`distill verify` tells the text that it has judged; other verdicts are of the only one that there is."""
    verdict = next((name for name in VERDICTS if name == row.get("verdict")), None)
    if verdict is None:
        return None
    told = row.get("verdict_of")
    alone = len(found.traces) + len(found.left_out) == 1 and response_key in (None, "response")
    if not (told == judged_digest(trace.response) if isinstance(told, str) else alone):
        return Judged("unknown", False, "verdict of another text", NOT_JUDGED.by, kind)
    if row.get("reason") == NO_FLAW:
        return Judged("unknown", False, "its form alone was judged", NOT_JUDGED.by, "flaws")
    by = text_in(dict(row), "judge", "by", "verdict_by") or ("rules" if isinstance(told, str) else "its file")
    return Judged(verdict, bool(row.get("flaw")), text_in(dict(row), "reason") or "", by, kind)


def _of_list(row: Mapping[str, Any], trace: PublishedTrace, kind: str) -> Judged | None:
    """Those of OpenR1-Math: correct where one of the two says so."""
    every = row.get("generations")
    if not isinstance(every, list):
        return None
    said = [
        (row[key][trace.at], key) for key in OTHERS if isinstance(row.get(key), list) and len(row[key]) == len(every)
    ]
    told = sorted(((value, key) for value, key in said if isinstance(value, bool)), key=lambda one: not one[0])
    if not told:
        return None
    verdict: VerdictName = "correct" if told[0][0] else "wrong"
    return Judged(verdict, False, "told by its file", told[0][1], kind)


def asked_of(
    row: Mapping[str, Any], found: PublishedRow, trace: PublishedTrace, answer_key: str | None, kind: str
) -> Row | None:
    """What a verifier is asked about a trace; None where there is no gold answer."""
    held = {**row, "response": trace.response, "finish_reason": trace.finish_reason}
    if kind == "choice" and answer_key is not None:
        held["answer"] = row.get(answer_key)
    if kind != "choice" or ("answer" not in held and unordered_in(held) is None):
        held["answer"] = found.answer
    if held.get("answer", "among the options") in (None, ""):
        return None
    asked = to_judge(held, kind, _COLUMNS)
    return None if asked is None else asked._replace(thought=bool(trace.reasoning))


_COLUMNS = Columns()
