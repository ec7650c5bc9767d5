"""Python values as JSON and back, types and all: a scorer may tell a tuple from a list."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

TAG = "$type"
"""Key of an object that stands for something else."""

_CONTAINERS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
_BY_TEXT: dict[str, Any] = {"Fraction": Fraction, "Decimal": Decimal, "complex": complex}


def encode(value: Any) -> Any:
    """A JSON value from which `decode` makes an equal one.

    Raises:
        TypeError: something in it is none of the plain types.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value  # of numpy's and enumerations' kinds too: they are equal to what JSON makes of them
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        if TAG not in value and all(isinstance(key, str) for key in value):
            return {key: encode(v) for key, v in value.items()}
        return {TAG: "dict", "of": [[encode(k), encode(v)] for k, v in value.items()]}
    name = type(value).__name__
    if name in _CONTAINERS:
        return {TAG: name, "of": [encode(v) for v in value]}
    if name in _BY_TEXT:
        return {TAG: name, "of": str(value)}
    if type(value).__module__ == "numpy":
        return encode(value.tolist() if name == "ndarray" else value.item())
    raise TypeError(f"a {name} cannot be written as JSON")


def decode(value: Any) -> Any:
    """The inverse of `encode`; numpy's values come back as Python's own."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: decode(v) for key, v in value.items()}
    name, of = value[TAG], value["of"]
    if name == "dict":
        return {decode(k): decode(v) for k, v in of}
    return _BY_TEXT[name](of) if name in _BY_TEXT else _CONTAINERS[name](decode(v) for v in of)
