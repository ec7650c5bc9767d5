"""A process that answers questions, one JSON line each: hard limits from outside, no signals.

Killing a child from outside always works, in threads, notebooks and event loops alike. A child that is late or that
ends costs the one answer; the next question starts another.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from distill.errors import DistillError

START_SECONDS = 120
"""Longest time for a child to load what it needs. Loading does not count as thinking time."""

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
        self._was_ready = False
        self._lock = threading.Lock()

    def ask(self, question: Any, seconds: float) -> Any:
        """The child's reply.

        Raises:
            NoReply: it did not answer in time, or ended.
            DistillError: no child of this worker has ever started.
        """
        with self._lock:
            child = self._running_child()
            self._asked += 1
            try:
                line = _answered(child, [self._asked, seconds, question], time.monotonic() + seconds)
                number, reply = json.loads(line) if line else (0, None)
            except BaseException:  # interrupted: its reply would be taken for that to the next question
                self._kill()
                raise
            if number != self._asked:
                reason = "time-out" if child.poll() is None else "verifier crashed"
                self._kill()
                raise NoReply(reason)
            return reply

    def close(self) -> None:
        with self._lock:
            self._kill()

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._kill()
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        with tempfile.TemporaryFile() as errors:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                env={**kept, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **self._variables},
            )
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            os.set_blocking(self._child.stdin.fileno(), False)
            ready = False
            try:
                ready = _line_by(self._child.stdout, time.monotonic() + START_SECONDS) == b"ready\n"
            finally:
                if not ready:
                    self._kill()
            if not ready:
                self._refuse_unless_it_once_was(errors)
        self._was_ready = True
        return self._child

    def _refuse_unless_it_once_was(self, errors: IO[bytes]) -> None:
        """A verifier that never starts would make every answer `unknown`, each of them paid for."""
        if self._was_ready:
            raise NoReply("verifier could not be started")
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
        why = said[-1].strip().rstrip(".") if said else f"it said nothing within {START_SECONDS} s"
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
