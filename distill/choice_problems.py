"""Rows of multiple-choice sets as question, letter and options.

    Correct Answer, Incorrect Answer 1..3    GPQA: the options are shuffled with the run's seed
    choices (or options), answer             MMLU and its like: the answer is an index from 0, a letter, or a text

The options are written under the question, or whoever answers would not know the letters.
"""

import random
from typing import Any

from distill.errors import Refused
from distill.recipe_problems import Rows
from distill.records import derived_seed
from distill.verify.choice import letter_of
from distill.verify.options import LETTERS

_CORRECT, _INCORRECT = "Correct Answer", "Incorrect Answer"


def lettered(row: dict[str, Any], spec: Rows, seed: int, where: str) -> dict[str, Any]:
    """The row with its question and options, the letter of the gold answer, and `options`, under the recipe's keys.

    Raises:
        Refused: no options, or an answer that is none of them.
    """
    question_key = spec.question_key if spec.question_key in row else "Question"
    question = str(row.get(question_key) or "").strip()
    options, answer = _listed(row, spec), row.get(spec.answer_key)
    if _CORRECT in row:
        answer = str(row[_CORRECT]).strip()
        incorrect = [v for k, v in sorted(row.items()) if k.startswith(_INCORRECT) and v not in (None, "")]
        options = [answer, *(str(v).strip() for v in incorrect)]
        random.Random(derived_seed(seed, "options", question)).shuffle(options)
    if not question or not 2 <= len(options) <= len(LETTERS) or len(set(options)) < len(options):
        has = ", ".join(sorted(row))
        raise Refused(
            f"{where}: no question with 2 to {len(LETTERS)} different options (there are: {has}).",
            "Name the columns with problems.question_key and problems.options_key.",
        )
    letter = _letter(answer, options)
    if letter is None:
        raise Refused(f"{where}: '{spec.answer_key}' is {str(answer)[:80]!r}, which is none of its options.")
    shown = "\n".join(f"({name}) {text}" for name, text in zip(LETTERS, options, strict=False))
    return {**row, spec.question_key: f"{question}\n\n{shown}", spec.answer_key: letter, "options": options}


def _listed(row: dict[str, Any], spec: Rows) -> list[str]:
    given = row.get(spec.options_key, row.get("options"))
    texts = given.get("text") if isinstance(given, dict) else given
    return [str(text).strip() for text in texts] if isinstance(texts, list) else []


def _letter(answer: Any, options: list[str]) -> str | None:
    """A whole number is an index from 0, as in MMLU, even where an option has it for its text."""
    if answer is None or isinstance(answer, bool):
        return None
    if isinstance(answer, int):
        return LETTERS[answer] if 0 <= answer < len(options) else None
    by_text = [name for name, text in zip(LETTERS, options, strict=False) if text == str(answer).strip()]
    if by_text:
        return by_text[0]
    return letter_of(str(answer), options)
