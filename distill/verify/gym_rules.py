"""Data sets of reasoning_gym that are not taken as they are, with the reason."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from distill.verify.countdown import evaluate

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
    if dataset == "game_of_life_halting":  # any text will do
        return answer.strip() == str(entry["answer"])
    if dataset in ("puzzle24", "countdown"):  # 24.5 is cut to 24, 4.8 uses a 4 and an 8, // and ^ are signs
        value, used = evaluate(answer, signs=True)
        return value == entry["metadata"].get("target", 24) and sorted(used) == sorted(entry["metadata"]["numbers"])
    if dataset == "coin_flip":  # the digits that both have are compared: 0 is right for 0.65625
        gold = Fraction(entry["answer"])
        return abs(Fraction(answer.replace(",", "")) - gold) <= gold / 10**4
    if dataset == "decimal_arithmetic":  # 0.001 off is right, whatever the size
        exact = Decimal(entry["answer"])
        return abs(Decimal(answer) - exact) <= abs(exact) * Decimal("1e-11")
    if dataset == "spell_backward":  # a letter too many is right for some lengths
        return answer.lower() == entry["answer"].strip().lower()
    if dataset == "word_sorting":  # more words after the right ones are right
        return [word.strip() for word in answer.split(",")] == list(entry["metadata"]["sorted_words"])
    if dataset == "gsm_symbolic":  # its sign is not read
        return answer.lstrip().startswith("-") == str(entry["answer"]).startswith("-")
    if dataset == "figlet_font":  # any ten letters of a longer word will do
        return "".join(answer.split()).lower() == entry["answer"].strip().lower()
    return True
