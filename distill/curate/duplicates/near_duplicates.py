"""Which problems are near-duplicates of others, among a million and more, and what is the evidence?

    with NearDuplicates() as finder:
        for part in parts:
            finder.add(part.keys, part.texts)
        removals = finder.removals()

Pairs that may be the same come from sketches (`sketches`); each is compared token by token (`same_problem`) before it
counts. In the order of the keys a row is removed if it is one problem with a row that stays. So every removal is one
comparison, of two rows that can be laid side by side; in a chain where a is like b and b like c, but a not like c,
b goes and c stays, as nothing that stays is like it.
"""

import gc
import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.curate.duplicates.missing_words import Letters, letters_of, too_different
from distill.curate.duplicates.problem_tokens import tokens_of
from distill.curate.duplicates.same_problem import LEAST, Kind, Likeness, likeness
from distill.curate.duplicates.sketches import Sketches, alike, same, sketches_of
from distill.curate.text.scratch_memory import keep_scratch_memory
from distill.curate.text.shingles import Places
from distill.errors import Refused
from distill.files import naming_temporary_folder

_PART = 2048  # rows that are sketched in one
_CHARACTERS = 1 << 22  # the same in characters
_CACHED = 4096  # texts whose tokens are kept


class Removal(NamedTuple):
    """A row that is one problem with another, which stays."""

    key: Any
    survivor: Any
    """Its key."""
    kind: Kind
    similarity: float
    """Of their words, from 0 to 1."""
    differences: list[tuple[str, str]]
    """What stands in the survivor, and here instead."""


