"""A judge behind the rules for the rows of `distill verify`: as after a harvest, with its log beside the output."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.errors import Refused
from distill.files import Log, each_row, write_rows
from distill.finish_reasons import as_told, ended
from distill.recipe import Judge
from distill.records import Problem, Sampling, Trace, Verdict, digest, split_reasoning
from distill.verify.stop_tokens import without_stop_tokens
from distill.verify.table import QUESTION_HINT, Columns, kind_of, question_of, to_judge
from distill.verify.turn import turn_of
from teachers.base import TeacherError
from teachers.judge import OnProgress, may_revise, refuse_without_key, second_instance
from teachers.reach import unreachable

MODEL = "rows of a file"
"""Who answered, as far as a judge is told."""


def revise(out: Path, kind: str | None, columns: Columns, spec: Judge, on_progress: OnProgress) -> dict[str, Any]:
    """Ask about the rows of `out` that may be revised, then write it again with what was decided. Returns the counts.

    Every row gets a column `by`, rules or judge. Replies lie in `<out>.judge`; what was asked is not asked again.

    Raises:
        TeacherError: the judge failed on more requests than allowed; the rows keep the verdicts of the rules.
        Refused: a row to be asked about has no question.
    """
    refuse_without_key(spec)
    folder = out.with_name(out.name + ".judge")
    folder.mkdir(exist_ok=True)
    for stale in ("samples.jsonl", "verdicts.jsonl"):  # of other rows; the replies are kept
        (folder / stale).unlink(missing_ok=True)
    problems = _select(out, kind, columns, spec, folder)
    counts = second_instance(spec, problems, folder, 0, on_progress, lambda: refuse_unreachable(spec))
    decided = {v.trace_id: v for v in Log(folder / "verdicts.jsonl").each(Verdict) if v.by == "judge"}
    write_rows(out, _revised(out, kind, decided, columns))
    return counts


def refuse_unreachable(spec: Judge) -> None:
    """
    Raises:
        TeacherError: none of the judge's servers takes a connection.
    """
    if why := unreachable(spec.base_urls):
        hint = (
            "The rows keep the verdicts of the rules. Start it, or mend verify.judge.base_urls; the same command asks."
        )
        raise TeacherError(f"the judge cannot be reached: {why}.", hint)


def _select(out: Path, kind: str | None, columns: Columns, spec: Judge, folder: Path) -> dict[str, Problem]:
    """Write the answers to be asked about, with the verdicts of the rules, as a harvest leaves them."""
    samples, verdicts = Log(folder / "samples.jsonl"), Log(folder / "verdicts.jsonl")
    known = {t.id for t in samples.each(Trace)}
    problems: dict[str, Problem] = {}
    for number, row in enumerate(each_row(out, halves=True), 1):
        problem, trace, verdict = _as_harvested(row, kind, columns)
        if not may_revise(trace, verdict, {problem.id: problem}, spec):
            continue
        if not problem.question:
            raise Refused(f"row {number} has no question, which the judge must see.", QUESTION_HINT)
        problems[problem.id] = problem
        if trace.id not in known:
            known.add(trace.id)
            samples.append([trace])
            verdicts.append([verdict])
    return problems


def _as_harvested(row: dict[str, Any], given: str | None, columns: Columns) -> tuple[Problem, Trace, Verdict]:
    """A judged row as problem, trace and verdict; the same row has the same ids wherever it stands."""
    question, response = question_of(row), without_stop_tokens(turn_of(row, columns.response, columns.reasoning).whole)
    kind = kind_of(row, given)
    asked = to_judge(row, kind, columns)
    answer, data = (asked.answer, asked.data) if asked is not None else ("", {})
    identity = digest([question, answer, data])
    problem = Problem(id=identity, question=question, answer=answer, kind=kind, data=data, source=MODEL)
    reasoning, text = split_reasoning(response)
    trace = Trace(
        id=f"{identity}/{digest(response)}",
        problem_id=identity,
        request=digest([identity, response]),
        reasoning=reasoning,
        response=text,
        finish_reason=ended(as_told(row.get("finish_reason"))) or "error",
        prompt_tokens=0,
        completion_tokens=0,
        counted=False,
        model=MODEL,
        sampling=Sampling(),
    )
    verdict = Verdict(
        trace_id=trace.id,
        verdict=row["verdict"],
        extracted=row["extracted"],
        reason=row["reason"],
        kind=kind,
        flaw=row.get("flaw"),
    )
    return problem, trace, verdict


def _revised(out: Path, kind: str | None, decided: dict[str, Verdict], columns: Columns) -> Iterator[dict[str, Any]]:
    for row in each_row(out, halves=True):
        _, trace, rules = _as_harvested(row, kind, columns)
        verdict = decided.get(trace.id, rules)
        yield {**row, "verdict": verdict.verdict, "reason": verdict.reason, "by": verdict.by}


def told(counts: dict[str, Any], spec: Judge) -> str:
    """What came of it, and which replies were of no use."""
    said = ", ".join(f"{counts[name]:,} {name}" for name in ("correct", "wrong", "undecided"))
    lines = [f"{counts['model']} was asked about {counts['asked']:,}: {said}"]
    sent = 2 * counts["asked"] - counts["unanswered"]
    if cut := counts["cut"]:
        lines.append(
            f"  {cut:,} of {sent:,} replies were cut at {spec.max_tokens} tokens: raise verify.judge.max_tokens"
        )
    if unreadable := counts["unreadable"]:
        lines.append(f"  {unreadable:,} of {sent:,} replies were neither SAME, DIFFERENT nor UNSURE")
    return "\n".join(lines)
