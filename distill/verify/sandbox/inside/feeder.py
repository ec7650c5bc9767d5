"""Feeds a program its inputs, each in a process of its own, and hands out what it printed.

Expected outputs never come here.
"""

import os
import select
import signal
import sys
from typing import Any

from . import candidate, kernel, streams, wire
from .line import why_it_is_late
from .packages import PACKAGES

LONGEST_OUTPUT = 48 << 20


def serve(channel: int, job: dict[str, Any], limits: dict[str, Any]) -> None:
    """One input at a time, until the other side has no more."""
    while True:
        text = wire.receive(channel)
        if text is None:
            return
        found = _run(job["program"], text, channel, limits)
        try:
            wire.send(channel, found)
        except wire.NotPlain:  # what JSON must escape takes six times its size
            wire.send(channel, {"output": "", "reason": "output limit"})


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
        output, reason = "", "output limit"
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
    streams.begin()
    own, main = sys.stdout, candidate.module_of("__main__")
    status = 0
    try:
        candidate.execute(program, main)
    except SystemExit:
        pass
    except BaseException as e:  # noqa: BLE001 - any error is the program's
        status = _status(e)
    os._exit(status if streams.end(main, own) or status else _OTHER)


def _status(error: BaseException) -> int:
    found = candidate.raised(error)
    if lacking := found.get("lacks"):
        return _FIRST_LACKING + PACKAGES.index(lacking)
    return _STATUS.get(found["raised"], _OTHER)


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
_FIRST_LACKING = 100
_REASONS |= {_FIRST_LACKING + at: f"unknown: {name} is not installed" for at, name in enumerate(PACKAGES)}
"""Exit statuses tell a reason only, never a verdict: a program can choose its own."""


def _awaited(child: int, wall_seconds: float) -> str:
    """Why the program did not end well; empty if it did."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    late = "" if poll.poll(wall_seconds * 1000) else why_it_is_late(child)
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
