"""Characters that a server cut in two.

Servers written in JavaScript may send one emoji as two pieces, "\\ud83d" and "\\ude00". JSON parsers refuse such
halves, so each is carried through as a character for private use and put together with its other half at the end.
"""

import re

_HIGH, _LOW = rb"[dD][89abAB][0-9a-fA-F]{2}", rb"[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_ESCAPE = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u(?:(" + _HIGH + rb")(?!\\u" + _LOW + rb")|(?<!\\u[dD][89abAB]..\\u)(" + _LOW + rb"))"
)
_CARRIED = 0xF0000 - 0xD800
_HALVES = re.compile("[\U000f0000-\U000f07ff]+")


def has_halves(data: bytes) -> bool:
    """Does a JSON text hold half a character?"""
    return _HALF_ESCAPE.search(data) is not None


def carried(data: bytes) -> bytes:
    """A JSON text with its halves as private characters."""
    return _HALF_ESCAPE.sub(lambda m: m[1] + chr(int(m[2] or m[3], 16) + _CARRIED).encode(), data)


def put_together(text: str) -> str:
    """Whole characters again; a half whose other half never came is U+FFFD."""

    def whole(match: re.Match[str]) -> str:
        units = b"".join((ord(c) - _CARRIED).to_bytes(2, "little") for c in match[0])
        return units.decode("utf-16-le", errors="replace")

    return _HALVES.sub(whole, text)
