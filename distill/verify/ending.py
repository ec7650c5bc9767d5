"""An answer that nothing announces: what a response ends on."""

import re
from itertools import pairwise

from distill.verify.afterword import without_afterword
from distill.verify.algebra.tokens import FUNCTIONS
from distill.verify.beside import fails_behind
from distill.verify.clause import DOUBTED, is_asked, is_denied, is_hedged, last_sentence, short_clause, with_unit
from distill.verify.closing import said_once
from distill.verify.dressing import unquoted
from distill.verify.elsewhere import changed_elsewhere, is_supposed_elsewhere
from distill.verify.formulas import (
    BOLD,
    COUNTED,
    NUMBER_IN_TEXT,
    NUMBERING,
    REJECTED_BEHIND,
    formula_alone,
    last_formula,
)
from distill.verify.last_number import condition_behind, is_concluded
from distill.verify.listed import ends_on_list
from distill.verify.notation import words
from distill.verify.plain_number import as_number
from distill.verify.scaled import scale_behind
from distill.verify.statement import phrase_end
from distill.verify.wording import BOUND, GIVES_UP, INSTEAD, LET, NOT, REJECTED

SHOWN = 300
"""Characters of a line from which no answer could be told."""

NEAR = 1000
"""So near to the end is a formula the answer."""

VERY_NEAR = 200
"""So near to it the last number is looked for first."""

_DENIED = re.compile(rf"(?:\b(?:{NOT}|{INSTEAD})|n't)\s+(?:the |a |an )?(?:\$|\*\*|\\\()?$", re.IGNORECASE)
"""Right before a formula or bold type."""

_BOUNDED = re.compile(rf"\b(?:{BOUND})\s+(?:the |a |an )?(?:\$|\*\*|\\\()?$", re.IGNORECASE)
"""The same words, of a number."""

LOOK = 60
"""Characters behind it that are looked at."""

_LED_TO = re.compile(r"[^$*\\]*[A-Za-z=:][^$*\\]*(?:\$|(?<![\w)\]}])\*\*(?=\S)|\\\()")
"""A word or a sign, then a formula or something in bold."""

_METADATA = re.compile(
    r"(?:(?:^|\n)[\s*_#>(\[|-]*(?:confidence|certainty|difficulty|self-assessment|tokens used|word count)"
    r"(?: (?:level|score|rating|estimate))?[\s*_]*[:=][^\n]{0,60}\s*)+$",
    re.IGNORECASE,
)
"""Lines about the answer at the end, which are none."""

_GIVES_UP = re.compile(rf"\b(?:{GIVES_UP})\b", re.IGNORECASE)
_GIVING_UP = ("not", "n't", "unable", "no ", "give up", "contradiction")
"""One of them stands wherever somebody gives up."""

_METADATA_WORDS = ("onfidence", "ertainty", "ifficulty", "assessment", "okens used", "ord count")

_REJECTED = re.compile(
    rf"\d[^.;]*\b(?:{REJECTED})\b\D*$"
    r"|\b(?:reject|discard|dismiss)(?:s|ing)?\b(?:(?!\b(?:gives?|gets?|so|leaves?|leaving|yields?|we|is|are)\b)[^,;.])*"
    r"\d\D*$",
    re.IGNORECASE,
)
"""A sentence that ends on a value which is none."""

_REJECTING = ("reject", "extraneous", "discard", "exclude", "invalid", "inadmissible", "spurious", "ruled", "dismiss")
"""One of them stands in every such sentence; looking for them is faster."""

_BREAKS_OFF = re.compile(
    r"[^.!?\n]{0,80}[.!?]\s+(?:[^.!?\d]{0,80}\s)?(?:we|I|the|to|of|and|is|are|by|with|that|which|then|our|let's|so|because)"
    r"\s*$",
    re.IGNORECASE,
)
"""Behind a number: another sentence, which has no end."""

_SUPPOSED = re.compile(
    rf"(?:^|[.;!?:]\s)\W{{0,9}}(?:{LET})\b(?:\s+(?!(?:get|gets|have|find|obtain|then|gives?)\b)[\w']+){{0,3}}\s*(?:=\s*)?(?:\$|\*\*|\\\()?$",
    re.IGNORECASE,
)
"""Before a formula or bold type: that it is but supposed."""

_ASKS = re.compile(
    r"(?:(?:but|however|and|remember|recall),? )?"
    r"(?:we (?:want|need|(?:are|were) (?:asked|looking))|we're (?:asked|looking)"
    r"|the (?:question|problem)[a-z, ]{0,20} (?:asks|wants)|(?:it|they) asks?(?:ed)? for)\b\D*",
    re.IGNORECASE,
)
"""A last sentence that says what is to be found, where another one has given several values."""

_RESULT = re.compile(r"\d\s*=\s*\$?$")
LONGEST_EQUALS = 20
"""Characters of an equals sign with the spaces around it."""

