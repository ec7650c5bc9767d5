"""Tests of programs in the layouts that data sets have: HumanEval, MBPP, APPS, LiveCodeBench.

A layout is recognised by its columns. Tests come from data sets, not from models; they are parsed here and run in the
sandbox.
"""

import ast
import base64
import io
import json
import pickle
import zlib
from dataclasses import dataclass
from typing import Any, Literal

from distill.verify.assertions import HelperUnknown, defined, tested

COLUMNS = {
    "humaneval": ("test", "entry_point", "prompt"),
    "mbpp": ("test_list", "test_setup_code", "test_imports", "code"),
    "apps": ("input_output", "starter_code"),
    "livecodebench": ("public_test_cases", "private_test_cases", "metadata", "starter_code"),
}
"""Layout -> the columns that are kept with a problem; the first tells the layout and must be there."""

NAMES_OF_HARNESS = """\
import bisect, collections, copy, datetime, functools, heapq, itertools, json
import math, operator, random, re, statistics, string, sys
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from typing import *
from fractions import Fraction
from decimal import Decimal
from builtins import *
sys.setrecursionlimit(50000)
"""
"""What programs of APPS and LiveCodeBench find already imported where those are scored."""

_SAME = """
import json
def same(found, wanted, layout):
    found = plain(found)
    return found == wanted or layout == "apps" and isinstance(wanted, list) and len(wanted) == 1 and found == wanted[0]
def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
"""


class NotUnderstood(Exception):
    """Tests that are in no known layout, or broken."""


@dataclass(frozen=True)
class Suite:
    """What a program is tested with."""

    prefix: str = ""
    """Stands before the program."""
    entry: str = ""
    """What the tests call `candidate`; empty if they use names."""
    names: tuple[str, ...] = ()
    """What is tested; empty for whole programs."""
    supplies_more: bool = False
    """May tests name more that the program defines?"""
    before: str = ""
    """Run by the tests' process first."""
    setup: str = ""
    """Run after that, with the program's names at hand."""
    checks: tuple[str, ...] = ()
    """Asserts."""
    cases: tuple[tuple[str, str], ...] = ()
    """Standard input and what is to be printed."""
    comparison: Literal["exact", "close"] = "exact"
    """Of numbers that are printed: as decimals, or floats to five digits."""

    def tests(self) -> dict[str, Any]:
        """As the sandbox takes them."""
        return {
            "before": self.before,
            "setup": self.setup,
            "checks": list(self.checks),
            "under_test": list(self.names),
            "entry": self.entry,
            "supplies_more": self.supplies_more,
        }


def layout_of(columns: Any) -> str | None:
    """The layout that has these columns."""
    return next((layout for layout, (telling, *_) in COLUMNS.items() if telling in columns), None)


def suite_of(data: dict[str, Any]) -> Suite:
    """The tests of a problem.

    Raises:
        NotUnderstood: it has none, or not as its layout has them.
    """
    readers = {"humaneval": _humaneval, "mbpp": _mbpp, "apps": _apps, "livecodebench": _livecodebench}
    layout = layout_of(data)
    if layout is None:
        raise NotUnderstood("no tests")
    try:
        suite = readers[layout](data)
    except (KeyError, TypeError, ValueError, SyntaxError, AttributeError, zlib.error) as e:
        raise NotUnderstood(f"tests are not in the layout of {layout}") from e
    except (RecursionError, MemoryError) as e:
        raise NotUnderstood("tests are nested too deeply to read") from e
    except pickle.UnpicklingError as e:
        raise NotUnderstood("tests hold more than text") from e
    if not suite.checks and not suite.cases:
        raise NotUnderstood("no tests")
    return suite


def _humaneval(data: dict[str, Any]) -> Suite:
    if "check" not in defined(data["test"]):
        return _mbpp(data | _asserts(data["test"]))
    entry, prompt = _text(data["entry_point"]), data["prompt"]
    return Suite(
        prefix=prompt + "\n",
        entry=entry,
        names=(entry,),
        before=f"{prompt}\n{data['test']}",
        checks=("check(candidate)",),
    )


def _asserts(test: str) -> dict[str, Any]:
    """Assertions that stand in one text, and what stands beside them, as MBPP has them."""
    parts: dict[bool, list[str]] = {True: [], False: []}
    for node in ast.parse(test).body:
        parts[isinstance(node, ast.Assert)].append(ast.unparse(node))
    return {"test_list": parts[True], "test_setup_code": "\n".join(parts[False])}


def _mbpp(data: dict[str, Any]) -> Suite:
    before = "\n".join(_listed(data.get("test_imports") or []))
    checks, setup = tuple(_listed(data["test_list"])), data.get("test_setup_code") or ""
    given = defined(before) | defined(setup) | {"self"}
    try:
        names, more = tested(checks, setup, given, data.get("code") or "")
    except HelperUnknown as e:
        raise NotUnderstood(str(e)) from e
    return Suite(names=tuple(sorted(names)), supplies_more=more, before=before, setup=setup, checks=checks)


def _listed(told: Any) -> list[str]:
    """A list, which may be JSON text."""
    return json.loads(told) if isinstance(told, str) else told


def _apps(data: dict[str, Any]) -> Suite:
    told = data["input_output"]
    told = json.loads(told) if isinstance(told, str) else told
    inputs, outputs, name = told["inputs"], told["outputs"], told.get("fn_name")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise ValueError("not as many outputs as inputs")
    if name:
        return _of_calls(_text(name), inputs, outputs, "apps")
    cases = tuple((_lines(given), _lines(wanted)) for given, wanted in zip(inputs, outputs, strict=True))
    return Suite(prefix=NAMES_OF_HARNESS, cases=cases, comparison="close")


def _livecodebench(data: dict[str, Any]) -> Suite:
    tests = [*_cases(data["public_test_cases"]), *_cases(data.get("private_test_cases") or "[]")]
    metadata = data.get("metadata") or "{}"
    name = (json.loads(metadata) if isinstance(metadata, str) else metadata).get("func_name")
    if not name:
        return Suite(prefix=NAMES_OF_HARNESS, cases=tuple((_text(t["input"]), _text(t["output"])) for t in tests))
    inputs = [[json.loads(line) for line in t["input"].split("\n")] for t in tests]
    return _of_calls(_text(name), inputs, [json.loads(t["output"]) for t in tests], "livecodebench")


def _of_calls(name: str, inputs: list[Any], outputs: list[Any], layout: str) -> Suite:
    """A function of that name, or a method of `Solution`, called with arguments."""
    before = f"{_SAME}\nGIVEN, WANTED = json.loads({json.dumps(inputs)!r}), json.loads({json.dumps(outputs)!r})"
    checks = tuple(f"assert same(candidate(*GIVEN[{i}]), WANTED[{i}], {layout!r})" for i in range(len(inputs)))
    return Suite(prefix=NAMES_OF_HARNESS, entry=name, names=(name,), before=before, checks=checks)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _lines(text: Any) -> str:
    return text if isinstance(text, str) else "\n".join(map(str, text))


def _cases(told: Any) -> list[dict[str, str]]:
    """Test cases as JSON; LiveCodeBench's private ones also as base64 of zlib of a pickled text."""
    if isinstance(told, list):
        return told
    if told.lstrip().startswith("["):
        return json.loads(told)
    text = _OnlyPlain(io.BytesIO(zlib.decompress(base64.b64decode(told)))).load()
    return json.loads(text) if isinstance(text, str | bytes) else text


class _OnlyPlain(pickle.Unpickler):
    """Reads texts, numbers, lists; anything that would have to be looked up is refused."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name}")
