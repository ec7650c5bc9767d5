"""What `distill select` leaves on disk, a whole set or nothing, and what it says of it."""

import errno
import json
import random
import re
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from commands import Outcome, refused
from datasets import load_from_disk
from trace_files import made, written

from distill import recipe_file
from distill.curate import stage
from distill.curate.output.curated_folder import OURS
from distill.errors import Refused
from distill.folders import refusal_of, replacing_folder
from distill.recipe_curate import Curate

RUNNING = "is being written by another process"


@pytest.fixture
def run(distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """`distill select` of some traces in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    written(Path("t.jsonl"), made())

    def select(*words: Any, file: str = "t.jsonl", out: Any = "out") -> Outcome:
        found: Outcome = distill("select", file, "select=all", *words, "--out", out)
        return found

    return select


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_set_holds_what_is_documented_and_evidence_even_where_there_is_none(run: Any) -> None:
    documented = set(re.findall(r"`([\w.]+\.(?:md|json|txt|svg|jsonl))`", DOCS.split("## What comes out")[1]))
    assert run("near_duplicates=null").code == 0
    names = {path.name for path in Path("out").iterdir()}
    assert documented <= names
    assert all(OURS.fullmatch(name) for name in names)
    assert Path("out/contaminated.jsonl").read_bytes() == Path("out/duplicates.jsonl").read_bytes() == b""


DOCS = (Path(__file__).parents[1] / "docs" / "curation.md").read_text()


def test_the_same_traces_in_another_order_give_the_same_rows(run: Any, tmp_path: Path) -> None:
    rows = made()
    assert run(out="a").code == 0
    random.Random(1).shuffle(rows)
    written(tmp_path / "t.jsonl", rows)
    assert run(out="b").code == 0
    first, second = (load_from_disk(tmp_path / name).remove_columns("row").to_list() for name in "ab")
    assert first == second
    for name in ("funnel.json", "duplicates.jsonl", "contaminated.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    written(tmp_path / "t.jsonl", made())
    assert run(out="c").code == 0
    assert content(tmp_path / "a") == content(tmp_path / "c"), "and the same file the same bytes"


def test_nothing_lies_outside_of_the_folder(run: Any, tmp_path: Path) -> None:
    cache = Path(datasets.config.HF_DATASETS_CACHE)
    before = sorted(cache.rglob("*.lock"))
    assert run().code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "t.jsonl"]
    assert sorted(cache.rglob("*.lock")) == before


def test_an_older_set_is_replaced_and_that_is_told(run: Any) -> None:
    assert "is replaced" not in run().err
    load_from_disk("out").map(lambda row: row)
    said = run("traces_per_problem=2")
    assert (said.code, "out holds a curated set, which is replaced" in said.err) == (0, True)
    assert len({row["problem_id"] for row in load_from_disk("out")}) < len(load_from_disk("out"))


@pytest.mark.parametrize("theirs", ["notes.txt", "adapter/adapter.bin", ".hidden", "data.arrow"])
def test_what_somebody_has_put_into_a_set_is_never_removed(run: Any, tmp_path: Path, theirs: str) -> None:
    assert run().code == 0
    Path("out", theirs).parent.mkdir(exist_ok=True)
    Path("out", theirs).write_text("mine")
    before = content(tmp_path)
    refused(run(), f"holds what is no part of it: {theirs.split('/')[0]}.")
    assert content(tmp_path) == before


def test_a_set_in_a_set_and_over_its_own_input(run: Any, tmp_path: Path) -> None:
    assert run().code == 0
    before = content(tmp_path)
    refused(run(out="out/inner"), "which is a curated set itself")
    assert content(tmp_path) == before
    written(Path("out/duplicates.jsonl"), made())
    refused(run(file="out/duplicates.jsonl"), "lies in --out=out, which is replaced")


def test_links_are_followed(run: Any, tmp_path: Path) -> None:
    for name, to in (("to-set", "set"), ("to-nothing", "new"), ("circle", "circle")):
        Path(name).symlink_to(to)
    assert run(out="set").code == run(out="to-set").code == run(out="to-nothing").code == 0
    refused(run(out="circle"), "is a link that leads nowhere")
    assert len(load_from_disk("set")) == len(load_from_disk("new")) > 0
    names = ["circle", "new", "set", "t.jsonl", "to-nothing", "to-set"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("out", ["/proc/x", "t.jsonl/x", "none/x", "t.jsonl", ".", "/", "x" * 300])
def test_places_that_cannot_be_written(run: Any, tmp_path: Path, out: str) -> None:
    refused(
        run("domains.by=judge", "domains.judge.model=m", "domains.judge.base_urls=[http://localhost:1/v1]", out=out), ""
    )
    refused(run(out=out), "")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_one_process_writes_a_folder(run: Any) -> None:
    assert run().code == 0
    before = content(Path("out"))
    with suppress(KeyError), replacing_folder(Path("out").absolute()):
        refused(run(), RUNNING)
        raise KeyError
    assert content(Path("out")) == before
    assert run("rows=2").code == 0


def test_a_folder_that_was_finished_meanwhile_is_not_written_with_its_lock(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with replacing_folder(out) as first:
        (first / "a").write_text("1")
        with pytest.raises(Refused, match=RUNNING), replacing_folder(out):
            pass
    assert content(tmp_path) == {"out/a": b"1"}


def test_what_a_kill_has_left_is_removed_or_put_back(run: Any, tmp_path: Path) -> None:
    assert run().code == 0
    whole = content(Path("out"))
    Path("out").rename(".out.replaced")  # a kill at the moment between two renames
    Path(".out.unfinished/.rows").mkdir(parents=True)
    Path(".out.unfinished/half").write_text("half")
    refused(run("rows=999"), "rows=999 asks for more rows")
    assert content(tmp_path / "out") == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "t.jsonl"]


@pytest.mark.parametrize("limit", [1 << 10, 1 << 14])
def test_a_full_disk_gets_a_sentence(run: Any, tmp_path: Path, limit: int) -> None:
    assert run().code == 0
    before = content(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        said = run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handled)
    refused(said, "cannot be written: File too large.")
    assert "Nothing was written; free space" in said.err
    assert content(tmp_path) == before


def test_a_full_folder_of_temporary_files_is_named(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "w+b"))  # noqa: SIM115
    for word in ("near_duplicates=null", "near_duplicates=0.8"):
        refused(run(word), f"{tempfile.gettempdir()} cannot be written: No space left on device.")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError(2, "No usable one")))
    refused(run(), "there is no folder for temporary files")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_halves_of_characters_are_written_as_question_marks_and_counted(run: Any) -> None:
    cut = {"question": "How many \ud800 are there?", "thinking_trajectory": "hm \udc00", "attempt": "7"}
    Path("t.jsonl").write_text("".join(json.dumps(r) + "\n" for r in [*made(), cut | {"verdict": "correct"}]))
    Path("general.jsonl").write_text(json.dumps({"instruction": "say \ud800", "output": "hi"}) + "\n")
    Path("eval.jsonl").write_text(json.dumps({"question": "who is \ud800, and why was she there?"}) + "\n")
    said = run("mix=[{path: general.jsonl, share: 0.01}]", "evaluation_sets=[eval.jsonl]")
    assert said.code == 0, said.err
    assert "2 rows with half a character" in said.out
    texts = {row["question"]: row["completion"] for row in load_from_disk("out")}
    assert texts["How many ? are there?"] == "<think>\nhm ?\n</think>\n\n7"
    assert texts["say ?"] == "hi"


def test_with_all_flagged_the_first_are_named_line_by_line(run: Any, tmp_path: Path) -> None:
    written(Path("eval.jsonl"), [{"question": row["question"]} for row in made()])
    said = run("evaluation_sets=[eval.jsonl]", "near_duplicates=null")
    refused(said, "no trace is left after the step 'not in the evaluation'")
    assert len(re.findall(r"^  exact, eval.jsonl, row \d+: 'What is the sum of", said.err, re.MULTILINE)) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eval.jsonl", "t.jsonl"]


def test_an_interruption_says_what_is_there(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "save_rows", interrupted)
    assert run().err == "interrupted: nothing was written.\n  The same command starts over.\n"
    asking = ("domains.by=judge", "domains.judge.model=m", "domains.judge.base_urls=[http://localhost:1/v1]")
    monkeypatch.setattr(stage, "measure", interrupted)
    said = run(*asking)
    assert said.code == 130
    assert said.err.startswith("interrupted: nothing was written but the model's replies about domains.")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_what_cannot_be_read_is_not_said_to_be_unwritable(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = PermissionError(errno.EACCES, "Permission denied", "eval.jsonl")

    def unreadable(*_: Any) -> None:
        raise Refused("eval.jsonl cannot be read: Permission denied.") from denied

    monkeypatch.setattr(stage, "measure", unreadable)
    refused(run(), "eval.jsonl cannot be read: Permission denied.")
    assert (refusal_of(denied, tmp_path / "out"), refusal_of(ValueError(), tmp_path / "out")) == (None, None)
    rust = RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert "out cannot be written: No space left" in str(refusal_of(rust, tmp_path / "out")), "its torn file is gone"
    assert refusal_of(RuntimeError("No such file or directory (os error 2)"), tmp_path / "out") is None
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    assert "No space left on device" in str(refusal_of(ValueError("a library's own words"), tmp_path / "out"))


def test_an_error_of_ours_leaves_nothing(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "data_card", lambda *_: 1 / 0)
    said = run()
    assert (said.code, "nothing was written" in said.err) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["rows=999"], "refused: rows=999 asks for more rows than are left", "`fill=less`"),
        (["evaluation_sets=[no.jsonl]"], "evaluation_sets: there is no file 'no.jsonl'", "working directory"),
        (["evaluation_sets=[ids.jsonl]"], "no column that is known to hold text", "Call the column with it `question`"),
        (["mix=[{path: ids.jsonl, share: 0.5}]"], "holds no chats", "messages"),
        (["domains={by: known, key: field}"], "domains.key names 'field', which is no column", "It has"),
        (["difficulty={known: {grade: {least: 3}}}"], "difficulty.known names 'grade', which is no column", "It has"),
        (["select=s1"], "select=s1 fills up to a number of rows; set rows", ""),
        (["engine=ray"], "Ray is asked for and not installed", "pip install 'distill[ray]'"),
        (["difficulty={known: {level: {low: 3}}}"], "unknown key 'difficulty.known.level.low'", "schema"),
    ],
)
def test_hints_are_in_the_words_of_the_verb(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str, hint: str
) -> None:
    Path("ids.jsonl").write_text('{"id": 1}\n')
    monkeypatch.setitem(sys.modules, "ray", None)
    told = run(*words)
    refused(told, said)
    assert hint in told.err
    assert "curate." not in told.err
    assert "--against" not in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids.jsonl", "t.jsonl"]


def test_in_a_recipe_the_same_keys_have_their_section() -> None:
    with pytest.raises(Refused, match=r"curate\.select=s1 fills up to a number of rows; set curate\.rows"):
        recipe_file.settings(Curate, ["select=s1"])
    wrong = ["curate.difficulty.known.level.low=3"]
    with pytest.raises(Refused, match=r"unknown key 'curate\.difficulty\.known\.level\.low'"):
        recipe_file.load("cpu/gsm8k", wrong)


@pytest.mark.parametrize(("words", "said"), [(["."], "it is a folder"), (["t.jsonl", "t.csv"], "no file 't.csv'")])
def test_inputs_that_are_no_files(run: Any, words: list[str], said: str) -> None:
    refused(run(*words[1:], file=words[0]), said)


def test_one_row_is_one_row(run: Any) -> None:
    said = run("rows=1", "traces_per_problem=null")
    assert "\n1 row -> out" in said.out
    assert re.search(r"^all, 1 row +1 trace  of       1 problem   █$", said.out, re.MULTILINE)


@pytest.mark.parametrize("beside", [".out.unfinished", ".out.replaced"])
def test_what_lies_where_a_set_is_written_is_no_input(run: Any, beside: str) -> None:
    Path(beside).mkdir()
    theirs = written(Path(beside) / "t.jsonl", made())
    refused(run(file=str(theirs)), f"{beside}, where --out=out is written, which is replaced")
    assert theirs.is_file()


def test_general_data_that_is_missing_is_told_before_anything_is_read(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "measure", lambda *_: pytest.fail("reads the traces"))
    refused(run("mix=[{path: none.jsonl, share: 0.5}]"), "mix.path 'none.jsonl' is no file.")
