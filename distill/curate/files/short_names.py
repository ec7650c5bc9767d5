"""What files are called where a path of the machine has no place: in rows, evidence and cards."""

from collections.abc import Sequence
from pathlib import Path


def short_names(files: Sequence[Path]) -> list[str]:
    """The name of each file, with as many of its folders as tell it from the others: `a/train.jsonl`, `b/train.jsonl`.

    A file that is named twice has the same name twice.
    """
    whole = [file.expanduser().absolute().parts[1:] for file in files]
    return ["/".join(parts[-_needed(parts, {*whole} - {parts}) :]) for parts in whole]


def _needed(parts: tuple[str, ...], others: set[tuple[str, ...]]) -> int:
    """How many parts from the end no other path has."""
    return next((n for n in range(1, len(parts)) if all(other[-n:] != parts[-n:] for other in others)), len(parts))
