"""The pages as HTML: one way for those that are served and those that are written to files."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from markupsafe import Markup

from distill.errors import DistillError
from distill.view.filter import CHOICES, PAGE, Filter
from distill.view.follow import Follower
from distill.view.index import Index, Row
from distill.view.list import Facets, Listed, Lists
from distill.view.needle import Needle
from distill.view.sources import TRACES, Looked
from distill.view.text import around, bounded, line, plain, visible
from distill.view.tokens import Rendered
from distill.view.trace import Page, page_of

VERDICTS = ("correct", "wrong", "unknown", "")
"""In the order of columns; the last is of those that are not judged."""


class Links(Protocol):
    """Where a page finds the others."""

    is_live: bool
    """Are they served, so that there is search and more of each trace?"""

    def list(self, wanted: Filter, page: int = 1) -> str | None: ...

    def trace(self, row: Row, wanted: Filter | None = None, number: int | None = None) -> str | None:
        """`number` is the place of the trace in the list, from 0."""

    def text(self, row: Row, part: str) -> str | None: ...

    def tokens(self, row: Row) -> str | None: ...


@dataclass(frozen=True)
class Around:
    """Where a trace stands in the list that it was opened from."""

    wanted: Filter
    number: int
    total: int
    before: Row | None
    behind: Row | None
    fits: bool = True
    """False where another trace stands there by now."""

    @property
    def page(self) -> int:
        return self.number // PAGE + 1


class Pages:
    """Of one run or file."""

    def __init__(self, looked: Looked, index: Index, follower: Follower, links: Links, **given: Any) -> None:
        from jinja2 import Environment, PackageLoader

        self.looked, self.index, self.follower, self.links = looked, index, follower, links
        self.lists = Lists(index, follower)
        self._templates = Environment(
            loader=PackageLoader("distill.view"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters.update(visible=visible, bounded=bounded, line=line, plain=plain)
        self._templates.globals.update(looked=looked, links=links, Filter=Filter, has_tokens=self.has_tokens, **given)

    def list(self, wanted: Filter, page: int, most: int | None = None) -> str:
        """The list of a filter, `PAGE` traces of it, as if there were at most so many; `page` is from 1, and beyond the
        last it is the last: a page that was kept, of a run that has become shorter."""
        reading = self.follower.reading  # before the rows: what is read meanwhile is not among them
        begin = (page - 1) * PAGE
        listed = self.lists.rows(wanted, begin, PAGE if most is None else min(PAGE, most - begin))
        if listed.whole and page > (last := max(1, -(-listed.total // PAGE))):
            return self.list(wanted, last, most)
        left_out = 0 if most is None else listed.total - most
        if most is not None:
            listed = replace(listed, total=most)
        needle = wanted.needle
        found = [self._found(row, needle, wanted) for row in listed.rows] if needle is not None else None
        told = {"found": found, "left_out": left_out, "reading": reading}
        return self._page("list.html", **self._of_list(wanted, page, listed), **told)

    def trace(self, row: Row, at: Around | None) -> str:
        """A trace; `at` is where it stands in a list."""
        wanted = at.wanted if at is not None else Filter()
        needle = wanted.needle
        page: Page = page_of(row, self.lists, self.index, self.follower, needle)
        return self._page("trace.html", page=page, row=row, around=at, wanted=wanted, needle=needle)

    def tokens(self, row: Row, rendered: Rendered | None, refused: str) -> str:
        """A trace as training renders it, or why it does not."""
        return self._page("tokens.html", row=row, rendered=rendered, refused=refused, wanted=Filter())

    def message(self, title: str, sentence: str) -> str:
        return self._page("message.html", title=title, sentence=sentence, wanted=Filter())

    def has_tokens(self, row: Row) -> bool:
        """Can it be rendered as for training? A run's traces of its teacher can."""
        return self.looked.is_run and row.set_name == TRACES

    def around(self, row: Row, wanted: Filter, number: int) -> Around:
        """The neighbours of a trace at a place in a list."""
        begin = max(0, number - 1)
        listed = self.lists.rows(wanted, begin, 3)
        rows = dict(enumerate(listed.rows, begin))
        return Around(wanted, number, listed.total, rows.get(number - 1), rows.get(number + 1), rows.get(number) == row)

    def _of_list(self, wanted: Filter, page: int, listed: Listed) -> dict[str, Any]:
        facets = self.lists.facets()
        asked = active(wanted)
        return {
            "wanted": wanted,
            "listed": listed,
            "facets": facets,
            "page": page,
            "pages": max(1, -(-listed.total // PAGE)),
            "begin": (page - 1) * PAGE,
            "selects": selects(wanted, facets, self.looked.is_run),
            "within": CHOICES["within"],
            "follower": self.follower,
            "active": asked,
            "is_open": bool(wanted.sort or [key for key, _, _ in asked if key != "text"]),
            "verdicts": [
                v for v in VERDICTS if v in VERDICTS[:2] or any(v in counts for _, _, counts in facets.answers)
            ],
        }

    def _found(self, row: Row, needle: Needle, wanted: Filter) -> tuple[str, Markup] | None:
        """Where a hit stands, and what is around it, unless the list shows that anyway."""
        if wanted.within in ("", "question") and needle.is_in(row.question[:200]):
            return None
        try:
            trace = self.follower.sources[row.place.source].read(row.place)
        except (DistillError, OSError, StopIteration):
            return None
        texts = {
            "reasoning": trace.reasoning,
            "response": trace.response,
            "question": row.question,
            "answer": row.answer,
        }
        for name, text in texts.items():
            if wanted.within in ("", name) and (shown := around(text, needle)) is not None:
                return name, shown
        return None

    def _page(self, template: str, **given: Any) -> str:
        return self._templates.get_template(template).render(given)


Choice = tuple[str, str, list[tuple[str, str]]]
"""Key, label, and the values with their words."""


def selects(wanted: Filter, facets: Facets, is_run: bool) -> list[Choice]:
    """What there is to choose from; a choice between one thing is none."""
    sets = dict.fromkeys(name for name, _, _ in facets.answers)
    whose = dict.fromkeys(who for _, who, _ in facets.answers)
    reasons: Counter[str] = Counter()
    for _, reason, count in facets.reasons:
        reasons[reason] += count
    found: list[Choice] = [
        _fixed("verdict", "Verdict"),
        _free("set", "Set", dict.fromkeys(sets, None), wanted.set),
        _free("who", "Whose", dict.fromkeys(whose, None), wanted.who),
        _fixed("change", "Beside the base"),
        _free("domain", "Domain", dict(facets.domains), wanted.domain),
        _free("reason", "Reason", dict(reasons.most_common()), wanted.reason),
        _fixed("finish", "Ended by"),
        _fixed("used", "Curation"),
        _fixed("sort", "Order"),
    ]
    absent = {"change"} if "base" not in whose or len(whose) == 1 else set()
    absent |= set() if is_run else {"used"}
    return [one for one in found if len(one[2]) > 2 and one[0] not in absent]


def _fixed(key: str, label: str) -> Choice:
    return key, label, list(CHOICES[key].items())


def _free(key: str, label: str, values: Mapping[str, int | None], chosen: str) -> Choice:
    """Values of the traces, each with its count where that is told; what was chosen stays to be seen."""
    shown = {value: plain(value if count is None else f"{value} ({count:,})") for value, count in values.items()}
    return (
        key,
        label,
        [("", "any"), *(shown | ({chosen: plain(chosen)} if chosen and chosen not in shown else {})).items()],
    )


def active(wanted: Filter) -> list[tuple[str, str, Filter]]:
    """What a filter asks: its words, and the filter without each."""
    names = {"q": "text", "least": "at least", "most": "at most", "used": "curation", "finish": "ended by"}
    found = []
    for key, value in vars(wanted).items():
        if value in ("", None) or key in ("sort", "within"):
            continue
        words = (
            CHOICES[key][value] if key in CHOICES else f"{value:,} tokens" if key in ("least", "most") else str(value)
        )
        if key == "q" and wanted.within:
            words += f" in the {wanted.within}"
        found.append((names.get(key, key), words, wanted.but(**{key: None if key in ("least", "most") else ""})))
    return found
