"""Final answers that give no value whatever the notation: they deny one, leave it open, or are a program."""

import re

from distill.verify.elsewhere import is_supposed_elsewhere
from distill.verify.notation import words
from distill.verify.wording import EXAMPLE, LET, NOT, WRONG

_BARE = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}|[${}*]|\\[,;:! ]")
_DENIED = re.compile(
    rf"(?:it(?:'s| is)? |that(?:'s| is)? )?(?:{NOT})\s+(?:equal to |the number )?"
    r"(-?[\w./\\^ ]{1,60}?)[.!]?",
    re.IGNORECASE,
)
_OPEN_RANGE = re.compile(r"(?:somewhere |a number )?between\s+(-?[\d.,]+)\s+and\s+(-?[\d.,]+)[.!]?", re.IGNORECASE)
_TWO = re.compile(r"([A-Za-z]{3,})\s+or\s+([A-Za-z]{3,})[.!]?")
_PROGRAM = re.compile(
    r"__[A-Za-z]\w*__|\b(?:import|eval|exec|print)\b\s*[( ]|(?<!\\)\blambda\b[\w, ]{0,40}:|[A-Za-z_]\w*\.[A-Za-z_]\w*\("
    r"|\bfor \w+ in "
)
"""`0.5(x + 1)` calls no method, and `\\lambda = 2` is an eigenvalue."""

_OF_ANOTHER = re.compile(
    rf"\b(?:square|cube|root|logarithm|bound|reciprocal|inverse|opposite|half|double|{WRONG})\b"
    r"[^.]{0,30}\b(?:is|are)\b",
    re.IGNORECASE,
)
_NEITHER = re.compile(r"\bneither\b", re.IGNORECASE)
_NEGATION = re.compile(rf"\b(?:{NOT}|no|non)\b|n't", re.IGNORECASE)
_SUPPOSED = re.compile(
    rf"\W*(?:(?:{LET})\s|(?:{EXAMPLE})[:,]?\s)"
    r"(?:(?!\b(?:get|gets|gives?|have|has|obtain|find|then|so|we|there)\b)[^,;])*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?[\d.,]+")


def no_value(answer: str, gold: str) -> str | None:
    """Why an answer gives no value, or none alone; None where it may give one.

    What the gold answer does as well is no fault.
    """
    if not answer.strip(" ?!.,;:-_$"):
        return "no answer"
    if _PROGRAM.search(answer) and not _PROGRAM.search(gold):
        return "a program, not a value"
    plain = " ".join(_BARE.sub(lambda m: m[1] or " ", answer).split())
    if _NEITHER.search(plain) and not _NEITHER.search(gold):
        return "says only what it is not"
    if (denied := _DENIED.fullmatch(plain)) and not _NEGATION.search(gold):
        is_number = _NUMBER.fullmatch(gold.strip("$ "))
        return (
            "says only what it is not"
            if _bare(denied[1]) == _bare(gold) or (is_number and _one_thing(denied[1]))
            else None
        )
    if _is_supposed(plain) and not words(gold):
        return "only supposed"
    if _is_opposite(plain.lower(), _bare(gold)):
        return "the opposite"
    if _OF_ANOTHER.search(plain) and not _OF_ANOTHER.search(gold):
        return "says another value"
    if _OPEN_RANGE.fullmatch(plain) and _NUMBER.fullmatch(gold.strip("$ ")):
        return "a range, not a value"
    if (two := _TWO.fullmatch(plain)) and _bare(gold) in (two[1].lower(), two[2].lower()) and two[1] != two[2]:
        return "two answers where one is asked"
    return None


_OPPOSITES = [
    frozenset(pair.split("/"))
    for pair in "upward/downward upwards/downwards up/down left/right clockwise/counterclockwise increases/decreases "
    "increasing/decreasing increase/decrease north/south east/west gain/loss inward/outward odd/even true/false "
    "convergent/divergent converges/diverges concave/convex rational/irrational maximum/minimum".split()
]


_OPPOSITE = re.compile(rf"\b(?:{'|'.join(sorted(word for pair in _OPPOSITES for word in pair))})\b")


def _is_opposite(answer: str, gold: str) -> bool:
    """The same numbers with the opposite word beside them."""
    if not _OPPOSITE.search(answer):
        return False
    ours, theirs = set(re.findall(r"[a-z]+", gold)), set(re.findall(r"[a-z]+", answer))
    turned = any(len(pair & ours) == len(pair & theirs) == 1 and pair & ours != pair & theirs for pair in _OPPOSITES)
    return turned and re.findall(r"[\d.]+", gold) == re.findall(r"[\d.]+", answer)


def _is_supposed(text: str) -> bool:
    """Where several numbers stand, one of them may follow from the other."""
    return bool(_SUPPOSED.fullmatch(text) or is_supposed_elsewhere(text)) and len(re.findall(r"\d[\d.,]*", text)) < 2


def _one_thing(text: str) -> bool:
    """A number or a word or two, and no other answer behind it."""
    return len(text.split()) <= 2 and not re.search(r"\b(?:but|rather|only|sondern|mais)\b", text)


def _bare(text: str) -> str:
    return " ".join(_BARE.sub(lambda m: m[1] or " ", text).split()).lower()
