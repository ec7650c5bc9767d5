"""The curation stage: traces and verdicts in, a `datasets` folder and its funnel out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.curate.select import Candidate, Step, select
from distill.files import Log, write_folder, write_json
from distill.recipe import Recipe
from distill.records import Problem, Trace, Verdict, joined


def curate(recipe: Recipe, problems: list[Problem], traces: Path, folder: Path) -> dict[str, Any]:
    """Choose the traces that teach and write them with their provenance. Returns the funnel.

    The folder holds a data set (`datasets.load_from_disk`) and `funnel.json`; it appears whole or
    not at all.
    """
    by_id = {p.id: p for p in problems}
    log = Log(traces / "verdicts.jsonl").each(Verdict)
    verdicts = {v.trace_id: v for v in log if recipe.curate.judged or v.by == "rules"}  # the judge's line comes last
    candidates = [Candidate(by_id[t.problem_id], t, verdicts[t.id]) for t in Log(traces / "samples.jsonl").read(Trace)]
    rows, funnel = select(candidates, [p for p in problems if p.held_out], recipe.curate, recipe.seed)
    _write(folder, [_as_row(c, recipe) for c in rows], funnel)
    return {"rows": len(rows), "funnel": [asdict(step) for step in funnel]}


def _as_row(c: Candidate, recipe: Recipe) -> dict[str, Any]:
    """One row of the curated set: what is trained on, and where it comes from."""
    return {
        "messages": recipe.student_prompt().messages(c.problem.question),
        "completion": joined(c.trace.reasoning, c.trace.response),
        "trace_id": c.trace.id,
        "problem_id": c.problem.id,
        "question": c.problem.question,
        "answer": c.problem.answer,
        "source": c.problem.source,
        "licence": c.problem.licence,
        "teacher": c.trace.model,
        "sampling": json.dumps(c.trace.sampling.model_dump(), sort_keys=True),
        "completion_tokens": c.trace.completion_tokens,
        "verdict": c.verdict.verdict,
        "verdict_kind": c.verdict.kind,
        "verdict_reason": c.verdict.reason,
        "verdict_by": c.verdict.judge or c.verdict.by,
        "selected_as": recipe.curate.select,
    }


def _write(folder: Path, rows: list[dict[str, Any]], funnel: list[Step]) -> None:
    from datasets import Dataset

    def write(at: Path) -> None:
        Dataset.from_list(rows).save_to_disk(at)
        write_json(at / "funnel.json", [asdict(step) for step in funnel])

    write_folder(folder, write)
