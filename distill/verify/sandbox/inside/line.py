"""The tests' line to the program: requests and replies, one at a time, and how a program that is silent has ended."""

import builtins
import os
import select
import signal
import time
from typing import Any, NoReturn

from . import wire
from .packages import PACKAGES
from .remote import Remote

LONGEST_NAME = 60
"""Characters of an exception's name; the program sends it."""

ENDING_SECONDS = 2.0
"""Until a program that has closed its connection has ended."""

MOST_BYTES = 16 << 20
"""Of one reply."""


class Ended(BaseException):
    """The program gives no more answers, or no more is asked of it; the reason says why."""


class Line:
    """Requests to the program, one at a time."""

    def __init__(self, child: int, requests: int, replies: int, wall_seconds: float) -> None:
        self._child, self._requests, self._replies = child, requests, replies
        self._deadline = time.monotonic() + wall_seconds
        self._remotes: dict[int, Remote] = {}
        self._said: dict[tuple[str, int], Any] = {}
        self.calls = 0
        self.refused = ""
        """What tests wanted to ask and could not."""
        self.has_objects = self.has_nan = False
        """Has the program returned such?"""

    def ask(self, do: str, of: Remote, *given: Any, **named: Any) -> Any:
        """What the program answers; objects that it returns are the tests' own if that is what was asked."""
        self.calls += do == "call"
        if do in ("call", "set", "set_item"):
            self._said.clear()
        given = (of, *given)
        sent = {
            "do": do,
            "given": [wire.encode(value, self._number) for value in given],
            "named": {key: wire.encode(value, self._number) for key, value in named.items()},
        }
        reply = self._exchange(sent)
        made = of._made

        def remote(number: Any) -> Remote:
            self.has_objects |= do != "iter"
            return self._remote(number, made, part=do == "get" and not made)

        value = wire.decode(reply["value"], remote, self._float)
        if value is None and "given" in reply:
            _take_over(list(given[1:]), wire.decode(reply["given"], remote, self._float))
        return value

    def said(self, do: str, of: Remote) -> Any:
        """What an object says of itself; the same until something is called or set."""
        key = (do, of._number)
        if key not in self._said:
            self._said[key] = self.ask(do, of)
        return self._said[key]

    def refuse(self, what: str) -> NoReturn:
        """
        Raises:
            Ended: always; and it is kept, should the tests catch even that.
        """
        self.refused = f"unknown: tests ask an object of the program {what}"
        raise Ended(self.refused)

    def find(self, names: list[str]) -> dict[str, Any]:
        """Those of the names that the program has. What begins with a capital is a class: tests make objects of it."""
        found = self._exchange({"do": "find", "names": names})["value"]
        return {name: self._named(name, of[0]) for name, of in zip(names, found, strict=True) if of}

    def _named(self, name: str, value: Any) -> Any:
        return wire.decode(value, lambda number: self._remote(number, name[0].isupper(), part=False))

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
        except wire.TooLong:
            raise Ended("unknown: returns more than can be compared") from None
        except wire.Broken as e:
            raise Ended(how_it_ended(self._child) if str(e) == "ended" else "returns what is no value") from None
        if not isinstance(reply, dict):
            raise wire.Broken("no reply")
        if "beyond" in reply:
            raise Ended("unknown: returns more than can be compared")
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

    def _remote(self, number: Any, made: bool, part: bool) -> Remote:
        """The one that stands for an object, however often it comes."""
        if type(number) is not int:
            raise ValueError(number)
        if number not in self._remotes:
            self._remotes[number] = Remote(self, number, made, part)
        elif part:  # whatever it was before
            object.__setattr__(self._remotes[number], "_part", True)
        return self._remotes[number]

    def _float(self, text: str) -> float:
        value = float(text)
        self.has_nan |= value != value
        return value


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


def _take_over(old: list[Any], new: list[Any]) -> None:
    """Lists, dictionaries and sets that a call has changed in place, those within them too."""
    for mine, theirs in zip(old, new, strict=False):
        _merged(mine, theirs)


def _merged(mine: Any, theirs: Any) -> Any:
    """What stands for the new value: the old object with its content, if it is one that can be changed."""
    if type(mine) is not type(theirs):
        return theirs
    if isinstance(mine, list):
        kept = [_merged(a, b) for a, b in zip(mine, theirs, strict=False)]
        mine[:] = kept + theirs[len(kept) :]
    elif isinstance(mine, bytearray):
        mine[:] = theirs
    elif isinstance(mine, dict):
        new = {key: _merged(mine[key], value) if key in mine else value for key, value in theirs.items()}
        mine.clear()
        mine.update(new)
    elif isinstance(mine, set):
        mine.clear()
        mine.update(theirs)
    else:
        return theirs
    return mine
