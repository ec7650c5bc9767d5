"""What is asked in a cell of a table: text as it is, or what the user says in a chat."""

from typing import Any

from distill.chats import ASSISTANT, USER, content, turns
from distill.files import whole_text

NO_USER = {*ASSISTANT, "system", "developer", "tool", "function"}
"""Who speaks in a chat of which all is known, and in which no user asks anything."""

BLOCK_TEXTS = ("text", "value", "content")
"""Where the text of a block stands."""


def text_of(value: Any) -> str | None:
    """A column's value as text: of a chat what the user says, all of it; empty where there is none, and None where it
    is no text, or a chat of which a part cannot be read."""
    if value is None or value != value or value == []:
        return ""
    if isinstance(value, str):
        return whole_text(value) if not value.isascii() else value
    spoken = turns([value] if isinstance(value, dict) else value)
    said = [_said(content(turn)) for who, turn in spoken if who in USER]
    whole = [text for text in said if text is not None]
    if len(whole) < len(said) or not spoken or not (said or all(who in NO_USER for who, _ in spoken)):
        return None
    return whole_text("\n".join(whole))


def _said(content: Any) -> str | None:
    """The text of a turn whatever stands beside it, such as an image; None where none can be read."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list) or not all(isinstance(block, str | dict) for block in content):
        return None
    told = [[block] if isinstance(block, str) else [block.get(key) for key in BLOCK_TEXTS] for block in content]
    return "\n".join(next((text for text in some if isinstance(text, str)), "") for some in told)
