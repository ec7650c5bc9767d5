"""Notations that stand for others which are read: done on the text, before it is cut into tokens."""

import re

from distill.verify.algebra.systems import as_list
from distill.verify.algebra.units import NUMBER_WORDS

_SIGN = re.compile(r"(?<!text)(?<!rm)(?<!box)\{\s*([-+])\s*\}|\\mathbin\s*\{\s*([-+])\s*\}|\\minus(?![a-zA-Z])")
_NEGATIVE = re.compile(r"^\s*(?:\\text\s*\{\s*)?negative\s*\}?\s*(?=\d|\\d?frac)")
_BAR = re.compile(r"(?<=\.)(\d*)\\bar\s*\{?\s*(\d+)\s*\}?")
_GOES_ON = re.compile(r"(?<![\d.])(\d{1,9}\.)(\d{3,24})\s*(?:\.{3,}|…|\\[lc]?dots(?![a-zA-Z]))(?!\s*[\d+,])")
_OF_MONTH = re.compile(r"(?<=\d)(?:st|nd|rd|th)\s+of\s+(?=[A-Z][a-z]{2})")
_LAYOUT = re.compile(
    r"\\(?:tiny|small|normalsize|large|Large|LARGE|huge|Huge|checkmark|hfill|newline|nonumber|square|blacksquare"
    r"|(?:tag|label)\s*\{[^{}]*\})(?![a-zA-Z])"
)
_OPENING_WORDS = re.compile(
    r"^\s*\\text\s*\{\s*(?:so|thus|hence|therefore|exactly|precisely|answer|result)\s*[:,]?\s*(?:\}\s*(?=[-\d\\(A-Za-z])|(-?\d[\d.]*)\s*\}\s*$)",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    r"(?:\\[ ,;]|\s){0,8}\([^()]{0,80}[=\d][^()]{0,40}\b(?:rejected|discarded|extraneous|invalid)\b[\s}]*\)[\s}]*$"
)
_SAME_AGAIN = re.compile(r"(?<=[\d}])(?:\\[ ,;:]|\s)*\(\s*(=[^()]{1,60}|-?\d+(?:\.\d+)?\s*\\?%)\s*\)\s*$")
_NUMBER_WORD = "|".join(sorted(NUMBER_WORDS))
_IN_WORDS = re.compile(rf"^\s*(\d{{1,2}})(?:\\[ ,;]|\s)*(?:\(|(?:\\text\s*\{{)?\s*or)\s*({_NUMBER_WORD})\s*[)}}]\s*$")
_CONSTANT = re.compile(r"(?<=\+)\s*\\(?:text|mathrm)\s*\{\s*(?:(C)|const(?:ant)?\.?)\s*\}\s*$")
_ROMAN = re.compile(r"\\(?:mathrm|text)\s*\{\s*([A-Z])\s*\}\s*(?=_)")
_ROOTS = {"∛": r"\sqrt[3] ", "∜": r"\sqrt[4] "}
_COLUMNS = re.compile(
    r"(?<=[\w})])\s*\\q?quad(?:\s|\\q?quad(?![a-zA-Z]))*(?=[A-Za-z](?:_\{?\w\}?)?\s*=)|(?<=\d)\s*\\q?quad\s*(?=-?\d)"
)
_MAPS = re.compile(r"^\s*(?:([A-Za-z])\s*:\s*)?([a-z])\s*\\mapsto\s*")
_FOR_ALL = re.compile(
    r"(?:\\forall|\\text\s*\{[ ,]{0,4}for (?:all|every|any)(?: real)?\s*\})\s*[a-z]"
    r"(?:\s*\\in\s*\\mathbb\s*\{?\s*R\s*\}?)?\s*$"
)
_FUNCTION = re.compile(r"\s*[A-Za-z]\s*\([a-z](?:\s*,\s*[a-z])?\)\s*=")
_SPACES = re.compile(r"(?:\\[,;: ]|\\q?quad(?![a-z])|[\s,])+$")
_TEXT_BEFORE = re.compile(r"\\(?:text|mathrm)\s*\{[^{}]*\}$")
_ANGLE = re.compile(r"\\angle(?![a-zA-Z])\s*(?=-?[\d\\{(])")
_LETTERS = re.compile(r"\\([ij])math(?![a-zA-Z])")
_ROW = re.compile(r"\\cr(?![a-zA-Z])")
_TRANSPOSED = re.compile(
    r"\^\s*\{?\s*(?:\\top|\\intercal|\\(?:mathsf|mathrm|text|mathbf)\s*\{?\s*T\s*\}?)(?![a-zA-Z])\s*\}?"
)
_NAMES = {"\\uppi": "\\pi ", "\\mathdollar": "\\$", "\\AA": "Å"}


