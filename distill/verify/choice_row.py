"""Options and gold answer of a row of multiple choice, in the ways in which data sets write them."""

import json
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from distill.verify.choice import letter_of
from distill.verify.options import LETTERS, letters_with, options_of

OPTION_COLUMNS = ("options", "choices", "endings")
"""Columns of options, as a list, by letter, or either as JSON text; else each option stands in a column A, B, ..."""


_CORRECT, _INCORRECT = "Correct Answer", "Incorrect Answer"
"""Columns of GPQA, whose options have no order."""


def unordered_in(row: Mapping[str, Any]) -> list[Any] | None:
    """The options of a row of GPQA, the right one first; None where it tells them in another way, or none."""
    if row.get(_CORRECT) is None or any(row.get(name) is not None for name in OPTION_COLUMNS):
        return None
    incorrect = [value for name, value in sorted(row.items()) if name.startswith(_INCORRECT)]
    options = [value for value in (row[_CORRECT], *incorrect) if value is not None]
    return [value.strip() if isinstance(value, str) else value for value in options] if len(options) > 1 else None


def options_in(row: Mapping[str, Any]) -> Any:
    """Options as a list or by letter; None where a row has none."""
    given = next((row[name] for name in OPTION_COLUMNS if row.get(name) is not None), None)
    if given is None:
        letters = list(takewhile(lambda letter: row.get(letter) is not None, LETTERS))
        return {letter: row[letter] for letter in letters} if len(letters) > 1 else None
    if isinstance(given, str):
        given = _read(given)
    if isinstance(given, dict) and {"label", "text"} <= given.keys():
        return dict(zip(map(str, given["label"]), given["text"], strict=False))  # as ARC has them
    return given


def _read(text: str) -> Any:
    """What JSON text holds; any other text stays one."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def gold_in(gold: Any, options: Any) -> Any:
    """A gold answer as the verifier takes it: an index from 0 is the letter there, several are one text."""
    texts = options_of({"options": options})
    if isinstance(gold, list) and gold and all(isinstance(one, str | int | float) for one in gold):
        each = [str(_letter(one, texts)) for one in gold]
        return ", ".join(letter_of(one, texts) or one for one in each)
    return _letter(gold, texts)


def _letter(gold: Any, texts: list[str]) -> Any:
    """The letter that an index from 0 means, as text too; that is none where an option is called so."""
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        return gold
    if isinstance(gold, str) and letters_with(gold, texts):
        return gold
    indexes = list(map(type(gold), range(len(texts))))
    return LETTERS[indexes.index(gold)] if gold in indexes else gold
