"""Texts in parts that are looked at in one."""

from collections.abc import Iterator

LONGEST = 1 << 20
"""Characters of a text that are looked at in one; a longer one in pieces that overlap."""

OVERLAP = 1 << 14

AT_ONCE = 1 << 22
"""Characters of texts that are looked at together."""


def parts_of(text: str) -> list[str]:
    if len(text) <= LONGEST:
        return [text]
    return [text[at : at + LONGEST + OVERLAP] for at in range(0, len(text), LONGEST)]


def together(parts: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Runs of so many characters that their arrays, of some twenty bytes each, are small."""
    begin, size = 0, 0
    for at, (_, part) in enumerate(parts, 1):
        size += len(part)
        if at == len(parts) or size >= AT_ONCE:
            yield parts[begin:at]
            begin, size = at, 0
