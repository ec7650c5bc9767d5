"""The pages as files that open from the disk: for sharing. Search needs `distill view`, which the pages say.

index.html                  what there is
<set>-<who>[-<verdict or change>]-<page>.html   lists of the first traces
traces/<source>-<byte>-<part>.html    those traces
"""

import base64
import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from distill.errors import Refused
from distill.files import user_path
from distill.folders import replacing_folder
from distill.records import digest
from distill.view.filter import PAGE, Filter
from distill.view.follow import Follower
from distill.view.index import Index, Row
from distill.view.pages import VERDICTS, Around, Pages
from distill.view.sources import Looked

MARK = "distill-view.json"
"""Says that a folder is of ours, and may be replaced."""


@dataclass
class Files:
    """Links between pages that are files; `up` leads from the page that is written to the folder of all."""

    up: str = ""
    lists: dict[Filter, tuple[str, int]] = field(default_factory=dict)
    """Names of the lists that are written, and how many pages each has."""
    written: set[int] = field(default_factory=set)
    """Traces that have a page."""

    is_live = False

    def list(self, wanted: Filter, page: int = 1) -> str | None:
        if wanted == Filter():
            return f"{self.up}index.html"
        name, pages = self.lists.get(wanted, ("", 0))
        return f"{self.up}{name}-{page}.html" if page <= pages else None

    def trace(self, row: Row, wanted: Filter | None = None, number: int | None = None) -> str | None:
        return f"{self.up}{self.file(row)}" if row.n in self.written else None

    def text(self, row: Row, part: str) -> None:
        return None

    def tokens(self, row: Row) -> None:
        return None

    def file(self, row: Row) -> str:
        return f"traces/{row.place.source}-{row.place.at}-{row.place.part}.html"


def write_pages(looked: Looked, out: Path, most: int) -> tuple[Path, int]:
    """Write the first `most` traces of every set, model and verdict; returns the folder and how many traces they are.

    Raises:
        Refused: `out` is there and not of ours.
    """
    folder = _refuse_others(out)
    index = Index()
    follower = Follower(looked, index)
    follower.read_all()
    if follower.failure:
        raise Refused(follower.failure)
    with replacing_folder(folder) as at:
        written = Written(looked, index, follower, at, most)
        written.write()
    index.close()
    return folder, len(written.links.written)


def _refuse_others(out: Path) -> Path:
    folder = user_path(str(out)).resolve()
    if not folder.parent.is_dir():
        raise Refused(f"there is no folder {out.parent} for {out.name}.", "Make it first, or name another --out.")
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{out} is there and holds no pages of `distill view`.", "Name a folder that is not there yet.")
    return folder


class Written:
    """The pages as they are written into a folder."""

    def __init__(self, looked: Looked, index: Index, follower: Follower, folder: Path, most: int) -> None:
        css = (files("distill.view") / "templates" / "view.css").read_text(encoding="utf-8")
        sha = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
        self.links, self.folder, self.most = Files(), folder, most
        told = f"of each set, model and verdict the first {most:,} traces at most."
        self.pages = Pages(
            looked, index, follower, self.links, css=Markup(css), css_source=f"'sha256-{sha}'", written=told
        )

    def write(self) -> None:
        shown = {wanted: self._rows(wanted) for wanted in self._wanted()}
        for wanted, rows in shown.items():
            self.links.lists[wanted] = (_name(wanted), -(-len(rows) // PAGE))
            self.links.written |= {row.n for row in rows}
        (self.folder / "traces").mkdir()
        self._save("index.html", self.pages.list(Filter(), 1))
        seen: set[int] = set()
        for wanted, rows in shown.items():
            for page in range(1, self.links.lists[wanted][1] + 1):
                self._save(f"{_name(wanted)}-{page}.html", self.pages.list(wanted, page, len(rows)))
            self._traces(wanted, rows, seen)
        self._save(MARK, "{}\n")

    def _wanted(self) -> list[Filter]:
        """Every list: of each set and model, all of it and each verdict."""
        return [
            Filter(set=set_name, who=who, verdict=verdict)
            for set_name, who, counts in self.pages.lists.facets().answers
            for verdict in ("", *(name or "none" for name in VERDICTS if counts.get(name)))
        ] + [
            Filter(set=set_name, who=who, change=change)
            for set_name, who, counts in self.pages.lists.facets().changes
            for change in counts
        ]

    def _rows(self, wanted: Filter) -> list[Row]:
        return self.pages.lists.rows(wanted, 0, self.most).rows

    def _traces(self, wanted: Filter, rows: list[Row], seen: set[int]) -> None:
        """Pages of the traces that no list before has brought; their neighbours are those of this list."""
        self.links.up = "../"
        for number, row in enumerate(rows):
            if row.n not in seen:
                before = rows[number - 1] if number else None
                behind = rows[number + 1] if number + 1 < len(rows) else None
                around = Around(wanted, number, len(rows), before, behind)
                self._save(self.links.file(row), self.pages.trace(row, around))
                seen.add(row.n)
        self.links.up = ""

    def _save(self, name: str, page: str) -> None:
        (self.folder / name).write_text(page, encoding="utf-8", errors="replace")


def _name(wanted: Filter) -> str:
    """A list's part of a file name: readable where its names are plain, and never a path."""
    words = [wanted.set, wanted.who, *filter(None, (wanted.verdict, wanted.change))]
    name = "-".join("".join(c if c.isascii() and c.isalnum() else "_" for c in word)[:40] for word in words)
    plain = all(word.isascii() and word.replace("_", "").isalnum() for word in words)
    return name if plain else f"{name}-{digest(words, 6)}"
