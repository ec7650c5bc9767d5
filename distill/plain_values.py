"""Values of a table as JSON can hold them: dates and times as ISO text, decimals as their exact text."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """A value as text, number, list and mapping; bytes stay what they are, which no text is."""
    match value:
        case dict():
            return {name: plain(held) for name, held in value.items()}
        case list() | tuple():
            return [plain(held) for held in value]
        case date() | time():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case timedelta() | UUID():
            return str(value)
    return value


def holds_bytes(value: Any) -> bool:
    """Are there bytes in it, at any depth?"""
    todo = [value]
    while todo:
        held = todo.pop()
        if isinstance(held, bytes):
            return True
        if isinstance(held, dict | list):
            todo += held.values() if isinstance(held, dict) else held
    return False


def levels_of(value: Any) -> int:
    """How many lists and mappings stand in one another."""
    levels, layer = 0, [value]
    while layer := [held for held in layer if isinstance(held, dict | list)]:
        levels += 1
        layer = [inner for held in layer for inner in (held.values() if isinstance(held, dict) else held)]
    return levels
