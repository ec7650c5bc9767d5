"""A number in a text, in whatever notation, with the currency, scale, percent sign or unit beside it."""

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

from distill.verify.algebra.units import measure, singular
from distill.verify.constant import constant
from distill.verify.final import MAX_ANSWER
from distill.verify.formulas import COUNTED, COUNTED_IN_CYRILLIC
from distill.verify.notation import OPERATIONS, words
from distill.verify.number_words import in_words
from distill.verify.plain_number import as_number
from distill.verify.wording import SCALES_OF_HAN

MAX_EXPONENT = 999
"""Powers of ten beyond this are not computed."""

_SPELLINGS = str.maketrans(
    {"⁄": "/", **dict.fromkeys("−–‐‑", "-"), **dict.fromkeys("×·⋅∙✕", "*"), "≃": "≈", "∼": "≈", "’": "'", "µ": "μ"}
)
_SUPERSCRIPT = re.compile(r"(?<=10)([⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?<=[A-Za-z])([⁺⁻][⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_VULGAR = re.compile(r"(?<=\d)([¼-¾⅐-⅞])")
_RAISED = str.maketrans("²³", "23")
_PLAIN_DIGITS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_POWER_OF_UNIT = re.compile(
    r"(?<=[A-Za-z0-9][ *])(mol|[cdknpμ]m|mL|kg|Pa|Hz|(?<=[A-Za-z][ *])(?:m|[gsKLJCVWN]|min|hr?|mi))-([1-9])(?![\w.,])"
)
"""`mol dm-3`; a metre behind a digit is a name: `5 m-3`."""

_LATEX = (
    (re.compile(r"(?<=[\d}])(?:\\[,;: ]|~|\s)*\\mathrm ?\{([A-Za-zΩ°]{1,4})\}"), r" \1 "),
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
    (re.compile(r"(?:\\,|\\ |~)*\\Omega(?![a-zA-Z])"), " Ω"),
)

_GROUPED = r"[0-9]{1,3}(?:(?P<sep>[ ,'_])[0-9]{3})(?:(?P=sep)[0-9]{3})*(?:\.[0-9]+)?"
_EUROPEAN = (
    r"[0-9]{1,3}(?P<space>[ '])[0-9]{3}(?:(?P=space)[0-9]{3})*,[0-9]+"
    r"|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]+,[0-9]+"
)
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
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _NUMBER.pattern).replace("(?P=sep)", "[ ,'_]").replace("(?P=space)", "[ ']")
_SHARE = r"(?:[0-9]+ )?" + re.sub(r"\?P<\w+>", "?:", _FRACTION.pattern) + r"(?![0-9./]*[0-9])"
IN_TEXT = re.compile(
    rf"(?<![.,$€£¥^*/第])(?<![^\W\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af])(?<!\^-)(?<!\^[{{(])(?<!\^[{{(]-)(?:{_SHARE}|{_UNNAMED})"
)
_DOLLARS = re.compile(r"(?<![\w$])(?:US|USD|CA|C|AU|A|NZ|HK|SG|S|NT|R)(?=\$ ?[0-9])")
"""Whose dollars they are: `US$18`."""

_ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|exactly|ungefähr|etwa|environ|≈|约|大约)\s*", re.IGNORECASE
)
SCALES_READ = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SCALE = re.compile(rf" ?({'|'.join(SCALES_READ)})s?\b", re.IGNORECASE)
PERCENT = re.compile(r" ?(?:%|percent\b|per cent\b|pct\b|prozent\b|pour ?cent\b)", re.IGNORECASE)
_WORD = r"[A-Za-zÅΩμ°$€£¥][A-Za-zÅΩμ°.]*(?: ?\^ ?[({]?-?[0-9][)}]?|[0-9])?"
_UNIT = re.compile(rf" ?(?:{_WORD}(?:(?: ?[*/-] ?| ){_WORD}){{0,4}})?")
_NO_UNIT = re.compile(
    r"\b(?:or|and|to|not|between|plus|minus|times|half|quarter|twice|double|less|more|than|at|most|least|pi|e|sqrt|oder|und)\b"
    r"|\b(?:bps?|basis|tn|mrd|mio|mln|mil|bn|gross|score|kilo|mega|giga|micro|milli|nano|debt|per mille|promille)\b"
    r"|\b\w+(?:ndths|sandths|lionths)\b|^(?-i:[BKMT])\b|^ ?per\b|" + f"[{SCALES_OF_HAN}¢∞]"
    r"|\b(?:is|was|are|were|wrong|incorrect|would|too|but)\b|sqrt|^ ?x"
    r"|^ ?(?-i:(?![ABCFGHJKLNTVWdghlmstuÅΩμ])\w)(?![\w°])",
    re.IGNORECASE,
)
_UNCERTAIN = re.compile(
    r"(?P<open>\( ?)?(?P<value>[0-9]+(?:\.[0-9]+)?) ?(?:±|\+/-|\\pm) ?(?P<error>[0-9]+(?:\.[0-9]+)?)(?(open) ?\) ?)"
)
_END = re.compile(
    r"[,;:(]\s|\.\s|\s(?:because|since|which|so|as|when|if|after|for|in total|altogether|weil|da|car)\b|[.。]?\s*$"
)
_MORE = re.compile(r"[\s,;:(.]*(?:(?:or|to|and|oder|und|ou|et)\b|[-–/±+*^]|[0-9])")
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_WORDS = re.compile(
    rf"(?P<count>[a-z-]{{1,12}})[ -](?:(?P<part>(?:{'|'.join(_PARTS)}|halve)s?)|(?P<scale>hundred|thousand|million))\.?"
)
_COMPOUND = re.compile(
    r"(?P<more>[0-9]{1,9}) ?(?P<a>[A-Za-z]{1,12})\.?,? (?:and )?"
    r"(?P<less>[0-9]{1,9}(?:\.[0-9]{1,9})?) ?(?P<b>[A-Za-z]{1,12})\.?"
)
_SIGNS = {"$": "dollar", "€": "euro", "£": "gbp", "°": "degree", "pound": "gbp"}
_CAPITAL_SYMBOLS = frozenset(("J", "L", "N", "V", "W", "mL", "kW", "kJ"))
_POWER = re.compile(r"(\D+?)\.?\s?\^?\s?[({]?(-?\d)?[)}]?")


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


def read(text: str) -> Value | None:
    """A number with what may stand around it: a currency, a scale ("million"), a percent sign, a unit; else None."""
    if len(text) > MAX_ANSWER:
        return None
    shown = plain(text)
    counted = COUNTED.fullmatch(shown) or COUNTED_IN_CYRILLIC.fullmatch(shown.rstrip(" ."))
    shown = counted[1] if counted else shown
    about = _ABOUT.match(shown)
    shown = shown[about.end() :] if about else shown
    fraction = _FRACTION.match(shown)
    match = fraction or _NUMBER.match(shown)
    found = None
    if match is not None:
        try:
            number, other = (_of_fraction(match), None) if fraction else _of_digits(match)
        except (ValueError, ZeroDivisionError):
            return None
        found = _with_rest(number, other, "" if fraction else match["money"], shown[match.end() :])
    if found is not None:
        return found
    simple = as_number(text.rstrip(" .。"))
    return Value(simple) if simple is not None else _of_words(shown) or _of_compound(shown) or _of_constant(text)


def _of_words(text: str) -> Value | None:
    """`two thirds`, `a hundred`, `fifteen hundred`; other numbers in words are read as mathematics reads them."""
    found = _WORDS.fullmatch(text.casefold())
    if found is None:
        return None
    count = in_words("one" if found["count"] in ("a", "an") else found["count"])
    if count is None or not 0 < count < 100 or (found["scale"] == "hundred" and count > 9 and count % 10 == 0):
        return None
    part = _PARTS.get((found["part"] or "").removesuffix("s").replace("halve", "half"))
    return Value(Fraction(count) / part if part else Fraction(count) * SCALES_READ[found["scale"]])


def _of_compound(text: str) -> Value | None:
    """`5 ft 6 in` in its larger unit, and in its smaller one as what else it may mean."""
    found = _COMPOUND.fullmatch(text)
    if found is None:
        return None
    large, small = (_unit(unit) for unit in (found["a"], found["b"]))
    times = factor(small, large)
    if times is None or not 0 < times * Fraction(found["less"]) < 1:
        return None
    number = Fraction(found["more"]) + times * Fraction(found["less"])
    return Value(number, number / times, unit=large)


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
    scale = SCALE.match(rest)
    if scale:
        factor = SCALES_READ[scale[1].lower()]
        number, other, rest = number * factor, None if other is None else other * factor, rest[scale.end() :]
    percent = PERCENT.match(rest)
    rest = rest[percent.end() :] if percent else rest
    end = _END.search(rest)
    unit = rest[: end.start()] if end else rest
    if unit.lstrip().startswith("/"):
        return None
    named = words(unit) & (OPERATIONS | {"below", "minus", "plus", "times"})
    if named or not _UNIT.fullmatch(unit) or _NO_UNIT.search(unit) or _MORE.match(rest, len(unit)):
        return None
    return Value(number, other, percent is not None, _unit(money or unit))


