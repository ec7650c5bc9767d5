"""A process that answers questions, one JSON line each: hard limits from outside, no signals.

Killing a child from outside always works, in threads, notebooks and event loops alike. A child that is late or that
ends costs the one answer; the next question starts another.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

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
        self._lock = threading.Lock()

    def ask(self, question: Any, seconds: float) -> Any:
        """The child's reply.

        Raises:
            NoReply: it did not start, did not answer in time, or ended.
        """
        with self._lock:
            child = self._running_child()
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(json.dumps([seconds, question]).encode() + b"\n")
                line = _line_within(child.stdout, seconds)
            except OSError:
                line = b""
            if not line:
                reason = "time-out" if child.poll() is None else "verifier crashed"
                self._kill()
                raise NoReply(reason)
            return json.loads(line)

    def close(self) -> None:
        with self._lock:
            self._kill()

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._kill()
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**kept, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **self._variables},
        )
        assert self._child.stdout is not None
        if _line_within(self._child.stdout, START_SECONDS) != b"ready\n":
            self._kill()
            raise NoReply("verifier could not be started")
        return self._child

    def _kill(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child = None


def _line_within(pipe: IO[bytes], seconds: float) -> bytes:
    """One line from an unbuffered pipe, empty where it does not come whole in time."""
    poll = select.poll()  # select() knows no file number beyond 1023, and an endpoint holds thousands of sockets
    poll.register(pipe, select.POLLIN)
    deadline = time.monotonic() + seconds
    line = bytearray()
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or len(line) > LONGEST_REPLY or not poll.poll(left * 1000):
            return b""
        piece = os.read(pipe.fileno(), 1 << 16)
        if not piece:
            return b""
        line += piece
    return bytes(line)
