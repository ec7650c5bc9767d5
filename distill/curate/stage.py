"""The curation stage: traces and verdicts in, a `datasets` folder and its funnel out."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from distill.curate.decontamination.evaluation_sets import card_of, questions_of, shown_names
from distill.curate.decontamination.questions import questions_held_out
from distill.curate.general import merged, mixed_files, mixed_in
from distill.curate.output.arrow_rows import save_rows
from distill.curate.output.card import Inputs, data_card
from distill.curate.output.evidence import evidence
from distill.curate.output.picture import as_svg
from distill.curate.steps.funnel import Step, as_text
from distill.curate.steps.problems import Ask
from distill.curate.steps.select import Outside, Selection, select
from distill.curate.traces.engines import measure
from distill.curate.traces.sources import Read, Source, of_run
from distill.files import write_atomically, write_json
from distill.folders import replacing_folder
from distill.notices import counting, doing
from distill.recipe import Curate, Recipe
from distill.records import Problem, joined


def curate(
    recipe: Recipe,
    problems: list[Problem],
    traces: Path,
    folder: Path,
    ask: Ask | None = None,
) -> dict[str, Any]:
    """Choose the traces that teach and write them with their provenance. Returns the funnel.

    `ask` gets domains of problems from a model, where the recipe wants that.

    The folder holds a data set (`datasets.load_from_disk`) with its card (`README.md`), the funnel as JSON, text and
    picture, and what was left out with the evidence: `contaminated.jsonl`, `duplicates.jsonl`. It appears whole or not
    at all.

    Raises:
        Refused: nothing is left, fewer rows than asked for, an evaluation set that cannot be read or is empty.
    """
    source = of_run(traces, problems, recipe.curate.judged)
    prompt = recipe.student_prompt()
    held_out = [p for p in problems if p.held_out]
    return curate_source(source, recipe.curate, recipe.seed, held_out, prompt.messages, folder, ask)


def curate_source(
    source: Source,
    spec: Curate,
    seed: int,
    held_out: Sequence[Problem],
    asked: Callable[[str], list[dict[str, str]]],
    folder: Path,
    ask: Ask | None = None,
    command: Sequence[str] = (),
) -> dict[str, Any]:
    """As `curate`, for traces from anywhere; `asked` makes of a question the messages that a student sees, and the card
    tells the `command` that was typed.

    `halves` in the result counts rows that held halves of a surrogate pair, which are written as question marks.

    Raises:
        Refused: also where another process writes the same folder, or the disk is full.
    """
    with replacing_folder(folder) as at:
        names = list(dict.fromkeys(spec.evaluation_sets))
        sets = [
            (name, called, questions_of(name, called)) for name, called in zip(names, shown_names(names), strict=True)
        ]
        evaluation = [question for *_, some in sets for question in some]
        inputs = Inputs([*source.inputs(), *mixed_files(spec)], [card_of(*one) for one in sets], command)
        columns = measure(source, spec.engine, spec.workers)
        with doing("chooses among the traces"):
            chosen = select(columns, spec, seed, Outside(held_out, evaluation, ask, source.at, source.advice))
        places, numbers = columns["place"][chosen.rows].tolist(), columns["row"][chosen.rows].tolist()
        verdicts = [columns.judged(row) for row in chosen.rows]
        gone = evidence(columns, chosen.contaminated, chosen.duplicates, source.file_of)
        del columns
        asked_there = [*evaluation, *(questions_held_out(held_out) if spec.decontaminate else ())]
        others, note = mixed_in(spec, len(places), asked_there, seed)
        if spec.mix:
            total = len(places) + len(others)
            chosen.steps.append(Step("with general data", total, chosen.steps[-1].problems + len(others), note))
        reread = source.at([*places, *gone.places()])
        again = zip(islice(reread, len(places)), verdicts, numbers, strict=True)
        reads = (read._replace(judged=judged, row=row or None) for read, judged, row in again)
        traces = (
            as_row(read, _messages(read, asked), spec.select, why, scores)
            for read, why, scores in zip(reads, chosen.why, chosen.scores, strict=True)
        )
        rows = counting(merged(traces, len(places), others, seed), len(places) + len(others), "rows written")
        halves = _write(at, rows, chosen, spec, seed, inputs)
        gone.write(at, reread)
    counts: dict[str, Any] = {"rows": len(places) + len(others), "funnel": [asdict(step) for step in chosen.steps]}
    return counts | ({"halves": halves} if halves else {})


def _messages(read: Read, asked: Callable[[str], list[dict[str, str]]]) -> list[dict[str, str]]:
    """What a student sees of a problem, after the system message that stands beside the trace."""
    own = [{"role": "system", "content": read.system}] if read.system else []
    return [*own, *asked(read.problem.question)]


def as_row(
    read: Read, messages: list[dict[str, str]], selection: str, why: str, scores: dict[str, Any]
) -> dict[str, Any]:
    """One row of the curated set: what is trained on, and where it comes from."""
    problem, trace, judged = read.problem, read.trace, read.judged
    return {
        "messages": messages,
        "completion": joined(trace.reasoning, trace.response),
        "trace_id": trace.id,
        "problem_id": problem.id,
        "question": problem.question,
        "answer": problem.answer,
        "source": problem.source,
        "licence": problem.licence,
        "file": read.file,
        "row": read.row,
        "row_id": read.row_id,
        "teacher": trace.model,
        "sampling": json.dumps(trace.sampling.model_dump(), sort_keys=True),
        "completion_tokens": trace.completion_tokens,
        "verdict": judged.verdict,
        "verdict_kind": judged.kind,
        "verdict_reason": judged.reason,
        "verdict_by": judged.by,
        "scores": json.dumps(scores),
        "selected_as": selection,
        "selected_because": why,
    }


COLUMNS_WITH_GAPS = {"file": "string", "row": "int64", "row_id": "string"}
"""That may be null in all of the first rows: a run's traces come from no file."""


def _write(
    folder: Path,
    rows: Iterator[dict[str, Any]],
    chosen: Selection,
    spec: Curate,
    seed: int,
    inputs: Inputs,
) -> int:
    """Rows go to disk as they come: they may be more than the memory holds. Returns how many were mended."""
    data, mended = save_rows(rows, folder, COLUMNS_WITH_GAPS)
    write_json(folder / "funnel.json", [asdict(step) for step in chosen.steps])
    write_atomically(folder / "funnel.txt", as_text(chosen.steps) + "\n")
    write_atomically(folder / "funnel.svg", as_svg(chosen.steps))
    write_atomically(folder / "README.md", data_card(data, chosen.steps, spec, seed, inputs))
    return mended
