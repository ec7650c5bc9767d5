"""Names of derivatives, before what they are said to be: `y'`, `\\frac{dy}{dx}`, `\\frac{d}{dx} f(x)`, `f_x`."""

import re
from typing import NamedTuple

_D = r"(?:d|\\partial|\\mathrm\s*\{\s*d\s*\})"
_POWER = r"(?:\s*\^\s*\{?\s*(\d)\s*\}?)?"
_OF = r"(?:\s*\(\s*([a-z])\s*\))?"
_PRIMED = re.compile(rf"\s*([A-Za-z])\s*('+|′+|\^\s*\{{?\s*(?:\\prime\s*)+\}}?){_OF}\s*=")
_FRACTION = re.compile(
    rf"\s*\\d?frac\s*\{{\s*{_D}{_POWER}\s*([A-Za-z])?{_OF}\s*\}}\s*\{{\s*{_D}\s*([a-z]){_POWER}\s*\}}"
    rf"\s*(?:\\left)?[(\[]?\s*([A-Za-z])?{_OF}\s*(?:\\right)?[)\]]?\s*="
)
_STROKE = re.compile(r"\s*d([A-Za-z])\s*/\s*d([a-z])\s*=")
_SUBSCRIPT = re.compile(r"\s*([A-Za-z])_\{?([a-z])\}?(?:\s*\([^()=]{1,20}\))?\s*=")
_ALIKE = ({"y", "f"},)
"""Functions whose names stand for each other."""


class Derivative(NamedTuple):
    function: str
    order: int
    variable: str
    """Empty where it is not told."""
    end: int
    """Where what it is said to be begins."""


def derivative(text: str) -> Derivative | None:
    """The name of a derivative at the beginning of an equation."""
    if found := _PRIMED.match(text):
        order = found[2].count("prime") or len(found[2].strip())
        return Derivative(found[1], order, found[3] or "", found.end())
    if found := _FRACTION.match(text):
        if bool(found[2]) == bool(found[6]):
            return None
        return Derivative(found[2] or found[6], int(found[1] or 1), found[4], found.end())
    if found := _STROKE.match(text):
        return Derivative(found[1], 1, found[2], found.end())
    return None


def partial(text: str) -> Derivative | None:
    """`f_x = ...`, which may as well be a name of something else."""
    found = _SUBSCRIPT.match(text)
    return Derivative(found[1], 1, found[2], found.end()) if found else None


def without_derivatives(gold: str, answer: str) -> tuple[str, str]:
    """Both without the names, where they name the same, or only one of them names anything."""
    ours, theirs = derivative(gold), derivative(answer)
    if ours and theirs is None:
        theirs = partial(answer)
    if theirs and ours is None:
        ours = partial(gold)
    if ours and theirs:
        return (gold[ours.end :], answer[theirs.end :]) if _alike(ours, theirs) else (gold, answer)
    if ours and "=" not in answer:
        return gold[ours.end :], answer
    return (gold, answer[theirs.end :]) if theirs and "=" not in gold else (gold, answer)


def _alike(one: Derivative, other: Derivative) -> bool:
    functions = {one.function, other.function}
    if one.order != other.order or (len(functions) > 1 and functions not in _ALIKE):
        return False
    return one.variable == other.variable or not one.variable or not other.variable
