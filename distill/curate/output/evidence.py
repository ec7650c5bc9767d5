"""What a person needs to judge what was left out: which rows it were, and the texts that were compared."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from distill.curate.decontamination.questions import Contaminated
from distill.curate.steps.duplicates import Duplicate
from distill.curate.traces.columns import Columns
from distill.curate.traces.sources import Read
from distill.files import write_rows

FileOf = Callable[[int], str | None]
"""The name of the file in which a place is; None in a run."""


class Held(NamedTuple):
    """A problem, or a trace, in what was read."""

    place: int
    """Of its first trace, by the file's name and the row."""
    file: str | None
    row: int | None
    """From 1; None in a run."""
    rows: dict[str, list[int]]
    """All of its rows in the pool, by the file's name."""
    question: str


@dataclass(frozen=True)
class Evidence:
    """Of the contaminated problems and the duplicates, in the order in which they were found."""

    contaminated: list[tuple[Contaminated, Held]]
    duplicates: list[tuple[Duplicate, Held, Held]]
    """With the one that stays."""

    def places(self) -> list[int]:
        """Of the traces whose rows `write` wants to see, in its order."""
        return [held.place for _, held in self.contaminated] + [
            held.place for _, *both in self.duplicates for held in both
        ]

    def write(self, folder: Path, reads: Iterator[Read]) -> None:
        """Write `contaminated.jsonl` and `duplicates.jsonl`; `reads` are the traces at `places`."""
        write_rows(folder / "contaminated.jsonl", self._contaminated(reads))
        write_rows(folder / "duplicates.jsonl", self._duplicates(reads))

    def _contaminated(self, reads: Iterator[Read]) -> Iterator[dict[str, Any]]:
        for one, held in self.contaminated:
            yield {**asdict(one), "problem": held.question, **_where(held, next(reads)), "rows": held.rows}

    def _duplicates(self, reads: Iterator[Read]) -> Iterator[dict[str, Any]]:
        for one, held, other in self.duplicates:
            where, beside = _where(held, next(reads)), _where(other, next(reads))
            stays = {f"stays_{name}": value for name, value in beside.items()}
            texts = {"problem": held.question, "stays_problem": other.question} if one.what == "problem" else {}
            yield {**asdict(one), **texts, **where, "rows": held.rows, **stays}


def _where(held: Held, read: Read) -> dict[str, Any]:
    return {"file": held.file, "row": held.row, "row_id": read.row_id}


def evidence(
    columns: Columns, contaminated: Iterable[Contaminated], duplicates: Iterable[Duplicate], file_of: FileOf
) -> Evidence:
    """What is known of these problems and traces beside what was found of them."""
    found, copies = list(contaminated), list(duplicates)
    problems = {one.problem_id for one in found}
    problems |= {name for one in copies if one.what == "problem" for name in (one.id, one.stays)}
    by_problem = _held(columns, columns.problems, problems, file_of)
    traces = {name for one in copies if one.what == "trace" for name in (one.id, one.stays)}
    by_trace = _held(columns, columns.ids, traces, file_of)
    held = {"problem": by_problem, "trace": by_trace}
    return Evidence(
        [(one, by_problem[one.problem_id]) for one in found],
        [(one, held[one.what][one.id], held[one.what][one.stays]) for one in copies],
    )


def _held(columns: Columns, names: list[str], wanted: set[str], file_of: FileOf) -> dict[str, Held]:
    of_each: dict[str, list[tuple[str, int, int, int]]] = {}
    for at, name in enumerate(names if wanted else ()):
        if name in wanted:
            place, row = int(columns["place"][at]), int(columns["row"][at])
            of_each.setdefault(name, []).append((file_of(place) or "", row, place, at))
    return {name: _of_rows(columns, sorted(some)) for name, some in of_each.items()}


def _of_rows(columns: Columns, some: list[tuple[str, int, int, int]]) -> Held:
    file, row, place, at = some[0]
    rows: dict[str, list[int]] = {}
    for name, number, *_ in some:
        if name and number not in rows.setdefault(name, []):
            rows[name].append(number)
    return Held(place, file or None, row or None, rows, columns.known[columns.problems[at]].question)
