"""Is what a program printed what was to be printed? Text first; numbers only where floats are wanted."""

import math
import re
from decimal import Decimal

RELATIVE, ABSOLUTE = 1e-5, 1e-8
"""How far printed floats may be off where a layout compares them so (APPS)."""

_FLOAT = re.compile(r"-?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?|[0-9]+e[-+][0-9]{1,3})")
"""As programs print floats; 1e5 is a word."""

_WHOLE_FLOAT = re.compile(r"-?[0-9]+\.0*")
_COUNT = re.compile(r"-?(?:0|[1-9][0-9]*)")
"""A whole number, and no row of digits such as `0011`."""

_SPACE = " \t\r"
_BETWEEN = re.compile(r"[ \t]+")
_INTEGER = re.compile(r"-?[0-9]+")


def same_output(found: str, wanted: str, comparison: str) -> bool:
    """Line by line without space at the ends of lines and empty lines at the end.

    Of a line of numbers the floats may be written in another way, and whole numbers as floats: `exact` compares them as
    decimals (LiveCodeBench), `close` to five digits (APPS).
    """
    ours, theirs = _lines(found), _lines(wanted)
    if len(ours) != len(theirs):
        return False
    return all(a == b or _same_numbers(a, b, comparison) for a, b in zip(ours, theirs, strict=True))


def _lines(text: str) -> list[str]:
    return [line.rstrip(_SPACE) for line in text.rstrip(f"{_SPACE}\n").split("\n")]


def _same_numbers(found: str, wanted: str, comparison: str) -> bool:
    """Are both lines of the same numbers? Space between them is free but where wanted integers stand in a pattern."""
    ours, theirs = (_BETWEEN.split(line.strip(_SPACE)) for line in (found, wanted))
    if len(ours) != len(theirs) or not all(_INTEGER.fullmatch(t) or _FLOAT.fullmatch(t) for t in (*ours, *theirs)):
        return False  # Decimal would take 1_0 and the digits of other scripts
    if wanted != " ".join(theirs) and not any(map(_FLOAT.fullmatch, theirs)):
        return False
    return all(a == b or _same_float(a, b, comparison) for a, b in zip(ours, theirs, strict=True))


def _same_float(found: str, wanted: str, comparison: str) -> bool:
    if not _FLOAT.fullmatch(wanted):
        return bool(_WHOLE_FLOAT.fullmatch(found) and _COUNT.fullmatch(wanted)) and Decimal(found) == Decimal(wanted)
    if Decimal(found) == Decimal(wanted):
        return True
    first, second = float(found), float(wanted)
    near = math.isfinite(first + second) and math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return comparison == "close" and near
