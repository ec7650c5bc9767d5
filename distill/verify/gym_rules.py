"""Data sets of reasoning_gym that are not taken as they are, with the reason."""

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from distill.verify.countdown import evaluate
from distill.verify.wording import NOT, WRONG

READ_VERSION = "0.1.25"
"""The version whose scorers were read for what they evaluate. No other is used."""

REFUSED = {
    "codeio": "makes its problems by running programs that a language model wrote",
    "composite": "is a mixture of others; list those under problems.datasets",
}
"""Never used."""


THOUSANDS = {"gsm_symbolic"}
"""Whose scorer takes 3,607 for 3."""


def is_right_too(dataset: str, answer: str, entry: dict[str, Any]) -> bool:
    """What an answer must fulfil besides the score, where a scorer takes wrong answers for right ones."""
    try:
        return _is_right_too(dataset, answer, entry)
    except (ValueError, ArithmeticError):  # no number, or one of thousands of digits
        return False


def _is_right_too(dataset: str, answer: str, entry: dict[str, Any]) -> bool:
    if re.search(r"(?i)(?<![a-z])nan(?![a-z])", answer) and answer != entry["answer"]:
        return False  # every comparison with it is false, so that it is never "too far off"
    if dataset in _FORMS and not _FORMS[dataset].fullmatch(answer):
        return False
    return dataset not in _RULES or _RULES[dataset](answer, entry)


_FORMS_WRITTEN = {
    "kakurasu": r"[01\s,|\[\]]+",
    "quantum_lock": r"[A-Ca-c\s,;|>→=-]+",
    "sokoban": r"[UDLRudlr\s,]+",
    "survo": r"[-\d\s,|\[\]]+",
    "fraction_simplification": r"(?:\s|\$|\\[()])*-?(?:\\[dt]?frac\{-?\d+\}\{-?\d+\}|\d+\s*/\s*\d+)(?:\s|\$|\\[()])*",
}
"""What an answer is made of, where a scorer picks its signs out of any text: `not 1 0 1` too."""

_FORMS = {name: re.compile(form) for name, form in _FORMS_WRITTEN.items()}

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_DENIED = re.compile(rf"\b(?:{NOT}|{WRONG}|or)\b|n't\b", re.IGNORECASE)


def _arithmetic(answer: str, entry: dict[str, Any]) -> bool:
    """24.5 is cut to 24, 4.8 uses a 4 and an 8, // and ^ are signs."""
    value, used = evaluate(answer, signs=True)
    return value == entry["metadata"].get("target", 24) and sorted(used) == sorted(entry["metadata"]["numbers"])


def _coin_flip(answer: str, entry: dict[str, Any]) -> bool:
    """The digits that both have are compared: 0 is right for 0.65625."""
    gold = Fraction(entry["answer"])
    return abs(Fraction(answer.replace(",", "")) - gold) <= gold / 10**4


def _decimal(answer: str, entry: dict[str, Any]) -> bool:
    """0.001 off is right, whatever the size."""
    exact = Decimal(entry["answer"])
    return abs(Decimal(answer) - exact) <= abs(exact) * Decimal("1e-11")


def _one_number(answer: str, entry: dict[str, Any]) -> bool:
    """The first number counts, whatever else is said, and its sign is not read."""
    if len(_NUMBER.findall(answer)) != 1 or _DENIED.search(answer):
        return False
    return answer.lstrip().startswith("-") == str(entry["answer"]).startswith("-")


def _of_its_words(answer: str, entry: dict[str, Any]) -> bool:
    """Who is what is looked for in any sentence."""
    given, gold = (set(re.findall(r"[^\s.,()]+", text.lower())) for text in (answer, entry["answer"]))
    return given <= gold | {"is", "a", "an", "and"}


def _candidate(answer: str, entry: dict[str, Any]) -> bool:
    """0.01 off is right, where numbers that differ by less stand to choice."""
    metadata, said = entry["metadata"], float(answer.replace(",", ""))
    shown = dict(zip(metadata["candidates"], metadata["formatted_candidates"], strict=True))[metadata["solution"]]
    return said in (metadata["solution"], float(shown.replace(",", "")))


def _each_letter_once(answer: str, entry: dict[str, Any]) -> bool:
    """The last digit for a letter counts, so that all can be tried."""
    letters = [pair.partition("=")[0].strip() for pair in answer.split(",")]
    return len(letters) == len(set(letters))


def _conclusion(answer: str, entry: dict[str, Any]) -> bool:
    """A premise follows from the premises."""
    from reasoning_gym.logic.propositional_logic import Expression

    metadata = entry["metadata"]
    if answer == metadata["example_answer"]:
        return True
    names = metadata["variables"]
    if len(names) > MOST_VARIABLES:
        return False
    rows = [dict(zip(names, row, strict=True)) for row in product((False, True), repeat=len(names))]
    said = Expression.from_string(answer)
    return not any(
        all(premise.evaluate(row) == said.evaluate(row) for row in rows)
        for premise in map(Expression.from_string, metadata["premises"])
    )


MOST_VARIABLES = 12
"""Of a formula: all of its values are compared."""

_RULES: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    "game_of_life_halting": lambda answer, entry: answer.strip() == str(entry["answer"]),  # any text will do
    "puzzle24": _arithmetic,
    "countdown": _arithmetic,
    "coin_flip": _coin_flip,
    "decimal_arithmetic": _decimal,
    # a letter too many is right for some lengths
    "spell_backward": lambda answer, entry: answer.lower() == entry["answer"].strip().lower(),
    # more words after the right ones are right
    "letter_jumble": lambda answer, entry: answer.strip().lower() == entry["answer"].strip().lower(),
    "word_sorting": lambda answer, entry: (
        [word.strip() for word in answer.split(",")] == list(entry["metadata"]["sorted_words"])
    ),
    "gsm_symbolic": _one_number,
    # any ten letters of a longer word will do
    "figlet_font": lambda answer, entry: "".join(answer.split()).lower() == entry["answer"].strip().lower(),
    "knights_knaves": _of_its_words,
    "number_format": _candidate,
    "cryptarithm": _each_letter_once,
    "propositional_logic": _conclusion,
}
"""What an answer must be beyond its score."""
