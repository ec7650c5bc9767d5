"""What was said to the model that answered, in a published row: the question, in a chat too, and what is beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from distill.chats import ASSISTANT, USER, blocks, content, turns
from distill.published_rows import LeftOut, no_text
from distill.records import CONTROL_TOKEN

SYSTEM = ("system", "developer")
"""Who says a system message."""

MARKS = "<|begin_of_thought|>"
"""Of OpenThoughts and Sky-T1, whose system messages ask for them; their answers are written with `<think>` here."""

UNTOLD = "system message that is no text"
MARKED = "system message about marks that are not written"
TOOLS = "tools, which rows do not carry"


def system_in(row: Mapping[str, Any], spoken: Sequence[tuple[str, dict[str, Any]]]) -> tuple[str, tuple[str, ...]]:
    """The system message of a row, empty where it has none that can be written, and what is amiss.

    It stands in turns of the chat, or in a column `system`.
    """
    said = [blocks(content(turn)) for who, turn in spoken if who in SYSTEM]
    beside = row.get("system")
    texts = [one[1] for one in said if one is not None] or ([beside] if isinstance(beside, str) else [])
    text = "\n\n".join(filter(None, map(str.strip, texts)))
    amiss = [UNTOLD] if None in said else []
    if MARKS in text or CONTROL_TOKEN.search(text):
        text, amiss = "", [*amiss, MARKED]
    return text, (*amiss, *([TOOLS] if _offers_tools(row.get("tools")) else []))


def _offers_tools(value: Any) -> bool:
    return value is not None and value == value and value not in ("", "[]", "null") and value != [] and value != {}


def question_in(row: Mapping[str, Any], key: str) -> tuple[Any, tuple[str, tuple[str, ...]]]:
    """What stands in a column of questions, and the system message with what is amiss, as `system_in` gives it.

    Of a list of turns the question is what its one user asks; where it is no such list, or has several turns, why.
    """
    held = row.get(key)
    spoken = turns(held)
    if not spoken:
        return held, system_in(row, [])
    asked = [turn for who, turn in spoken if who in USER]
    if len(asked) != 1 or any(who in ASSISTANT for who, _ in spoken):
        return LeftOut("several turns" if asked else "no question"), system_in(row, spoken)
    found = blocks(content(asked[0]))
    return (no_text("question", held) if found is None else found[1]), system_in(row, spoken)
