"""The process that judges: late, killed, interrupted or never started, it says nothing wrong."""

import os
import signal
import threading
from pathlib import Path

import pytest

from distill.errors import DistillError
from distill.verify.process import NoReply, Worker

ECHO = """
import time
from distill.verify.child import serve

def answer(question):
    seconds, value = question
    time.sleep(seconds)
    return value

serve(answer, 1 << 30)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    (tmp_path / "echo_worker.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])]))
    return Worker("echo_worker")


class Stop(BaseException):
    """What a notebook's stop button raises is a KeyboardInterrupt; any exception of a signal's handler will do."""


def interrupt_after(seconds: float) -> None:
    def stop(*_: object) -> None:
        raise Stop

    signal.signal(signal.SIGUSR1, stop)
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGUSR1)).start()


def test_an_interrupted_question_answers_no_other(worker: Worker) -> None:
    assert worker.ask([0, "first"], 10) == "first"
    interrupt_after(0.2)
    with pytest.raises(Stop):
        worker.ask([0.5, "interrupted"], 10)
    assert [worker.ask([0, i], 10) for i in range(3)] == [0, 1, 2]
    worker.close()


def test_one_interrupted_while_it_starts(worker: Worker) -> None:
    interrupt_after(0.01)
    with pytest.raises(Stop):
        worker.ask([1, "first"], 10)
    assert worker.ask([0, "second"], 10) == "second"
    worker.close()


def test_late_and_killed_ones_cost_one_reply(worker: Worker) -> None:
    with pytest.raises(NoReply, match="time-out"):
        worker.ask([5, "late"], 0.2)
    assert worker.ask([0, "next"], 10) == "next"
    assert worker._child is not None
    worker._child.kill()
    worker._child.wait()
    assert worker.ask([0, "after a kill"], 10) == "after a kill"
    worker.close()


def test_one_whose_parent_looks_too_late_is_late(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the child ends itself before the parent gives it up."""
    monkeypatch.setattr("distill.verify.process.SLACK", 100)
    with pytest.raises(NoReply, match="time-out"):
        worker.ask([30, "late"], 0.1)
    worker.close()


def test_a_megabyte_while_signals_come(worker: Worker) -> None:
    """A write that a signal cuts short goes on."""
    text = "x" * 3_000_000
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        assert all(worker.ask([0, text], 30) == text for _ in range(3))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    worker.close()


def test_a_child_that_reads_nothing_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deaf.py").write_text("import time; print('ready', flush=True); time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    deaf = Worker("deaf")
    with pytest.raises(NoReply, match="time-out"):
        deaf.ask("x" * 3_000_000, 0.5)
    deaf.close()


def test_one_that_never_starts_ends_the_run_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`unknown` for every answer, each of them paid for, would be worse."""
    (tmp_path / "broken.py").write_text("import no_such_module")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DistillError, match=r"does not start: ModuleNotFoundError: No module named 'no_such_module'\."):
        Worker("broken").ask("?", 5)


def test_one_that_is_killed_while_it_starts_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dies = "import os, pathlib, sys\nseen = pathlib.Path(__file__).with_suffix('.seen')\n"
    once = "if not seen.exists():\n    seen.touch()\n    os.kill(os.getpid(), 9)\n"
    (tmp_path / "once.py").write_text(dies + once + ECHO)
    (tmp_path / "always.py").write_text("import os\nos.kill(os.getpid(), 9)")
    (tmp_path / "ends.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[1]}")
    begun = Worker("once")
    assert begun.ask([0, "reply"], 10) == "reply"
    begun.close()
    with pytest.raises(DistillError, match=r"does not start: it was ended by SIGKILL\."):
        Worker("always").ask("?", 5)
    with pytest.raises(DistillError, match=r"does not start: it ended with status 3\."):
        Worker("ends").ask("?", 5)


def test_one_that_no_longer_starts_costs_a_verdict(worker: Worker, tmp_path: Path) -> None:
    assert worker.ask([0, 1], 10) == 1
    (tmp_path / "echo_worker.py").write_text("raise SystemExit")
    worker.close()
    with pytest.raises(NoReply, match="could not be started"):
        worker.ask([0, 2], 10)
    (tmp_path / "echo_worker.py").write_text(ECHO)
    assert worker.ask([0, 3], 10) == 3
    worker.close()


def test_threads_share_one(worker: Worker) -> None:
    found: dict[int, int] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: worker.ask([0, i], 30)}))  # type: ignore[misc]
        for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: i for i in range(20)}
    worker.close()
