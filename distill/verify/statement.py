"""What a phrase such as "the answer is" announces: a formula, something in bold, or the clause that follows."""

import re

from distill.verify.algebra.units import MONTHS
from distill.verify.beside import changed_beside
from distill.verify.clause import unit_behind, with_unit
from distill.verify.elsewhere import changed_elsewhere
from distill.verify.formulas import BOLD, COUNTED, FORMULA, NUMBER_IN_TEXT, NUMBERING, condition_behind, inside
from distill.verify.notation import CHANGING, OPERATIONS, words
from distill.verify.plain_number import as_number

_OF = re.compile(r"(?<!total )\bof\s*$", re.IGNORECASE)
"""`the square of 5`; a total of five is five."""

_CASE = re.compile(r"\d\s+\(?(?:for|if|when|unless|where)\s", re.IGNORECASE)
"""`5 for even n, 6 for odd n`."""

_BUT = re.compile(
    r"\s*(?:not|nicht|pas|no)\b[^.\n]{1,80}?\b(?:but(?: rather)?|sondern|mais|sino)\s+(.+)", re.IGNORECASE | re.DOTALL
)

_THAT_IS = re.compile(r",?\s*\(?\b(?:i\.e\.|that is,)")
"""What follows says the same once more."""

_NONE = re.compile(r"(?:none|nothing|no (?:solution|answer|value|number)s?)\b", re.IGNORECASE)
_NAMES = re.compile(r"[A-Za-z\d]{2}|\d[\d.,/]*\s*[(（]")
"""Before a formula that is not the whole answer: words, or a number of which it is a remark."""

_AT_A_PLACE = re.compile(
    rf"\s*({NUMBER_IN_TEXT.pattern})\s*[(（](?:(?:attained|achieved|reached|wird erreicht|se alcanza|atteinte?) )?"
    r"(?:at|when|bei|für|wenn|si|cuando|en|pour|при|当|在|wo)\s?\$?[a-z]\s?=[^()（）]{1,40}[)）][\s.。*]*"
)
"""A number, and where in brackets the value is attained."""

_PARTS = re.compile(r"[(（]1[)）][^()\n]{1,60}[(（]2[)）]")
_SEVERAL = re.compile(r"\s*(?:,|or\b|and\b)\s*\$(?!\s*[A-Za-z]\s*\\in\b)")


def stated(text: str) -> str:
    """The answer at the beginning of what follows the phrase."""
    if but := _BUT.match(text):
        text = but[1]
        if bold := BOLD.match(text):
            return phrase_end(bold[1])
    formula = FORMULA.search(text)
    if placed := _AT_A_PLACE.fullmatch(text):
        return placed[1]
    if _PARTS.match(text):
        return text.strip().rstrip(".")
    if formula and not _NAMES.search(re.sub(r"approximately|about|exactly", "", text[: formula.start()])):
        after = re.match(r"\s*\\?%", text[formula.end() :])
        if _SEVERAL.match(text, formula.end()):
            return text.strip()
        beside = changed_beside("is " + text[: formula.start()], text[formula.end() :], inside(formula))
        if beside is not None and not after:
            return beside
        unit = after[0].strip() if after else unit_behind(text, formula.end())
        return inside(formula) + condition_behind(text, formula.end()) + (f" {unit}" if unit else "")
    return phrase_end(text)


def phrase_end(text: str) -> str:
    """Cut a sentence down to its answer: markdown, the final stop and what explains the number go.

    A number that the words around it change ("not 42", "42 million") stays with them, and is no number then.
    """
    text = re.sub(r"[.*。\s]+$", "", _THAT_IS.split(text)[0].strip().strip("*").strip())
    if "，即" in text and as_number(digits := text.rpartition("，即")[2].strip()) is not None:
        return digits
    if counted := COUNTED.fullmatch(text):
        return counted[1]
    if "\\" in text or not words(text):
        sentence = re.match(r"(" + NUMBER_IN_TEXT.pattern + r")[.。]\s", text)
        return sentence[1] if sentence and "\\" not in text else text
    if _NONE.match(text):
        return text
    head = re.match(r"(" + NUMBER_IN_TEXT.pattern + r")(?=\s|,\s|\.\s|$)", text)
    clause = re.split(r"[,;(]\s|\.\s|\s\((?=[a-z]{3})|\s(?:because|since|as|which|so)\s", text)[0] if head else text
    if (_CASE.search(clause) and NUMBER_IN_TEXT.search(text, len(clause))) or len(_CASE.findall(text)) > 1:
        return text
    numbers = NUMBER_IN_TEXT.findall(clause)
    if len(numbers) == 1 and not words(clause) & (CHANGING | MONTHS | OPERATIONS):
        at = clause.index(numbers[0])
        if _OF.search(clause, 0, at) or NUMBERING.search(clause, 0, at):
            return text
        if changed_elsewhere(clause[:at], text[at + len(numbers[0]) :]) is not None:
            return text
        return with_unit(clause, at, at + len(numbers[0]))
    return text
