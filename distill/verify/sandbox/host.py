"""Our side of the sandbox: starts it, hands it programs, and believes nothing but what its own processes report."""

import json
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any

from distill.verify.sandbox.bubble import command
from distill.verify.sandbox.inside import wire
from distill.verify.sandbox.starter import starter

START_SECONDS = 60
LATER_SECONDS = 90
"""After the sandbox itself should have ended a program: tests may take a minute of their own."""

ATTEMPTS = 3
"""Starts of a sandbox that ends before it takes a job."""


class Unavailable(Exception):
    """The sandbox could not run a program; no fault of the program's. Says why, in a few words."""


@dataclass(frozen=True)
class Limits:
    """What a program may use."""

    cpu: float = 10.0
    """Seconds of processor time: of all calls of a function together, or for each input."""
    memory: int = 1 << 30
    """Bytes of address space."""
    wall: float = 120.0
    """Seconds until a program that waits is ended; far, as a busy machine must not change a verdict."""
    threads: int = 64
    files: int = 64
    """Open at once."""
    output: int = 16 << 20
    """Bytes of standard output, and of any file."""
    disk: int = 64 << 20
    """Bytes in its folder."""
    inodes: int = 4096
    """Files in its folder."""


class Sandbox:
    """Starts at the first program; serves one at a time, any number of threads may ask."""

    def __init__(self, isolation: str = "bubblewrap") -> None:
        self.isolation = isolation
        self._child: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = threading.Lock()

    def call(self, program: str, tests: dict[str, Any], limits: Limits) -> dict[str, Any]:
        """The report of tests (see `inside/tester.py`) on a program.

        Raises:
            Unavailable: it could not be run to an end.
        """
        with self._cell({"layout": "calls", "program": program}, limits) as exchange:
            report = exchange(tests, limits.wall + LATER_SECONDS)
        return report

    def feed(self, program: str, inputs: Iterable[str], limits: Limits) -> Iterator[dict[str, Any]]:
        """What the program prints for each input, and why it did not end well (`reason`, empty if it did).

        Raises:
            Unavailable: it could not be run to an end.
        """
        with self._cell({"layout": "stdin", "program": program}, limits) as exchange:
            for text in inputs:
                yield exchange(text, limits.wall + LATER_SECONDS)
            exchange(None, 0)

    def pid(self) -> int:
        """Of its first process."""
        assert self._child is not None
        return self._child.pid

    def close(self) -> None:
        """End what runs; who waits for it hears of it, and holds the lock until then."""
        child = self._child
        if child is not None:
            child.kill()
        with self._lock:
            self._kill()

    @contextmanager
    def _cell(self, job: dict[str, Any], limits: Limits) -> Iterator[Callable[[Any, float], Any]]:
        """A fresh cell; at the end of the block nothing of it is left."""
        with self._lock, tempfile.TemporaryDirectory() if self.isolation == "none" else _no_folder() as folder:
            ours, theirs = socket.socketpair()
            with ours:
                try:
                    with theirs:
                        self._order({**asdict(limits), "folder": folder}, theirs)
                    ours.setblocking(False)
                    exchange = _Exchange(ours)
                    exchange.send(job, START_SECONDS)
                    yield exchange
                    ours.close()
                    self._await(b"df", START_SECONDS)
                except BaseException:
                    self._kill()
                    raise

    def _order(self, limits: dict[str, Any], channel: socket.socket) -> None:
        for attempt in range(ATTEMPTS):
            self._start()
            assert self._control is not None
            try:
                socket.send_fds(self._control, [json.dumps(limits).encode()], [channel.fileno()])
                return
            except OSError as e:  # it has ended since the last job
                self._kill()
                if attempt == ATTEMPTS - 1:
                    raise Unavailable("sandbox ends by itself") from e

    def _start(self) -> None:
        if self._child is not None and self._child.poll() is None:
            return
        self._kill()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as errors:
            self._control = ours
            try:
                words, streams = command(self.isolation), (theirs.fileno(), subprocess.DEVNULL, errors)
                self._child = starter.start(lambda: _started(words, *streams))
                theirs.close()
                self._await(b"r", START_SECONDS)
            except (OSError, Unavailable) as e:
                self._kill()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().splitlines()
                raise Unavailable(f"sandbox does not start: {said[-1] if said else e}") from e
            except BaseException:
                self._kill()
                raise

    def _await(self, wanted: bytes, seconds: float) -> None:
        assert self._control is not None
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        said = self._control.recv(1) if poll.poll(seconds * 1000) else b""
        if not said or said not in wanted:
            raise Unavailable("sandbox has ended" if poll.poll(0) else "sandbox does not answer")

    def _kill(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def _started(words: list[str], stdin: int, stdout: int, stderr: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=stderr, env={}, cwd="/")


class _Exchange:
    """One message to a cell, one back, within a time."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._deadline = 0.0

    def __call__(self, message: Any, seconds: float) -> Any:
        self.send(message, START_SECONDS)
        if message is None:
            return None
        self._deadline = time.monotonic() + seconds
        try:
            reply = wire.receive(self._channel.fileno(), wait=self._wait)
        except (wire.Broken, OSError) as e:
            raise Unavailable("sandbox gave no report") from e
        if not isinstance(reply, dict) or ("failed" in reply and isinstance(reply["failed"], str)):
            raise Unavailable(f"sandbox failed: {reply['failed'] if isinstance(reply, dict) else reply}")
        return reply

    def send(self, message: Any, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        try:
            wire.send(self._channel.fileno(), message, wait=self._wait)
        except OSError as e:
            raise Unavailable("sandbox takes no job") from e
        except wire.NotPlain as e:
            raise Unavailable(f"tests of more than {wire.LONGEST >> 20} MiB") from e

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = self._deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Unavailable("sandbox is late")


@contextmanager
def _no_folder() -> Iterator[str]:
    yield ""
