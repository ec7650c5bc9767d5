"""Numbers with a tolerance: read exactly, in whatever notation, and compared as fractions.

Without a tolerance in the problem's data two numbers must be equal. What is no number, or could be two, is no verdict.
"""

import re
from fractions import Fraction
from typing import Any, NamedTuple

from distill.verify.clause import is_denied, is_not_claimed, unit_behind
from distill.verify.constant import DIGITS, constant
from distill.verify.ending import NO_SOLUTION
from distill.verify.extract import gold_answer
from distill.verify.final import MAX_ANSWER, last_line, stated
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.last_number import IN_BRACKETS, condition_behind, is_one_of_several
from distill.verify.numeral import IN_TEXT, PERCENT, SCALE, SCALES_READ, Value, factor, plain, read
from distill.verify.wording import EXCLUDE, FUNCTION, INSTEAD, MAYBE, SCALES, SCALES_OF_HAN, SECOND_THOUGHT, WRONG

SCALE_UNREAD = "|".join(sorted(SCALES - set(SCALES_READ), key=len, reverse=True)) + "|per mille"

_LAST_SIDE = re.compile(r".*(?:[=≈:]|\b(?:is|are|equals|approximately|about)\b)(.*)", re.DOTALL)
_BEFORE_REMARK = re.compile(
    r"\b(?:is|are|was|equals) (?:about |approximately |exactly )?((?:[$€£]|\\\$)?-?\d[\d.,]*\d|\d)"
    r"(?: [A-Za-zμΩ°/%²³]{1,12})?, "
    r"(?:slightly|just|well|far|which|so|as|not|above|below|compared|more than|less than)\b"
    r"[^.!?]*[.!]?$"
)
_REASON = re.compile(r",? (?:since|because) ")
_SAID = re.compile(r"[=≈]|\b(?:is|are|was|equals)\b")
_SENTENCE = re.compile(r"(?<=[\w)°%$])\. (?=[A-Z])")
_NAME = re.compile(r"\\?[^\W\d][\w\s{}()'\\,]*")
_ENDLESS = re.compile(r"[-+]? ?(?:nan|inf|infinity|∞|\\infty|unendlich)[.]?", re.IGNORECASE)


_OPERATOR = re.compile(
    rf"(?:[+*/^÷]|[A-Za-z]-|-\(|[\w)]\() ?$|\b(?:anything but|{INSTEAD}|{MAYBE}|{EXCLUDE}|choose|vs\.?|versus|down"
    rf"|(?:{FUNCTION}|loss|debt|fall|drop) of) $"
)
_SUBTRACTED = re.compile(r"(?:[\d)\]}%] ?[-+].?|(?<![\w'])[b-z] [-+] )$")
_UNSURE = re.compile(
    rf", (?:{SECOND_THOUGHT}|no)\b|\b(?:else|otherwise)\b|\bfail(?:s|ed)[.!]?\s*$|\((?:{WRONG})\)|~~", re.IGNORECASE
)
_OPERATED = re.compile(
    rf"_| ?[<>≤≥]| ?(?:{SCALE_UNREAD}|in debt|below)\b|(?-i:[BKMT])\b| ?/ ?[a-z]"
    rf"| per [a-z]\b| ?- ?(?-i:[b-z])(?![\w'])|[{SCALES_OF_HAN}¢∞]| and (?:a|one|three) (?:half|third|quarters?)\b",
    re.IGNORECASE,
)
"""What stands behind a number and makes another of it."""


_DIGITS_LEFT = (
    r"(?:s\.? ?f\.?|d\.? ?p\.?|sig\.? ?figs?\.?|significant (?:figures?|digits?)"
    r"|decimals?(?: places?)?|digits?|places?)"
)
_GIVEN = r"(?:rounded|rounding|correct|accurate|exact|given)(?: off)? "
_PRECISION = re.compile(
    rf",? ?[(\[](?:[a-z]+ ){{0,2}}?(?:to )?\w{{1,5}} {_DIGITS_LEFT}[)\]]"
    rf"|,? ?\(?(?:{_GIVEN}|(?<=[a-z)%°] )|(?<=, )|\()to \w{{1,5}} {_DIGITS_LEFT}\)?"
    rf"|,? ?\(?(?:{_GIVEN})?to the nearest [\w.]+(?: [a-z]+)?\)?",
    re.IGNORECASE,
)
"""To how many digits a number is given, which is no number of the answer."""

