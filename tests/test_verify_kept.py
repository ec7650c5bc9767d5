"""`distill verify` ends early, goes on, starts over, or refuses at once: what lies on the disk then."""

import fcntl
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from commands import refused
from stub_server import StubServer, answer

from distill.errors import Refused
from distill.files import read_rows
from distill.verify import files, judge, kept
from distill.verify.files import verify_file


def test_what_ends_before_its_first_row_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 3)
    monkeypatch.setattr(files, "judge_all", lambda *_: iter([]))  # no verdict comes
    with pytest.raises(RuntimeError):
        verify_file(file, out)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def _many(path: Path, rows: int) -> None:
    lines = (json.dumps({"response": rf"\boxed{{{i}}}", "answer": str(i), "n": i}) for i in range(rows))
    path.write_text("".join(line + "\n" for line in lines))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_a_kill_the_same_command_goes_on(number: int, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 60_000)
    command = [sys.executable, "-m", "distill", "verify", str(file), "--out", str(out)]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
    )
    partial = tmp_path / ".out.jsonl.partial"
    while not partial.exists() or partial.stat().st_size < 100_000:
        assert child.poll() is None
        sleep(0.02)
    child.send_signal(number)
    assert child.wait(60) != 0
    told = child.stderr.read().decode()  # type: ignore[union-attr]
    assert told.count("interrupted") == (number == signal.SIGINT), told
    assert not out.exists()
    written = partial.stat().st_size
    with partial.open("ab") as f:
        f.write(b'{"response": "torn')
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    done = int(re.match(r"goes on behind row ([\d,]+) of 60,000", again.stderr)[1].replace(",", ""))  # type: ignore[index]
    assert written / 200 < done < 60_000
    rows = read_rows(out)
    assert [row["n"] for row in rows] == list(range(60_000))
    assert {row["verdict"] for row in rows} == {"correct"}
    assert again.stdout.startswith("60,000 correct (100.0%)")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "rows.jsonl"]