class NearDuplicates:
    """Near-duplicates among texts that come some thousand at a time.

    Of a row 160 bytes and its key stay in memory; the texts lie in a temporary file, which goes with this object. The
    result does not depend on the order of the rows, nor on how they are parted.
    """

    def __init__(self, least: float = LEAST, folder: Path | None = None) -> None:
        """`least`: share of their words that two copies have in common; `folder`: where the texts lie (None: the
        system's temporary files).

        Raises:
            Refused: a share below 0.5 or above 1.
        """
        if not 0.5 <= least <= 1:
            raise Refused(f"near-duplicates with {least} of their words in common: it must be from 0.5 to 1.")
        keep_scratch_memory()
        self._least = least
        with naming_temporary_folder():
            self._texts = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._ends = array("q", [0])
        self._keys: list[Any] = []
        self._sketches: list[Sketches] = []

    def __enter__(self) -> "NearDuplicates":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with naming_temporary_folder():
            self._texts.close()

    def add(self, keys: Sequence[Any], texts: Sequence[str]) -> None:
        """Rows with keys of one type, all different: of two copies the one with the lesser key stays.

        Raises:
            Refused: other than one key a text.
        """
        if len(keys) != len(texts):
            raise Refused(f"{len(texts):,} texts with {len(keys):,} keys.", "Give each text its key.")
        begin, size = 0, 0
        for at, text in enumerate(texts, 1):
            size += len(text)
            if at == len(texts) or at - begin == _PART or size >= _CHARACTERS:
                self._add(texts[begin:at])
                begin, size = at, 0
        self._keys.extend(keys)

    def _add(self, texts: Sequence[str]) -> None:
        self._sketches.append(sketches_of(list(texts)))
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        with naming_temporary_folder():
            self._texts.write(b"".join(encoded))
        for row in encoded:
            self._ends.append(self._ends[-1] + len(row))

    def removals(self) -> list[Removal]:
        """What may go, in the order of the keys.

        Raises:
            Refused: two rows have one key, or keys are of several types.
        """
        if not self._keys:
            return []
        with _no_collection():
            return self._removals()

    def _removals(self) -> list[Removal]:
        order = self._order()
        with naming_temporary_folder():
            self._texts.flush()
        self._sketches = [Sketches(*map(np.concatenate, zip(*self._sketches, strict=True)))]
        comparing = _Comparing(self, order)
        for hashes in (self._sketches[0].plain, self._sketches[0].spelled):
            comparing.remove(same(hashes[order]))
        left = comparing.left()
        pairs = left[alike(self._sketches[0].rows(order[left]))]
        comparing.remove(pairs, comparing.too_different(pairs))
        keys = [self._keys[row] for row in order.tolist()]
        return [Removal(keys[one], keys[other], *found) for one, (other, found) in comparing.settled()]

    def _order(self) -> Places:
        """Rows by their keys."""
        try:
            order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        except TypeError as e:
            raise Refused(f"the keys of the rows have no order: {e}.", "Give keys of one type.") from e
        for one, other in pairwise(order):
            if self._keys[one] == self._keys[other]:
                raise Refused(
                    f"two rows have the key {self._keys[one]!r}.", "Which of two copies stays is by their keys."
                )
        return np.array(order, np.int64)

    def _text(self, row: int) -> str:
        begin, end = self._ends[row], self._ends[row + 1]
        return os.pread(self._texts.fileno(), end - begin, begin).decode("utf-8", "surrogatepass")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the collection of cycles, which takes an eighth of the time to find none: nothing here makes any."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Comparing:
    """Pairs compared one after another; rows are numbered by their keys' order."""

    def __init__(self, finder: NearDuplicates, order: Places) -> None:
        self._least = finder._least
        self._text = lambda row: finder._text(int(order[row]))
        self._tokens = lru_cache(_CACHED)(lambda row: tokens_of(self._text(row)))
        self._removed: dict[int, tuple[int, Likeness]] = {}
        self._count = len(order)

    def left(self) -> Places:
        stays = np.ones(self._count, bool)
        stays[list(self._removed)] = False
        return np.flatnonzero(stays)

    def too_different(self, pairs: Places) -> NDArray[np.bool_]:
        """Of which pairs it is certain before they are compared."""
        rows = np.unique(pairs)
        letters = [letters_of([*map(self._text, rows[at : at + _PART].tolist())]) for at in range(0, len(rows), _PART)]
        if not letters:
            return np.zeros(0, bool)
        return too_different(
            Letters(*map(np.concatenate, zip(*letters, strict=True))), np.searchsorted(rows, pairs), self._least
        )

    def remove(self, pairs: Places, far: NDArray[np.bool_] | None = None) -> None:
        """The later row of every pair (in the order of the later) that is one problem with the earlier, or with what
        that was removed for. `far`: with which pairs no time is lost (None: most are the same text)."""
        removed, tried = self._removed, (-1, set[int]())
        copies, far = far is None, np.zeros(len(pairs), bool) if far is None else far
        for earlier, later, known in zip(*(side.tolist() for side in pairs.T), far.tolist(), strict=True):
            if later in removed or (known and earlier not in removed):
                continue
            while earlier in removed:  # what it was removed for may be like the later one too
                earlier = removed[earlier][0]
            tried = tried if tried[0] == later else (later, set())
            if earlier in tried[1]:
                continue
            tried[1].add(earlier)
            verbatim = copies and self._text(earlier) == self._text(later)
            found = Likeness("exact", 1.0, []) if verbatim else self._compared(earlier, later)
            if found is not None:
                removed[later] = earlier, found

    def _compared(self, earlier: int, later: int) -> Likeness | None:
        return likeness(self._tokens(earlier), self._tokens(later), self._least)

    def settled(self) -> list[tuple[int, tuple[int, Likeness]]]:
        """Removed rows, each with the row that stays: copies of one that was removed itself are compared again."""
        settled = {}
        for later, (earlier, found) in sorted(self._removed.items()):
            while earlier in self._removed:
                earlier = self._removed[earlier][0]
            again = found if earlier == self._removed[later][0] else self._compared(earlier, later)
            if again is not None:
                settled[later] = earlier, again
        return list(settled.items())
