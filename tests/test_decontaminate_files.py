"""What `distill decontaminate` reads and leaves on disk: kills, full disks, two at once, any tables and chats."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import Outcome, refused

from distill.curate.decontamination.decontaminate import Decontaminator

QUESTION = "Convert the point $(0,3)$ in rectangular coordinates to polar coordinates, with a positive radius."
OTHERS = [f"How many ways are there to seat {n} people at a round table with {n + 3} chairs?" for n in range(9)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows(tmp_path / "train.jsonl", [*OTHERS, QUESTION])
    rows(tmp_path / "eval.jsonl", [QUESTION])
    return tmp_path


def rows(path: Path, questions: list[Any], key: str = "question") -> Path:
    path.write_text("".join(json.dumps({key: question}) + "\n" for question in questions))
    return path


WORDS = "decontaminate {} --against eval.jsonl --out clean{} --flagged flagged.jsonl"


def run(distill: Any, file: str = "train.jsonl", *more: str) -> Outcome:
    found: Outcome = distill(*WORDS.format(file, Path(file).suffix).split(), *more)
    return found


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in ("train.jsonl", "eval.jsonl"))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("size", [500, 1000, 1 << 16])
def test_on_a_full_disk_both_files_stay_as_they_were(distill: Any, folder: Path, size: int) -> None:
    """Also where there is room for the rows, and not for the last bytes of what was flagged (the second size)."""
    many = 700 if size > 1 << 15 else 1
    rows(folder / "train.jsonl", [f"{n} {text}" for n in range(many) for text in OTHERS] + [QUESTION] * 3)
    for name in ("clean.jsonl", "flagged.jsonl"):
        (folder / name).write_text("old")
    with largest_file(size):
        refused(run(distill), "cannot be written: File too large")
    assert [(folder / name).read_text() for name in ("clean.jsonl", "flagged.jsonl")] == ["old", "old"]
    assert left(folder) == ["clean.jsonl", "flagged.jsonl"]


@pytest.mark.parametrize("name", ["clean.jsonl", "flagged.jsonl"])
def test_one_process_writes_a_file(distill: Any, folder: Path, name: str) -> None:
    partial = folder / f".{name}.unfinished"
    partial.write_text("theirs")
    with partial.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused(run(distill), f"{name} is being written by another process")
    assert (partial.read_text(), left(folder)) == ("theirs", [partial.name])
    assert run(distill).code == 0
    assert left(folder) == ["clean.jsonl", "flagged.jsonl"]


def test_a_file_that_was_finished_meanwhile_is_not_written(
    distill: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def finished_meanwhile(f: Any, how: int) -> None:
        os.replace(folder / ".flagged.jsonl.unfinished", folder / "flagged.jsonl")
        lock(f, how)

    monkeypatch.setattr(fcntl, "flock", finished_meanwhile)
    refused(run(distill), "flagged.jsonl is being written by another process")
    assert left(folder) == ["flagged.jsonl"]


def test_a_kill_leaves_what_was_there_and_the_same_command_does_it(distill: Any, folder: Path) -> None:
    (folder / "clean.jsonl").write_text("old")
    slow = (
        "import time; from distill.curate.decontamination.decontaminate import Decontaminator as D; "
        "D.flags = lambda *_: time.sleep(99)"
    )
    python = [sys.executable, "-c", f"{slow}\nfrom distill.cli import main; main()"]
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    child = subprocess.Popen([*python, *WORDS.format("train.jsonl", ".jsonl").split()], env=here)
    until = time.monotonic() + 120
    while len(left(folder)) < 3 and child.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert (folder / "clean.jsonl").read_text() == "old"
    assert left(folder) == [".clean.jsonl.unfinished", ".flagged.jsonl.unfinished", "clean.jsonl"]
    assert run(distill).code == 0
    assert left(folder) == ["clean.jsonl", "flagged.jsonl"]
    assert (folder / "clean.jsonl").read_text() == "".join(json.dumps({"question": text}) + "\n" for text in OTHERS)


def test_where_an_output_is_written_is_no_input(distill: Any, folder: Path) -> None:
    hidden = rows(folder / ".clean.jsonl.unfinished", OTHERS)
    refused(run(distill, ".clean.jsonl.unfinished", "--out", "clean.jsonl"), "must be different files")
    refused(run(distill, "train.jsonl", "--against", hidden.name), "must be different files")
    assert hidden.stat().st_size > 100


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


ANSWER = {"role": "assistant", "content": QUESTION}
ASKED = {
    "beside an image": [user("Hello."), ANSWER, user([{"type": "image_url"}, {"type": "text", "text": QUESTION}])],
    "in blocks of any type": [user([{"type": "input_text", "text": QUESTION}])],
    "in blocks that are text": [user(["Look at this:", QUESTION])],
    "in the other layout's field": [{"role": None, "content": None, "from": "human", "value": QUESTION}],
    "in one turn": user(QUESTION),
}
NOT_ASKED = [[], [{"role": "system", "content": QUESTION}], [ANSWER], [user(None)], [user([{"type": "image"}])]]
UNREADABLE = [[{"role": "prompter", "text": QUESTION}], [user({"parts": [QUESTION]})], [user(3)], ["a"], [{"x": 1}]]


@pytest.mark.parametrize("chat", ASKED.values(), ids=ASKED)
def test_all_that_a_user_says_is_looked_at(distill: Any, folder: Path, chat: Any) -> None:
    rows(folder / "train.jsonl", [[user(OTHERS[0])], chat], "messages")
    told = run(distill)
    assert "1 of 2 rows kept" in told.out, told


def test_chats_in_which_nobody_asks_are_kept_and_others_refuse_the_file(distill: Any, folder: Path) -> None:
    rows(folder / "train.jsonl", NOT_ASKED, "messages")
    assert "5  without text (kept)" in run(distill).out
    for chat in UNREADABLE:
        rows(folder / "train.jsonl", [[user(OTHERS[0])], chat], "messages")
        refused(run(distill), "row 2 holds no text")
    rows(folder / "eval.jsonl", [QUESTION, 3])
    told = distill("select", rows(folder / "t.jsonl", OTHERS), "--response-key", "question", "--out", folder / "o",
                   "evaluation_sets=[eval.jsonl]")  # fmt: skip
    refused(told, "eval.jsonl in evaluation_sets, row 2 holds no text")


def test_tables_of_any_types_are_written_as_they_are(distill: Any, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    asked = [*OTHERS[:4], QUESTION, *OTHERS[4:], QUESTION]
    table = pa.table(
        {
            "n": range(len(asked)),
            "question": pa.array(asked, pa.string_view()),
            "kind": pa.array(["a", "b"] * 5 + ["a"]).dictionary_encode(),
            "views": pa.array([[text] for text in asked], pa.list_(pa.string_view())),
            "when": pa.array([1 << 62] * len(asked), pa.timestamp("us")),
            "id": pa.array([b"0" * 16] * len(asked), pa.uuid()),
        }
    )
    pq.write_table(table, folder / "t.parquet", row_group_size=3)
    assert run(distill, "t.parquet").code == 0
    kept = [row for row, text in enumerate(asked) if text != QUESTION]
    found = pq.read_table(folder / "clean.parquet")
    assert found.schema.equals(pq.read_schema(folder / "t.parquet"))
    assert found.slice(0, 4).equals(table.cast(found.schema).slice(0, 4))
    assert found["n"].to_pylist() == kept


def test_an_empty_name_of_a_column_is_none(distill: Any, folder: Path) -> None:
    refused(run(distill, "train.jsonl", "--text-key", ""), "has no ''")


def test_ctrl_c_leaves_nothing(distill: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Decontaminator, "flags", interrupted)
    assert run(distill).code == 130
    assert left(folder) == []


def test_a_large_table_is_compared_in_small_parts(distill: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a long text stands there: the arrays of a part are many times its size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sizes, flags = [], Decontaminator._flags

    def counted(finder: Decontaminator, texts: list[str]) -> Any:
        sizes.append(sum(map(len, texts)))
        return flags(finder, texts)

    monkeypatch.setattr(Decontaminator, "_flags", counted)
    long = "some other words " * 12_000
    asked = [long] * 120 + [QUESTION]
    pq.write_table(pa.table({"question": asked, "n": range(121)}), folder / "t.parquet")
    assert run(distill, "t.parquet").code == 0
    assert pq.read_table(folder / "clean.parquet")["n"].to_pylist() == [*range(120)]
    assert max(sizes) < 5 << 20
    assert sum(sizes) == sum(map(len, asked))


def test_rows_with_other_numbers_are_kept_or_left_out(distill: Any, folder: Path) -> None:
    changed = QUESTION.replace("$(0,3)$", "$(8,5)$")
    rows(folder / "train.jsonl", [*OTHERS, changed, QUESTION])
    said = run(distill)
    assert said.code == 0
    assert "10 of 11 rows kept" in said.out
    assert "1  changed  eval.jsonl (kept)" in said.out
    flagged = (folder / "flagged.jsonl").read_text()
    said = run(distill, "train.jsonl", "--drop-changed")
    assert said.code == 0
    assert "9 of 11 rows kept" in said.out
    assert "(kept)" not in said.out
    assert "row 10: changed, eval.jsonl row 1" in said.out
    assert [json.loads(line)["question"] for line in (folder / "clean.jsonl").open()] == OTHERS
    assert (folder / "flagged.jsonl").read_text() == flagged
