"""Where each trace lies, with what a list shows and filters by; texts stay in the files that they are in.

The index is a private database of SQLite (`sqlite3.connect("")`): in memory up to `CACHE`, beyond it in a file without
a name where temporary files lie, of which nothing is left however the process ends. It is filled while pages are shown:
the first page waits for the first rows, and a run that goes on is followed.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

CACHE = 64 << 20
"""Bytes of the index that are held in memory."""

SOME = 4000
"""Rows that are held at a time."""

_SCHEMA = """
create table traces (
    n integer primary key, source integer, at integer, part integer, size integer, set_name text, who text,
    id text, problem text, scope integer, tokens integer, finish text,
    verdict text not null default '', reason text not null default '', flaw text, extracted text, chosen text);
create unique index by_place on traces (source, at, part);
create index by_id on traces (set_name, id);
create index by_problem on traces (problem);
create index by_tokens on traces (tokens);
create table problems (
    scope integer, id text, question text, answer text, domain text, record text,
    primary key (scope, id)) without rowid;
create table verdicts (source integer, id text, at integer, size integer);
create index verdicts_of on verdicts (source, id);
"""


class Place(NamedTuple):
    """Where a trace stands."""

    source: int
    at: int
    """Byte at which its line begins."""
    size: int
    """Bytes of the line."""
    part: int
    """Its place among the answers of the line."""


class Row(NamedTuple):
    """A trace in a list."""

    n: int
    place: Place
    set_name: str
    who: str
    id: str
    problem: str
    scope: int
    tokens: int
    finish: str
    verdict: str
    reason: str
    flaw: str | None
    extracted: str | None
    chosen: str | None
    question: str
    answer: str
    domain: str


class Candidate(NamedTuple):
    """A trace that a search looks at."""

    n: int
    place: Place
    tokens: int
    scope: int
    problem: str
    extracted: str


class Judged(NamedTuple):
    """What a list tells of a verdict."""

    verdict: str
    reason: str
    flaw: str | None
    extracted: str | None


NOT_JUDGED = Judged("", "", None, None)

ADDED_TRACE = "insert or replace into traces values (null, ?,?,?,?,?,?,?,?,?,?,?, ?,?,?,?, null)"
"""A place, set, model, ids, scope, tokens, end, and what is `Judged`."""

_ROW = """t.n, t.source, t.at, t.size, t.part, t.set_name, t.who, t.id, t.problem, t.scope, t.tokens, t.finish,
t.verdict, t.reason, t.flaw, t.extracted, t.chosen,
coalesce(p.question, ''), coalesce(p.answer, ''), coalesce(p.domain, '')"""
_JOINED = "traces t left join problems p on p.scope = t.scope and p.id = t.problem"


def _tables(where: str) -> str:
    """What a condition is about: problems are joined only where it speaks of them."""
    return _JOINED if "p." in where else "traces t"


def _row(values: Sequence[Any]) -> Row:
    return Row(values[0], Place(values[1], values[2], values[3], values[4]), *values[5:])


class Index:
    """One connection, shared by who reads the files and by who shows pages; each holds it for milliseconds."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute(f"pragma cache_size = -{CACHE >> 10}")
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.executescript(_SCHEMA)
        self._lock = threading.Lock()
        self.generation = 0
        """Rises with every change."""

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """The database, for changes that are seen together."""
        with self._lock:
            self._db.execute("begin")
            try:
                yield self._db
            finally:
                self._db.execute("commit")  # no journal, no way back: rows that came before an error are rows
                self.generation += 1

    def query(self, sql: str, given: Any = ()) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, given).fetchall()

    def count(self, where: str, given: dict[str, Any]) -> int:
        return int(self.query(f"select count(*) from {_tables(where)} where {where}", given)[0][0])

    def rows(self, where: str, given: dict[str, Any], order: str, limit: int, offset: int) -> list[Row]:
        """Rows of a condition on t and p (see `Filter.sql`), from the one at `offset` on."""
        sql = f"select {_ROW} from {_JOINED} where {where} order by {order} limit {limit} offset {offset}"
        return list(map(_row, self.query(sql, given)))

    def candidates(self, where: str, given: dict[str, Any], order: str, limit: int) -> list[Candidate]:
        """As `rows`, with what a search needs."""
        sql = (
            "select t.n, t.source, t.at, t.size, t.part, t.tokens, t.scope, t.problem, coalesce(t.extracted, '') "
            f"from {_tables(where)} where {where} order by {order} limit {limit}"
        )
        return [Candidate(row[0], Place(*row[1:5]), *row[5:]) for row in self.query(sql, given)]

    def questions(self) -> Iterator[tuple[int, str, str, str]]:
        """Scope, id, question and gold answer of every problem; no more than `SOME` are held at a time."""
        last: tuple[Any, ...] = (-2, "")
        sql = "select scope, id, question, answer from problems where (scope, id) > (?, ?) order by scope, id limit ?"
        while found := self.query(sql, (*last, SOME)):
            yield from found
            last = found[-1][:2]

    def with_numbers(self, numbers: Iterable[int]) -> list[Row]:
        """Rows in the order of these numbers."""
        wanted = list(numbers)
        marks = ",".join("?" * len(wanted))
        found = {
            row[0]: _row(row) for row in self.query(f"select {_ROW} from {_JOINED} where t.n in ({marks})", wanted)
        }
        return [found[n] for n in wanted if n in found]

    def at(self, source: int, at: int, part: int) -> Row | None:
        found = self.rows(
            "t.source = :s and t.at = :a and t.part = :p", {"s": source, "a": at, "p": part}, "t.n", limit=1, offset=0
        )
        return found[0] if found else None

    def named(self, set_name: str, who: str, trace_id: str) -> Row | None:
        """The first trace of that id in a set."""
        given = {"set": set_name, "who": who, "id": trace_id}
        found = self.rows("t.set_name = :set and t.who = :who and t.id = :id", given, "t.n", limit=1, offset=0)
        return found[0] if found else None

    def of_problem(self, problem: str, id: str, limit: int) -> list[Row]:
        """Answers to a problem, of each source the first ones and the one with this id."""
        first = "row_number() over (partition by source order by at, part)"
        some = f"select n from (select n, id, {first} as place from traces where problem = :problem)"
        given = {"problem": problem, "id": id, "limit": limit}
        return self.rows(f"t.n in ({some} where place <= :limit or id = :id)", given, "t.source, t.at, t.part", -1, 0)

    def verdicts(self, source: int, trace: str) -> list[tuple[int, int]]:
        """Where the lines with the verdicts of a trace begin, and their bytes, in their order."""
        sql = "select at, size from verdicts where source = ? and id = ? order by at"
        return self.query(sql, (source, trace))

    def problem(self, scope: int, problem: str) -> str | None:
        """A problem as JSON."""
        found = self.query("select record from problems where scope = ? and id = ?", (scope, problem))
        return found[0][0] if found else None
