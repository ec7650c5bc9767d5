"""Files that grow: the lines that were added since the last look."""

import json
from pathlib import Path

from distill.given_paths import stamp

BATCH = 1 << 21
"""Bytes of a file that are read at a time: some tens of milliseconds."""


class Tail:
    """The lines that were added to a file since the last call."""

    def __init__(self, path: Path, whole: bool = True) -> None:
        self.path = path
        self.whole = whole
        """Does every line end in a line end? Ours do: one without is torn, and may be written on."""
        self.at = 0
        self.size = 0
        self._inode = 0

    def was_replaced(self) -> bool:
        """Is it another file, or shorter than what was read of it? It is then read from its begin."""
        now = stamp(self.path)
        inode, self.size = (0, 0) if now is None else now[:2]
        replaced = self._inode not in (0, inode) or self.size < self.at
        self._inode = inode
        if replaced:
            self.at = 0
        return replaced

    def lines(self, most: int = BATCH) -> list[tuple[int, bytes]]:
        """Lines with the bytes at which they begin, up to about `most` bytes."""
        found: list[tuple[int, bytes]] = []
        if self.at >= self.size:
            return found
        with self.path.open("rb") as f:
            f.seek(self.at)
            end = self.at + most
            while self.at < end and (line := f.readline()) and self._is_whole(line):
                found.append((self.at, line))
                self.at += len(line)
        if not found:
            self.size = self.at  # a torn end is none
        return found

    def _is_whole(self, line: bytes) -> bool:
        if line.endswith(b"\n"):
            return True
        try:
            return not self.whole and isinstance(json.loads(line), dict)
        except ValueError:
            return False
