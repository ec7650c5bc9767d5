"""Runs tests against a program that runs in another process. The two share one pair of pipes and plain data.

The program cannot see what is expected, and what it returns is compared here: an `__eq__` of its own, patched
builtins, `sys.exit(0)` or a printed marker change nothing. What a call does to its arguments is taken over only where
it returns None, as functions that work in place do.
"""

import ast
import builtins
import importlib
import itertools
import os
import select
import signal
import sys
import time
import traceback
from typing import Any

from . import candidate, kernel, wire
from .packages import PACKAGES

BEFORE, CHECK = "<before>", "<check>"
LONGEST_NAME = 60
"""Characters of an exception's name; the program sends it."""

ENDING_SECONDS = 2.0
"""Until a program that has closed its connection has ended."""

MOST_BYTES = 16 << 20
"""Of one reply."""

CPU_SECONDS = 20
"""For the tests themselves, at least."""

_BROKEN_TESTS = (NameError, ImportError, SyntaxError, wire.NotPlain)
"""Errors of tests that no program is to blame for, unless it raised them."""


MOST_ITEMS = 100_000
"""That are looked through for a value in an object of the program."""

_SAYS_YES = frozenset(
    name
    for kind in (str, bytes, set, frozenset, float)
    for name in dir(kind)
    if name.startswith(("is", "startswith", "endswith"))
)
"""Methods of plain values that say yes or no, which an object in place of the value could answer with yes."""


class Ended(BaseException):
    """The program gives no more answers; the reason says why."""


class Remote:
    """A value that stays with the program. Equal to nothing but itself."""

    __slots__ = ("_line", "_number")

    def __init__(self, line: "Line", number: int) -> None:
        object.__setattr__(self, "_line", line)
        object.__setattr__(self, "_number", number)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._line.ask("call", self, *given, **named)

    def __getattr__(self, name: str) -> Any:
        if name in _SAYS_YES:
            raise wire.NotPlain(f"asks an object of the program whether it {name}")
        return self._line.ask("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._line.ask("set", self, name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._line.ask("item", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._line.ask("set_item", self, key, value)

    def __contains__(self, item: Any) -> bool:
        """By what it goes over: what it would say itself could be yes to everything."""
        try:
            return any(one is item or one == item for one in itertools.islice(iter(self), MOST_ITEMS))
        except TypeError as e:
            raise wire.NotPlain("asks an object of the program for what it holds") from e

    def __iter__(self) -> Any:
        return self._line.ask("iter", self)

    def __next__(self) -> Any:
        return self._line.ask("next", self)

    def __len__(self) -> int:
        return int(self._line.ask("len", self))

    def __bool__(self) -> bool:
        return self._line.ask("bool", self) is True

    def __str__(self) -> str:
        return str(self._line.ask("str", self))

    def __repr__(self) -> str:
        return str(self._line.ask("repr", self))


class Line:
    """Requests to the program, one at a time."""

    def __init__(self, child: int, requests: int, replies: int, wall_seconds: float) -> None:
        self._child, self._requests, self._replies = child, requests, replies
        self._deadline = time.monotonic() + wall_seconds
        self.calls = 0

    def ask(self, do: str, *given: Any, **named: Any) -> Any:
        self.calls += do == "call"
        sent = {
            "do": do,
            "given": [wire.encode(value, self._number) for value in given],
            "named": {key: wire.encode(value, self._number) for key, value in named.items()},
        }
        reply = self._exchange(sent)
        value = wire.decode(reply["value"], self._remote)
        if value is None and "given" in reply:
            _take_over(given[1:], wire.decode(reply["given"], self._remote))
        return value

    def find(self, names: list[str]) -> dict[str, Any]:
        """Those of the names that the program has."""
        found = self._exchange({"do": "find", "names": names})["value"]
        return {name: wire.decode(of[0], self._remote) for name, of in zip(names, found, strict=True) if of}

    def begin(self) -> None:
        """Wait until the program has run as a module.

        Raises:
            wire.Broken: its process could not be bound.
        """
        if "bound" not in wire.receive(self._replies, MOST_BYTES, self._wait):
            raise wire.Broken("not bound")
        self._exchange(None)

    def _exchange(self, request: Any) -> dict[str, Any]:
        try:
            if request is not None:
                wire.send(self._requests, request, self._wait)
            reply = wire.receive(self._replies, MOST_BYTES, self._wait)
        except BrokenPipeError:
            raise Ended(how_it_ended(self._child)) from None
        except wire.Broken as e:
            raise Ended(how_it_ended(self._child) if str(e) == "ended" else "returns what is no value") from None
        if not isinstance(reply, dict):
            raise wire.Broken("no reply")
        if reply.get("lacks") in PACKAGES:
            raise Ended(f"unknown: {reply['lacks']} is not installed")
        if "raised" in reply:
            goes_over = isinstance(request, dict) and request["do"] == "next"
            raise _local(str(reply["raised"])[:LONGEST_NAME], str(reply.get("said")), goes_over)
        return reply

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, self._deadline - time.monotonic()) * 1000):
            raise Ended(why_it_is_late(self._child))

    def _number(self, value: Any) -> int:
        if type(value) is Remote:
            return object.__getattribute__(value, "_number")
        raise wire.NotPlain(f"a {type(value).__name__}")

    def _remote(self, number: Any) -> Remote:
        if type(number) is not int:
            raise ValueError(number)
        return Remote(self, number)


