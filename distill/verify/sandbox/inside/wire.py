"""Values and messages between processes that do not trust each other: plain data, never objects.

A value is read through the methods of the plain type that it derives from, so that a subclass cannot lie about itself,
and written as JSON. What is none of the plain types stays where it is; the other side gets a number that stands for it.
"""

import builtins
import json
import math
import os
import select
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

LONGEST = 64 << 20
"""Bytes of a message; a longer one is not read."""

LONGEST_INT = 10**300
"""JSON holds numbers up to here; larger ones travel in hexadecimal, which takes no quadratic time."""

LONGEST_DECIMAL = 10_000
"""Digits of a decimal; one line says 1e999999999."""

MOST_FIELDS = 100
"""Of a tuple whose items have names."""

_HEADER = 8
_COLLECTIONS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset, "deque": deque}
_VIEWS: dict[str, Any] = {"dict_keys": type({}.keys()), "dict_items": type({}.items())}
_MAPPINGS: dict[str, Any] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter, "defaultdict": dict}


class Broken(Exception):
    """The other side has ended, or said what is no message."""


class TooLong(Broken):
    """It said more than is read."""


class NotPlain(Exception):
    """A value that cannot leave its process."""


Wait = Callable[[int, int], None]
"""Returns when a descriptor is ready for an event of `poll`, or raises."""


def _at_once(descriptor: int, event: int) -> None:
    """For a blocking descriptor."""


def send(descriptor: int, message: Any, wait: Wait = _at_once) -> None:
    data = json.dumps(message).encode()
    if len(data) > LONGEST:
        raise NotPlain("too large")
    left = memoryview(len(data).to_bytes(_HEADER, "big") + data)
    while left:
        wait(descriptor, select.POLLOUT)
        with suppress(BlockingIOError):
            left = left[os.write(descriptor, left) :]


def receive(descriptor: int, longest: int = LONGEST, wait: Wait = _at_once) -> Any:
    """The next message; not a byte of the one after it is read.

    Raises:
        Broken: there is none, it is too long, or it is not JSON.
    """
    size = int.from_bytes(_exactly(descriptor, _HEADER, wait), "big")
    if size > longest:
        raise TooLong("too long")
    try:
        return json.loads(_exactly(descriptor, size, wait), parse_constant=_no_constant)
    except (ValueError, RecursionError) as e:
        raise Broken("no message") from e


def _no_constant(name: str) -> float:
    """NaN as Python's JSON has it: `encode` writes none."""
    raise ValueError(name)


def _exactly(descriptor: int, size: int, wait: Wait) -> bytes:
    data = bytearray()
    while len(data) < size:
        wait(descriptor, select.POLLIN)
        piece = os.read(descriptor, min(size - len(data), 1 << 20))
        if not piece:
            raise Broken("ended")
        data += piece
    return bytes(data)


def encode(value: Any, keep: Callable[[Any], int]) -> Any:
    """A JSON value from which `decode` makes an equal one; `keep` numbers what is not plain, or raises NotPlain."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        number = int.__add__(value, 0)
        return number if -LONGEST_INT < number < LONGEST_INT else {"$": "int", "of": int.__format__(number, "x")}
    if isinstance(value, float):
        real = float.__mul__(value, 1.0)
        return real if math.isfinite(real) else {"$": "float", "of": float.__repr__(real)}
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [encode(item, keep) for item in list.__iter__(value)]
    if isinstance(value, dict):
        name = type(value).__name__ if type(value) in (OrderedDict, Counter, defaultdict) else "dict"
        return {"$": name, "of": [[encode(k, keep), encode(v, keep)] for k, v in dict.items(value)]}
    if isinstance(value, tuple) and (fields := _fields(type(value))):
        return {
            "$": "namedtuple",
            "of": [type(value).__name__, fields, [encode(item, keep) for item in tuple.__iter__(value)]],
        }
    for name, kind in _COLLECTIONS.items():
        if isinstance(value, kind):
            return {"$": name, "of": [encode(item, keep) for item in kind.__iter__(value)]}
    if type(value) in _VIEWS.values():
        return {"$": type(value).__name__, "of": [encode(item, keep) for item in value]}
    if type(value) in (bytes, bytearray):
        return {"$": type(value).__name__, "of": value.hex()}
    if type(value) is range:
        return {"$": "range", "of": [value.start, value.stop, value.step]}
    if type(value) is complex:
        return {"$": "complex", "of": [encode(value.real, keep), encode(value.imag, keep)]}
    if isinstance(value, type) and getattr(builtins, name := type.__getattribute__(value, "__name__"), None) is value:
        return {"$": "type", "of": name}
    if type(value) in (Decimal, Fraction):
        return {"$": type(value).__name__, "of": str(value)}
    return {"$": "kept", "of": keep(value)}


def _fields(kind: type) -> list[str]:
    """Names of the fields of a `namedtuple`; none of any other class."""
    fields = vars(kind).get("_fields")
    if kind.__bases__ != (tuple,) or type(fields) is not tuple or len(fields) > MOST_FIELDS:
        return []
    return [str.__str__(field) for field in fields if isinstance(field, str)]


def decode(value: Any, kept: Callable[[int], Any], real: Callable[[str], float] = float) -> Any:
    """The inverse of `encode`; `kept` tells what a number stands for, `real` what nan and infinities are.

    Raises:
        Broken: it is nothing that `encode` writes.
    """
    try:
        return _decode(value, kept, real)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as e:
        raise Broken("no plain value") from e


def _decode(value: Any, kept: Callable[[int], Any], real: Callable[[str], float]) -> Any:
    if isinstance(value, list):
        return [_decode(item, kept, real) for item in value]
    if not isinstance(value, dict):
        return value
    name, of = value["$"], value["of"]
    if name in _MAPPINGS:
        return _MAPPINGS[name]({_decode(k, kept, real): _decode(v, kept, real) for k, v in of})
    if name in _COLLECTIONS:
        return _COLLECTIONS[name](_decode(item, kept, real) for item in of)
    readers: dict[str, Callable[[], Any]] = {
        "int": lambda: int(of, 16),
        "float": lambda: real(of),
        "bytes": lambda: bytes.fromhex(of),
        "bytearray": lambda: bytearray.fromhex(of),
        "range": lambda: range(*of),
        "complex": lambda: complex(*(_decode(part, kept, real) for part in of)),
        "dict_keys": lambda: dict.fromkeys(_decode(of, kept, real)).keys(),
        "dict_items": lambda: dict(_decode(of, kept, real)).items(),
        "namedtuple": lambda: _namedtuple(of[0], of[1], _decode(of[2], kept, real)),
        "type": lambda: _type(of),
        "Decimal": lambda: _decimal(of),
        "Fraction": lambda: Fraction(*map(int, of.split("/"))),  # 1e999999999 would be worked out
        "kept": lambda: kept(of),
    }
    return readers[name]()


@lru_cache(maxsize=64)
def _class_of(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(name, fields)


def _namedtuple(name: str, fields: list[str], values: list[Any]) -> Any:
    if len(fields) > MOST_FIELDS:
        raise ValueError(name)
    return _class_of(name, tuple(fields))(*values)


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if value.is_nan() or (value.is_finite() and abs(value.adjusted()) > LONGEST_DECIMAL):
        raise ValueError(text)
    return value


def _type(name: str) -> type:
    found = getattr(builtins, name)
    if not isinstance(found, type):
        raise ValueError(name)
    return found
