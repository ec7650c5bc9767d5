"""The process that runs what a model wrote. It answers requests for calls and knows nothing of tests.

Everything here can be changed by the program, which gains nothing by it: what goes out is read as plain data, as the
program's own word.
"""

import builtins
import operator
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from . import packages, wire

FILE = "program.py"
SHOWN = 200

_DONE_TO_OBJECTS: dict[str, Callable[..., Any]] = {
    "len": len,
    "item": operator.getitem,
    "set_item": operator.setitem,
    "str": str,
    "repr": repr,
    "bool": bool,
    "iter": iter,
    "next": next,
    "get": getattr,
    "set": setattr,
    "call": lambda of, *given, **named: of(*given, **named),
}


class Kept:
    """Objects that stay here; the other side has their numbers."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def keep(self, value: Any) -> int:
        """Its number; one object has one."""
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return self._numbers[id(value)]

    def kept(self, number: int) -> Any:
        return self.objects[number]


def module_of(name: str) -> types.ModuleType:
    """An empty module that a program can be run as."""
    module = types.ModuleType(name)
    module.__dict__.update(__builtins__=builtins, __file__=os.path.join(os.getcwd(), FILE))
    sys.modules[name] = module
    return module


def execute(program: str, module: types.ModuleType) -> None:
    exec(compile(program, FILE, "exec", dont_inherit=True), module.__dict__)


def serve(program: str, requests: int, replies: int) -> None:
    """Run the program, say how that went, then answer until the other side closes."""
    kept, module = Kept(), module_of("solution")
    try:
        execute(program, module)
    except BaseException as e:  # noqa: BLE001 - SystemExit too
        wire.send(replies, raised(e))
        return
    wire.send(replies, {"value": None})
    while True:
        try:
            request = wire.receive(requests)
        except wire.Broken:
            os._exit(0)
        _reply(replies, _answered(request, module, kept))


def _reply(replies: int, reply: dict[str, Any]) -> None:
    try:
        wire.send(replies, reply)
    except (wire.NotPlain, RecursionError, MemoryError):
        wire.send(replies, {"beyond": True})


def _answered(request: dict[str, Any], module: types.ModuleType, kept: Kept) -> dict[str, Any]:
    try:
        if request["do"] == "find":
            return {"value": [_found(name, module, kept) for name in request["names"]]}
        given = [wire.decode(value, kept.kept) for value in request["given"]]
        named = {key: wire.decode(value, kept.kept) for key, value in request["named"].items()}
        value = _DONE_TO_OBJECTS[request["do"]](*given, **named)
    except BaseException as e:  # noqa: BLE001 - SystemExit too
        return raised(e)
    try:
        reply = {"value": wire.encode(value, kept.keep)}
        if value is None and request["do"] == "call":
            reply["given"] = [wire.encode(value, kept.keep) for value in given[1:]]  # it may have changed them
        return reply
    except (RecursionError, MemoryError):
        return {"beyond": True}
    except BaseException as e:  # noqa: BLE001 - a subclass may raise anything
        return raised(e)


def _found(name: str, module: types.ModuleType, kept: Kept) -> list[Any]:
    """A global of the program, or the method of that name that a class `Solution` has; an empty list if neither."""
    if name in module.__dict__:
        return [wire.encode(module.__dict__[name], kept.keep)]
    solution = module.__dict__.get("Solution")
    if not isinstance(solution, type) or not hasattr(solution, name):
        return []
    return [wire.encode(getattr(solution(), name), kept.keep)]


def raised(error: BaseException) -> dict[str, Any]:
    try:
        said = str(error)[:SHOWN]
    except BaseException:  # noqa: BLE001 - an exception of the program's own
        said = ""
    known = next((c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"), "Exception")
    lacking = packages.lacking(error)
    return {"raised": known, "said": said} | ({"lacks": lacking} if lacking else {})
