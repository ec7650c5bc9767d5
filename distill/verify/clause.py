"""What a sentence ends on, where nothing marks the answer: a short clause, or a number with its unit."""

import re
from functools import lru_cache

from distill.verify.algebra.tokens import FUNCTIONS
from distill.verify.algebra.units import is_unit, name_of
from distill.verify.elsewhere import is_supposed_elsewhere
from distill.verify.formulas import NUMBER_IN_TEXT
from distill.verify.last_number import is_changed
from distill.verify.notation import CHANGING, OPERATIONS, words
from distill.verify.scaled import scale_behind
from distill.verify.wording import ASKED, CURRENCIES, EXAMPLE, GIVES_UP, SUCH_THAT, WRONG

LONGEST = 60
"""Characters of a clause."""

_SAYS = re.compile(
    r"(?:\b(?:is|are|was|were|equals|gives|get|be)\s+|[=≈]\s*)(?!.*(?:\b(?:is|are|was|were|equals)\s|[=≈]))(\S.*?)\s*[.!]?$"
)
_SAYS_SEVERAL = re.compile(r"\b(?:are|is)\s+((?:[a-zA-Z]\s*=\s*)?[^\s=,]+\s*(?:,|\band\b|\bor\b).*?)\s*[.!]?$")
_UNIT = re.compile(
    r"\s*(?:\\[,;: ]|~)?\s*(?:\\(?:text|mathrm)\s*\{\s*)?"
    r"(?P<unit>(?:square |cubic )?[A-Za-z]+(?:\s?(?:/|per)\s?[A-Za-z]+)?)"
    r"(?:\s?\^?\s?\{?[23²³]\}?)?\s*\}?(?![\w-])"
)
OF = re.compile(
    r"(?<!total )(?<!sum )\b(?:half|square|cube|root|reciprocal|opposite|multiple|twice) of (?:the )?$", re.I
)
DOUBTED = re.compile(
    r"\b(?:might|avoid|expect|(?:book|teacher|key|friend|others?|someone|some people) (?:says?|claims?|gives?|got)"
    r"|percent of"
    r"|per cent of|unsure|whether|whereas|naive(?:ly)?|tempting)\b",
    re.IGNORECASE,
)
_NOT_CLAIMED = re.compile(
    rf"\b(?:impossible|doubts?|denies|deny|pretend|mistake is|{WRONG})\s+that\b[^,;]*$"
    rf"|^\W*(?:suppose|assume|if|let)\b[^,;]*$"
    rf"|\b(?:{WRONG})\s+(?:answer|result|value|solution) (?:is|was)\s*$|\b(?:nobody|no one) knows\b[^;]*$"
    r"|\bthere (?:is|are) no (?:such )?(?:answer|solution|value|number)\b[^,;]*$"
    rf"|^\W*(?:{EXAMPLE})\b[^;]*$",
    re.IGNORECASE,
)
"""In a sentence before its number: what is not so, or only supposed."""

_ASKED = re.compile(
    rf"\b(?:{SUCH_THAT})\b[^,;:]*$|\b(?:{ASKED})\b(?:(?!\b(?:answer|so|get|gives?|which is)\b)[^,;:=])*$", re.IGNORECASE
)
"""In a sentence before its number: what is to be found."""

_TAKEN_BACK = re.compile(
    rf"[^.!?\n]*(?:\?|[;,] (?:they|he|she|it|that|this)(?:'s| is| are) (?:{WRONG}))"
    rf"|[^.!?\n]*[.!?;,][^.\d]*\b(?:{GIVES_UP})\b",
    re.IGNORECASE,
)
"""Behind a number: a question, or that there is no answer."""

LONGEST_HEDGE = 80
"""Characters of a sentence in which such a word is about its number."""

_COUNTING = frozenset(
    "and to or plus minus over times if far third half quarter divided twice double triple dividing remainder "
    "doubled tripled quadrupled halved".split()
)
"""Words of a calculation."""

_AMBIGUOUS = frozenset(("in", "a", "s", "h", "l", "g", "w", "j", "n", "b", "points", "point"))
"""Words and letters that are more often something else; in a formula or behind a digit without a space they count."""


