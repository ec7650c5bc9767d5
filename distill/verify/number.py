"""Numbers with a tolerance: read exactly, in whatever notation, and compared as fractions.

Without a tolerance in the problem's data two numbers must be equal. What is no number, or could be two, is no verdict.
"""

import re
import unicodedata
from fractions import Fraction
from typing import Any, NamedTuple

from distill.verify.constant import DIGITS, constant
from distill.verify.final import MAX_ANSWER, last_line, stated
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.last_number import is_changed
from distill.verify.math import as_number

MAX_EXPONENT = 999
"""Powers of ten beyond this are not computed."""

_SPELLINGS = str.maketrans(
    {"⁄": "/", **dict.fromkeys("−–‐‑", "-"), **dict.fromkeys("×·⋅∙✕", "*"), "≃": "≈", "∼": "≈", "’": "'", "µ": "μ"}
)
_SUPERSCRIPT = re.compile(r"(?<=10)([⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_VULGAR = re.compile(r"(?<=\d)([¼-¾⅐-⅞])")
_PLAIN_DIGITS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_LATEX = (
    (re.compile(r"\\(?:text|textbf|mathrm|mathbf|operatorname|rm|boxed) ?\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"(?<=[0-9]) ?\\[dtc]?frac ?\{([0-9]+)\} ?\{([0-9]+)\}(?! ?\^)"), r" \1/\2 "),
    (re.compile(r"\\[dtc]?frac ?\{([^{}]*)\} ?\{([^{}]*)\}"), r" (\1)/(\2) "),
    (re.compile(r"\\[dtc]?frac ?([0-9]) ?([0-9])"), r" \1/\2 "),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\(?:approx|simeq|sim)(?:eq)?(?![a-zA-Z])"), "≈"),
    (re.compile(r"\^? ?\{? ?\\circ ?\}?|\\degree(?![a-zA-Z])"), "°"),
    (re.compile(r"(?<=\d)(?:\{,\}|\\[,!;: ]|~)(?=\d{3})"), ","),
    (re.compile(r"\\[()\[\],;:! ]|~|\\(?:left|right|quad|displaystyle)(?![a-zA-Z])"), " "),
    (re.compile(r"\\([%$#])"), r"\1"),
    (re.compile(r"\*\*(?= ?[{(]?[-+]?\d)"), "^"),
    (re.compile(r"\\mu(?![a-zA-Z])"), "μ"),
)

_GROUPED = r"[0-9]{1,3}(?:(?P<sep>[ ,'_])[0-9]{3})(?:(?P=sep)[0-9]{3})*(?:\.[0-9]+)?"
_EUROPEAN = r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]+,[0-9]+"
_DIGITS = (
    rf"(?:(?P<grouped>{_GROUPED})|(?P<european>{_EUROPEAN})|(?P<simple>[0-9]+\.?[0-9]*|\.[0-9]+))(?![0-9.,]*[0-9])"
)
_TEN_TO, _BRACE = r"10 ?\^ ?[{(]? ?", r" ?[)}]?"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?) ?(?P<money>[$€£¥]?) ?(?:{_TEN_TO}(?P<alone>[-+]?[0-9]{{1,9}}){_BRACE}|{_DIGITS}"
    rf"(?:[eE](?P<e>[-+]?[0-9]{{1,9}})(?![0-9.])| ?[*xX] ?{_TEN_TO}(?P<power>[-+]?[0-9]{{1,9}}){_BRACE})?)"
)
_FRACTION = re.compile(
    r"(?P<sign>[-+]?) ?\(? ?(?P<top>[-+]?[0-9]+(?:\.[0-9]+)?) ?\)? ?/ ?\(? ?(?P<bottom>[-+]?[0-9]+(?:\.[0-9]+)?) ?\)?"
)
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _NUMBER.pattern).replace("(?P=sep)", "[ ,'_]")
_SHARE = r"(?:[0-9]+ )?" + re.sub(r"\?P<\w+>", "?:", _FRACTION.pattern) + r"(?![0-9./]*[0-9])"
_IN_TEXT = re.compile(rf"(?<![\w.,$€£¥^*/])(?:{_SHARE}|{_UNNAMED})")
_LAST_SIDE = re.compile(r".*(?:[=≈:]|\b(?:is|are|equals|approximately|about)\b)(.*)", re.DOTALL)
_ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|exactly|ungefähr|etwa|environ|≈|约|大约)\s*", re.IGNORECASE
)
_SCALES = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALE = re.compile(rf" ?({'|'.join(_SCALES)})s?\b", re.IGNORECASE)
_PERCENT = re.compile(r" ?(?:%|percent\b|per cent\b|pct\b|prozent\b|pour ?cent\b)", re.IGNORECASE)
_WORD = r"[A-Za-zÅΩμ°$€£¥][A-Za-zÅΩμ°.]*(?: ?\^ ?[({]?-?[0-9][)}]?|[0-9])?"
_UNIT = re.compile(rf" ?(?:{_WORD}(?:(?: ?[*/-] ?| ){_WORD}){{0,4}})?")
_NAME = re.compile(r"\\?[^\W\d][\w\s{}()'\\,]*")
_NO_UNIT = re.compile(
    r"\b(?:or|and|to|not|between|plus|minus|times|half|quarter|twice|double|less|more|than|at|most|least|pi|e|sqrt|oder|und)\b"
    r"|\b(?:is|was|are|were|wrong|incorrect|would|too|but)\b|sqrt|^ ?x"
    r"|^ ?(?-i:(?![ABCFGHJKLNTVWdghlmstuÅΩμ])\w)(?![\w°])",
    re.IGNORECASE,
)
_END = re.compile(
    r"[,;:(]\s|\.\s|\s(?:because|since|which|so|as|when|if|after|for|in total|altogether|weil|da|car)\b|[.。]?\s*$"
)
_SENTENCE = re.compile(r"(?<=[\w)°%$])\. (?=[A-Z])")
_MORE = re.compile(r"[\s,;:(.]*(?:(?:or|to|and|oder|und|ou|et)\b|[-–/±+*^]|[0-9])")
_ENDLESS = re.compile(r"[-+]? ?(?:nan|inf|infinity|∞|\\infty|unendlich)[.]?", re.IGNORECASE)
_ALIASES = {
    "metre": "m", "meter": "m", "kilometer": "km", "kilometre": "km", "centimeter": "cm", "centimetre": "cm",
    "second": "s", "sec": "s", "minute": "min", "hour": "h", "hr": "h", "gram": "g", "kilogram": "kg", "liter": "l",
    "litre": "l", "dollar": "$", "usd": "$", "euro": "€", "eur": "€", "pound": "£", "degree": "°", "joule": "j",
    "newton": "n", "watt": "w", "volt": "v", "pascal": "pa",
}  # fmt: skip