_CODE = re.compile(r"\w\([^)]*['\"]|__\w+__|\blambda\b|\bimport\b")
_ASIDE = re.compile(
    r"(?<=[.!?。*$）)])\s*[(（](?=[^()（）]*[^\W\d_]{2,}[^()（）]*\s)[^()（）]*[)）]\s*[.。]?\s*$|(?<=\*\*)\s[(（][a-z][^()（）]*[)）]\s*[.。]?\s*$"
)
"""A note in brackets behind the sentence with the answer."""

_NO_SOLUTION = re.compile(
    r"\b(?:there (?:is|are|exists?)|has|have|with) no (?:(?:real|valid|such"
    r"|integer|possible|positive) ){0,2}solutions?(?: at all)?\s*[.!$*]*$"
    r"|\bno (?:(?:real|valid|such|integer|possible|positive) ){0,2}solutions? exists?\s*[.!$*]*$",
    re.IGNORECASE,
)
NO_SOLUTION = "no solution"

_GROUPED = re.compile(
    r"(?<![\d.,])(?<!\d )(\d{1,3}(?:(?: \d{3}){2,}|(?:[\u00a0\u202f\u2009]\d{3})+"
    r"|(?:(?: \d{3})+|(?:\.\d{3})+)(?=,\d{1,2}(?!\d))))"
    r"(?:,(\d{1,2}))?(?![\d,]*\d)(?! \d)"
)
"""A number with spaces or points between its thousands."""
_CALCULATION = re.compile(
    r"(?<=[\w$%}°])\s?[(（](?:(?:since|because|as|i\.e\.|that is|namely|因为|即),?\s?)?"
    r"\$?[-−]?\.?\d[\d\s.,+−*/×·⋅÷^%$€£x-]*=[\d\s.,+−*/×·⋅÷^%$€£x=-]*[)）]\s*[.。]?\s*$"
)
"""How the number before it comes about."""

_TITLE = re.compile(r"\s*[:：]\s*\S")
"""What stands in bold before it is the name of what follows."""

_LINKED = re.compile(r"\s*(?:,|;|\band\b|\bor\b|,\s*(?:and|or)\b)\s*")
_ITALIC = re.compile(r"(?<![*\w])\*(?=[A-Za-z])([A-Za-z ]{3,60})(?<=[a-z])\*(?![*\w])")


def unmarked(text: str, whole: bool) -> str | None:
    """The answer of a text that is the `whole` response, or its end; None where there is none."""
    text = _without_remarks(text)
    text = unquoted(text) if whole else text
    if not text:
        return None
    text = said_once(text)
    if (listed := ends_on_list(text)) is not None:
        return listed
    if concludes_none(text):
        return NO_SOLUTION
    text = without_afterword(text)
    last_line = text.rfind("\n") + 1
    text = grouped(text) if _GROUPED.search(text, last_line) else text
    last = text[last_line:]
    if whole and not last_line and not _prose(text) and not _LED_TO.match(text):
        return text
    sentence = last_sentence(last)
    if any(map(sentence.lower().__contains__, _REJECTING)) and _REJECTED.search(sentence):
        if "$" in sentence and REJECTED_BEHIND.search(sentence) and (list_left := last_formula(sentence)):
            return list_left[1]
        if (kept := _without_rejected(sentence)) is None:
            return last[-SHOWN:].strip()
        text = last = kept
    if (alone := formula_alone(last)) is not None:
        return alone
    told = _emphasised(text, last)
    return _said(text, last) if told is None else told or None


def _without_remarks(text: str) -> str:
    """Without lines about the answer, a note or a calculation in brackets at its end."""
    if any(map(text[-VERY_NEAR:].__contains__, _METADATA_WORDS)):
        text = text[:-VERY_NEAR] + _METADATA.sub("", text[-VERY_NEAR:])
    if text[-2:].rstrip(".。 ").endswith((")", "）")):
        text = _without_calculation(_ASIDE.sub("", text))
    return text


def _emphasised(text: str, last: str) -> str | None:
    """The formula or the bold type that a text ends on; empty where that is no answer, None where there is none."""
    start = max(0, len(text) - NEAR)
    formula = last_formula(text[start:])
    marked = [m for p in (BOLD, _ITALIC) for m in p.finditer(last) if not _TITLE.match(last, m.end())]
    bold = max(marked, key=re.Match.start, default=None)
    bold_at = len(text) - len(last) + bold.start() if bold else -1
    if formula and bold_at < start + formula[2] and not NUMBER_IN_TEXT.search(text[start + formula[2] :]):
        if fails_behind(text[start + formula[2] :]):
            return ""
        is_other = _is_changed(text, start + formula[0], start + formula[2], formula[1])
        return last[-SHOWN:].strip() if is_other else formula[1] + scale_behind(text, start + formula[2])
    if bold:
        if len(marked) > 1 and (listed := _listed_in_bold(last, marked)):
            return listed
        is_other = _is_changed(last, bold.start(), bold.end(), bold[1])
        return last[-SHOWN:].strip() if is_other else phrase_end(bold[1])
    return None


def _listed_in_bold(last: str, marked: list[re.Match[str]]) -> str | None:
    """Numbers in bold type with nothing but commas, "and" or "or" between them, of which the last ends the line."""
    found = sorted(marked, key=re.Match.start)
    links = (_LINKED.fullmatch(last, one.end(), other.start()) for one, other in pairwise(found))
    if not all(links) or not all(as_number(one[1]) is not None for one in found):
        return None
    return ", ".join(one[1] for one in found) if last[found[-1].end() :].strip(" .") == "" else None


