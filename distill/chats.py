"""Chats as data sets hold them: turns of `role` and `content` or `from` and `value`; content is text or blocks."""

from typing import Any

USER, ASSISTANT = {"user", "human"}, {"assistant", "gpt", "model"}

THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Fields of a turn in which reasoning stands beside the content."""


def turns(chat: Any) -> list[tuple[str, dict[str, Any]]]:
    """Turns with who spoke; none where a chat is anything else than a list of turns."""
    if not isinstance(chat, list) or not all(isinstance(turn, dict) for turn in chat):
        return []
    return [(str(turn.get("role") or turn.get("from")).strip().lower(), turn) for turn in chat]


def content(turn: dict[str, Any]) -> Any:
    """What was said, whatever the layout calls it; a table of turns of both layouts has both columns in each."""
    said = turn.get("content")
    return turn.get("value") if said is None else said


def thoughts(turn: dict[str, Any]) -> str:
    """Reasoning that stands in a field of its own beside the content."""
    told = (turn.get(key) for key in THOUGHTS)
    return next((thought for thought in told if isinstance(thought, str) and thought.strip()), "")


def blocks(content: Any) -> tuple[str, str] | None:
    """Reasoning and text of a turn's content; None where it holds anything else, such as a tool call."""
    if isinstance(content, str):
        return "", content
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return None
    parts: dict[str, list[str]] = {"reasoning": [], "text": []}
    for block in content:
        kind = "reasoning" if block.get("type") == "thinking" else str(block.get("type"))
        text = block.get("text") or block.get("value") or block.get("content")
        if kind not in parts or not isinstance(text, str):
            return None
        parts[kind].append(text)
    return "\n\n".join(parts["reasoning"]), "\n\n".join(parts["text"])


def answer_in(turn: dict[str, Any]) -> tuple[str, str] | None:
    """Reasoning that stands apart, and text; None where it holds anything else."""
    said = blocks(content(turn))
    if said is None:
        return None
    return said[0] or ("" if "</think>" in said[1] else thoughts(turn)), said[1]


def last_answer(chat: Any) -> tuple[str, str] | None:
    """The same of the last turn of an assistant, which may say a number, or nothing; None where there is none."""
    told = [turn for who, turn in turns([chat] if isinstance(chat, dict) else chat) if who in ASSISTANT]
    if not told:
        return None
    said = content(told[-1])
    if said is None or said != said or said in ("", []):
        return thoughts(told[-1]), ""
    if isinstance(said, int | float) and not isinstance(said, bool):
        return thoughts(told[-1]), str(said)
    return answer_in(told[-1])


def last_question(chat: Any) -> str:
    """Text of a user's last turn; empty where there is none."""
    asked = [blocks(content(turn)) for who, turn in turns(chat) if who in USER]
    return asked[-1][1] if asked and asked[-1] is not None else ""
