"""What is known beside the traces: their problems, the domains that a model named, and which of them were chosen."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from distill.curate.problems.domains import DOMAINS, domain_of
from distill.errors import DistillError
from distill.files import Log, each_row, whole_text
from distill.given_paths import Stamp, stamp
from distill.records import Problem, Trace
from distill.view.index import Index

BATCH = 1000
"""Rows at a time."""

FIELDS = ("domain", "subject", "type")
"""What of a problem names its domain, the first that is there (as in curation)."""

ADDED = "insert or replace into problems values (?,?,?,?,?,?)"


def problem_row(scope: int, problem: Problem) -> tuple[Any, ...]:
    """For the index."""
    domain = next((str(problem.known[key]) for key in FIELDS if key in problem.known), "")
    told = {key: getattr(problem, key) for key in ("id", "question", "answer", "kind", "known", "source", "licence")}
    record = json.dumps({**told, "held_out": problem.held_out})
    return scope, *map(whole_text, (problem.id, problem.question, problem.answer, domain)), record


class ProblemFile:
    """`problems.parquet`, and what a model said of their domains; read again when they are others."""

    def __init__(self, index: Index, scope: int, path: Path, domains: Path | None) -> None:
        self.index, self.scope, self.path, self.domains = index, scope, path, domains
        self._seen: Stamp = None
        self._replies: Stamp = None
        self._rows: Iterator[dict[str, Any]] = iter(())

    def step(self) -> bool:
        """Read some more; False at the end.

        Raises:
            DistillError: it is damaged.
        """
        if (now := stamp(self.path)) is not None and now != self._seen:
            self._seen, self._replies, self._rows = now, None, each_row(self.path)
        rows = list(islice(self._rows, BATCH))
        if not rows:
            return self._name_domains()
        with self.index.changing() as db:
            db.executemany(ADDED, [problem_row(self.scope, self._problem(row)) for row in rows])
        return True

    def _problem(self, row: dict[str, Any]) -> Problem:
        try:
            return Problem(**{**row, **{key: json.loads(row[key]) for key in ("data", "known")}})
        except (KeyError, ValueError, TypeError) as e:
            raise DistillError(f"{self.path} is damaged: a row is no problem.") from e

    def _name_domains(self) -> bool:
        """Problems with the same question were asked about once."""
        if self.domains is None or (now := stamp(self.domains)) == self._replies:
            return False
        self._replies = now
        replies = (r for r in Log(self.domains).each(Trace) if r.finish_reason == "stop")
        codes = {r.problem_id: code for r in replies if (code := domain_of(r.response)) is not None}
        asked = self.index.query("select id, question from problems where scope = ?", (self.scope,))
        found = {question: codes[problem] for problem, question in asked if problem in codes}
        named = [(f"{found[q]} {DOMAINS[found[q]]}", self.scope, problem) for problem, q in asked if q in found]
        with self.index.changing() as db:
            db.executemany("update problems set domain = ? where scope = ? and id = ?", named)
        return True


class Chosen:
    """Which traces curation has chosen, and why."""

    def __init__(self, index: Index, source: int, folder: Path) -> None:
        self.index, self.source, self.folder = index, source, folder
        self._seen: tuple[Stamp, int] = (None, 0)

    def step(self, read: int) -> bool:
        """Mark them when the curated set is another than before, or traces were read anew.

        `read` are the bytes of the traces that are read: all that there are.
        """
        now = stamp(self.folder / "state.json")
        if (now, read) == self._seen:
            return False
        self._seen = (now, read)
        with self.index.changing() as db:
            db.execute("update traces set chosen = null where source = ? and chosen is not null", (self.source,))
            if now is not None:
                marks = ((why, self.source, trace) for trace, why in self._rows())
                db.executemany(
                    "update traces set chosen = ? where source = ? and id = ? and set_name = 'traces'", marks
                )
        return True

    def _rows(self) -> Iterator[tuple[str, str]]:
        """Ids and reasons, batch by batch from files that are mapped into memory."""
        import pyarrow as pa

        for path in sorted(self.folder.glob("*.arrow")):
            try:
                with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as batches:
                    for batch in batches:
                        if {"trace_id", "selected_because"} <= set(batch.schema.names):
                            columns = (batch.column(name).to_pylist() for name in ("trace_id", "selected_because"))
                            yield from ((trace, why or "") for trace, why in zip(*columns, strict=True) if trace)
            except (OSError, pa.ArrowInvalid) as e:
                raise DistillError(f"{path} cannot be read: {e}.") from e