CURRENCY_SIGNS = "€£¥₹₩₽"
_CURRENCY = re.compile(rf" ?({CURRENCIES}|[{CURRENCY_SIGNS}])(?!\w)", re.IGNORECASE)

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z$\\])|(?<=[。！？])\s*(?=\S)")


@lru_cache(maxsize=16)
def last_sentence(line: str) -> str:
    """Asked of the same line by several rules, one after another."""
    return _SENTENCE_END.split(line.strip())[-1]


def short_clause(line: str) -> str | None:
    """What the last sentence says something to be, if that is short and no more than a name, a formula or a list."""
    sentence = last_sentence(line)
    found = _SAYS_SEVERAL.search(sentence) or _SAYS.search(sentence)
    if found is None or len(found[1]) > LONGEST:
        return None
    clause = found[1]
    others = words(clause) - FUNCTIONS - {"and", "or"}
    if len(others) > 2 or re.search(r"[:;?]|,\s(?!and\b)[a-z]{3}", clause):
        return None
    if re.search(rf"{NUMBER_IN_TEXT.pattern}(?: [a-z]+)? (?:is|are|was|were)\s*$", sentence[: found.start(1)]):
        return None  # 12 apples are left
    is_name = len(clause.split()) == 1 or clause.istitle()
    return clause if is_name or not re.fullmatch(r"[a-zA-Z' ]+", clause) else None


def with_unit(text: str, start: int, end: int) -> str:
    """A number within a text, and the unit that stands right behind it."""
    unit = unit_behind(text, end)
    if not unit and (currency := _CURRENCY.match(text, end)):
        unit = currency[1]
    sign = text[start - 1] if start and text[start - 1] in CURRENCY_SIGNS else ""
    return sign + text[start:end].rstrip(",") + (f" {unit}" if unit else "")


def unit_behind(text: str, at: int) -> str:
    if scale := scale_behind(text, at):
        return scale.strip()
    found = _UNIT.match(text, at)
    if found is None:
        return ""
    names = re.split(r"\s?(?:/|\bper\b)\s?", found["unit"].removeprefix("square ").removeprefix("cubic "))
    is_spaced = text[at : at + 1] in (" ", "$") or not text[at : at + 1]
    if is_spaced and len(names) == 1 and names[0].lower() in _AMBIGUOUS and found[0].rstrip()[-1] not in "23²³}":
        return ""
    return found[0].strip(" ~") if all(is_unit(name_of(name)) for name in names if name) and names[0] else ""


def is_asked(text: str, start: int, end: int) -> bool:
    """Does the sentence of a number, up to it, tell what is to be found?"""
    _, sentence, _ = _around(text, start, end)
    return bool(_ASKED.search(sentence[: len(sentence) - (end - start)]))


def is_not_claimed(text: str, start: int, end: int) -> bool:
    """Does the sentence of a number doubt, suppose or ask it, or what follows say that there is no answer?"""
    _, sentence, _ = _around(text, start, end)
    before = sentence[: len(sentence) - (end - start)]
    if DOUBTED.search(sentence) or _NOT_CLAIMED.search(before) or _TAKEN_BACK.match(text, end):
        return True
    return is_supposed_elsewhere(before)


def is_denied(text: str, start: int, end: int) -> bool:
    """The same, or do the words that touch the number make another value of it?"""
    if is_not_claimed(text, start, end):
        return True
    line, _, start_of_line = _around(text, start, end)
    at = start - start_of_line
    return is_changed(line, at, at + end - start) or bool(OF.search(line[:at]))


def _around(text: str, start: int, end: int) -> tuple[str, str, int]:
    """The line of a number, its sentence as far as the number, and where the line begins."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    return line, last_sentence(line[: end - line_start]), line_start


def is_hedged(text: str, start: int, end: int) -> bool:
    """Do the words around a number make another value of it, or one of several?"""
    if is_denied(text, start, end):
        return True
    _, sentence, _ = _around(text, start, end)
    return len(sentence) < LONGEST_HEDGE and bool(words(sentence) & ((CHANGING | OPERATIONS) - _COUNTING))
