"""What people and crashes do to a run directory between two commands, and what the next command makes of it."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distill.cli import main
from distill.errors import Refused
from distill.recipe import Recipe
from distill.run import Run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with a recipe and its finished run; copy it before you touch it."""
    home = tmp_path_factory.mktemp("finished")
    recipe = {
        "name": "tiny",
        "problems": {"source": "countdown", "count": 40, "held_out": 8, "max_number": 12, "max_target": 60},
        "teacher": {"kind": "program", "budget": 10},
        "student": {"model": str(tiny_model), "dtype": "float32"},
        "train": {"max_length": 400, "lora_r": 4, "packed_rows_per_batch": 4},
        "evaluate": {"max_tokens": 8, "batch_size": 8},
    }
    (home / "tiny.yaml").write_text(json.dumps(recipe))
    done = subprocess.run(
        [sys.executable, "-m", "distill", "run", "tiny.yaml"], cwd=home, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Writing model shards" not in done.stderr
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(finished, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "name: [", "\x00\xff", "- a", "seed: 1"])
def test_a_damaged_recipe_of_the_run_is_named(home: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (home / "runs/tiny/recipe.yaml").write_text(content, encoding="latin-1")
    for command in (("run", "tiny.yaml"), ("report", "runs/tiny")):
        code, said = call(capsys, *command)
        assert code == 1
        assert "recipe.yaml is damaged" in said
    (home / "runs/tiny/recipe.yaml").unlink()
    assert call(capsys, "run", "tiny.yaml")[0] == 0


@pytest.mark.parametrize("file", ["first_rows.json", "metrics.jsonl"])
@pytest.mark.parametrize("content", [b"", b"[[", b"\xff\x00"])
def test_what_only_the_report_reads_is_mended_or_left_out(
    home: Path, capsys: pytest.CaptureFixture[str], file: str, content: bytes
) -> None:
    damaged = home / "runs/tiny/student" / file
    whole = damaged.read_bytes()
    adapter = home / "runs/tiny/student/adapter/adapter_model.safetensors"
    trained_at = adapter.stat().st_mtime_ns
    damaged.write_bytes(content)
    code, said = call(capsys, "run", "tiny.yaml")
    assert code == 0, said
    assert adapter.stat().st_mtime_ns == trained_at, "not trained again"
    assert file == "metrics.jsonl" or damaged.read_bytes() == whole


def test_damaged_problems_are_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "runs/tiny/problems.parquet"
    path.write_bytes(b"\xff" * path.stat().st_size)
    code, said = call(capsys, "run", "tiny.yaml")
    assert code == 1
    assert "problems.parquet is damaged" in said
    path.unlink()
    assert call(capsys, "run", "tiny.yaml")[0] == 0


def test_editing_what_was_published_touches_no_other_stage(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = home / "runs/tiny/published"
    for file in ("config.json", "README.md"):
        with (published / file).open("a") as f:
            f.write("my own words")
    assert "my own words" not in (home / "runs/tiny/student/merged/config.json").read_text()
    code, said = call(capsys, "run", "tiny.yaml")
    assert code == 0
    assert "train: already done" in said
    (kept,) = (home / "runs/tiny").glob("published.unsealed-*")
    assert (kept / "README.md").read_text().endswith("my own words")
    (published / "figure.png").write_text("mine")
    (home / "runs/tiny/stages/publish.json").unlink()
    assert call(capsys, "run", "tiny.yaml")[0] == 0
    assert (home / "runs/tiny/published.unsealed-2/figure.png").read_text() == "mine"


@pytest.mark.parametrize(
    "override", ["train.save_steps=7", "evaluate.batch_size=8", "teacher.budget=10", "harvest.top_p=0.95"]
)
def test_what_changes_nothing_redoes_nothing(home: Path, capsys: pytest.CaptureFixture[str], override: str) -> None:
    code, said = call(capsys, "run", "tiny.yaml", override)
    assert code == 0
    assert said.count("already done") == 6


def test_a_refused_command_touches_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (home / "runs/tiny/recipe.yaml").read_text()
    code, said = call(capsys, "evaluate", "tiny.yaml", "train.lora_r=5")
    assert (code, "needs 'train'" in said) == (2, True)
    assert (home / "runs/tiny/recipe.yaml").read_text() == before
    code, said = call(capsys, "curate", "tiny.yaml", "--run-dir", "elsewhere")
    assert "`distill run RECIPE --until problems` does it" in said
    assert not (home / "elsewhere").exists()


def test_check_looks_at_the_set_of_this_recipe_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "check", "tiny.yaml")[0] == 0
    code, said = call(capsys, "check", "tiny.yaml", "curate.rows=3")
    assert code == 2
    assert "a curated set of another recipe" in said


def test_results_of_another_recipe_are_not_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = home / "runs/tiny/report.html"
    shown = '<th scope="row">evaluate</th>'
    assert shown in report.read_text()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["run", "tiny.yaml", "harvest.samples_per_problem=2", "--until", "harvest"])
    said = capsys.readouterr()
    assert not ended.value.code
    assert "student - base" not in said.out
    assert "harvest: what another recipe made is kept as traces." in said.err
    assert "40 taken over from before" in said.err
    for again in (None, ["report", "runs/tiny"]):
        if again:
            call(capsys, *again)
        page = report.read_text()
        assert shown not in page
        assert "of curate, train, evaluate, publish was made under another recipe and is not shown" in page


