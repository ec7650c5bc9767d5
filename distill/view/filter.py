"""Which traces a page lists: what the address of the page says, and the same as SQL."""

from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from distill.errors import Refused
from distill.view.index import Candidate
from distill.view.needle import LONGEST, Needle

PAGE = 50
"""Traces on a page."""

CHOICES: dict[str, dict[str, str]] = {
    "verdict": {
        "": "any",
        "correct": "correct",
        "wrong": "wrong",
        "unknown": "unknown",
        "none": "not judged",
        "accepted": "correct, without a flaw",
        "flawed": "with a flaw",
    },
    "change": {
        "": "any",
        "gained": "gained: right, base not",
        "lost": "lost: not right, base was",
        "both": "both right",
        "neither": "neither right",
    },
    "used": {"": "any", "yes": "chosen to teach", "no": "not chosen"},
    "finish": {"": "any", "stop": "stop", "length": "length", "loop": "loop", "filter": "filter", "error": "error"},
    "within": {
        "": "anywhere",
        "question": "question",
        "reasoning": "reasoning",
        "response": "response",
        "answer": "answer, gold or judged",
    },
    "sort": {"": "as written", "longest": "longest first", "shortest": "shortest first"},
}
"""Keys with few values, each with the words for it; the first is what holds where nothing is said."""

_VERDICT = {
    "none": "t.verdict = ''",
    "accepted": "t.verdict = 'correct' and t.flaw is null",
    "flawed": "t.flaw is not null",
}
CHANGE = {"gained": (True, False), "lost": (False, True), "both": (True, True), "neither": (False, False)}
"""Is the answer correct, and the base's?"""
_ORDER = {
    "": (("t.source", "t.at", "t.part"), "asc"),
    "longest": (("t.tokens", "t.n"), "desc"),
    "shortest": (("t.tokens", "t.n"), "asc"),
}


@dataclass(frozen=True)
class Filter:
    """All of it holds of a trace that is listed; an empty text asks nothing."""

    q: str = ""
    """A text that it holds."""
    within: str = ""
    """Where it holds that."""
    set: str = ""
    """Where it is from: `traces`, or the name of an evaluation set."""
    who: str = ""
    """Whose answer it is: teacher, base, student."""
    verdict: str = ""
    reason: str = ""
    """The words of its verdict."""
    domain: str = ""
    change: str = ""
    """Of an answer in an evaluation: beside that of the base to the same problem."""
    used: str = ""
    """Of a teacher's trace: was it chosen for the curated set?"""
    finish: str = ""
    """How it ended."""
    least: int | None = None
    """Tokens."""
    most: int | None = None
    sort: str = ""

    @property
    def needle(self) -> Needle | None:
        return Needle(self.q) if self.q else None

    def sql(self) -> tuple[str, dict[str, Any]]:
        """A condition on `traces t joined with problems p`, and its parameters; the sought text is no part of it."""
        terms = {
            "set": "t.set_name = :set",
            "who": "t.who = :who",
            "reason": "t.reason = :reason",
            "domain": "p.domain = :domain",
            "finish": "t.finish = :finish",
            "verdict": _VERDICT.get(self.verdict, "t.verdict = :verdict"),
            "used": f"t.chosen is {'not ' if self.used == 'yes' else ''}null and t.set_name = 'traces'",
            "least": "t.tokens >= :least",
            "most": "t.tokens <= :most",
            "change": self._change(),
        }
        given = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) not in ("", None)}
        return " and ".join(terms[key] for key in given if key in terms) or "1", given

    def order(self) -> str:
        columns, direction = _ORDER[self.sort]
        return ", ".join(f"{column} {direction}" for column in columns)

    def behind(self) -> str:
        """The condition that a trace comes behind the one with the keys k0, k1, ... (`keys`)."""
        columns, direction = _ORDER[self.sort]
        marks = ", ".join(f":k{number}" for number in range(len(columns)))
        return f"({', '.join(columns)}) {'>' if direction == 'asc' else '<'} ({marks})"

    def keys(self, found: Candidate) -> dict[str, int]:
        """By what a trace is ordered."""
        place = found.place
        values = (found.tokens, found.n) if self.sort else (place.source, place.at, place.part)
        return {f"k{number}": value for number, value in enumerate(values)}

    def _change(self) -> str:
        """Answers of the same number to the same problem; those that were not judged are no change."""
        this, base = CHANGE.get(self.change, (True, True))
        return (
            f"t.who <> 'base' and t.verdict <> '' and {'' if this else 'not '}(t.verdict = 'correct') and exists "
            "(select 1 from traces b where b.set_name = t.set_name and b.id = t.id and b.who = 'base' "
            f"and b.verdict <> '' and {'' if base else 'not '}(b.verdict = 'correct'))"
        )

    def link(self, path: str = "/", **others: Any) -> str:
        """An address with this filter; `others` replace its keys or are added."""
        given = {f.name: getattr(self, f.name) for f in fields(self)} | others
        words = {key: value for key, value in given.items() if value not in ("", None)}
        return f"{path}?{urlencode(words)}" if words else path

    def but(self, **others: Any) -> "Filter":
        return replace(self, **others)


def from_query(query: dict[str, str]) -> Filter:
    """The filter of an address; keys of other things are passed over.

    Raises:
        Refused: a value that there is not.
    """
    given: dict[str, Any] = {f.name: query[f.name] for f in fields(Filter) if query.get(f.name, "").strip()}
    given |= {key: given[key].strip() for key in ("q", "least", "most") if key in given}
    for key, value in given.items():
        if key in CHOICES and value not in CHOICES[key]:
            raise Refused(f"{key}={value} is none of {', '.join(filter(None, CHOICES[key]))}.")
        if key in ("least", "most"):
            given[key] = number(value, key)
    if len(given.get("q", "")) > LONGEST:
        raise Refused(f"more than {LONGEST} characters are not sought.")
    return Filter(**given)


def number(text: str, name: str) -> int:
    """
    Raises:
        Refused: it is no whole number of at most fifteen digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused(f"{name}={text[:40]} is no whole number.")
    return int(text)
