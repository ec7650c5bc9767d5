"""What a person sees while a run goes on, on terminals of all kinds and off them; and what its log keeps."""

import io
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, TextIO, get_args

import pytest
from rich.console import Console
from terminal import Terminal, run_in_terminal

from distill.meter import RECENT, Meter, rate
from distill.notices import counting, doing, hearing
from distill.progress import Notices, Progress
from distill.recipe import Price
from distill.run_log import AnyEvent, Doing, Progressed, StageBegins, StageSealed, append, read_log
from distill.screen import Block, Lines, State

STAGES = """
import time
from distill.notices import doing, hearing
from distill.progress import Notices, Progress
from distill.recipe import Price
from distill.run import Seal

with Progress() as progress, hearing(Notices(progress)):
    progress.begins("harvest", "f")
    with doing("starts the vLLM server at an address that is so long that it fits on no line of any terminal"):
        time.sleep(0.4)
    told = progress.harvesting(Price(prompt=1.0, completion=2.0), 5.0)
    for done in range(0, 1001, 50):
        told(done, 1000, {"correct": done // 2, "wrong": done - done // 2, "accepted": done // 3,
                          "prompt_tokens": 1000 * done, "completion_tokens": 1000 * done})
        time.sleep(0.03)
    progress.notice("a server said: \\x1b[2J\\x1b[31mgone\\u202e")
    progress.skipped("publish", Seal("f", {"where": "written to " + "a/" * 60}, {}, 1.0))
"""


