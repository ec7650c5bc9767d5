"""Problems as they are compared: what makes no difference to what is asked is written in one way, or not at all.

Drawing code and pictures, environments and their columns, the order of the two limits of a sum, `n^{-1}` for `1/n`,
numbers as words, the letters of choices. What comes is as long as what was there, so that places stay what they are.
"""

import re

from distill.curate.decontamination.choices import without_letters
from distill.curate.text.blanks import blank
from distill.curate.text.conditions import NUMBERS

_DRAWN = ("[asy]", "<asy>", "![", "<img", "tikz", "includegraphics", "<svg", "[img", ".png", ".jp", ".gif", ".svg")
_DRAWING = re.compile(
    r"\[\s*asy\s*\].*?(?:\[\s*/\s*asy\s*\]|\Z)|<asy>.*?(?:</asy>|\Z)|!\[[^\]\n]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)"
    r"|<img\b[^>]*>|<svg\b.*?</svg>|\[img\].*?\[/img\]|\b[A-Z][\w -]{0,40}\.(?:png|jpe?g|gif|svg)\b"
    r"|\\includegraphics\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}"
    r"|\\begin\{(tikz\w*)\}.*?(?:\\end\{\1\}|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{\s*[a-zA-Z]+\s*\*?\s*\}(?:\s*\[\w\])?(?:\s*\{[lcr|@\s]*\})?")
_HAS_LIMITS = re.compile(r"\\(?:sum|int|prod|bigcup|bigcap)")
_PART = r"(?:\{[^{}]*\}|\\?[A-Za-z]+|\d)"
_LIMITS = re.compile(rf"(\\(?:sum|int|prod|bigcup|bigcap)(?:\\limits)?\s*)(\^\s*{_PART})(\s*)(_\s*{_PART})")
_RECIPROCAL = re.compile(r"(?<![\w\\)}\]])([A-Za-z]|\d+)\s*\^\s*\{\s*-\s*1\s*\}(?!\s*\()")
_POINT = re.compile(r"(?<![A-Za-z\\])([A-Z])(\s*=\s*)(?=(?:\\left\s*)?\([^()=]*,[^()=]*\))")
_EMPTY = re.compile(r"(?:[_^]\s*\{\s*\})+|(?<=&)\(\d\)(?=\s*&)")
_WORDS = [*NUMBERS][2:20]
_ONES, _TENS = "|".join([*NUMBERS][1:10]), "|".join([*NUMBERS][20:28])
_NUMBER = re.compile(
    rf"(?<![A-Za-z\\])(?=[aefnost])(?:(?:{_ONES}|a)\s+hundred"
    rf"(?:(?:\s+and\s+|\s+|-)(?:(?:{_TENS})(?:[\s-]+(?:{_ONES}))?|{'|'.join(_WORDS)}))?"
    rf"|(?:{_TENS})(?:[\s-]+(?:{_ONES}))?|{'|'.join(_WORDS)})(?![A-Za-z])",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile("[a-z]+")
_NUMBER_BEGIN = re.compile("hundred|t(?:w|hr|en|hir)|f(?:our|iv|if|ort)|s(?:ix|ev)|e(?:ig|lev)|nine")

_FIND = r"(?:find|compute|what is|determine|evaluate|calculate)\s.{1,40}?(?:[.?]|\Z)"
_ANSWER_FORM = re.compile(
    rf"(?:(?:can|may|could)\s+be|is)\s+(?:uniquely\s+)?(?:written|expressed)\s.{{0,250}}?[.,][$\s]*{_FIND}"
    rf"|(?:=\s*[^=.,]{{1,30}})?,?\s*where\s.{{1,60}}?\s(?:are|is)\s(?:relatively|co-?prime|(?:a\s+)?positive\s+integer)"
    rf"[^.]{{0,150}}[.,][$\s]*{_FIND}"
    r"|(?:find|compute|determine|what is)\s+(?:the\s+)?remainder\s+when\s+"
    r"(?:\$?\s*[A-Za-z]\s*\$?|(?:this|that|the)\s+(?:\w+\s+){1,3})"
    r"\s*is\s+divided\s+by\s+\$?\s*10+\b"
    r"|(?:express|give|write|enter)\s+(?:your|the)\s+answers?\s+(?:as|in|to|using)\s[^.\n]{0,80}(?:\.|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_HAS_FORM = re.compile(r"written|expressed|where|remainder|answer", re.IGNORECASE)


def answer_forms(text: str) -> list[tuple[int, int]]:
    """Where a text tells in what form the answer is given: "can be written as $\\frac mn$ ... Find $m+n$"."""
    return [found.span() for found in _ANSWER_FORM.finditer(text)] if _HAS_FORM.search(text) else []


def without_drawings(text: str) -> str:
    """Blanks where drawings are, unless nothing else would be left."""
    if not any(map(text.__contains__, _DRAWN)):
        return text
    rest = _DRAWING.sub(blank, text)
    return rest if any(map(str.isalnum, rest)) else text


def canonical(text: str) -> str:
    """A text, `folded`, without what makes no difference; as long as it was."""
    text = without_drawings(text)
    if "\\" in text:
        text = _ENVIRONMENT.sub(blank, text)
        if _HAS_LIMITS.search(text):
            text = _LIMITS.sub(r"\1\4\3\2", text)
    if "}" in text:
        text = _EMPTY.sub(blank, text)
    if "^" in text:
        text = _RECIPROCAL.sub(_reciprocal, text)
    if "=" in text:
        text = _POINT.sub(lambda found: found[1] + " " * len(found[2]), text)
    return with_digits(without_letters(text))


def with_digits(text: str) -> str:
    """Numbers below 1,000 in digits, but for a lone `one`, which mostly counts nothing."""
    return _NUMBER.sub(_digits, text) if _NUMBER_BEGIN.search(text.lower()) else text


def _reciprocal(found: re.Match[str]) -> str:
    return f"1/{found[1]}".ljust(len(found[0]))


def _digits(found: re.Match[str]) -> str:
    value = 0
    for word in _NUMBER_WORD.findall(found[0].lower()):
        value = 100 * value if word == "hundred" else value + (1 if word == "a" else int(NUMBERS.get(word, "0")))
    return str(value).ljust(len(found[0]))
