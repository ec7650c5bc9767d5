"""A list on lines of its own that a response ends on: its items are one answer, and the last of them is none."""

import re

from distill.verify.formulas import REJECTED_BEHIND
from distill.verify.plain_number import as_number

LONGEST_ITEM = 80
"""Characters of a line that may be an item."""

MOST_ITEMS = 20

_MARK = re.compile(r"(?:[-*•]|\(?(?P<count>\d{1,2})[.)])\s+")
_FENCES = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"))
_TUPLE = r"\([^=()]{1,40}\)"
_NAME = rf"[A-Za-z](?:_\{{?\w\}}?)?|{_TUPLE}"
_ASSIGNED = re.compile(rf"(?P<name>{_NAME})\s*=\s*(?P<value>[^=<>≈]{{1,60}})")
_VALUE = re.compile(rf"-?\$?[\d.,/]*\d|-?\\d?frac\s*\{{\d+\}}\s*\{{\d+\}}|-?(?:\d*)\\?sqrt\s*[{{(]\d+[)}}]|{_TUPLE}")
_WORDY = re.compile(r"(?<![\\a-z])[a-z]{2}(?!rt|d\b|\b)[a-z ]*[a-z]{3} |[.!?] [A-Z]")
"""Of a sentence, not of an item."""

_JOIN = re.compile(r"(?:,|;|\band\b|\bor\b|和|或|\.|。|、)*\s*$")


def ends_on_list(text: str) -> str | None:
    """The items that a text ends on, between commas; None where its last lines are no list of plain values."""
    last = text[text.rfind("\n") + 1 :]
    if len(last) == len(text) or len(last) > LONGEST_ITEM or _WORDY.search(last):
        return None
    items: list[tuple[str, str | None]] = []
    marks: list[str | None] = []
    for line in reversed(text.splitlines()[-3 * MOST_ITEMS :]):
        if not line.strip():
            continue
        found = _item(line)
        if found is None:
            break
        mark, item, name = found
        items.insert(0, (item, name))
        marks.insert(0, mark)
    kept = [item for item, _ in items if item]
    if len(items) < 2 or not _is_list(marks, items, text) or not kept:
        return None
    return ", ".join(kept)


def _item(line: str) -> tuple[str | None, str, str | None] | None:
    """Its mark, its value (empty where it is rejected), and the name of that; None for any other line."""
    line = line.strip()
    if len(line) > LONGEST_ITEM:
        return None
    found = _MARK.match(line)
    mark = (found["count"] or found[0][0]) if found else None
    bare = line[found.end() :] if found else line
    if mark is None and "=" not in bare:
        return None
    rejected = REJECTED_BEHIND.search(bare)
    value = _unfenced(bare[: rejected.start()] if rejected else bare)
    assigned = _ASSIGNED.fullmatch(value)
    if not assigned and (mark is None or not _VALUE.fullmatch(value)):
        return None
    if assigned and not _VALUE.fullmatch(assigned["value"].strip()):
        return None
    return mark, "" if rejected else value, assigned["name"] if assigned else None


def _unfenced(text: str) -> str:
    """Without the marks of a formula, of bold type, and what joins it to the next item."""
    for _ in range(3):
        text = _JOIN.sub("", text.strip()).strip()
        for before, after in _FENCES:
            if text.startswith(before) and text.endswith(after) and len(text) > len(before + after):
                text = text[len(before) : -len(after)]
    return _JOIN.sub("", text.strip()).strip()


def _is_list(marks: list[str | None], items: list[tuple[str, str | None]], text: str) -> bool:
    """Are these items of one list, and no steps that lead to the last of them?"""
    values = [item.rpartition("=")[2].strip() for item, _ in items if item]
    numbers = [as_number(value) for value in values]
    if len(set(values)) < len(values) or (None not in numbers and len(set(numbers)) < len(numbers)):
        return False
    names = [name for _, name in items]
    if None in marks:
        if any(marks):
            return False
        return len(set(names)) == 1 or (
            len(set(names)) == len(names) == len(list(filter(str.strip, text.splitlines())))
        )
    if marks[0] is not None and marks[0].isdigit():
        return marks == [str(count) for count in range(1, len(marks) + 1)]
    return len(set(marks)) == 1 and (len(set(names)) in (1, len(names)))
