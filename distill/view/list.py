"""A page of traces by filter and search, what there is to filter by, and what stands before and behind a trace."""

import threading
import time
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field

from distill.view.filter import CHANGE, PAGE, Filter
from distill.view.follow import Follower
from distill.view.index import SOME, Candidate, Index, Row
from distill.view.needle import Needle
from distill.view.search import Search, problems_with
from distill.view.sources import TRACES, rank

SECONDS = 2.0
"""A search looks no longer before a page is shown; the same page again goes on from there."""

MOST = 100
"""Domains and reasons that can be chosen; the most frequent."""

REMEMBERED = 8
"""Searches whose hits are held: numbers of traces, eight bytes each."""


_CHANGES = """
select t.set_name, t.who, t.verdict = 'correct', b.verdict = 'correct', count(*)
from traces t join traces b on b.set_name = t.set_name and b.id = t.id and b.who = 'base'
where t.who <> 'base' and t.verdict <> '' and b.verdict <> '' group by 1, 2, 3, 4"""


@dataclass
class Hits:
    """What a search has found so far."""

    numbers: array = field(default_factory=lambda: array("q"))
    looked_at: int = 0
    problems: set[tuple[int, str]] | None = None
    """Scopes and ids of those whose question or gold answer holds it, once they were looked through."""
    last: Candidate | None = None
    """That was looked at; the next are those behind it."""
    whole: bool = False
    """Was every trace looked at?"""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Listed:
    """A page of a list."""

    rows: list[Row]
    total: int
    """Traces of the whole list, as far as it is known."""
    whole: bool
    """Is that all of them?"""
    looked_at: int
    """By a search, out of `among`."""
    among: int


@dataclass(frozen=True)
class Facets:
    """What there is to filter by, with counts."""

    answers: list[tuple[str, str, dict[str, int]]]
    """Set, who, and how many of each verdict."""
    changes: list[tuple[str, str, dict[str, int]]]
    """Set, who, and how many answers are another beside the base than its own (`Filter.change`)."""
    domains: list[tuple[str, int]]
    reasons: list[tuple[str, str, int]]
    """Verdict, reason, count."""

    @property
    def total(self) -> int:
        return sum(sum(counts.values()) for _, _, counts in self.answers)


class Lists:
    """Answers what pages ask of the index."""

    def __init__(self, index: Index, follower: Follower) -> None:
        self.index, self.follower = index, follower
        self._searches: OrderedDict[tuple[Filter, int], Hits] = OrderedDict()
        self._facets: tuple[int, Facets] | None = None
        self._lock = threading.Lock()

    def rows(self, wanted: Filter, begin: int, count: int = PAGE) -> Listed:
        """Traces from the one at `begin` (0 is the first) on."""
        where, given = wanted.sql()
        if not wanted.q:
            total = self.index.count(where, given)
            return Listed(self.index.rows(where, given, wanted.order(), count, begin), total, True, total, total)
        hits = self._hits(wanted)
        with hits.lock:
            self._look(wanted, hits, begin + count + 1)
            found = self.index.with_numbers(hits.numbers[begin : begin + count])
            among = hits.looked_at if hits.whole else self.index.count(where, given)
            return Listed(found, len(hits.numbers), hits.whole, hits.looked_at, among)

    def facets(self) -> Facets:
        """Counted again only when something has changed."""
        with self._lock:
            if self._facets is None or self._facets[0] != self.index.generation:
                self._facets = (self.index.generation, self._count())
            return self._facets[1]

    def beside(self, row: Row, limit: int = 64) -> list[Row]:
        """Answers to the same problem, the trace itself among them; so many of each source at most."""
        found = self.index.of_problem(row.problem, row.id, limit)
        same = [other for other in found if other.question == row.question or not other.question]
        return sorted(same, key=lambda other: (other.set_name != row.set_name, rank(other.who), other.n))

    def _hits(self, wanted: Filter) -> Hits:
        key = (wanted, self.index.generation)
        with self._lock:
            hits = self._searches.setdefault(key, Hits())
            self._searches.move_to_end(key)
            while len(self._searches) > REMEMBERED:
                self._searches.popitem(last=False)
            return hits

    def _look(self, wanted: Filter, hits: Hits, enough: int) -> None:
        """Look on until there are enough, or all were looked at, or it takes too long."""
        until = time.monotonic() + SECONDS
        where, given = wanted.sql()
        needle = Needle(wanted.q)
        if hits.problems is None:
            hits.problems = problems_with(needle, wanted.within, self.index)
        with Search(self.follower.sources, needle, wanted.within, hits.problems) as search:
            while not hits.whole and len(hits.numbers) < enough and time.monotonic() < until:
                begin = (
                    (f"{where} and {wanted.behind()}", given | wanted.keys(hits.last)) if hits.last else (where, given)
                )
                some = self.index.candidates(*begin, wanted.order(), SOME)
                hits.whole = len(some) < SOME
                for looked, candidate in enumerate(some, 1):
                    if search.finds(candidate):
                        hits.numbers.append(candidate.n)
                    hits.last = candidate
                    hits.looked_at += 1
                    if time.monotonic() > until:
                        hits.whole &= looked == len(some)
                        break

    def _count(self) -> Facets:
        counts = "select set_name, who, verdict, count(*) from traces group by 1, 2, 3"
        answers: dict[tuple[str, str], dict[str, int]] = {}
        for set_name, who, verdict, count in self.index.query(counts):
            answers.setdefault((set_name, who), {})[verdict] = count
        changes: dict[tuple[str, str], dict[str, int]] = {}
        for set_name, who, right, base, count in self.index.query(_CHANGES):
            kind = next(name for name, pair in CHANGE.items() if pair == (right, base))
            changes.setdefault((set_name, who), {})[kind] = count
        domains = self.index.query(
            "select p.domain, count(*) from traces t join problems p on p.scope = t.scope and p.id = t.problem "
            f"where p.domain <> '' group by 1 order by 2 desc, 1 limit {MOST}"
        )
        reasons = self.index.query(
            "select verdict, reason, count(*) from traces where reason <> '' group by 1, 2 order by 3 desc, 1, 2 "
            f"limit {MOST}"
        )
        order = sorted(answers, key=lambda key: (key[0] != TRACES, key[0], rank(key[1])))
        beside = [(*key, changes[key]) for key in order if key in changes]
        return Facets([(*key, answers[key]) for key in order], beside, domains, reasons)