_CUT_OFF = re.compile(r"(?<![0-9.,])[0-9]+(?:\.\.| \.\.)")
"""Dots behind a whole number: it may go on."""


class SeveralNumbers(Exception):
    """The last number of a line is a bound, the end of a range, or one of several."""


class Tolerance(NamedTuple):
    """How far an answer may be from the gold number; a number within any of the limits is right."""

    absolute: Fraction
    relative: Fraction
    digits: int | None
    """Significant digits: half a unit of the last."""

    def allows(self, answer: Fraction, gold: Fraction) -> bool:
        off = abs(answer - gold)
        if off == 0 or off <= self.absolute or off <= self.relative * abs(gold):
            return True
        if self.digits is None or gold == 0:
            return False
        return off <= Fraction(10) ** (_magnitude(gold) - self.digits + 1) / 2


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response by the number that it states last.

    `data` may hold `tolerance` (absolute), `relative_tolerance` and `digits` (significant ones).
    """
    links = _links(gold_answer(answer))
    gold = read(links[0]) if len(links) == 1 else None
    if gold is None:
        return unknown(None, "gold answer is no number")
    try:
        tolerance = tolerance_of(data)
    except ValueError:
        return unknown(None, "tolerance is no number")
    try:
        said = final_number(response)
    except SeveralNumbers as e:
        return unknown(str(e), "a bound, a range, or several numbers")
    if said is None or said == NO_SOLUTION:
        return wrong(said, "no answer")
    if len(said) > MAX_ANSWER:
        return unknown(said[:100], "answer too long to read")
    if _ENDLESS.fullmatch(plain(said)):
        return wrong(said, "no finite number")
    return _compare(said, gold, tolerance)


def final_number(response: str) -> str | None:
    """What a response states as its answer, or the last number of its last line.

    Raises:
        SeveralNumbers: what stands around that number makes another value of it.
    """
    said = stated(response)
    if said is not None:
        return said
    line = _PRECISION.sub("", last_line(response)[-MAX_ANSWER:])
    if _UNSURE.search(line):
        raise SeveralNumbers(line[-100:])
    line = _without_reason(line)
    shown = plain(line)
    numbers = list(IN_TEXT.finditer(shown))
    if numbers and is_not_claimed(shown, *numbers[-1].span()):
        raise SeveralNumbers(line[-100:])
    if (first := _BEFORE_REMARK.search(line)) and read(first[1]) is not None:
        return first[1]
    side = _LAST_SIDE.fullmatch(line)
    if read(line) is not None:
        return line
    if side and constant(side[1]) is not None:
        return side[1].strip(" $.")
    if not numbers:
        return None
    if (condition := condition_behind(shown, numbers)) is not None:
        at, is_sure = condition
        if not is_sure:
            raise SeveralNumbers(line[-100:])
        return shown[numbers[-2].start() : at]
    if _is_unsure(shown, numbers):
        raise SeveralNumbers(line[-100:])
    end = numbers[-1].end()
    for behind in (SCALE, PERCENT):
        found = behind.match(shown, end)
        end = found.end() if found else end
    unit = unit_behind(shown, end)
    return f"{shown[numbers[-1].start() : end].strip()} {unit}".strip()


def _without_reason(line: str) -> str:
    """`P = 18 W` of `P = 18 W, since I = 3 A`; a line that does not say one number before the reason as it is."""
    found = _REASON.search(line)
    if found is None or not _SAID.search(line, 0, found.start()):
        return line
    said = plain(line[: found.start()])
    return line[: found.start()] if len(IN_TEXT.findall(said)) == 1 else line


def _is_unsure(shown: str, numbers: list[re.Match[str]]) -> bool:
    """Is the last number of a line part of another value, one of several, or a remark on the one before?"""
    start, end = numbers[-1].span()
    return bool(
        (shown[start] in "+-" and _SUBTRACTED.search(shown[: start + 2]))
        or is_denied(shown, start, end)
        or is_one_of_several(shown, start)
        or _CUT_OFF.search(shown, start)
        or (IN_BRACKETS.search(shown[:start]) and not _are_same(shown, numbers[-2:]))
        or _OPERATOR.search(shown[:start])
        or _OPERATED.match(shown, end)
    )


def _are_same(shown: str, numbers: list[re.Match[str]]) -> bool:
    """Are these numbers of a line the same, as in `0.5 (50%)`?"""
    values = [read(found[0]) for found in numbers]
    shares = [100 if PERCENT.match(shown, found.end()) else 1 for found in numbers]
    return len({value and value.number / share for value, share in zip(values, shares, strict=True)}) == 1


def tolerance_of(data: dict[str, Any]) -> Tolerance:
    """The tolerance in a problem's data.

    Raises:
        ValueError: one that is no number from 0, or digits that are no count.
    """
    digits = data.get("digits")
    if digits is not None and (type(digits) is not int or not 1 <= digits <= 100):
        raise ValueError(digits)
    return Tolerance(_limit(data.get("tolerance")), _limit(data.get("relative_tolerance")), digits)


def _limit(value: Any) -> Fraction:
    if value is None:
        return Fraction(0)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    found = read(str(value))
    if found is None or found.number < 0 or found.is_percent:
        raise ValueError(value)
    return found.number


def _compare(said: str, gold: Value, tolerance: Tolerance) -> Judgement:
    """All links of a chain of equations must agree; of `22/7 ≈ 3.14` one is enough."""
    if _UNSURE.search(said) or _CUT_OFF.search(plain(said)):
        return unknown(said, "several values")
    links = _links(said)
    values = [read(link) for link in links[:4]]
    if None in values or len(links) > 4:
        return unknown(said, "not read as one number")
    found = [_verdict(said, value, gold, tolerance) for value in values if value is not None]
    best = next((f for f in found if f.verdict == "correct"), found[0])
    if all(f.verdict == best.verdict for f in found):
        return best
    numbers = [value.number for value in values if value is not None]
    rounded = "≈" in plain(said) and len(numbers) == 2 and abs(numbers[0] - numbers[1]) <= abs(numbers[0]) / 100
    return best if rounded else unknown(said, "several values")


def _links(text: str) -> list[str]:
    """The sides of the equations in the first sentence; a name at the beginning is none."""
    links = re.split(r"=|≈", _SENTENCE.split(plain(text), maxsplit=1)[0])
    return links[1:] if len(links) > 1 and (not links[0].strip() or _NAME.fullmatch(links[0])) else links


def _verdict(said: str, value: Value, gold: Value, tolerance: Tolerance) -> Judgement:
    if value.unit and gold.unit:
        times = factor(value.unit, gold.unit)
        if times is None:
            return unknown(said, "another unit")
        value = value._replace(number=value.number * times, other=None if times != 1 else value.other)
    if value.is_percent != gold.is_percent:
        return _across_percent(said, value, gold, tolerance)
    if _same_constants(value, gold):
        return correct(said, "equal numbers")
    if tolerance.allows(value.number, gold.number):
        return correct(said, "equal numbers" if value.number == gold.number else "within the tolerance")
    others = [(a, b) for a in (value.number, value.other) for b in (gold.number, gold.other)]
    if any(a is not None and b is not None and tolerance.allows(a, b) for a, b in others):
        return unknown(said, "a comma that may mean two things")
    return wrong(said, "another number")


def _same_constants(value: Value, gold: Value) -> bool:
    apart = abs(value.number - gold.number)
    return not value.is_exact and not gold.is_exact and apart <= abs(gold.number) / 10**DIGITS


def _across_percent(said: str, value: Value, gold: Value, tolerance: Tolerance) -> Judgement:
    """A percent sign on one side only: its hundredth counts, and the same number where it is too large for a share."""
    ours, theirs = (v.number / 100 if v.is_percent else v.number for v in (gold, value))
    if tolerance.allows(theirs, ours):
        return correct(said, "equal numbers")
    if tolerance.allows(value.number, gold.number):
        return correct(said, "equal but for %") if abs(gold.number) > 1 else unknown(said, "a percent sign on one side")
    return wrong(said, "another number")


def _magnitude(number: Fraction) -> int:
    """The power of ten of the first significant digit."""
    number = abs(number)
    power = len(str(number.numerator)) - len(str(number.denominator))
    return power if number >= Fraction(10) ** power else power - 1
