"""Two processes and one folder: one is refused, nothing is mixed; and a kill leaves no lock."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import refused
from stub_server import StubServer, answer

from distill.errors import Refused
from distill.evaluate.stage import evaluate
from distill.files import Log
from distill.folders import held
from distill.problems import make_problems
from distill.recipe import Recipe
from distill.records import Trace

PROBLEMS = 6


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(f'{{"question": "What is {i} plus {i}?", "answer": {2 * i}}}\n' for i in range(PROBLEMS)))
    return path


class Slow(StubServer):
    """Answers the first four requests after a tenth of a second, and all others never until it is told to."""

    def __init__(self) -> None:
        self.waits = True
        super().__init__(lambda _, number: [3600.0] if number >= 4 and self.waits else [0.1, *answer("\\boxed{2}")])


@pytest.fixture
def slow() -> Iterator[Slow]:
    with Slow() as server:
        yield server


def begun(server: StubServer, sums: Path, out: Path) -> "tuple[list[str], subprocess.Popen[str]]":
    """A command of its own process, once three answers lie on disk."""
    command = ["evaluate", f"{server.url}#m", "--problems", str(sums), "--out", str(out), "endpoint.concurrency=2"]
    child = subprocess.Popen(
        [sys.executable, "-m", "distill", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    samples, deadline = out / "sums/model.samples.jsonl", time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        if samples.exists() and samples.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.02)
    assert child.poll() is None, child.communicate()[1]
    return command, child


def test_a_second_evaluation_is_refused_and_a_kill_leaves_no_lock(
    distill: Any, slow: Slow, sums: Path, tmp_path: Path
) -> None:
    """The same command while the first runs, then at once after its SIGKILL: no sample twice, none missing."""
    out = tmp_path / "out"
    command, child = begun(slow, sums, out)
    try:
        refused(distill(*command), f"{out} is in use by another process.")
    finally:
        child.kill()
        child.communicate()
    slow.waits = False
    done = distill(*command)
    assert done.code == 0, done.err
    ids = [t.id for t in Log(out / "sums/model.samples.jsonl").read(Trace)]
    assert sorted(ids) == [f"sums-{i}/0" for i in range(PROBLEMS)]


def test_a_kill_at_the_first_file_leaves_an_evaluation(distill: Any, slow: Slow, sums: Path, tmp_path: Path) -> None:
    """What it had written of its note is no reason to refuse the same command; another file is."""
    slow.waits = False
    out = tmp_path / "out"
    out.mkdir()
    (out / ".sampled.json.x1y2z3").write_text('{"ver')
    command = ["evaluate", f"{slow.url}#m", "--problems", sums, "--out", out]
    (out / "thesis.tex").touch()
    refused(distill(*command), "is not empty and holds no evaluation")
    (out / "thesis.tex").unlink()
    assert distill(*command).code == 0
    assert json.loads((out / "summary.json").read_text())["models"] == ["model"]


def test_a_run_does_not_write_where_an_evaluation_does(tiny_recipe: dict[str, Any], tmp_path: Path) -> None:
    """`distill evaluate MODEL --base BASE --out RUN/evaluation` has logs of the same names."""
    recipe = Recipe.model_validate(tiny_recipe)
    problems, student = make_problems(recipe.problems, recipe.seed), Path(recipe.student.model)
    folder = tmp_path / "run/evaluation"
    with held(folder, "hint"), pytest.raises(Refused, match="evaluation is in use by another process"):
        evaluate(recipe, problems, {"student": student}, folder, lambda *_: None)
    assert not list(folder.iterdir())


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(Refused, match="cannot be written: Operation not supported"), held(tmp_path, "hint"):
        pass
