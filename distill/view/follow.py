"""Reads what lies in a run into the index, a batch of each file in turn, and goes on while the run does.

Lines that are whole are read once; a file that was replaced by another is read anew. What cannot be read is told.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from distill.errors import DistillError
from distill.files import whole_text
from distill.view.index import ADDED_TRACE, NOT_JUDGED, Index, Judged
from distill.view.problems import Chosen, ProblemFile
from distill.view.sources import TRACES, Log, Looked, Source
from distill.view.tail import BATCH, Tail

POLL_SECONDS = 1.0
"""Between looks at files that are read to their ends."""


PATIENCE_SECONDS = 1.0
"""After which some is read although pages are asked for."""


class Reader(Protocol):
    """Reads one source."""

    damaged: int
    """Lines that are no records."""
    left_out: int
    """Rows, and answers in others, that are no traces."""

    @property
    def left(self) -> int:
        """Bytes that are there and not read."""

    def step(self) -> bool:
        """Read some more; False at the end."""


class LogFollower:
    """Samples and verdicts of ours, side by side."""

    def __init__(self, index: Index, number: int, log: Log, scope: int) -> None:
        self.index, self.number, self.log, self.scope = index, number, log, scope
        self.samples, self.verdicts = Tail(log.samples), Tail(log.verdicts)
        self.damaged = self.left_out = 0
        self._waiting: dict[str, Judged] = {}
        """Verdicts whose samples were not read yet."""

    @property
    def left(self) -> int:
        """Bytes that are there and not read."""
        return max(0, self.samples.size - self.samples.at) + max(0, self.verdicts.size - self.verdicts.at)

    def step(self) -> bool:
        """Read some more; False at the end."""
        if self.samples.was_replaced() | self.verdicts.was_replaced():
            self._forget()
        verdicts, samples = self.verdicts.lines(BATCH >> 3), self.samples.lines()
        if not verdicts and not samples:
            return False
        with self.index.changing() as db:
            fresh = {}
            for at, line in verdicts:
                if (found := self._parsed(line, "trace_id")) is not None:
                    fresh[found["trace_id"]] = _judged(found)
                    db.execute("insert into verdicts values (?,?,?,?)", (self.number, found["trace_id"], at, len(line)))
            self._waiting |= fresh
            added = set()
            for at, line in samples:
                if (found := self._parsed(line, "id")) is not None:
                    db.execute(ADDED_TRACE, (*self._row(found, at, line), *self._waiting.pop(found["id"], NOT_JUDGED)))
                    added.add(found["id"])
            update = "update traces set verdict=?, reason=?, flaw=?, extracted=? where set_name=? and id=? and source=?"
            for trace, judged in fresh.items():
                if trace not in added and db.execute(update, (*judged, self.log.set_name, trace, self.number)).rowcount:
                    self._waiting.pop(trace, None)
        return True

    def _row(self, found: dict[str, Any], at: int, line: bytes) -> tuple[Any, ...]:
        place = (self.number, at, 0, len(line), self.log.set_name, self.log.who)
        names = (whole_text(found["id"]), whole_text(found["problem_id"]))
        return (*place, *names, self.scope, found["completion_tokens"], found["finish_reason"])

    def _parsed(self, line: bytes, key: str) -> dict[str, Any] | None:
        """A record, None where the line is no such: told, and passed over."""
        try:
            found = self.log.parsed(line) if key == "id" else json.loads(line)
        except (ValueError, RecursionError):
            found = None
        texts = _TEXTS if key == "id" else ("verdict", "reason")
        if (
            isinstance(found, dict)
            and all(isinstance(found.get(name), str) for name in (key, *texts))
            and (key != "id" or _is_count(found.get("completion_tokens")))
        ):
            return found
        self.damaged += 1
        return None

    def _forget(self) -> None:
        self.samples.at = self.verdicts.at = self.damaged = 0
        self._waiting.clear()
        with self.index.changing() as db:
            db.execute("delete from traces where source = ?", (self.number,))
            db.execute("delete from verdicts where source = ?", (self.number,))


_TEXTS = ("problem_id", "finish_reason", "reasoning", "response")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 62


def _judged(found: dict[str, Any]) -> Judged:
    flaw, extracted = (None if found.get(key) is None else whole_text(str(found[key])) for key in ("flaw", "extracted"))
    return Judged(found["verdict"], whole_text(found["reason"]), flaw, extracted)


class Follower:
    """All files of what is looked at, read by a thread of its own until `close`."""

    def __init__(self, looked: Looked, index: Index) -> None:
        self.looked, self.index = looked, index
        self.sources: list[Source] = []
        """By their numbers in the index."""
        self.failure = ""
        """What cannot be read, and why."""
        self.reading = True
        """Was there more to read at the last look?"""
        self._readers: list[Reader] = []
        self._problems: list[ProblemFile] = []
        self._chosen: list[tuple[Chosen, LogFollower]] = []
        self._scopes: dict[Path, int] = {}
        self._closing = threading.Event()
        self._asked = 0
        self._turns = threading.Condition()
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait_for_rows(self, seconds: float) -> None:
        """Until the first rows are there, or all that there are."""
        self._first.wait(seconds)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Nothing is read meanwhile: who asks for a page comes first, and there is one interpreter for both."""
        with self._turns:
            self._asked += 1
        try:
            yield
        finally:
            with self._turns:
                self._asked -= 1
                self._turns.notify()

    @property
    def left(self) -> int:
        """Bytes of traces that are not read yet."""
        return sum(reader.left for reader in self._readers)

    @property
    def damaged(self) -> int:
        """Lines that are no traces and no verdicts."""
        return sum(reader.damaged for reader in self._readers)

    @property
    def left_out(self) -> int:
        return sum(reader.left_out for reader in self._readers)

    def read_all(self) -> None:
        """Read what is there, in this thread."""
        self._find()
        while self._turn():
            pass
        self.reading = False

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._find()
                with self._turns:
                    self._turns.wait_for(lambda: not self._asked, PATIENCE_SECONDS)
                self.reading = self._turn()
                self._first.set()
                if not self.reading:
                    self._closing.wait(POLL_SECONDS)
        finally:
            self._first.set()

    def _turn(self) -> bool:
        """A batch of every file; problems first, so that the first page shows questions."""
        steps: list[Callable[[], bool]] = [p.step for p in self._problems] + [r.step for r in self._readers]
        more = sum(self._told(step) for step in steps if not self._closing.is_set())
        marks = [partial(chosen.step, log.samples.at) for chosen, log in self._chosen if not log.left]
        return more + sum(self._told(mark) for mark in marks) > 0

    def _told(self, step: Callable[[], bool]) -> bool:
        """A step; what stops it is told, and the others go on."""
        try:
            return step()
        except (DistillError, OSError) as e:
            self.failure = str(e)
        except sqlite3.Error as e:
            self.failure = f"The index is not whole: {e}. It lies where temporary files do (SQLITE_TMPDIR, TMPDIR)."
        return False

    def _find(self) -> None:
        """Sources that have come since the last look."""
        known = {source.name for source in self.sources}
        for source in self.looked.sources():
            if source.name in known:
                continue
            number = len(self.sources)
            self.sources.append(source)
            reader = self._reader(number, source)
            self._readers.append(reader)
            if isinstance(reader, LogFollower) and reader.log.set_name == TRACES and self.looked.is_run:
                self._chosen.append((Chosen(self.index, number, self.looked.path / "curated"), reader))

    def _reader(self, number: int, source: Source) -> Reader:
        if isinstance(source, Log):
            return LogFollower(self.index, number, source, self._scope(source))
        from distill.view.table import Table, TableFollower

        assert isinstance(source, Table)
        return TableFollower(self.index, number, source)

    def _scope(self, log: Log) -> int:
        """Number of a file of problems."""
        if log.problems is None:
            return -1
        if log.problems not in self._scopes:
            scope = self._scopes[log.problems] = len(self._scopes)
            asked = self.looked.path / "domains" / "domains.jsonl"
            domains = asked if self.looked.is_run and log.set_name == TRACES else None
            self._problems.append(ProblemFile(self.index, scope, log.problems, domains))
        return self._scopes[log.problems]
