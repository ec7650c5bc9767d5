"""Rows as they come in the wild, for `distill select` and `distill decontaminate`: a sentence, or a whole output."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Outcome, refused
from datasets import load_from_disk

from distill.judged_text import judged_digest

ROWS = [
    {
        "problem": f"How many of {i + 3} boats in harbour {i * i} leave by noon, if {i} are moored to pier {i}?",
        "solution": f"Wait, let me count {i}. So it is \\boxed{{{i}}}.",
        "answer": str(i),
        "thinking_trajectory": f"First {i}, then {i + 1}. Let me check.",
        "attempt": f"It is \\boxed{{{i}}}.",
        "verdict": "correct",
        "verdict_of": judged_digest(f"It is \\boxed{{{i}}}."),
    }
    for i in range(40)
]
COLUMNS = ("--question-key", "problem", "--thinking-key", "thinking_trajectory", "--response-key", "attempt")

Verb = Callable[..., Outcome]


def arguments(verb: str) -> list[str]:
    if verb == "select":
        return ["select", "rows.jsonl", "select=all", "evaluation_sets=[eval.jsonl]", *COLUMNS, "--out", "out"]
    return ["decontaminate", "rows.jsonl", "--against", "eval.jsonl", "--out", "out.jsonl", "--flagged", "f.jsonl"]


@pytest.fixture(params=["select", "decontaminate"])
def verb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write(ROWS)
    Path("eval.jsonl").write_text(json.dumps({"question": "Who was it that shot an arrow at the apple?"}) + "\n")
    return str(request.param)


def write(rows: list[dict[str, Any]], file: str = "rows.jsonl") -> None:
    Path(file).write_text("".join(json.dumps(row) + "\n" for row in rows))


def kept(verb: str) -> list[str]:
    """Problems of what came out."""
    if verb == "select":
        return sorted(row["question"] for row in load_from_disk("out"))
    return sorted(json.loads(line)["problem"] or "" for line in Path("out.jsonl").read_text().splitlines())


def left() -> list[str]:
    """What lies in the folder beside the inputs, hidden files too."""
    return sorted(path.name for path in Path().iterdir() if path.name not in ("rows.jsonl", "eval.jsonl"))


@pytest.mark.parametrize("text", [None, "", "  "])
def test_rows_without_text(distill: Any, verb: str, text: str | None) -> None:
    write([*ROWS[:5], ROWS[5] | {"problem": text}, *ROWS[6:]])
    assert distill(*arguments(verb)).code == 0
    whole = [row["problem"] for row in (*ROWS[:5], *ROWS[6:])]
    assert [question for question in kept(verb) if question.strip()] == sorted(whole)


def test_nothing_but_rows_without_text(distill: Any, verb: str) -> None:
    write([dict.fromkeys(row) for row in ROWS])
    said = distill(*arguments(verb))
    if verb == "select":
        refused(said, "")
        assert left() == []
    else:
        assert (said.code, "40  without text (kept)" in said.out) == (0, True)


def test_a_row_with_ten_megabytes(distill: Any, verb: str) -> None:
    noise = "alpha beta 12 x " * 650_000
    write([*ROWS, ROWS[0] | {"problem": f"Is {noise} a poem?", "thinking_trajectory": noise}])
    assert distill(*arguments(verb)).code == 0
    assert len(kept(verb)) == 41
    assert max(map(len, kept(verb))) > 10_000_000


@pytest.mark.parametrize("at", [0, 20, 40])
def test_invalid_utf_8(distill: Any, verb: str, at: int) -> None:
    lines = Path("rows.jsonl").read_bytes().splitlines(keepends=True)
    Path("rows.jsonl").write_bytes(b"".join([*lines[:at], b'{"problem": "\xff\xfe"}\n', *lines[at:]]))
    refused(distill(*arguments(verb)), "is no text in UTF-8")
    assert left() == []


@pytest.mark.parametrize("line", ["{", "[1, 2]", "null", '{"problem": "a"} x', "\x00", "{" * 3000])
def test_lines_that_are_no_rows(distill: Any, verb: str, line: str) -> None:
    with Path("rows.jsonl").open("a") as f:
        f.write(line + "\n")
    refused(distill(*arguments(verb)), "line")
    assert left() == []


def test_a_missing_column(distill: Any, verb: str) -> None:
    write([{"id": i} for i in range(3)])
    said = distill(*arguments(verb))
    refused(said, "")
    assert "id" in said.err
    assert left() == []


def test_all_rows_flagged(distill: Any, verb: str) -> None:
    write([{"question": row["problem"]} for row in ROWS], "eval.jsonl")
    said = distill(*arguments(verb))
    refused(said, "evaluation")
    assert len([line for line in said.err.splitlines() if "exact, eval.jsonl" in line]) == 5
    assert left() == []


@pytest.mark.parametrize(
    "content",
    ["", "\n", '{"question": null}\n', '{"question": ""}\n{"question": " "}\n', '{"question": "?!"}\n', "{}\n"],
)
def test_an_evaluation_set_without_questions(distill: Any, verb: str, content: str) -> None:
    Path("eval.jsonl").write_text(content)
    refused(distill(*arguments(verb)), "eval.jsonl")
    assert left() == []


def test_an_empty_file(distill: Any, verb: str) -> None:
    write([])
    refused(distill(*arguments(verb)), "holds no ")
    assert left() == []


def test_more_rows_than_there_are(distill: Any, verb: str) -> None:
    if verb == "decontaminate":
        pytest.skip("asks for no number of rows")
    refused(distill(*arguments(verb), "rows=41"), "rows=41 asks for more rows than are left: 40.")
    assert left() == []
    assert distill(*arguments(verb), "rows=41", "fill=less").code == 0
    assert len(kept(verb)) == 40


def outcome() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def test_killed_at_any_moment_the_same_command_gives_the_same_bytes(distill: Any, verb: str, tmp_path: Path) -> None:
    """A kill leaves the old output or none; what it has left beside is gone after the next run."""
    write([row | {"problem": f"{row['problem']} And {i}?"} for i in range(60) for row in ROWS])
    assert distill(*arguments(verb)).code == 0
    whole = outcome()
    rng, kills, longest = random.Random(20261122), 0, 0.4
    while kills < 2:
        kills += killed(verb, rng.random() * longest)
        longest /= 2  # it may have been done before
        assert {name: data for name, data in outcome().items() if ".unfinished" not in name} == whole
        assert distill(*arguments(verb)).code == 0
        assert outcome() == whole


def killed(verb: str, after: float) -> bool:
    """Kill a process of its own so many seconds after it began to write; False where it was done."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "distill", *arguments(verb)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    while child.poll() is None and not [name for name in left() if name.endswith(".unfinished")]:
        time.sleep(0.001)
    time.sleep(after)
    child.kill()
    return child.wait() == -9
