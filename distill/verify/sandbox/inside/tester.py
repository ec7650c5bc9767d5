"""Runs tests against a program that runs in another process. The two share one pair of pipes and plain data.

The program cannot see what is expected, and what it returns is compared here: an `__eq__` of its own, patched
builtins, `sys.exit(0)` or a printed marker change nothing. What a call does to its arguments is taken over only where
it returns None, as functions that work in place do.
"""

import ast
import builtins
import importlib
import os
import re
import sys
import traceback
from typing import Any

from . import candidate, kernel, wire
from .line import Ended, Line
from .remote import Remote

BEFORE, CHECK = "<before>", "<check>"

CPU_SECONDS = 20
"""For the tests themselves, at least."""

_BROKEN_TESTS = (NameError, ImportError, SyntaxError, wire.NotPlain)
"""Errors of tests that no program is to blame for, unless it raised them."""

_ON_OBJECTS = (TypeError, ValueError, AttributeError)
"""What Python says of an operator, a `with` or an `except` for which a stand-in will not do."""


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
        return _passed(tests, line, number)
    except (Ended, Exception) as e:  # noqa: BLE001 - tests may raise anything
        at = _assert_at(tests["before"], e) if number and len(tests["checks"]) == 1 else number
        return {"failed": at, **_blamed(e, line, line.calls > calls)}


def _passed(tests: dict[str, Any], line: Line, number: int) -> dict[str, Any]:
    if line.refused:
        return {"failed": number, "reason": line.refused}
    if not line.calls:
        return {"failed": 0, "broken": "they never call the program"}
    if line.has_nan and not _NAN.search("\n".join([tests["before"], *tests["checks"]])):
        return {"failed": number, "reason": "unknown: returns nan, of which the tests do not think"}
    return {"passed": number}


_NAN = re.compile(r"(?i)\b(?:is)?nan\b")
"""Every comparison with it is false, so that `not abs(x - y) > 1e-6` holds whatever y is."""


def _blamed(error: BaseException, line: Line, called: bool) -> dict[str, Any]:
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
    catches = hasattr(error.__context__, "raised_by_program")  # a class of the program's
    if isinstance(error, _ON_OBJECTS) and (line.has_objects or catches):
        return {"reason": "unknown: tests do with an object of the program what cannot be done here"}
    return {"reason": "" if isinstance(error, AssertionError) else type(error).__name__}


def _named(error: BaseException) -> str:
    name = getattr(error, "raised_by_program", type(error).__name__)
    known = {"SyntaxError": "syntax error", "IndentationError": "syntax error", "TabError": "syntax error"}
    known |= {"MemoryError": "memory limit", "SystemExit": "ends the process"}
    return known.get(name, name)


def _namespace(tests: dict[str, Any], line: Line) -> dict[str, Any]:
    """What the tests may name: what comes with the problem, modules, then functions and classes of the program.

    No plain values of the program's: it would set its own goal.
    """
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
    more = free - space.keys() - own if tests.get("supplies_more") else set()
    found = line.find(sorted(own | more))
    if any(type(found.get(name)) is not Remote for name in own):
        raise Ended("does not define what is tested")
    space.update({name: value for name, value in found.items() if type(value) is Remote})
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
