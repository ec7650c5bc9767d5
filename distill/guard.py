"""Runs a command and leaves nothing of it behind: `python guard.py COMMAND ...`

A vLLM server is several processes. When its front end is killed its engine goes on for ever and keeps the
memory of the GPU; so would the ranks of a training. So the command runs under this guard, which ends when it does, or
when its own standard input closes - which happens however the process that started it ends, SIGKILL included. The
guard ends last: by then every process that came of the command is gone.

Between the two stands a process that only waits. Ray kills the children of an actor that ends, with SIGKILL and none
but them: that would be the guard, and the engine would stay.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil

GRACE = 10.0
"""Seconds that the command has to end by itself once it was asked to."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(command: list[str]) -> int:
    """Run the command until it ends or standard input closes; returns its exit status."""
    guard = os.fork()
    return _wait_for(guard) if guard else _guard(command)


def _wait_for(guard: int) -> int:
    """All that is done by the process which others know, and may kill."""
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(guard, signal.SIGTERM))
    _, status = os.waitpid(guard, 0)
    return os.waitstatus_to_exitcode(status)


def _guard(command: list[str]) -> int:
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # a Ctrl-C is for the process that started us; it closes our input
    signal.signal(signal.SIGTERM, _close_input)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # orphans of the command become ours
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_obey_again)
    while child.poll() is None and not _input_closed(0.2):
        pass
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(GRACE)
    _kill_the_rest()
    return child.wait(GRACE)


def _close_input(*_: object) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)  # not closed: another file would get the number
    os.dup2(nothing, 0)
    os.close(nothing)


def _input_closed(seconds: float) -> bool:
    try:
        readable, _, _ = select.select([0], [], [], seconds)
        return bool(readable) and not os.read(0, 1)
    except OSError:
        return True


def _obey_again() -> None:
    """In the child, before the command: signals as usual, and an end with us."""
    for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(signum, signal.SIG_DFL)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_the_rest(patience: float = 30.0) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        left = [p for p in psutil.Process().children(recursive=True) if _lives(p)]
        if not left:
            return
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
