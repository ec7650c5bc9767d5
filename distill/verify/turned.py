"""Statements of geometry that say the same when their sides are turned: `AB \\parallel CD`."""

import re
from collections import Counter

_SIGN = re.compile(r"\\(parallel|perp|cong|sim)(?![a-zA-Z])|([∥⊥≅])")
_NAMED = {"∥": "parallel", "⊥": "perp", "≅": "cong"}
_AROUND = re.compile(
    r"\\(?:overline|overleftrightarrow|overrightarrow|mathrm|text|left|right|triangle|[,;: ])(?![a-zA-Z])|△|[{}\s$]"
)
_TRIANGLE = re.compile("[A-Z]{3}")
_LINE = re.compile("[A-Z]{2}")


def same_turned(gold: str, answer: str) -> bool:
    """Is one such statement the other one, its sides or its lines turned round?"""
    if not _SIGN.search(gold) or not _SIGN.search(answer):
        return False
    ours, theirs = _read(gold), _read(answer)
    return ours is not None and ours == theirs


def _read(text: str) -> tuple[str, Counter[str]] | None:
    """The sign, and what stands on its sides in any order; of two triangles the corners that go together."""
    found = list(_SIGN.finditer(text))
    if len(found) != 1 or "," in text:
        return None
    sign = found[0][1] or _NAMED[found[0][2]]
    sides = [_AROUND.sub("", side) for side in (text[: found[0].start()], text[found[0].end() :])]
    if sign in ("cong", "sim") and all(map(_TRIANGLE.fullmatch, sides)):
        return sign, Counter("".join(sorted(pair)) for pair in zip(*sides, strict=True))
    if sign in ("parallel", "perp"):
        sides = ["".join(sorted(side)) if _LINE.fullmatch(side) else side for side in sides]
    return sign, Counter(sides)
