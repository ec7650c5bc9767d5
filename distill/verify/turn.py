"""The response of a row: a text, or what an assistant said last in a chat; reasoning may stand in another column."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from distill.chats import ASSISTANT, last_answer, turns
from distill.errors import Refused
from distill.files import whole_text
from distill.records import joined

_KINDS = {bool: "truth value", list: "list", dict: "mapping", bytes: "piece of bytes"}

_ONE_EACH = (
    "Write rows with a text each: python -c 'from pathlib import Path; from distill.files import each_row, write_rows; "
    'write_rows(Path("each.jsonl"), ({{**row, "response": {value}}} for row in each_row(Path("FILE")){loop}))\''
)


class Turn(NamedTuple):
    """What a model said."""

    reasoning: str
    """That stands apart; more may stand in the response."""
    response: str

    @property
    def whole(self) -> str:
        """In one text."""
        return joined(self.reasoning, self.response)


def turn_of(row: Mapping[str, Any], response_key: str, reasoning_key: str | None) -> Turn:
    """The response of a row that fits; of a chat it is the last turn of an assistant."""
    response = row[response_key]
    reasoning, text = (
        (last_answer(response) or ("", "")) if isinstance(response, list | dict) else ("", _text(response))
    )
    if reasoning_key is not None:
        reasoning = _text(row[reasoning_key])
    return Turn(re.sub(r"</?think>", "", whole_text(reasoning)).strip(), whole_text(text))


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def refuse_no_turn(row: Mapping[str, Any], where: str, response_key: str, reasoning_key: str | None) -> None:
    """
    Raises:
        Refused: response or reasoning are no text, nor a chat in which an assistant speaks.
    """
    response = row[response_key]
    if isinstance(response, bool | bytes | list | dict) and last_answer(response) is None:
        raise Refused(f"{where}: '{response_key}' {_amiss(response)}.", _hint(response, response_key))
    if reasoning_key is None:
        return
    if reasoning_key not in row:
        has = f"(its columns: {', '.join(sorted(row))})"
        raise Refused(f"{where} has no '{reasoning_key}' {has}.", "It is what --reasoning-key names.")
    if (given := type(row[reasoning_key])) in _KINDS:
        raise Refused(f"{where}: '{reasoning_key}' is a {_KINDS[given]}, not a text.", "Reasoning is text.")


def _amiss(response: Any) -> str:
    """Why it is no response."""
    if response == [] or response == {}:
        return f"is an empty {_KINDS[type(response)]}, which holds no response"
    speakers = _speakers(response)
    if not speakers:
        return f"is a {_KINDS[type(response)]}, not a text"
    if not ASSISTANT & set(speakers):
        return f"is a chat that has no assistant turn (its turns: {', '.join(dict.fromkeys(speakers))})"
    return "is a chat whose last assistant turn holds no text"


def _speakers(response: Any) -> list[str]:
    """Who speaks in a chat; none where it is something else."""
    every = turns([response] if isinstance(response, dict) else response)
    named = all("role" in turn or "from" in turn for _, turn in every)
    return [who for who, _ in every] if named else []


def _hint(response: Any, key: str) -> str:
    if response and isinstance(response, dict | list) and not _speakers(response):
        if isinstance(response, dict):
            return _ONE_EACH.format(value=f'row["{key}"]["{_longest(response)}"]', loop="")
        value = f'each["{_longest(response[0])}"]' if isinstance(response[0], dict) and response[0] else "each"
        return _ONE_EACH.format(value=value, loop=f' for each in row["{key}"]')
    return "A response is text, or a chat in which role (or from) is assistant and content (or value) is text."


def _longest(fields: dict[str, Any]) -> str:
    """Under which name most is said."""
    return max(fields, key=lambda name: len(str(fields[name])))