def how_it_ended(child: int) -> str:
    """Why a program gave no answer, from what the kernel says of it."""
    end = time.monotonic() + ENDING_SECONDS
    done, status, usage = os.wait4(child, os.WNOHANG)
    while not done and time.monotonic() < end:
        time.sleep(0.01)
        done, status, usage = os.wait4(child, os.WNOHANG)
    if not done:
        os.kill(child, signal.SIGKILL)
        os.wait4(child, 0)
        return "closes its connection"
    if not os.WIFSIGNALED(status):
        return "ends the process"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU or (number == signal.SIGKILL and usage.ru_utime + usage.ru_stime > 0.5):
        return "time limit"
    return "unknown: killed" if number == signal.SIGKILL else f"ends by {signal.Signals(number).name}"


def why_it_is_late(child: int) -> str:
    """A program that still computes was kept from it by others, and is not to blame; one that waits, is."""
    clock = (~child << 3) | 2
    before = time.clock_gettime(clock)
    time.sleep(0.5)
    computes = time.clock_gettime(clock) - before > 0.001
    os.kill(child, signal.SIGKILL)
    return "unknown: the machine was too busy" if computes else "waits without end"


def _local(name: str, said: str, goes_over: bool = False) -> Exception:
    """The program's exception as one that tests can catch; an iteration alone may end by one."""
    name = name if name.isidentifier() else "error"
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = RuntimeError
    if issubclass(kind, StopIteration) and not goes_over:
        kind = RuntimeError  # a test that goes over `map` would take it for the end
    try:
        error: Exception = kind(said)
    except TypeError:  # UnicodeDecodeError wants more
        error = RuntimeError(said)
    error.raised_by_program = name  # type: ignore[attr-defined]
    return error


def _take_over(old: Any, new: Any) -> None:
    """Lists, dictionaries and sets that a call has changed in place."""
    for mine, theirs in zip(old, new, strict=False):
        if type(mine) is not type(theirs) or mine == theirs:
            continue
        if isinstance(mine, list | bytearray):
            mine[:] = theirs
        elif isinstance(mine, dict | set):
            mine.clear()
            mine.update(theirs)


def serve(channel: int, job: dict[str, Any], limits: dict[str, Any]) -> None:
    """Start the program, then read the tests, run them and report."""
    line = _start(job["program"], channel, limits)
    tests = wire.receive(channel)  # only now: nothing of it is in the program's memory
    wire.send(channel, _tested(tests, line))


def _start(program: str, channel: int, limits: dict[str, Any]) -> Line:
    their_requests, requests = os.pipe()
    replies, their_replies = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for descriptor in (channel, requests, replies):
                os.close(descriptor)
            kernel.limit(limits["cpu"], limits["memory"], limits["threads"], limits["files"], limits["output"])
            kernel.filter_system_calls()
            wire.send(their_replies, {"bound": True})
            candidate.serve(program, their_requests, their_replies)
        finally:
            os._exit(0)
    os.close(their_requests)
    os.close(their_replies)
    os.set_blocking(requests, False)
    kernel.limit(
        max(CPU_SECONDS, limits["cpu"]), limits["memory"], limits["threads"], limits["files"], limits["output"]
    )
    kernel.filter_system_calls(child)
    return Line(child, requests, replies, limits["wall"])