def _ended_early(file: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a call that was killed behind its second row leaves it."""
    with monkeypatch.context() as patched:
        patched.setattr(files, "judge_all", lambda rows, *_: (judge(*row) for row in islice(rows, 2)))
        with pytest.raises(RuntimeError):
            verify_file(file, out)


def test_it_says_where_it_goes_on_or_why_it_does_not(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 4)
    _ended_early(file, out, monkeypatch)
    assert distill("verify", file, "--out", out, "--workers", "2").err.splitlines() == ["goes on behind row 2 of 4"]
    assert distill("verify", file, "--out", out).err == ""
    _ended_early(file, out, monkeypatch)
    told = distill("verify", file, "--out", out, "verify.math.percent=hundredth").err
    assert told == "starts over: the settings have changed\n"
    _ended_early(file, out, monkeypatch)
    _many(file, 5)
    assert distill("verify", file, "--out", out).err == "starts over: the file has changed\n"


def test_an_output_may_be_packed(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl.gz"
    file.write_text(json.dumps({"question": "5?", "response": "\\boxed{279}", "answer": "2104_5"}) + "\n")
    assert distill("verify", file, "--out", out).code == 0
    assert json.loads(gzip.decompress(out.read_bytes()))["verdict"] == "unknown"
    with StubServer(lambda *_: answer("SAME")) as server:
        judge_keys = f"verify.judge.base_urls=[{server.url}]", "verify.judge.model=m"
        assert "1 correct (100.0%)" in distill("verify", file, "--out", out, *judge_keys).out
    assert json.loads(gzip.decompress(out.read_bytes()))["by"] == "judge"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl.gz", "out.jsonl.gz.judge", "rows.jsonl"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("some rows.csv", 'response,answer\n"It is\n\\boxed{1}",1\n'),
        ("rows.tsv", "response\tanswer\n\\boxed{1}\t1\n"),
        ("rows.json", '\n[\n {"response": "1", "answer": "1"}\n]\n'),
        ("rows.jsonl.gz", '[{"response": "1", "answer": "1"}]'),
    ],
)
def test_other_tables_are_refused_with_what_converts_them(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    done = distill("verify", name, "--out", "out.jsonl")
    refused(done, "which is not taken")
    command = done.err.partition("One JSON object a line: python")[2]
    subprocess.run(f"{sys.executable}{command}", shell=True, check=True)
    assert "1 correct" in distill("verify", "rows.jsonl", "--out", "out.jsonl").out


def test_a_second_file_and_a_folder_that_is_not_there(distill: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    _many(file, 1)
    refused(distill("verify", file, file, "--out", tmp_path / "out.jsonl"), "one file is judged at a time")
    refused(distill("verify", file, "--out", tmp_path / "none" / "out.jsonl"), "there is no folder")
    refused(distill("verify", file, "--out", tmp_path / "out.jsonl.zst"), "rows are written as JSON")
    done = distill("verify", file, "--output", "x")
    refused(done, "No such option")
    assert "See distill verify --help." in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_what_other_settings_left_is_judged_again(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 3)
    partial, mark = tmp_path / ".out.jsonl.partial", tmp_path / ".out.jsonl.of"
    partial.write_text(json.dumps({"n": 0, "verdict": "wrong", "extracted": "7", "reason": "another number"}) + "\n")
    mark.write_text("of another file")
    verify_file(file, out)
    assert [row["verdict"] for row in read_rows(out)] == ["correct"] * 3


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 3)
    with (tmp_path / ".out.jsonl.partial").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="another process"):
            verify_file(file, out)
    assert not out.exists()


def test_the_place_of_unfinished_rows_is_no_input(distill: Any, tmp_path: Path) -> None:
    for name in (".out.jsonl.partial", ".out.jsonl.of"):
        file = tmp_path / name
        _many(file, 2)
        before = file.read_bytes()
        refused(distill("verify", file, "--out", tmp_path / "out.jsonl"), "is where rows lie until")
        assert file.read_bytes() == before
        file.unlink()


GREAT = b'{"response": "0", "answer": "0", "n": 0, "verdict": "great", "extracted": null, "reason": "x"}\n'


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [b'{"no": "verdict"}\n'],
        lambda lines: [*lines, b"\x82\x82\n"],
        lambda lines: [GREAT, lines[1]],
        lambda lines: [lines[0].replace(b'"reason": "', b'"reason": 5, "was": "')],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines],
        lambda lines: [*lines, lines[0]],
        lambda lines: [lines[0].replace(b'"n": 0', b'"n": 7'), lines[1]],
    ],
)
def test_a_damaged_partial_is_named(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[list[bytes]], list[bytes]]
) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 5)
    _ended_early(file, out, monkeypatch)
    partial = tmp_path / ".out.jsonl.partial"
    partial.write_bytes(b"".join(damage(partial.read_bytes().splitlines(keepends=True))))
    refused(distill("verify", file, "--out", out), ".out.jsonl.partial is damaged: something else has written there")
    assert not out.exists()


def test_more_rows_than_there_are_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 2)
    with monkeypatch.context() as patched:
        patched.setattr(kept, "_put", lambda *_: 1 / 0)  # killed when all is written
        with pytest.raises(ZeroDivisionError):
            verify_file(file, out)
    partial = tmp_path / ".out.jsonl.partial"
    partial.write_bytes(partial.read_bytes() + partial.read_bytes().splitlines(keepends=True)[-1])
    with pytest.raises(Refused, match="damaged"):
        verify_file(file, out)


@pytest.mark.parametrize(("left", "said"), [(None, "is gone"), (b"\x82 garbage", "is damaged"), (b"[]", "is damaged")])
def test_what_says_how_rows_were_judged_may_be_lost(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes | None, said: str
) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 4)
    _ended_early(file, out, monkeypatch)
    mark = tmp_path / ".out.jsonl.of"
    mark.unlink() if left is None else mark.write_bytes(left)
    done = distill("verify", file, "--out", out)
    assert done.err == f"starts over: .out.jsonl.of, which tells what was judged, {said}\n"
    assert len(read_rows(out)) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text(file.read_text()[:-5]),
        lambda file: file.write_text(file.read_text().replace('"answer"', '"anser"')),
        lambda file: file.write_text(file.read_text().replace("3", "4")),
        lambda file: file.unlink(),
    ],
)
def test_a_file_that_is_written_while_it_is_read(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 4)
    out.write_text("held")
    judge_all = files.judge_all

    def written_meanwhile(rows: Any, *more: Any) -> Any:
        change(file)
        return judge_all(rows, *more)

    monkeypatch.setattr(files, "judge_all", written_meanwhile)
    refused(distill("verify", file, "--out", out), "rows.jsonl has changed while it was read")
    assert out.read_text() == "held"


def test_places_that_are_no_files(distill: Any, tmp_path: Path) -> None:
    file, out, circle = tmp_path / "rows.jsonl", tmp_path / "out.jsonl", tmp_path / "circle"
    _many(file, 2)
    circle.symlink_to(circle)
    os.mkfifo(tmp_path / "pipe")
    refused(distill("verify", tmp_path / "pipe", "--out", out), "pipe' is not a regular file")
    refused(distill("verify", file, "--out", tmp_path / "pipe"), "is there and is no file")
    refused(distill("verify", file, "--out", circle), "is a link that leads nowhere")
    refused(distill("verify", file, "--out", "-"), "rows are written to a file")
    for name in (".out.jsonl.partial", ".out.jsonl.of"):
        (tmp_path / name).mkdir()
        refused(distill("verify", file, "--out", out), f"{name} is there and is no file")
        (tmp_path / name).rmdir()
    command = f"{sys.executable} -m distill verify {file} --out /dev/stdout | cat; exit ${{PIPESTATUS[0]}}"
    piped = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert piped.returncode == 2
    assert "refused: --out=/dev/stdout is there and is no file." in piped.stderr
    assert not out.exists()


def test_what_a_kill_left_while_it_packed_is_removed(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl.gz"
    _many(file, 2)
    (tmp_path / ".out.jsonl.gz.343.unfinished").write_bytes(b"half")
    verify_file(file, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl.gz", "rows.jsonl"]
