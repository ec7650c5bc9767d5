"""Files of traces for the tests of curation."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from distill.recipe_problems import TracesProblems

COLUMNS = TracesProblems(source="traces", path="any")


def made(count: int = 200) -> list[dict[str, Any]]:
    """Traces of sixty problems in five fields, one in four of them judged wrong, some equal."""
    rng = random.Random(0)
    rows = []
    for _ in range(count):
        problem = rng.randrange(60)
        rows.append(
            {
                "question": f"What is the sum of the first {problem + 3} cubes, and why? (ü)",
                "thinking_trajectory": " ".join(rng.choices(["so", "wait", "check", "then"], k=rng.randrange(5, 80))),
                "attempt": f"The answer is {problem}.",
                "subject": f"field {problem % 5}",
                "verdict": rng.choice(["correct", "correct", "correct", "wrong"]),
            }
        )
    return rows


def trace_files(folder: Path) -> tuple[Path, Path]:
    """The same traces as jsonl and as parquet of several groups of rows."""
    table = folder / "t.parquet"
    pq.write_table(pa.Table.from_pylist(made()), table, row_group_size=30)
    return written(folder / "t.jsonl", made()), table


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path