def _tested(tests: dict[str, Any], line: Line) -> dict[str, Any]:
    """The report: how many checks passed, or the first that fails with its reason, or how the tests are broken."""
    number = calls = 0
    try:
        line.begin()
        space = _namespace(tests, line)
        for number, check in enumerate(tests["checks"], 1):  # noqa: B007
            calls = line.calls
            exec(compile(check, CHECK, "exec", dont_inherit=True), space)
        return {"passed": number} if line.calls else {"failed": 0, "broken": "they never call the program"}
    except (Ended, Exception) as e:  # noqa: BLE001 - tests may raise anything
        at = _assert_at(tests["before"], e) if number and len(tests["checks"]) == 1 else number
        return {"failed": at, **_blamed(e, line.calls > calls)}


def _blamed(error: BaseException, called: bool) -> dict[str, Any]:
    if isinstance(error, Ended):
        return {"reason": str(error)}
    if isinstance(error, wire.Broken):
        return (
            {"broken": str(error)} if str(error) in ("not bound", "ended") else {"reason": "returns what is no value"}
        )
    if hasattr(error, "raised_by_program"):
        return {"reason": _named(error)}
    if isinstance(error, _BROKEN_TESTS) or not called:
        return {"broken": f"{type(error).__name__}: {error}"[:200]}
    return {"reason": "" if isinstance(error, AssertionError) else type(error).__name__}


def _named(error: BaseException) -> str:
    name = getattr(error, "raised_by_program", type(error).__name__)
    known = {"SyntaxError": "syntax error", "IndentationError": "syntax error", "TabError": "syntax error"}
    known |= {"MemoryError": "memory limit", "SystemExit": "ends the process"}
    return known.get(name, name)


def _namespace(tests: dict[str, Any], line: Line) -> dict[str, Any]:
    """What the tests may name: what comes with the problem, modules, then what the program defines."""
    space: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
    exec(compile(tests["before"], BEFORE, "exec", dont_inherit=True), space)
    own = set(tests["under_test"])
    named = _names([tests["before"], tests["setup"], *tests["checks"]])
    free = {name for name in named if name not in space and not hasattr(builtins, name)}
    modules = free & sys.stdlib_module_names
    space.update({name: importlib.import_module(name) for name in modules - own})
    space.update({name: value for name, value in _standard().items() if name in free - own - modules})
    if packages := (free - own) & _PACKAGES:
        raise NameError(f"{min(packages)} is not installed for tests")
    found = line.find(sorted(own | (free - space.keys())))
    if any(type(found.get(name)) is not Remote for name in own):
        raise Ended("does not define what is tested")
    space.update(found)
    if tests["entry"]:
        space["candidate"] = found[tests["entry"]]
    exec(compile(tests["setup"], BEFORE, "exec", dont_inherit=True), space)
    return space


_STANDARD = {
    "math": ("isclose", "isnan", "isinf", "isfinite"),
    "collections": ("Counter", "defaultdict", "OrderedDict", "deque", "namedtuple"),
    "fractions": ("Fraction",),
    "decimal": ("Decimal",),
    "functools": ("reduce",),
    "itertools": ("chain",),
}
"""Names that tests take from the standard library without saying so, and that no problem asks for."""

_PACKAGES = frozenset(("np", "numpy", "pd", "pandas", "torch", "scipy", "sympy", "sp", "pytest"))
"""Never a program's own: one that stands for a package would compare as it likes."""


def _standard() -> dict[str, Any]:
    return {
        name: getattr(importlib.import_module(module), name) for module, names in _STANDARD.items() for name in names
    }


def _names(sources: list[str]) -> set[str]:
    nodes = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    assigned = {node.id for node in nodes if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in nodes} - assigned


def _assert_at(before: str, error: BaseException) -> int:
    """Which assert of a function with many failed: the last that begins before the line where the error came up."""
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == BEFORE]
    asserts = [node.lineno for node in ast.walk(ast.parse(before)) if isinstance(node, ast.Assert)]
    return max(1, sum(at <= lines[-1] for at in asserts)) if lines else 1