class Value(NamedTuple):
    """A number as it was read."""

    number: Fraction
    other: Fraction | None = None
    """What else the same digits could mean: `1,234` with a decimal comma."""
    is_percent: bool = False
    """The percent sign is not part of the number: 50 % has the number 50."""
    unit: str = ""
    is_exact: bool = True
    """Of a constant such as π there are forty digits only."""


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
    links = _links(answer)
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
    if said is None:
        return wrong(None, "no answer")
    if len(said) > MAX_ANSWER:
        return unknown(said[:100], "answer too long to read")
    if _ENDLESS.fullmatch(_plain(said)):
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
    line = last_line(response)[-MAX_ANSWER:]
    side = _LAST_SIDE.fullmatch(line)
    if read(line) is not None:
        return line
    if side and constant(side[1]) is not None:
        return side[1]
    plain = _plain(line)
    numbers = list(_IN_TEXT.finditer(plain))
    if not numbers:
        return None
    end = numbers[-1].end()
    if is_changed(plain, numbers[-1].start(), end):
        raise SeveralNumbers(line[-100:])
    for behind in (_SCALE, _PERCENT):
        found = behind.match(plain, end)
        end = found.end() if found else end
    return plain[numbers[-1].start() : end].strip()


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
    links = _links(said)
    values = [read(link) for link in links[:4]]
    if None in values or len(links) > 4:
        return unknown(said, "not read as one number")
    found = [_verdict(said, value, gold, tolerance) for value in values if value is not None]
    best = next((f for f in found if f.verdict == "correct"), found[0])
    if all(f.verdict == best.verdict for f in found):
        return best
    numbers = [value.number for value in values if value is not None]
    rounded = "≈" in _plain(said) and len(numbers) == 2 and abs(numbers[0] - numbers[1]) <= abs(numbers[0]) / 100
    return best if rounded else unknown(said, "several values")


def _links(text: str) -> list[str]:
    """The sides of the equations in the first sentence; a name at the beginning is none."""
    links = re.split(r"=|≈", _SENTENCE.split(_plain(text), maxsplit=1)[0])
    return links[1:] if len(links) > 1 and (not links[0].strip() or _NAME.fullmatch(links[0])) else links


