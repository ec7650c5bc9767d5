"""Plain numbers: signs, thousands commas, decimals, exponents, fractions of them, and words."""

import re
from fractions import Fraction
from math import gcd

from distill.verify.number_words import in_words

LONGEST = 200
"""Characters of a plain number."""

_PLAIN_NUMBER = re.compile(r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_SAID_TWICE = re.compile(r"(.{1,60}?)(?:\s|\\[,;:! ]|~)*\(([^()]{2,60})\)")
"""`12 (twelve)`."""

_STYLE = re.compile(r"\\text\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"(?:\\[dtc]?frac\s*\{\s*)?(?<!\d)(\d+)\s*(?:\}\s*\{|/)\s*(\d+)(?!\d)")


def as_number(text: str) -> Fraction | None:
    """A plain number (sign, thousands commas, decimals, exponent, a/b) or one in words, exactly; else None."""
    text = text.strip()
    if "(" in text and text.rstrip("}").endswith(")"):
        text = _once(text)
    if text.isdigit() and text.isascii() and len(text) < LONGEST:
        return Fraction(int(text))
    if text.startswith("\\text{") and text.endswith("}"):
        text = text[len("\\text{") : -1].strip()
    if text[-1:].isalpha() and (value := in_words(text)) is not None:
        return value
    if text.startswith("$") and text.endswith("$"):
        text = text.strip("$").strip()
    top, slash, bottom = text.partition("/")
    if not _is_plain(top) or (slash and not _is_plain(bottom)):
        return None
    try:
        return Fraction(top.replace(",", "")) / (Fraction(bottom.replace(",", "")) if slash else 1)
    except (ValueError, ZeroDivisionError):
        return None


def _once(text: str) -> str:
    """`12` of `12\\ \\text{(twelve)}`; what says no number twice as it is."""
    twice = _SAID_TWICE.fullmatch(_STYLE.sub(r"\1", text).strip())
    if twice is None or twice[1][-1:].isalpha() == twice[2][-1:].isalpha():
        return text
    number = as_number(twice[1])
    return twice[1] if number is not None and number == as_number(twice[2]) else text


def _is_plain(text: str) -> bool:
    return (
        len(text) < LONGEST and text.isascii() and bool(_PLAIN_NUMBER.fullmatch(text)) and any(map(str.isdigit, text))
    )


def reducible(text: str) -> bool:
    """Does it hold a fraction of whole numbers that is not in lowest terms?"""
    return any(gcd(int(a), int(b)) > 1 for a, b in _FRACTION.findall(text) if len(a) + len(b) < 1000)
