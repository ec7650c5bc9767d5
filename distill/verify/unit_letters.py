"""Letters glued to a number: `3mg` is three milligrams, or three times m times g."""

import re

_NAME = r"(?:[A-Za-z](?:_\{?\w{1,9}\}?)?\s*=\s*)?"
_COMMAND = r"\\(?:[dt]?frac|sqrt|pi|cdot)(?![a-z])"
_SIGN = r"[-+*/^.,\d(){}\[\]]"
_LETTERS = r"(?:m?[sghlLJNW]|m)\s*(?:\^\s*\{?\s*\d\s*\}?\s*)?"
"""A symbol of a unit that is as well a letter of formulas, or two of them; nobody reads `kg` or `cm` so."""

_GLUED = re.compile(rf"{_NAME}(?:-?\d[\d.,]*|(?=[^a-z]*\\)(?:{_SIGN}|{_COMMAND}|\s)+){_LETTERS}")
"""TeX asks for the space in `\\sqrt2 s`; the one in `3 mg` is that before a unit."""

_BARE = re.compile(rf"{_NAME}(?:{_SIGN}|{_COMMAND}|\s)+")


def may_be_product(one: str, other: str) -> bool:
    """Has one of two answers letters that may be a unit or a factor, where the other one is a number alone?"""
    one, other = one.strip(" $."), other.strip(" $.")
    return _is_glued(one, other) or _is_glued(other, one)


def _is_glued(text: str, other: str) -> bool:
    return bool(_GLUED.fullmatch(text) and _BARE.fullmatch(other))