def _verdict(said: str, value: Value, gold: Value, tolerance: Tolerance) -> Judgement:
    if value.unit and gold.unit and value.unit != gold.unit:
        return unknown(said, "another unit")
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


def read(text: str) -> Value | None:
    """A number with what may stand around it: a currency, a scale ("million"), a percent sign, a unit; else None."""
    if len(text) > MAX_ANSWER:
        return None
    plain = _plain(text)
    about = _ABOUT.match(plain)
    plain = plain[about.end() :] if about else plain
    fraction = _FRACTION.match(plain)
    match = fraction or _NUMBER.match(plain)
    found = None
    if match is not None:
        try:
            number, other = (_of_fraction(match), None) if fraction else _of_digits(match)
        except (ValueError, ZeroDivisionError):
            return None
        found = _with_rest(number, other, "" if fraction else match["money"], plain[match.end() :])
    if found is not None:
        return found
    simple = as_number(text)
    return _of_constant(text) if simple is None else Value(simple)


def _of_constant(text: str) -> Value | None:
    text = text.strip()
    about = _ABOUT.match(text)
    found = constant(text[about.end() :] if about else text)
    if found is None:
        return None
    unit = "" if found.unit == "percent" else found.unit
    return Value(found.number, None, found.unit == "percent", _unit(unit), found.is_exact)


def _with_rest(number: Fraction, other: Fraction | None, money: str, rest: str) -> Value | None:
    """The value, given what follows the digits; None where that makes something else of them."""
    scale = _SCALE.match(rest)
    if scale:
        factor = _SCALES[scale[1].lower()]
        number, other, rest = number * factor, None if other is None else other * factor, rest[scale.end() :]
    percent = _PERCENT.match(rest)
    rest = rest[percent.end() :] if percent else rest
    end = _END.search(rest)
    unit = rest[: end.start()] if end else rest
    if not _UNIT.fullmatch(unit) or _NO_UNIT.search(unit) or _MORE.match(rest, len(unit)):
        return None
    return Value(number, other, percent is not None, _unit(money or unit))


def _of_digits(match: re.Match[str]) -> tuple[Fraction, Fraction | None]:
    sign = -1 if match["sign"] == "-" else 1
    if match["alone"] is not None:
        return sign * _ten_to(match["alone"]), None
    power = sign * _ten_to(match["e"] or match["power"] or "0")
    if match["european"]:
        digits = match["european"]
        return power * Fraction(digits.replace(".", "").replace(",", ".")), None
    digits = match["grouped"] or match["simple"]
    number = Fraction(re.sub(r"[ ,'_]", "", digits).rstrip("."))
    as_decimals = match["grouped"] and match["sep"] == "," and digits.count(",") == 1 and "." not in digits
    return power * number, power * Fraction(digits.replace(",", ".")) if as_decimals else None


def _of_fraction(match: re.Match[str]) -> Fraction:
    value = Fraction(match["top"]) / Fraction(match["bottom"])
    return -value if match["sign"] == "-" else value


def _ten_to(exponent: str) -> Fraction:
    if abs(int(exponent)) > MAX_EXPONENT:
        raise ValueError(exponent)
    return Fraction(10) ** int(exponent)


def _magnitude(number: Fraction) -> int:
    """The power of ten of the first significant digit."""
    number = abs(number)
    power = len(str(number.numerator)) - len(str(number.denominator))
    return power if number >= Fraction(10) ** power else power - 1


def _unit(text: str) -> str:
    """A unit without spaces, plural and long names."""
    unit = re.sub(r"[\s.]", "", text).lower().translate(str.maketrans("²³", "23")).replace("^", "")
    unit = unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit
    return _ALIASES.get(unit, unit)


def _plain(text: str) -> str:
    """One spelling: LaTeX, Unicode's signs and superscripts as plain ones."""
    text = " ".join(text[: MAX_ANSWER + 1].split())
    text = _SUPERSCRIPT.sub(lambda m: "^" + m[1].translate(_PLAIN_DIGITS), text)
    text = _VULGAR.sub(r" \1", text)
    text = unicodedata.normalize("NFKC", text.replace("²", "^2").replace("³", "^3")).translate(_SPELLINGS)
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    text = re.sub(r"(?<=[0-9\s])\$|\$(?![0-9.\s-])|^\$(?=[^$]*\$)|\$\Z", " ", text).replace("`", " ")
    return re.sub(r"\*\*|__", "", " ".join(text.split()))
