"""math-verify in a process of its own: hard limits from outside, no signals.

math-verify's own time-out is SIGALRM: it raises off the main thread, and without it one answer can
freeze a process with the interpreter lock held. Killing a child from outside always works, in
threads, notebooks and event loops alike. A killed child costs one `unknown`.
"""

import json
import select
import signal
import subprocess
import sys
import threading
from typing import IO

from distill.records import VerdictName

MEMORY_BYTES = 4 << 30
"""Address space of the child."""


class Comparer:
    """Compares a gold answer with an extracted one; starts its child at the first call."""

    def __init__(self, timeout_seconds: float = 5.0) -> None:
        self.timeout_seconds = timeout_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def compare(self, gold: str, extracted: str) -> tuple[VerdictName, str]:
        """The verdict and its reason; `unknown` where the child ran out of time or memory."""
        with self._lock:
            child = self._running_child()
            if child is None:
                return "unknown", "math-verify could not be started"
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(json.dumps([gold, extracted]).encode() + b"\n")
                child.stdin.flush()
                line = _line_within(child.stdout, self.timeout_seconds)
            except OSError:
                line = b""
            if not line:
                reason = "time-out" if child.poll() is None else "verifier crashed"
                self._kill()
                return "unknown", reason
            verdict, reason = json.loads(line)
            return verdict, reason

    def close(self) -> None:
        with self._lock:
            self._kill()

    def _running_child(self) -> subprocess.Popen[bytes] | None:
        """A child that has loaded math-verify: loading does not count as thinking time."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        command = [sys.executable, "-m", "distill.verify.worker", str(self.timeout_seconds)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        assert self._child.stdout is not None
        if _line_within(self._child.stdout, 120) != b"ready\n":
            self._kill()
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
    """One line from an unbuffered pipe, empty where it does not come in time. Replies are one short write."""
    ready, _, _ = select.select([pipe], [], [], seconds)
    return pipe.readline() if ready else b""


def _limit() -> None:
    """Bound the child's memory."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _self_destruct_after(seconds: float) -> None:
    """Let the kernel end this process unless called again in time (0 calls it off).

    Only for the case that the parent is gone: it kills a child that is late itself. The default
    action of the signal needs no Python to run, so a computation that holds the interpreter cannot
    stop it.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _compare(gold: str, extracted: str) -> tuple[VerdictName, str]:
    from math_verify import parse, verify

    parsed_gold = parse(_boxed(gold), parsing_timeout=None, raise_on_error=False)
    if not parsed_gold:
        return "unknown", "gold answer not understood"
    parsed = parse(_boxed(extracted), parsing_timeout=None, raise_on_error=False)
    if not parsed:
        return "wrong", "answer not understood"
    equal = verify(parsed_gold, parsed, timeout_seconds=None, raise_on_error=False)
    return ("correct", "equal by math-verify") if equal else ("wrong", "different by math-verify")


def _boxed(text: str) -> str:
    """Wrapped, or math-verify reads a bare LaTeX answer wrongly (54 % of MATH's gold answers)."""
    return "\\boxed{" + text.strip().strip("$") + "}"


def main() -> None:
    """Answer `[gold, extracted]` lines on stdin with `[verdict, reason]` lines on stdout."""
    _limit()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    longest = float(sys.argv[1]) + 5
    _compare("\\frac12", "0.5")
    out = sys.stdout
    out.write("ready\n")
    out.flush()
    for line in sys.stdin:
        gold, extracted = json.loads(line)
        _self_destruct_after(longest)
        try:
            reply = _compare(gold, extracted)
        except (Exception, RecursionError, MemoryError) as e:  # noqa: BLE001 - any failure is "unknown", never a verdict
            reply = ("unknown", f"verifier failed: {type(e).__name__}")
        _self_destruct_after(0)
        out.write(json.dumps(reply) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
