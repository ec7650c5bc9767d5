"""Texts in parts that are looked at in one."""

from collections.abc import Iterator, Sequence

LONGEST = 1 << 20
"""Characters of a text that are looked at in one; a longer one in pieces that overlap."""

OVERLAP = 1 << 14

AT_ONCE = 1 << 22
"""Characters of texts that are looked at together."""


def together(texts: Sequence[str]) -> Iterator[tuple[Sequence[int], list[str]]]:
    """Parts of texts, each with the number of its text, in runs of so many characters that their arrays, of some twenty
    bytes each, are small."""
    lengths = [*map(len, texts)]
    if sum(lengths) <= AT_ONCE and max(lengths, default=0) <= LONGEST:
        yield range(len(texts)), list(texts)
        return
    rows: list[int] = []
    parts: list[str] = []
    size = 0
    for row, text in enumerate(texts):
        for part in _parts_of(text):
            rows.append(row)
            parts.append(part)
            size += len(part)
            if size >= AT_ONCE:
                yield rows, parts
                rows, parts, size = [], [], 0
    if parts:
        yield rows, parts


def _parts_of(text: str) -> list[str]:
    if len(text) <= LONGEST:
        return [text]
    return [text[at : at + LONGEST + OVERLAP] for at in range(0, len(text), LONGEST)]
