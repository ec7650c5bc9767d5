"""Countdown: the expression must use each given number exactly once and reach the target exactly.

Answers are data: a small parser over rationals reads them, never `eval` (TinyZero's check lets
`**` through, Stream of Search's accepts a number used twice).
"""

import re
from fractions import Fraction
from itertools import accumulate
from typing import Any

from distill.verify.boxes import last_boxes
from distill.verify.extract import last_answer_in_boxes
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.notation import last_answer_tag
from distill.verify.second_thoughts import WITHDRAWN

MAX_CHARACTERS = 400
"""No expression over six numbers is longer; a longer one is not read."""

MAX_DEPTH = 100
"""Brackets within brackets."""

_TOKEN = re.compile(r"\s*([0-9]+|\\[dtc]?frac(?![a-zA-Z])|[-+*/(){}xX])")
_SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("×·⋅∗∙✕✖⨯⁎", "*"),
        **dict.fromkeys("÷∕", "/"),
        **dict.fromkeys("−–", "-"),
        **{chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)},
        **dict.fromkeys("✓✔✅", " "),
        "→": "=",
    }
)
_BRACKETS = str.maketrans("[]", "()")
_LATEX = {
    r"\\(?:times|cdot|ast)(?![a-zA-Z])": "*",
    r"\\div(?![a-zA-Z])": "/",
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle)(?![a-zA-Z])|\\[,;:! ]|\\q?quad(?![a-zA-Z])|~": " ",
    r"\\(?:text|math)(?:bf|rm|it|tt)?\s*\{([^{}]*)\}": r" \1 ",
    "==": "=",
}
_DECIMAL = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?")
_AROUND = re.compile(
    r"\\\((.*)\\\)|\\\[(.*)\\\]|\*\*(.*)\*\*|(.*[^.])[.;,]"
    r"|(?:(?:the )?(?:final )?(?:answer|expression|equation|solution)(?: is)?\s*:)(.*)",
    re.DOTALL | re.IGNORECASE,
)


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response that gives its expression in `<answer>...</answer>`, or else in a box (the last one counts).

    `data` holds `numbers` (whole ones) and `target`, which may be written as text; `answer` is not used.
    """
    numbers, target = _numbers(data.get("numbers")), _number(data.get("target"))
    if numbers is None or target is None:
        return unknown(None, "problem has no numbers and target")
    expression = stated(response)
    if expression is None:
        return wrong(None, "no answer")
    shown = expression[:MAX_CHARACTERS]
    if len(expression) > MAX_CHARACTERS:
        return wrong(shown, "too long")
    left, equals, right = spelled(expression).partition("=")
    if equals and _number(left) == target and _number(right) is None:
        left, right = right, left  # 33 = 3 * 7 + 12
    try:
        value, used = evaluate(left, negative=frozenset(n for n in numbers if n < 0))
    except ValueError as e:
        return wrong(shown, str(e))
    if equals and _number(right) != target:
        return wrong(shown, "claims another target")
    if sorted(used) != sorted(numbers):
        return wrong(shown, "wrong numbers")
    return correct(shown) if value == target else wrong(shown, "misses the target")


def stated(response: str) -> str | None:
    """The expression that a response gives as its answer, without what may stand around it."""
    tagged = last_answer_tag(response)
    if tagged is not None and WITHDRAWN.search(response, response.lower().rfind("</answer>")):
        return None
    said = last_answer_in_boxes(response) if tagged is None else tagged
    if said is None or len(said) > 2 * MAX_CHARACTERS:
        return said
    if tagged is not None and (boxed := last_boxes(tagged)) is not None and tagged.count("boxed") == 1:
        said = boxed
    while (around := _AROUND.fullmatch(said := said.strip("$` \n\"'"))) is not None:
        said = next(inner for inner in around.groups() if inner is not None)
    return said


def spelled(expression: str) -> str:
    """An expression in one spelling of its signs."""
    for latex, sign in _LATEX.items():
        expression = re.sub(latex, sign, expression)
    return expression.translate(_SPELLINGS).translate(_BRACKETS)


def evaluate(
    expression: str, signs: bool = False, negative: frozenset[int] = frozenset()
) -> tuple[Fraction, list[int]]:
    """Exact value of an expression over + - * / and brackets, and the numbers it uses.

    `signs` allows -(3*7) too; numbers that are `negative` themselves are read with their sign.

    Raises:
        ValueError: anything else in it, unbalanced brackets, division by zero, too long.
    """
    if len(expression) > MAX_CHARACTERS:
        raise ValueError("too long")
    tokens = _tokens(spelled(expression), negative)
    used: list[int] = []
    value, rest = _sum(tokens, used, signs)
    if rest:
        raise ValueError("not an expression")
    return value, used


def _tokens(text: str, negative: frozenset[int]) -> list[str]:
    tokens: list[str] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise ValueError("not an expression")
        token = "*" if match[1] in "xX" else match[1]
        begins = len(tokens) == 1 or (tokens[-2:-1] and tokens[-2] in "+-*/({")
        if tokens and tokens[-1] == "-" and begins and token.isdigit() and -int(token) in negative:
            token = tokens.pop() + token
        tokens.append(token)
        at = match.end()
    if _depth(tokens) > MAX_DEPTH:
        raise ValueError("not an expression")
    return tokens


def _depth(tokens: list[str]) -> int:
    return max(accumulate((t in "({") - (t in ")}") for t in tokens), default=0)


def _sum(tokens: list[str], used: list[int], signs: bool) -> tuple[Fraction, list[str]]:
    value, tokens = _product(tokens, used, signs)
    while tokens and tokens[0] in "+-":
        operator, (term, rest) = tokens[0], _product(tokens[1:], used, signs)
        value, tokens = (value + term if operator == "+" else value - term), rest
    return value, tokens


def _product(tokens: list[str], used: list[int], signs: bool) -> tuple[Fraction, list[str]]:
    value, tokens = _atom(tokens, used, signs)
    while tokens and tokens[0] in "*/":
        operator, (factor, rest) = tokens[0], _atom(tokens[1:], used, signs)
        if operator == "/" and factor == 0:
            raise ValueError("divides by zero")
        value, tokens = (value * factor if operator == "*" else value / factor), rest
    return value, tokens


def _atom(tokens: list[str], used: list[int], signs: bool) -> tuple[Fraction, list[str]]:
    if not tokens:
        raise ValueError("not an expression")
    if tokens[0] == "(":
        value, rest = _sum(tokens[1:], used, signs)
        if not rest or rest[0] != ")":
            raise ValueError("not an expression")
        return value, rest[1:]
    if signs and tokens[0] == "-":
        value, rest = _atom(tokens[1:], used, signs)
        return -value, rest
    if tokens[0].endswith("frac"):
        return _fraction(tokens[1:], used, signs)
    if not tokens[0].lstrip("-").isdigit():
        raise ValueError("not an expression")
    used.append(int(tokens[0]))
    return Fraction(tokens[0]), tokens[1:]


def _fraction(tokens: list[str], used: list[int], signs: bool) -> tuple[Fraction, list[str]]:
    top, tokens = _argument(tokens, used, signs)
    bottom, tokens = _argument(tokens, used, signs)
    if bottom == 0:
        raise ValueError("divides by zero")
    return top / bottom, tokens


def _argument(tokens: list[str], used: list[int], signs: bool) -> tuple[Fraction, list[str]]:
    """What LaTeX takes for one argument: braces, or a single digit without any."""
    if tokens and tokens[0] == "{":
        value, rest = _sum(tokens[1:], used, signs)
        if rest[:1] != ["}"]:
            raise ValueError("not an expression")
        return value, rest[1:]
    if not tokens or not tokens[0].isdigit():
        raise ValueError("not an expression")
    used.append(int(tokens[0][0]))
    return Fraction(tokens[0][0]), [tokens[0][1:], *tokens[1:]] if tokens[0][1:] else tokens[1:]


def _numbers(given: Any) -> list[int] | None:
    if isinstance(given, str):
        given = given.strip("[]() ").split("," if "," in given else None)
    found = [_number(one) for one in given] if isinstance(given, list) else []
    whole = [int(one) for one in found if one is not None and one.denominator == 1]
    return whole if found and len(whole) == len(found) else None


def _number(given: Any) -> Fraction | None:
    text = str(given).strip()
    return Fraction(text) if _DECIMAL.fullmatch(text) else None
