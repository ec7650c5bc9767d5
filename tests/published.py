"""One answer as published files hold it, and what a curation makes of such rows."""

from collections import Counter
from pathlib import Path
from typing import Any

from datasets import load_from_disk
from trace_files import COLUMNS, written

from distill.curate.traces.engines import measure
from distill.curate.traces.published_traces import PublishedTraces

QUESTION, THOUGHT = "What is 3 times 7 plus 12?", "3 times 7 is 21, and 12 more is 33."
ANSWER = "It is  \\boxed{33}.\n\nThat is all."
MARKED = f"<|begin_of_thought|>\n{THOUGHT}\n<|end_of_thought|>\n\n<|begin_of_solution|>\n{ANSWER}\n<|end_of_solution|>"
TAGGED = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"


def chat(answer: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": answer, **fields}]


def rows_of(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load_from_disk(out).to_list()
    return found


def reasons_of(tmp_path: Path, rows: list[dict[str, Any]], **columns: Any) -> Counter[str]:
    file = written(tmp_path / "rows.jsonl", rows)
    return measure(PublishedTraces((file,), COLUMNS.model_copy(update=columns))).reasons
