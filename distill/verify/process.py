"""A process that answers questions, one JSON line each: hard limits from outside, no signals.

Killing a child from outside always works, in threads, notebooks and event loops alike. A child that is late or that
ends costs the one answer; the next question starts another.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, NoReturn

from distill.errors import DistillError

SLACK = 4
"""So much longer than its computing time may a question take on a busy machine."""

START_SECONDS = 120
"""Longest time for a child to load what it needs. Loading does not count as thinking time."""

STARTS = 3
"""Of a child that others kill before it is ready."""

ENDING_SECONDS = 1.0
"""Until a child that has closed its output has ended."""

KILLED = "it was ended by"

LONGEST_REPLY = 64 << 20
"""Bytes of a reply; a child that says more is taken for broken."""

KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""What a child sees of the environment: no keys and no tokens."""


class NoReply(Exception):
    """Why there was none, in a few words that group well in counts."""


class Worker:
    """Runs a module in a process of its own; starts it at the first question."""

    def __init__(self, module: str, variables: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-P", "-m", module]
        self._variables = dict(variables or {})
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._is_ready = self._was_ready = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this
        self._lock = threading.Lock()

    def ask(self, question: Any, seconds: float) -> Any:
        """The child's reply, in so many seconds of computing; waiting for a processor does not count.

        Raises:
            NoReply: it did not answer in time, or ended.
            DistillError: no child of this worker has ever started.
        """
        with self._lock:
            child = self._running_child()
            self._asked += 1
            try:
                late = time.monotonic() + SLACK * seconds + 1
                line = _answered(child, [self._asked, seconds, question], late)
                number, reply = json.loads(line) if line else (0, None)
            except BaseException:  # interrupted: its reply would be taken for that to the next question
                self._kill()
                raise
            if number != self._asked:
                reason = "verifier crashed" if _crashed(child) else "time-out"
                self._kill()
                self._launch()  # it loads while others are judged
                raise NoReply(reason)
            return reply

    def close(self) -> None:
        with self._lock:
            self._kill()

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None and self._is_ready:
            return self._child
        why = ""
        for _ in range(STARTS):
            if self._child is None or self._is_ready:
                self._kill()
                self._launch()
            why = self._why_not_ready()
            if not why:
                self._was_ready = True
                return self._child  # type: ignore[return-value]
            if not why.startswith(KILLED):
                break
        self._refuse_unless_it_once_was(why)

    def _why_not_ready(self) -> str:
        """Empty once the child is ready; one that is not is gone, and this is why."""
        child, late = self._child, time.monotonic() + START_SECONDS
        assert child is not None
        assert child.stdout is not None
        try:
            self._is_ready = _line_by(child.stdout, late) == b"ready\n"
            if self._is_ready:
                return ""
            with suppress(subprocess.TimeoutExpired):
                status = child.wait(ENDING_SECONDS)
                return f"{KILLED} {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"
            return f"it said nothing within {START_SECONDS} s"
        finally:
            if not self._is_ready:
                self._kill()

    def _launch(self) -> None:
        """Start a child without waiting for it."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        self._errors.seek(0)
        self._errors.truncate()
        self._is_ready = False
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            env={**kept, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **self._variables},
        )
        assert self._child.stdin is not None
        os.set_blocking(self._child.stdin.fileno(), False)

    def _refuse_unless_it_once_was(self, why: str) -> NoReturn:
        """A verifier that never starts would make every answer `unknown`, each of them paid for."""
        if self._was_ready:
            raise NoReply("verifier could not be started")
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        why = said[-1].strip().rstrip(".") if said else why
        raise DistillError(f"the process that judges answers does not start: {why}.", "Nothing is lost.")

    def _kill(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child = None


def _crashed(child: "subprocess.Popen[bytes]") -> bool:
    """Has it ended in another way than by its own clocks?"""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(0.05) not in (-signal.SIGPROF, -signal.SIGALRM)
    return False


def _answered(child: "subprocess.Popen[bytes]", question: Any, deadline: float) -> bytes:
    """The line that a child answers, empty where it does not come whole in time."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        left = memoryview(json.dumps(question).encode() + b"\n")
        while left:
            if not _is_ready(child.stdin, select.POLLOUT, deadline):
                return b""
            with suppress(BlockingIOError):
                left = left[os.write(child.stdin.fileno(), left) :]
        return _line_by(child.stdout, deadline)
    except ConnectionError:  # it has ended
        return b""


def _line_by(pipe: IO[bytes], deadline: float) -> bytes:
    """One line from an unbuffered pipe, empty where it does not come whole in time."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if len(line) > LONGEST_REPLY or not _is_ready(pipe, select.POLLIN, deadline):
            return b""
        piece = os.read(pipe.fileno(), 1 << 16)
        if not piece:
            return b""
        line += piece
    return bytes(line)


def _is_ready(pipe: IO[bytes], event: int, deadline: float) -> bool:
    poll = select.poll()  # select() knows no file number beyond 1023, and an endpoint holds thousands of sockets
    poll.register(pipe, event)
    left = deadline - time.monotonic()
    return left > 0 and bool(poll.poll(left * 1000))
