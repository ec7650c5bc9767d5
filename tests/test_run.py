"""The run directory: one writer, torn lines, full disks, what is moved aside and brought back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from distill.errors import DistillError, Refused
from distill.files import Log, read_rows, write_atomically
from distill.recipe import Recipe
from distill.records import Verdict
from distill.run import Run


def verdict(i: int) -> Verdict:
    return Verdict(trace_id=f"p/{i}", verdict="correct", extracted="é", reason="equal", kind="math")


def begun(run: Run, stage: str, fingerprint: str) -> Path:
    """Where the output of a stage goes that has just been begun."""
    run.begin(stage, fingerprint)
    return run.output(stage)


def test_log_reads_what_it_wrote(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    log.append([verdict(0), verdict(1)])
    log.append([])
    log.append([verdict(2)])
    assert Log(tmp_path / "log.jsonl").read(Verdict) == [verdict(0), verdict(1), verdict(2)]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_torn_last_line_is_dropped_and_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "log.jsonl"
    Log(path).append([verdict(0), verdict(1)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    log = Log(path)
    assert log.torn == len(whole) // 2 - cut
    assert log.read(Verdict) == [verdict(0)]
    log.append([verdict(2)])
    assert log.read(Verdict) == [verdict(0), verdict(2)]


def test_a_file_without_any_newline_is_all_torn(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"x" * 200_000)
    log = Log(path)
    assert log.torn == 200_000
    assert log.read(Verdict) == []
    assert len(path.read_bytes()) == 200_000, "who only reads writes nothing"
    log.append([verdict(0)])
    assert Log(path).read(Verdict) == [verdict(0)]


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """A child with a file size limit plays the full disk: the write that does not fit leaves no half line."""
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\n"
        "from distill.errors import Refused\n"
        "from distill.files import Log\n"
        "from distill.records import Verdict\n"
        "v = lambda i: Verdict(trace_id=f'p/{i}', verdict='correct', extracted='x' * 40, reason='r', kind='math')\n"
        "log = Log(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "acknowledged = 0\n"
        "try:\n"
        "    for i in range(100):\n"
        "        log.append([v(2 * i), v(2 * i + 1)])\n"
        "        acknowledged += 2\n"
        "except Refused as e:\n"
        "    print(acknowledged, 'cannot be written' in str(e))\n"
    )
    path = tmp_path / "log.jsonl"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    acknowledged, told = done.stdout.split()
    assert told == "True"
    assert len(Log(path).read(Verdict)) == int(acknowledged) > 0


def test_atomic_write_leaves_no_rubbish(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.txt", "one")
    write_atomically(tmp_path / "a" / "b.txt", "two")
    assert (tmp_path / "a" / "b.txt").read_text() == "two"
    assert os.listdir(tmp_path / "a") == ["b.txt"]


@pytest.mark.parametrize(
    ("text", "said"), [("{}\nnot json\n", "line 2 is not readable as JSON"), ("[1]\n", "line 1 is no JSON object")]
)
def test_bad_rows_are_named_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(Exception, match=said):
        read_rows(path)


def test_second_process_is_refused_with_the_first_ones_pid(tmp_path: Path, recipe: Recipe) -> None:
    with Run(tmp_path / "run", recipe), pytest.raises(Refused, match=f"in use by process {os.getpid()}"):
        Run(tmp_path / "run", recipe)
    Run(tmp_path / "run", recipe).close()


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Refused, match="holds no run"):
        Run(tmp_path, recipe)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_run_of_another_recipe_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    Run(tmp_path / "run", recipe).close()
    with pytest.raises(Refused, match="a run of the recipe 'tiny', not of 'other'"):
        Run(tmp_path / "run", recipe.model_copy(update={"name": "other"}))


def test_an_unwritable_place_is_refused(recipe: Recipe) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        Run(Path("/proc/distill-run"), recipe)


def test_work_of_another_fingerprint_is_kept_and_brought_back(tmp_path: Path, recipe: Recipe) -> None:
    with Run(tmp_path / "run", recipe) as run:
        begun(run, "harvest", "a" * 16).mkdir()
        (run.output("harvest") / "samples.jsonl").write_text("paid for")
        run.seal("harvest", "a" * 16, {"n": 1}, 2.0)

        begun(run, "harvest", "b" * 16).mkdir()
        assert (tmp_path / "run" / "traces.aaaaaaaa" / "samples.jsonl").read_text() == "paid for"
        assert run.seal_of("harvest") is None
        (run.output("harvest") / "samples.jsonl").write_text("half done")

        begun(run, "harvest", "a" * 16)
        seal = run.seal_of("harvest")
        assert seal is not None
        assert (seal.fingerprint, seal.counts) == ("a" * 16, {"n": 1})
        assert (run.output("harvest") / "samples.jsonl").read_text() == "paid for"

        begun(run, "harvest", "b" * 16)
        assert (run.output("harvest") / "samples.jsonl").read_text() == "half done"


def test_a_seal_whose_files_are_gone_does_not_count(tmp_path: Path, recipe: Recipe) -> None:
    with Run(tmp_path / "run", recipe) as run:
        begun(run, "problems", "a" * 16).write_text("x")
        run.seal("problems", "a" * 16, {}, 1.0)
        assert run.seal_of("problems") is not None
        run.output("problems").unlink()
        assert run.seal_of("problems") is None


def test_time_of_interrupted_attempts_is_added_up(tmp_path: Path, recipe: Recipe) -> None:
    with Run(tmp_path / "run", recipe) as run:
        begun(run, "problems", "a" * 16).write_text("x")
        run.note_time("problems", 3.0)
        begun(run, "problems", "a" * 16)
        assert run.seal("problems", "a" * 16, {}, 1.5).seconds == 4.5
    assert json.loads((tmp_path / "run" / "stages" / "problems.json").read_text())["seconds"] == 4.5


def test_a_torn_file_of_a_sealed_stage_does_not_count(tmp_path: Path, recipe: Recipe) -> None:
    with Run(tmp_path / "run", recipe) as run:
        begun(run, "harvest", "a" * 16).mkdir()
        log = run.output("harvest") / "samples.jsonl"
        log.write_text('{"a": 1}\n')
        run.seal("harvest", "a" * 16, {}, 1.0)
        assert run.seal_of("harvest") is not None
        log.write_text('{"a"')
        assert run.seal_of("harvest") is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"fingerprint": "x"}'])
def test_a_damaged_seal_is_named(tmp_path: Path, recipe: Recipe, text: str) -> None:
    with Run(tmp_path / "run", recipe) as run:
        begun(run, "harvest", "a" * 16).mkdir()
        (run.output("harvest") / "samples.jsonl").touch()
        run.seal("harvest", "a" * 16, {}, 1.0)
        (run.folder / "stages" / "harvest.json").write_text(text)
        with pytest.raises(DistillError, match=r"harvest\.json is damaged"):
            run.seal_of("harvest")


def test_an_output_without_a_note_is_never_taken_for_the_wanted_one(tmp_path: Path, recipe: Recipe) -> None:
    """Its seal was deleted: nobody knows what made it, so it is kept beside."""
    with Run(tmp_path / "run", recipe) as run:
        begun(run, "train", "a" * 16).mkdir()
        (run.output("train") / "old").touch()
        run.seal("train", "a" * 16, {}, 1.0)
        (run.folder / "stages" / "train.json").unlink()
        assert not begun(run, "train", "b" * 16).exists()
        assert (run.folder / "student.unsealed-1" / "old").exists()


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = Log(path)
    log.append([verdict(i) for i in range(3)])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "garbage", lines[2]]) + "\n")
    with pytest.raises(DistillError, match=r"log\.jsonl is damaged: line 2 is no verdict"):
        Log(path).read(Verdict)