LONGEST_TAIL = 60
"""Characters of "for all real x" and the spaces before it."""


def rewritten(text: str) -> str:
    """A text with what readers know in place of rarer notations; what stands for nothing else is left as it is."""
    text = as_list(text) if "\\\\" in text or "\\begin" in text else text
    for sign, spelled in _ROOTS.items():
        text = text.replace(sign, spelled)
    text = _NEGATIVE.sub("-", text) if "negative" in text[:20] else text
    text = _OF_MONTH.sub(" ", text) if " of " in text else text
    text = _GOES_ON.sub(_periodic, text) if "." in text else text
    text = _SIGN.sub(lambda m: m[1] or m[2] or "-", text) if "-" in text or "minus" in text else text
    if "(" in text or "or" in text:
        text = _SAME_AGAIN.sub(_another_side, _REJECTED.sub("", text))
        text = _IN_WORDS.sub(lambda m: m[1] if NUMBER_WORDS[m[2]] == int(m[1]) else m[0], text)
    return _commands(text) if "\\" in text else text


def _commands(text: str) -> str:
    text = (
        _TRANSPOSED.sub("^{T}", _ROW.sub(r"\\\\ ", text)) if "T" in text or "\\cr" in text or "\\top" in text else text
    )
    for name, spelled in _NAMES.items():
        text = text.replace(name, spelled)
    text = _BAR.sub(r"\1\\overline{\2}", _LAYOUT.sub(" ", text))
    if "text" in text or "math" in text:
        text = _LETTERS.sub(r"\1", text)
        text = _ROMAN.sub(r"\1", _CONSTANT.sub("C", _OPENING_WORDS.sub(lambda m: m[1] or "", text)))
    text = _MAPS.sub(lambda m: f"{m[1]}({m[2]}) = " if m[1] else "y = ", text) if "\\mapsto" in text else text
    text = _everywhere(text) if "all" in text else text
    text = _ANGLE.sub(lambda m: r"\cis " if text[: m.start()].strip(" $") else "", text)
    return _COLUMNS.sub(_divided, text) if "quad" in text else text


def _everywhere(text: str) -> str:
    """`f(x) = x^2, \\forall x \\in \\mathbb{R}` without its end."""
    found = _FOR_ALL.search(text, max(0, len(text) - LONGEST_TAIL))
    if found is None or not _FUNCTION.match(text):
        return text
    before = text[: found.start()]
    spaces = _SPACES.search(before, max(0, len(before) - LONGEST_TAIL))
    return before[: spaces.start()] if spaces else before


def _divided(found: re.Match[str]) -> str:
    """A wide space between two equations or two numbers is a comma; behind a word it is a space."""
    return found[0] if _TEXT_BEFORE.search(found.string, max(0, found.start() - 40), found.start()) else ", "


def _another_side(found: re.Match[str]) -> str:
    """`12 (= 3 \\cdot 4)`, `\\frac34 (75\\%)`: the same value, which is looked at too."""
    return f" = {found[1].lstrip('=')}"


def _periodic(found: re.Match[str]) -> str:
    """`0.1666\\ldots` with a bar, where three periods or two long ones are written out; else as it is."""
    digits = found[2]
    for start in range(min(4, len(digits))):
        for length in range(1, 13):
            rest = digits[start:]
            is_long = len(rest) >= length * (3 if length < 6 else 2)
            if is_long and all(a == b for a, b in zip(rest, rest[length:], strict=False)):
                return rf"{found[1]}{digits[:start]}\overline{{{rest[:length]}}}"
    return found[0]