def test_the_lock_holds_though_its_file_is_deleted(tmp_path: Path, recipe: Recipe) -> None:
    with Run(tmp_path / "run", recipe):
        (tmp_path / "run/lock").unlink()
        with pytest.raises(Refused, match="in use by process"):
            Run(tmp_path / "run", recipe)


def _steps(run: Run, then: list[str], renames: int) -> None:
    """Begin and seal a stage under each fingerprint in turn; "die" after so many renames."""
    left = itertools.count(renames, -1)
    rename = run._rename

    def mortal(source: Path, target: Path) -> None:
        if source.exists() and next(left) <= 0:
            raise KeyboardInterrupt
        rename(source, target)

    run._rename = mortal  # type: ignore[method-assign]
    for fingerprint in then:
        _do(run, fingerprint)


def _do(run: Run, fingerprint: str) -> bool:
    """One attempt at a stage; was there anything to do?"""
    for _ in range(2):
        seal = run.seal_of("train")
        if seal is not None and seal.fingerprint == fingerprint:
            return False
        run.begin("train", fingerprint)
    output = run.output("train")
    output.mkdir(exist_ok=True)
    made = output / "made"
    assert not made.exists() or made.read_text() == fingerprint, "never on top of another's work"
    made.write_text(fingerprint)
    run.seal("train", fingerprint, {}, 1.0)
    return True


@pytest.mark.parametrize("renames", range(1, 9))
@pytest.mark.parametrize("then", ["a", "b", "c", "ab", "ca", "cb", "cab", "acb", "bca"])
def test_recipes_that_come_and_go_with_a_kill_at_any_rename(
    tmp_path: Path, recipe: Recipe, renames: int, then: str
) -> None:
    """Work under a fingerprint is done once and found again ever after."""
    run = Run(tmp_path / "run", recipe)
    done = []
    with contextlib.suppress(KeyboardInterrupt):
        _steps(run, ["aaaaaaaa", "bbbbbbbb", "aaaaaaaa", "bbbbbbbb"], renames)
    del run._rename
    existing = {p.read_text() for p in tmp_path.glob("run/student*/made")}
    for fingerprint in (8 * c for c in then + then):
        if _do(run, fingerprint):
            done.append(fingerprint)
        assert run.output("train").joinpath("made").read_text() == fingerprint
    assert sorted(done) == sorted({8 * c for c in then} - existing)
    assert {p.read_text() for p in tmp_path.glob("run/student*/made")} == existing | {8 * c for c in then}
    assert not list(tmp_path.glob("run/*unsealed*"))
    os.close(run._lock)