def _of_digits(match: re.Match[str]) -> tuple[Fraction, Fraction | None]:
    sign = -1 if match["sign"] == "-" else 1
    if match["alone"] is not None:
        return sign * _ten_to(match["alone"]), None
    power = sign * _ten_to(match["e"] or match["power"] or "0")
    if match["european"]:
        digits = match["european"]
        return power * Fraction(re.sub(r"[. ']", "", digits).replace(",", ".")), None
    digits = match["grouped"] or match["simple"]
    number = Fraction(re.sub(r"[ ,'_]", "", digits).rstrip("."))
    as_decimals = match["grouped"] and match["sep"] == "," and digits.count(",") == 1 and "." not in digits
    if as_decimals and digits.startswith("0"):
        return power * Fraction(digits.replace(",", ".")), None
    return power * number, power * Fraction(digits.replace(",", ".")) if as_decimals else None


def _of_fraction(match: re.Match[str]) -> Fraction:
    value = Fraction(match["top"]) / Fraction(match["bottom"])
    return -value if match["sign"] == "-" else value


def _ten_to(exponent: str) -> Fraction:
    if abs(int(exponent)) > MAX_EXPONENT:
        raise ValueError(exponent)
    return Fraction(10) ** int(exponent)


def _unit(text: str) -> str:
    """A unit in the spelling of `algebra.units.measure`: names in the singular, `km/h`, `m^2`."""
    parts = (_POWER.fullmatch(part.strip()) for part in re.split(r"/|\bper\b", text.translate(_RAISED)))
    return "/".join(_name(part[1]) + (f"^{part[2]}" if part[2] else "") for part in parts if part)


def _name(text: str) -> str:
    """`M` may be anything, and `m` is a metre; a volt is the same in both cases."""
    name = re.sub(r"[\s.]", "", text)
    is_symbol = len(name) <= 2 and name != name.lower() and name not in _CAPITAL_SYMBOLS  # Mg is no mg
    name = name if is_symbol else singular(name)
    return _SIGNS.get(name, name)


def factor(unit: str, other: str) -> Fraction | None:
    """How many of the other unit one is; None where that is not known."""
    if unit == other:
        return Fraction(1)
    ours, theirs = measure(unit), measure(other)
    if ours is None or theirs is None or ours[1] != theirs[1]:
        return None
    return ours[0] / theirs[0]


def _central(found: re.Match[str]) -> str:
    """`9.81 ± 0.03` is 9.81; `42 ± 1`, and what is no small share of the number, may be two values."""
    try:
        is_small = "." in found["error"] and abs(Fraction(found["error"])) * 10 <= abs(Fraction(found["value"]))
    except (ValueError, ZeroDivisionError):
        return found[0]
    return found["value"] + " " if is_small else found[0]


def plain(text: str) -> str:
    """One spelling: LaTeX, Unicode's signs and superscripts as plain ones."""
    text = " ".join(text[: MAX_ANSWER + 1].split())
    text = _SUPERSCRIPT.sub(lambda m: "^" + (m[1] or m[2]).translate(_PLAIN_DIGITS), text)
    text = _VULGAR.sub(r" \1", text)
    text = unicodedata.normalize("NFKC", text.replace("²", "^2").replace("³", "^3")).translate(_SPELLINGS)
    for pattern, spelled in _LATEX:
        text = pattern.sub(spelled, text)
    text = _POWER_OF_UNIT.sub(r"\1^-\2", text)
    text = _UNCERTAIN.sub(_central, text)
    text = _DOLLARS.sub("", text) if "$" in text else text
    text = re.sub(r"(?<=[0-9\s])\$|\$(?![0-9.\s-])|^\$(?=[^$]*\$)|\$\Z", " ", text).replace("`", " ")
    return re.sub(r"\*\*|__", "", " ".join(text.split()))
