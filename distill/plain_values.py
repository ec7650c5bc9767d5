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
    if isinstance(value, dict):
        return any(map(holds_bytes, value.values()))
    return any(map(holds_bytes, value)) if isinstance(value, list) else isinstance(value, bytes)