class Kept:
    """A screen that only remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sentences: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def show(self, state: State) -> None:
        self.sentences.append(state.sentence())

    def close(self) -> None:
        pass


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("width", "settings"), [(80, {}), (40, {}), (80, {"NO_COLOR": "1"}), (60, {"PYTHONIOENCODING": "ascii"})]
)
def test_on_a_terminal(width: int, settings: dict[str, str]) -> None:
    """One block, never wider than the terminal; the lines stay and the block goes; the cursor is never taken away."""
    code, pieces = run_in_terminal(["-c", STAGES], width, **settings)
    assert code == 0, b"".join(pieces).decode()
    screen, seen = Terminal(width), []
    for piece in pieces:
        screen.feed(piece)
        seen.append("\n".join(screen.shown()))
    words = " ".join(" ".join(seen).split())
    assert "harvest starts the vLLM server" in words
    assert " of 1,000 traces" in words
    assert "% accepted" in words
    assert "of 5.00 spent" in words
    assert seen[-1].startswith("harvest: begins\na server said:  [2J [31mgone\npublish: already done (written to\n")
    assert "left" not in seen[-1]
    assert len(max(seen, key=len).splitlines()) < 14
    assert bool(re.search(rb"\x1b\[[39]\d", b"".join(pieces))) != ("NO_COLOR" in settings)


def test_a_frame_is_one_write() -> None:
    """What goes back over the last frame brings the next one with it: nothing flickers."""

    class Recorder(io.StringIO):
        writes: ClassVar[list[str]] = []

        def write(self, text: str) -> int:
            self.writes.append(text)
            return len(text)

    stream: TextIO = Recorder()
    console = Console(file=stream, force_terminal=True, width=50, _environ={"TERM": "xterm"})
    block = Block(console)
    block.show(State(stage="train", work="train", done=3, of=10, unit="steps", told="loss 1.0"))
    deadline = time.monotonic() + 10
    while sum("3 of 10" in w for w in Recorder.writes) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    block.line("a line above")
    block.close()
    frames = [w for w in Recorder.writes if "3 of 10" in w]
    assert len(frames) >= 4
    assert all("loss 1.0" in frame and "30 %" in frame for frame in frames)
    assert all("\x1b[2K" in frame for frame in frames[1:])
    erased = [w for w in Recorder.writes if "\x1b[2K" in w and "3 of 10" not in w]
    assert len(erased) <= 2  # the first frame, and the last erasure


@pytest.mark.parametrize("settings", [{"TERM": "dumb"}, {"TTY_INTERACTIVE": "0"}])
def test_terminals_without_a_cursor_get_lines(settings: dict[str, str]) -> None:
    code, pieces = run_in_terminal(["-c", STAGES], **settings)
    told = b"".join(pieces).decode()
    assert code == 0
    assert "\x1b" not in told
    assert len(told.splitlines()) == 3


@pytest.mark.parametrize("how", ["closed", "gone", "full"])
def test_nobody_needs_to_listen(how: str) -> None:
    """stderr that is closed, a terminal that went away, a full disk: the run goes on."""
    if how == "gone":
        assert run_in_terminal(["-c", STAGES + "\nraise SystemExit(7)"], closed=True)[0] == 7
        return
    target = "2>&-" if how == "closed" else "2>/dev/full"
    command = ["bash", "-c", f'exec "$0" -c "$1" {target}', sys.executable, STAGES + "\nraise SystemExit(7)"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    assert subprocess.run(command, env=env, stdout=subprocess.DEVNULL, timeout=60).returncode == 7


def test_lines_are_sparse_and_tell_what_is_silent() -> None:
    stream = io.StringIO()
    lines = Lines(stream, quiet=0.2)
    state = State(stage="train")
    state.phases[0] = ("loads a model", time.monotonic())
    for _ in range(100):
        lines.show(state)
    deadline = time.monotonic() + 60
    while stream.getvalue().count("\n") < 2 and time.monotonic() < deadline:
        time.sleep(0.01)  # nobody shows anything: the model is being loaded
    lines.close()
    told = stream.getvalue().splitlines()
    assert 2 <= len(told) < 100
    assert all(line.startswith("train: loads a model, for ") for line in told)


def test_the_rate_is_that_of_this_attempt() -> None:
    clock = Clock()
    meter = Meter(clock)
    assert meter.note(900, 1000).per_second == 0.0
    for second in range(1, 6):
        clock.now = second
        pace = meter.note(900 + 10 * second, 1000)
    assert pace.per_second == pytest.approx(10)
    assert pace.seconds_left == pytest.approx(5)
    assert meter.note(0, 40).per_second == 0.0, "other work"


def test_the_rate_follows_what_slows_down_and_leaves_out_what_is_no_work() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.note(0, 10_000)
    clock.now = 300.0
    meter.leave_out(300.0)  # loading the model
    done = 0
    for _ in range(300):
        clock.now, done = clock.now + 1, done + 10
        fast = meter.note(done, 10_000)
    for _ in range(int(2 * RECENT)):
        clock.now, done = clock.now + 1, done + 1
        slow = meter.note(done, 10_000)
    assert fast.per_second == pytest.approx(10, rel=0.02)
    assert slow.per_second == pytest.approx(1, rel=0.05)


def test_rates_are_told_in_the_unit_that_fits() -> None:
    assert rate(12.34, "traces") == "12.3 traces/s"
    assert rate(0.1, "steps") == "6.0 steps/min"
    assert rate(0.001, "steps") == "3.6 steps/h"


def test_money_and_the_accepted_share() -> None:
    screen = Kept()
    progress = Progress(screen)
    progress.begins("harvest", "f")
    counts = {"correct": 6, "wrong": 2, "accepted": 4, "prompt_tokens": 10**6, "completion_tokens": 2 * 10**6}
    progress.harvesting(Price(prompt=0.5, completion=1.0), 4.0)(8, 16, counts)
    assert screen.sentences[-1].endswith("6 correct, 2 wrong, 0 unknown, 50.0 % accepted, 2.50 of 4.00 spent")
    progress.harvesting(None, None)(9, 16, counts)
    assert "spent" not in screen.sentences[-1]


def test_phases_within_phases_and_counts_are_heard() -> None:
    screen = Kept()
    progress = Progress(screen)
    progress.begins("curate", "f")
    with hearing(Notices(progress)):
        with doing("chooses"), doing("looks for duplicates"):
            assert "curate: looks for duplicates" in screen.sentences[-1]
        assert list(counting(range(3), 3, "rows written")) == [0, 1, 2]
    assert screen.sentences[-1].startswith("curate: rows written: 3 of 3 rows")


def test_the_log_of_a_run_is_as_documented(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    """Every line is an event that is known; each stage begins, progresses to its end and is sealed."""
    run = tmp_path / "run"
    assert distill("run", recipe_file, "--run-dir", run).code == 0
    events = list(read_log(run / "log.jsonl"))
    assert len(events) == len((run / "log.jsonl").read_text().splitlines())
    assert [e.time for e in events] == sorted(e.time for e in events)
    order = [(type(e).__name__, e.stage) for e in events if isinstance(e, StageBegins | StageSealed)]
    stages = ["problems", "harvest", "curate", "train", "evaluate", "publish"]
    assert order == [(kind, stage) for stage in stages for kind in ("StageBegins", "StageSealed")]
    ends = {e.work: e for e in events if isinstance(e, Progressed)}
    assert {"harvest", "train", "evaluate base", "evaluate student", "curate: rows written"} <= ends.keys()
    assert all(end.done == end.of for end in ends.values())
    assert ends["harvest"].figures["accepted"] == 48
    assert "loss" in ends["train"].figures
    said = {e.what for e in events if isinstance(e, Doing)}
    assert {"renders and checks the curated set", "loads tiny", "compares with the evaluation"} <= said
    before = len(events)
    assert distill("run", recipe_file, "--run-dir", run).code == 0
    later = list(read_log(run / "log.jsonl"))[before:]
    assert Counter(e.event for e in later) == {"stage skipped": 6}


def test_the_page_tells_every_event_and_field() -> None:
    page = (Path(__file__).parents[1] / "docs" / "watching.md").read_text()
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    for kind in get_args(get_args(AnyEvent)[0]):
        row = rows[kind.model_fields["event"].default]
        assert all(f"`{name}`" in row for name in kind.model_fields if name not in ("time", "event")), row


def test_a_torn_line_of_the_log_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, Doing(stage="train", what="first"))
    with path.open("a") as f:
        f.write('{"time": 1, "event": "do')  # killed here
    append(path, Doing(stage="train", what="second"))
    found: list[AnyEvent] = list(read_log(path))
    assert [e.what for e in found if isinstance(e, Doing)] == ["first", "second"]
    assert [json.loads(line)["what"] for line in path.read_text().splitlines() if line.endswith("}")] == [
        "first",
        "second",
    ]
