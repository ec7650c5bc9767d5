"""What a last line says once more, or beside its answer: `18 (eighteen)`, `x = 18 (rejecting x = -3)`."""

import re

from distill.verify.number_words import in_words
from distill.verify.wording import CLAIMED, MIGHT, NOT, SUPPOSED

LONGEST = 300
"""Characters of a line that is looked at."""

_NUMBER = r"-?[$€£¥]?\d[\d.,/]*(?<![.,/])"
_POWER = re.compile(r"(?<=[A-Za-z])\$\^\{?([23])\}?\$")
"""Of a unit, as a formula of its own: `18 cm$^2$`."""

_AS_DESIRED = re.compile(
    r"(?<=[\w$)}]),? as (?:desired|required|claimed|expected|needed|wanted|asked|requested|we (?:wanted|claimed))"
    r"[\s.!]*$",
    re.IGNORECASE,
)
_REJECTING = re.compile(
    r"(?<=[\w$)}])\s*\(\s*(?:(?:we|by|after) )?(?:reject|discard|ignor|exclud|dismiss)(?:s|ing)?\b[^()]{0,60}\)[\s.]*$",
    re.IGNORECASE,
)
_TWICE = re.compile(
    r"(?P<digits>(?<![\d.,$(])-?\d[\d,]*) \((?P<said>[a-z][a-z -]{1,60})\)"
    r"|(?<![\w-])(?P<words>[a-z][a-z-]{2,30}(?: [a-z-]{3,12}){0,5}?) \((?P<number>-?\d[\d,]*)\)",
    re.IGNORECASE,
)
_PRODUCT = re.compile(
    rf"(?:[A-Za-z][A-Za-z ]{{0,40}}\s?=\s?)?[$€£¥]?\d[\d\s.,+−*/×·⋅÷x$€£¥-]*\s?=\s?(?P<value>{_NUMBER})"
    r"(?P<counted>(?: (?!or\b|and\b|mod\b)[a-z]{3,14}){1,2})[\s.!]*"
)
"""A calculation with nothing but numbers, and what is counted."""

_FOR_SO_MANY = re.compile(
    rf"(?P<kept>.*\b(?:is|are|was|were|equals|costs?)\s+{_NUMBER}(?: [a-z]{{2,12}})?)"
    r" for (?:all |the |these )?\d+ [a-z]{3,14}[\s.!]*$"
)
_AT_A_TIME = re.compile(r"[A-Z][^\d]{0,60}\bat (?P<time>\d{1,2}:\d{2}(?: ?[AaPp]\.?[Mm]\.?)?)[\s.!]*")
_NOT_SAID = re.compile(rf"\b(?:{NOT}|{SUPPOSED}|{CLAIMED}|{MIGHT}|each|per|every)\b|n't\b", re.IGNORECASE)


def with_units_whole(tail: str) -> str:
    """`18 cm$^2$` as `18 cm^2`."""
    return _POWER.sub(r"^\1", tail) if "$^" in tail else tail


def said_once(text: str) -> str:
    """A text whose last line gives its answer once: without what repeats, explains or sets aside another value."""
    start = text.rfind("\n") + 1
    line = text[start:]
    if len(line) > LONGEST or not any(map(str.isdigit, line)):
        return text
    if line[-2:].rstrip(". ").endswith(")"):
        line = _REJECTING.sub("", line)
    line = _AS_DESIRED.sub("", line) if " as " in line else line
    line = _TWICE.sub(_once, line) if "(" in line else line
    if " = " in line and (product := _PRODUCT.fullmatch(line.strip())):
        line = product["value"] + product["counted"]
    if ":" in line and (time := _AT_A_TIME.fullmatch(line)) and not _NOT_SAID.search(line):
        line = time["time"]
    if " for " in line and (found := _FOR_SO_MANY.fullmatch(line)) and not _NOT_SAID.search(found["kept"]):
        line = found["kept"]
    return text[:start] + line


def _once(found: re.Match[str]) -> str:
    """The digits where the words beside them say the same number."""
    digits = found["digits"] or found["number"]
    words = (found["said"] or found["words"]).split(" ")
    value = int(digits.replace(",", ""))
    if found["digits"]:
        return digits if in_words(" ".join(words)) == value else found[0]
    for first in range(len(words)):
        if in_words(" ".join(words[first:])) == value:
            return " ".join((*words[:first], digits))
    return found[0]