def _said(text: str, last: str) -> str | None:
    """What the last sentence says something to be, or the last number; the line where it doubts that."""
    if DOUBTED.search(last_sentence(last)) or _ASKS.fullmatch(last_sentence(last)):
        return last[-SHOWN:].strip()
    near = text[-VERY_NEAR:]
    if any(map(near.lower().__contains__, _GIVING_UP)) and _GIVES_UP.search(text, max(0, len(text) - VERY_NEAR)):
        return last[-SHOWN:].strip() if NUMBER_IN_TEXT.search(last) else None
    if (clause := short_clause(last)) is None:
        return _last_number(text, last)
    at = len(text) - len(last) + last.rfind(clause)
    end = at + len(clause)
    if NUMBER_IN_TEXT.search(clause) and (is_denied(text, at, end) or is_asked(text, at, end)):
        return last[-SHOWN:].strip()
    counted = COUNTED.match(clause)
    return counted[1] if counted else clause


def grouped(text: str) -> str:
    """Numbers with spaces or points between their thousands as digits alone: `1 234 567`, `1.234,50`."""
    return _GROUPED.sub(lambda m: re.sub(r"[\s.]", "", m[1]) + (f".{m[2]}" if m[2] else ""), text)


def concludes_none(text: str) -> bool:
    """Does a text end on that there is no solution?"""
    near = text[-VERY_NEAR:]
    return "olution" in near and "no " in near.lower() and _NO_SOLUTION.search(near) is not None


def _without_calculation(text: str) -> str:
    """Without a calculation in brackets at the end, where a number stands before it in the same sentence."""
    found = _CALCULATION.search(text, max(0, len(text) - VERY_NEAR))
    if found is None or not re.search(r"\d", last_sentence(text[: found.start()].rpartition("\n")[2])):
        return text
    return text[: found.start()]


def _is_changed(text: str, start: int, end: int, content: str) -> bool:
    """Do the words beside a formula or bold type deny it, or bound a number in it?"""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    if _DENIED.search(before) or _SUPPOSED.search(before) or is_supposed_elsewhere(last_sentence(before)):
        return True
    if changed_elsewhere(before, text[end : end + LOOK].partition("\n")[0]) is not None:
        return True
    return as_number(content) is not None and _BOUNDED.search(before) is not None


def _without_rejected(sentence: str) -> str | None:
    """`So x = 13, with x = 12 rejected` without its second clause; None where the first one does not give one value."""
    kept, comma, rejected = sentence.partition(", ")
    numbers = NUMBER_IN_TEXT.findall(kept)
    return kept if comma and len(numbers) == 1 and "," not in rejected and numbers[0] not in rejected else None


def _last_number(text: str, last: str) -> str | None:
    near = list(NUMBER_IN_TEXT.finditer(text, max(0, len(text) - VERY_NEAR)))
    for found in reversed(near or list(NUMBER_IN_TEXT.finditer(text))):
        if not NUMBERING.search(text, max(0, found.start() - 20), found.start()):
            if len(near) > 1 and _is_condition(last, near[-2:]):
                return last[-SHOWN:].strip()
            if _is_one_of_two(last) and not is_concluded(text[max(0, found.start() - LOOK) : found.start()]):
                return last[-SHOWN:].strip()
            is_result = _RESULT.search(text, max(0, found.start() - LONGEST_EQUALS), found.start())
            is_passing = is_asked(text, *found.span()) or _BREAKS_OFF.match(text, found.end())
            if is_passing or (not is_result and is_hedged(text, found.start(), found.end())):
                return last[-SHOWN:].strip()
            return with_unit(text, found.start(), found.end())
    return None


def _is_condition(last: str, numbers: list[re.Match[str]]) -> bool:
    """Does the last of two numbers in one sentence say when, where or of how many the other one holds?"""
    sentence = last_sentence(last)
    found = list(NUMBER_IN_TEXT.finditer(sentence))
    return len(found) > 1 and found[-1][0] == numbers[-1][0] and condition_behind(sentence, found) is not None


def _is_one_of_two(last: str) -> bool:
    """Does the last sentence name different numbers?"""
    return len({found[0] for found in NUMBER_IN_TEXT.finditer(last_sentence(last))}) > 1


_GOES_ON = re.compile(r"[,;]\s+(?:so|since|hence|thus|because|therefore|then)\b")


def _prose(text: str) -> bool:
    if _CODE.search(text):
        return False
    if _GOES_ON.search(text):
        return True
    return (
        len(words(text) - FUNCTIONS) > 2
        or bool(
            re.match(r"(?:it|that|this|so|then|we|therefore|thus|hence|finally)\b", text, re.IGNORECASE)
            or re.match(r"I [a-z]{3,}", text)
        )
        or bool(re.search(r"[.:?!]\s+\S|[\u3040-\u9fff\u0600-\u06ff\u0400-\u04ff]", text))
    )
