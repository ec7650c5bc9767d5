"""What two answers call the same thing: `y(x) = ...` and `y = ...`, `f'(x) = ...` and what stands behind it."""

import re

from distill.verify.derivatives import without_derivatives
from distill.verify.notation import equals, squeezed

_FUNCTION = re.compile(r"(?<![A-Za-z\\])([A-Za-z])\s*(?:\\left)?\(\s*(?:[a-z]|\\[a-z]+)\s*(?:\\right)?\)\s*=")
_DERIVED = re.compile(
    r"\s*(?:[A-Za-z]\s*(?:'+|′+|\^\s*\{?\s*(?:\\prime\s*)+\}?)|(?:∇|\\nabla)\s*[A-Za-z])\s*(?:\([^()=]*\))?\s*="
)
_UNIT_I = re.compile(r"(?<![A-Za-z\\])I(?![A-Za-z_])")
_FREE_SIGN = re.compile(r"(?<==)\s*(?:\\pm|±)\s*(?=C(?![A-Za-z]))")
"""Of a constant that may be negative."""

_AMOUNT = re.compile(r"(\d[\d.,]*)\s*(?:\\text\w*\s*\{)?\s*([A-Za-z]{3,})")
_LETTER = re.compile(r"\\text\s*\{\s*([A-Z])\s*\}")
_FIRST_LABELS = ("(a)", "(1)", "（1）")
_LABEL = re.compile(r"(?:^|(?<=[\s;,.、；，。}$]))[(（]([a-h1-9])[)）]")
_LABEL_IN_TEXT = re.compile(r"\\text(?:bf|rm)?\s*\{\s*(\([a-h1-9]\))\s*\}")
_SPACE = re.compile(r"\\(?:q?quad(?![a-z])|[,;:! ])|~")
_PART = re.compile(r"(?!(?:and|or)\b)(?=.*\w)[^\s^/!*+]", re.DOTALL)
_OPERATORS = ("+", "-", "*", "/", "\\cdot", "\\times", "=")
_DIRECTION = re.compile(r"\b(?:north|south|east|west)\b")


def named_alike(gold: str, answer: str) -> tuple[str, str]:
    """Both, without the names that only one of them has, or both have."""
    if "=" not in gold and "=" not in answer and "I" not in gold + answer:
        return gold, answer
    gold, answer = without_derivatives(gold, answer)
    gold, answer = _FREE_SIGN.sub("", gold), _FREE_SIGN.sub("", answer)
    gold, answer = _without_argument(gold, answer), _without_argument(answer, gold)
    return _without_name(gold, answer), _without_name(answer, gold)


def _without_argument(text: str, other: str) -> str:
    """`y(x) = ...` beside `y = ...`."""
    if "(" not in text or "=" not in other:
        return text
    return _FUNCTION.sub(lambda m: f"{m[1]} =" if re.search(rf"(?<![\w\\]){m[1]}\s*=", other) else m[0], text)


def _without_name(text: str, other: str) -> str:
    """What a derivative or a gradient is said to be, and `I` as the imaginary unit of programs beside `i`."""
    named = _DERIVED.match(text)
    theirs = _DERIVED.match(other)
    if named and (squeezed(theirs[0]) == squeezed(named[0]) if theirs else "=" not in other):
        text = text[named.end() :]
    if (
        "I" in text
        and _UNIT_I.search(text)
        and not _UNIT_I.search(other)
        and re.search(r"(?<![A-Za-z\\])i(?![A-Za-z])", other)
    ):
        text = _UNIT_I.sub("i", text)
    return text


def named_otherwise(gold: str, answer: str) -> bool:
    """Do both give a value, to what is called differently: `f(2) = 3` and `f(1) = 3`?"""
    ours, theirs = equals(gold), equals(answer)
    if not ours or not theirs:
        return False
    return squeezed(gold[: ours[0]]).strip() != squeezed(answer[: theirs[0]]).strip()


def amounts(text: str) -> list[tuple[str, str]]:
    """Numbers with the words behind them, where there are several, and single letters in text, in any order."""
    found = [(number, word.lower()) for number, word in _AMOUNT.findall(text)]
    letters = [("", letter) for letter in _LETTER.findall(text)]
    directions = [("", " ".join(_DIRECTION.findall(text.lower())))]
    return sorted([*(found if len(found) > 1 else []), *letters, *directions])


def without_labels(text: str) -> str:
    """`(a) 5; (b) 12` as a tuple, whose order counts; another text as it is."""
    parts = labelled(text)
    return text if parts is None or any("," in part for part in parts) else f"({', '.join(parts)})"


def labelled(text: str) -> list[str] | None:
    """The parts of `(a) 5; (b) 12` and of `(1) 3 (2) 4`; None for any other text, as `(1)(2)` and `(1)x + (2)y`."""
    text = _LABEL_IN_TEXT.sub(r"\1 ", text) if "text" in text else text
    if text[:3] not in _FIRST_LABELS:
        return None
    text = _SPACE.sub(" ", text)
    labels = "".join(_LABEL.findall(text))
    if len(labels) < 2 or labels not in ("abcdefgh", "123456789")[labels[0] == "1"]:
        return None
    parts = [part.strip(" ,;.、；，。") for part in _LABEL.split(text)[2::2]]
    return parts if all(map(_PART.match, parts)) and not any(part.endswith(_OPERATORS) for part in parts) else None
