"""Feeds a program its inputs, each in a process of its own, and hands out what it printed.

Expected outputs never come here.
"""

import atexit
import os
import select
import signal
import sys
import threading
from typing import Any

from . import candidate, kernel, tester, wire

LONGEST_OUTPUT = 48 << 20


def serve(channel: int, job: dict[str, Any], limits: dict[str, Any]) -> None:
    """One input at a time, until the other side has no more."""
    while True:
        text = wire.receive(channel)
        if text is None:
            return
        wire.send(channel, _run(job["program"], text, channel, limits))


def _run(program: str, text: str, channel: int, limits: dict[str, Any]) -> dict[str, Any]:
    given, printed = _file(text.encode("utf-8", "surrogateescape")), _file(b"")
    bound, is_bound = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(bound)
            _be_program(program, (given, printed, channel, is_bound), limits)
        finally:
            os._exit(1)
    os.close(given)
    os.close(is_bound)
    reason = _awaited(child, limits["wall"])
    if not os.read(bound, 1):
        reason = "unknown: not bound"
    os.close(bound)
    size = os.fstat(printed).st_size
    output = os.pread(printed, min(size, LONGEST_OUTPUT), 0).decode("utf-8", "replace")
    os.close(printed)
    if size >= limits["output"]:
        reason = "output limit"
    return {"output": output, "reason": reason}


def _file(content: bytes) -> int:
    """A file without a name."""
    descriptor = os.memfd_create("")
    with open(os.dup(descriptor), "wb") as f:
        f.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _be_program(program: str, descriptors: tuple[int, int, int, int], limits: dict[str, Any]) -> None:
    given, printed, _, is_bound = descriptors
    os.dup2(given, 0)
    os.dup2(printed, 1)
    kernel.limit(limits["cpu"], limits["memory"], limits["threads"], limits["files"], limits["output"])
    kernel.filter_system_calls()
    os.write(is_bound, b"b")
    for descriptor in descriptors:
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        open(n, mode, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - as long as the process lives
        for n, mode in enumerate("rww")
    )
    status = 0
    try:
        _to_its_end(program)
    except SystemExit:
        pass
    except BaseException as e:  # noqa: BLE001 - any error is the program's
        status = _STATUS.get(candidate.raised(e)["raised"], _OTHER)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        status = status or _OTHER
    os._exit(status)


def _to_its_end(program: str) -> None:
    """As the interpreter itself does: main module, threads that are left, what was registered for the end."""
    try:
        candidate.execute(program, "__main__")
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


_OTHER = 70
_REASONS = {71: "syntax error", 72: "memory limit", 73: "EOFError", 74: "RecursionError", 75: "ValueError"}
_REASONS |= {76: "IndexError", 77: "TypeError", 78: "NameError", 79: "KeyError", 80: "ImportError", 81: "OSError"}
_REASONS |= {82: "ZeroDivisionError", 83: "AttributeError", 84: "AssertionError", _OTHER: "fails"}
_STATUS = {reason: status for status, reason in _REASONS.items()} | {
    **dict.fromkeys(("SyntaxError", "IndentationError", "TabError"), 71),
    "MemoryError": 72,
    "UnboundLocalError": 78,
    "ModuleNotFoundError": 80,
}
"""Exit statuses tell a reason only, never a verdict: a program can choose its own."""


def _awaited(child: int, wall_seconds: float) -> str:
    """Why the program did not end well; empty if it did."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    late = "" if poll.poll(wall_seconds * 1000) else tester.why_it_is_late(child)
    os.close(ended)
    _, status, usage = os.wait4(child, 0)
    if late:
        return late
    if not os.WIFSIGNALED(status):
        return _REASONS.get(os.WEXITSTATUS(status), "")
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU or (number == signal.SIGKILL and usage.ru_utime + usage.ru_stime > 0.5):
        return "time limit"
    return "unknown: killed" if number == signal.SIGKILL else f"ends by {signal.Signals(number).name}"
