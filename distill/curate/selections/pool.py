"""What a selection knows of traces, and what it gives back."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """Columns of equal length, one entry a trace. The order of the traces plays no part in what is selected."""

    ids: Sequence[str]
    """Of the traces; equal ones, where duplicates are kept, count in the order in which they stand."""
    problems: Sequence[str]
    """The problem's id."""
    sources: Sequence[str]
    """Where the trace's row comes from; those of one problem may come from several."""
    domains: Sequence[str]
    """The problem's field; all in one where none is known."""
    tokens: Ints
    """Length of the trace."""
    quality: Floats
    """A score, the higher the better; LIMO's where `limo` reads it."""

    def __len__(self) -> int:
        return len(self.ids)

    def by_length(self, longest_first: bool = True) -> list[int]:
        """All rows by length, equal ones by their ids."""
        sign = -1 if longest_first else 1
        return sorted(range(len(self)), key=lambda row: (sign * int(self.tokens[row]), self.ids[row]))

    def by_quality(self) -> list[int]:
        """All rows, the best first, equal ones by their ids."""
        return sorted(range(len(self)), key=lambda row: (-float(self.quality[row]), self.ids[row]))

    def at_random(self, seed: int, purpose: str, rows: Iterable[int] | None = None) -> list[int]:
        """Rows, None: all, in an order that only the seed, the purpose and the ids decide."""
        return shuffled(range(len(self)) if rows is None else rows, self.ids, seed, purpose)

    def first_of_each_problem(self, rows: Iterable[int], most: int | None) -> list[int]:
        """The first `most` rows of every problem, in their order; all where it is None."""
        if most is None:
            return list(rows)
        taken: Counter[str] = Counter()
        kept = []
        for row in rows:
            if taken[self.problems[row]] < most:
                taken[self.problems[row]] += 1
                kept.append(row)
        return kept


@dataclass(frozen=True)
class Chosen:
    """What a selection gives back."""

    rows: list[int]
    """Of the pool, in the order chosen."""
    why: list[str]
    """Of each of them, in a few words."""
    notes: tuple[str, ...] = ()
    """What the funnel should tell: a wish that the pool did not fulfil."""

    def first(self, count: int | None) -> "Chosen":
        return self if count is None else Chosen(self.rows[:count], self.why[:count], self.notes)


def shuffled(rows: Iterable[int], names: Sequence[str], seed: int, purpose: str) -> list[int]:
    """Rows in the order of a hash of their names: the same on any machine and for any order of arrival."""
    return sorted(rows, key=lambda row: (_hash(f"{seed}/{purpose}/{names[row]}"), names[row]))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
