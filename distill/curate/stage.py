"""The curation stage: traces and verdicts in, a `datasets` folder and its funnel out."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.curate.columns import measured
from distill.curate.funnel import as_text
from distill.curate.questions import Question
from distill.curate.select import Selection, select
from distill.curate.sources import RunTraces, verdicts_of
from distill.curate.tables import parts, text_of
from distill.errors import Refused
from distill.files import Log, user_path, write_atomically, write_folder, write_json, write_rows
from distill.recipe import Recipe
from distill.records import Problem, Trace, Verdict, joined


def curate(recipe: Recipe, problems: list[Problem], traces: Path, folder: Path) -> dict[str, Any]:
    """Choose the traces that teach and write them with their provenance. Returns the funnel.

    The folder holds a data set (`datasets.load_from_disk`), the funnel as `funnel.json` and `funnel.txt`, and where
    problems were found in the evaluation `contaminated.jsonl`; it appears whole or not at all.

    Raises:
        Refused: nothing is left, fewer rows than asked for, an evaluation set that cannot be read or is empty.
    """
    by_id = {p.id: p for p in problems}
    evaluation = [q for name in recipe.curate.evaluation_sets for q in questions_of(name)]
    verdicts, reasons = verdicts_of(traces, recipe.curate.judged)
    source = RunTraces(traces)
    columns = measured(source.each(), verdicts)
    chosen = select(columns, by_id, evaluation, recipe.curate, recipe.seed, reasons)
    told = _verdicts({columns.ids[row] for row in chosen.rows}, traces, recipe.curate.judged)
    places = [int(columns["place"][row]) for row in chosen.rows]
    del columns, verdicts, reasons

    def rows() -> Iterator[dict[str, Any]]:
        for trace, why in zip(source.at(places), chosen.why, strict=True):
            yield as_row(recipe, by_id[trace.problem_id], trace, told[trace.id], why)

    write_folder(folder, lambda at: _write(at, rows, chosen))
    return {"rows": len(chosen.rows), "funnel": [asdict(step) for step in chosen.steps]}


def questions_of(name: str) -> list[Question]:
    """The questions of an evaluation set in a file.

    Raises:
        Refused: it cannot be read, or holds none.
    """
    file = user_path(name)
    values = [value for part in parts(file, None) for value in part.values]
    found = [
        Question(text, f"{file.name}, row {row}") for row, value in enumerate(values, 1) if (text := text_of(value))
    ]
    if not found:
        raise Refused(f"{name} in curate.evaluation_sets holds no question.")
    return found


def _verdicts(ids: set[str], folder: Path, judged: bool) -> dict[str, Verdict]:
    """The verdicts that count, of some traces."""
    log = Log(folder / "verdicts.jsonl").each(Verdict)
    return {v.trace_id: v for v in log if v.trace_id in ids and (judged or v.by == "rules")}


def as_row(recipe: Recipe, problem: Problem, trace: Trace, verdict: Verdict, why: str) -> dict[str, Any]:
    """One row of the curated set: what is trained on, and where it comes from."""
    return {
        "messages": recipe.student_prompt().messages(problem.question),
        "completion": joined(trace.reasoning, trace.response),
        "trace_id": trace.id,
        "problem_id": problem.id,
        "question": problem.question,
        "answer": problem.answer,
        "source": problem.source,
        "licence": problem.licence,
        "teacher": trace.model,
        "sampling": json.dumps(trace.sampling.model_dump(), sort_keys=True),
        "completion_tokens": trace.completion_tokens,
        "verdict": verdict.verdict,
        "verdict_kind": verdict.kind,
        "verdict_reason": verdict.reason,
        "verdict_by": verdict.judge or verdict.by,
        "selected_as": recipe.curate.select,
        "selected_because": why,
    }


def _write(folder: Path, rows: Any, chosen: Selection) -> None:
    """Rows go to disk as they come: they may be more than the memory holds."""
    from datasets import Dataset, Features

    first = next(rows())
    features = Dataset.from_list([first]).features
    data = Dataset.from_generator(
        rows, features=Features(features), cache_dir=str(folder / ".cache"), writer_batch_size=500
    )
    data.save_to_disk(folder)
    shutil.rmtree(folder / ".cache")
    steps = [asdict(step) for step in chosen.steps]
    write_json(folder / "funnel.json", steps)
    write_atomically(folder / "funnel.txt", as_text(chosen.steps) + "\n")
    if chosen.contaminated:
        write_rows(folder / "contaminated.jsonl", map(asdict, chosen.contaminated))
