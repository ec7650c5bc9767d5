"""Formulas on one line, so that they can be compared as tokens with signs between them.

What braces hold together is held by parentheses here: `2^{n+1}` is `2^(n+1)` and not `2^n+1`, `\\frac{1}{x+1}` is
`1/(x+1)`, `\\sqrt{2x}` is `\\sqrt(2x)`. LaTeX that only lays out is left out, as in `shingles`; signs beyond ASCII are
the commands that mean the same.
"""

import re
import unicodedata
from functools import lru_cache

from distill.curate.text.folding import folded
from distill.curate.text.shingles import LAYOUT

NOTHING = "~"
"""Where a command or a brace was: no white space, and no sign."""

DEEPEST = 8
"""Braces within braces that are looked into; what is deeper stays as it is written."""

_PART = r"(?:([0-9A-Za-z])|\{([^{}]*)\})"
_FRACTION = re.compile(rf"\\[dtc]?frac\s*{_PART}\s*{_PART}")
_HELD = re.compile(r"(\\sqrt[\s~]*(?:\[[^\[\]{}]*\])?|[\^_])[\s~]*\{([^{}]*)\}")
_BEFORE_SUM = re.compile(r"[^\s+*/=<>,(-]\s*[-−+=<>,±]")
_ONE = re.compile(r"\s*[-−+]?\s*(?:\\[A-Za-z]+|[A-Za-z]|\d+(?:\.\d+)?)[\s~]*")
"""A number, a letter or a command, perhaps with a sign before it: it needs no parentheses."""

_AROUND = re.compile(r"\\(begin|end)\s*\{\s*([A-Za-z]+)\s*\*?\s*\}")
_MATRIX = {
    **dict.fromkeys(("matrix", "pmatrix", "bmatrix", "smallmatrix", "array"), ("[", "]")),
    "vmatrix": ("|", "|"),
}
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_DELIMITER = re.compile(r"\\[()\[\],;:! ]")
_SPELLED = {
    **dict.fromkeys([name for name in LAYOUT if "binom" not in name], NOTHING),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), rf"\binom{NOTHING}"),
    **dict.fromkeys(("le", "leq", "leqslant"), "≤"),
    **dict.fromkeys(("ge", "geq", "geqslant"), "≥"),
    **dict.fromkeys(("ne", "neq"), "≠"),
    **dict.fromkeys(("cdot", "times"), "*"),
    **dict.fromkeys(("vert", "lvert", "rvert", "mid"), "|"),
    **{"div": "/", "over": "/", "lt": "<", "gt": ">", "prime": "'"},
}
_BEYOND = re.compile(
    r"[\u00b2\u00b3\u00b9\u2070-\u207f]+|[\u2080-\u209c]+"  # exponents and indices, as a whole
    r"|[\u00ac\u00b0\u00b1\u00b7\u00d7\u00f7\u0391-\u03c9\u2044\u2190-\u23ff\u27c0-\u27ff\u2900-\u2bff]"
)


def plain(text: str) -> str:
    """The text with its formulas on one line. Linear in the text."""
    if not text.isascii():
        text = _BEYOND.sub(lambda found: _command(found[0]), text)
    if "\\" in text:
        text = _AROUND.sub(_around, _DELIMITER.sub(NOTHING, text))
    if "{" in text:
        text = _unfolded(text)
    return _COMMAND.sub(_spelled, text) if "\\" in text else text


def _unfolded(text: str) -> str:
    """From the innermost braces outwards."""
    for _ in range(DEEPEST):
        before = text
        text = _HELD.sub(_held, _FRACTION.sub(_divided, text))
        if text == before:
            break
    return text


def _around(found: re.Match[str]) -> str:
    """A matrix is held by brackets; other environments only lay out."""
    opening, closing = _MATRIX.get(found[2], (NOTHING, NOTHING))
    return opening if found[1] == "begin" else closing


def _divided(found: re.Match[str]) -> str:
    above, below = (one if one is not None else group for one, group in ((found[1], found[2]), (found[3], found[4])))
    above = f"({above})" if _BEFORE_SUM.search(above) else above
    return f"{NOTHING}{above}/{_one(below)}{NOTHING}"


def _held(found: re.Match[str]) -> str:
    return f"{found[1]}{NOTHING}{_one(found[2])}{NOTHING}"


def _one(part: str) -> str:
    return part if not part.strip() or _ONE.fullmatch(part) else f"({part})"


def _spelled(command: re.Match[str]) -> str:
    return _SPELLED.get(command[1], command[0] + NOTHING)


@lru_cache(1024)
def _command(signs: str) -> str:
    """What LaTeX has for them; a sign that is not known there is a command of its own name."""
    found = folded(signs).strip()
    if not found:
        found = "\\" + "".join(filter(str.isalpha, unicodedata.name(signs[0], "sign")))
    return f"{found}{NOTHING}"
