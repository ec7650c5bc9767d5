"""What there is to look at: the logs of a run or of an evaluation, or any file of traces; how a trace is read of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from distill.errors import DistillError, Refused
from distill.records import ToldSampling, Trace, Verdict, split_reasoning
from distill.view.index import Place

if TYPE_CHECKING:
    from distill.recipe_problems import TracesProblems

SAMPLES, VERDICTS = "samples.jsonl", "verdicts.jsonl"
ON_POLICY = "on_policy"
TRACES = "traces"
"""Name of the set of the teacher's traces."""

ORDER = ("base", "sft", "student", "teacher", "model")
"""Whose answers come first."""


class Source(Protocol):
    """Traces in a file."""

    @property
    def name(self) -> str:
        """By which addresses know it."""

    @property
    def path(self) -> Path:
        """Where its lines are."""

    def read(self, place: Place) -> Trace:
        """
        Raises:
            DistillError: what stands there is no trace, or no longer the one.
        """


@dataclass(frozen=True)
class Log:
    """Samples and verdicts of ours."""

    samples: Path
    set_name: str
    who: str
    problems: Path | None
    """The problems that were asked."""

    @property
    def verdicts(self) -> Path:
        return self.samples.with_name(self.samples.name.removesuffix(SAMPLES) + VERDICTS)

    @property
    def name(self) -> str:
        return f"{self.set_name}/{self.who}"

    @property
    def path(self) -> Path:
        return self.samples

    def read(self, place: Place) -> Trace:
        """
        Raises:
            DistillError: the line is no trace, or no longer there.
        """
        try:
            return self.trace(_bytes_at(self.samples, place.at, place.size))
        except ValidationError as e:
            raise DistillError(f"the line of {self.samples} at byte {place.at} is no trace.") from e

    def trace(self, line: bytes) -> Trace:
        """A line of the samples."""
        return Trace.model_validate_json(line)

    def parsed(self, line: bytes) -> Any:
        """The fields of a trace in a line, unchecked: a third of the time."""
        return json.loads(line)

    def verdict(self, at: int, size: int) -> Verdict | None:
        """A line of the verdicts, None where it is damaged."""
        try:
            return Verdict.model_validate_json(_bytes_at(self.verdicts, at, size))
        except ValidationError:
            return None


class OwnAnswers(Log):
    """What the student wrote for the second stage of training (`students.own_answers`), which nobody judges."""

    def trace(self, line: bytes) -> Trace:
        from students.own_answers import OwnAnswer

        found = OwnAnswer.model_validate_json(line)
        reasoning, response = split_reasoning(found.text)
        return Trace(
            id=f"{found.problem_id}/{found.position}",
            problem_id=found.problem_id,
            request=found.request,
            reasoning=reasoning,
            response=response,
            finish_reason="stop" if found.finished else "length",
            prompt_tokens=0,
            completion_tokens=len(found.token_ids),
            model=f"the student after {found.step} steps",
            sampling=ToldSampling(),
        )

    def parsed(self, line: bytes) -> Any:
        try:
            return self.trace(line).model_dump()
        except ValidationError:
            return None


def _bytes_at(path: Path, at: int, size: int) -> bytes:
    with path.open("rb") as f:
        f.seek(at)
        return f.read(size)


def logs_of(folder: Path) -> list[Log]:
    """What lies in a run, or in a folder that an evaluation has written, so far; teachers' traces first."""
    found = []
    if (folder / TRACES / SAMPLES).is_file():
        found.append(Log(folder / TRACES / SAMPLES, TRACES, "teacher", problems_of(folder / TRACES)))
    if (folder / ON_POLICY / SAMPLES).is_file():
        found.append(OwnAnswers(folder / ON_POLICY / SAMPLES, ON_POLICY, "student", problems_of(folder / ON_POLICY)))
    at = folder / "evaluation" if (folder / "recipe.yaml").is_file() else folder
    others = [p for p in at.glob(f"*/*.{SAMPLES}") if p.is_file()]
    logs = [Log(p, p.parent.name, p.name.removesuffix(f".{SAMPLES}"), problems_of(p.parent)) for p in others]
    return found + sorted(logs, key=lambda log: (log.set_name, *rank(log.who)))


def rank(who: str) -> tuple[int, str]:
    """Sorts whose answers come first."""
    return (ORDER.index(who) if who in ORDER else len(ORDER)), who


def problems_of(folder: Path) -> Path | None:
    """The nearest problems, in the folder or in one of the two above it."""
    near = (place / "problems.parquet" for place in (folder, *islice(folder.resolve().parents, 2)))
    return next((path for path in near if path.is_file()), None)


@dataclass(frozen=True)
class Looked:
    """What was named on the command line."""

    path: Path
    name: str
    """For people."""
    file: Source | None = None
    """Where it is a file."""

    def sources(self) -> Sequence[Source]:
        """Those that are there by now: a run that goes on gets more."""
        return logs_of(self.path) if self.file is None else [self.file]

    @property
    def is_run(self) -> bool:
        return (self.path / "recipe.yaml").is_file()

    @property
    def begun(self) -> list[str]:
        """Stages of a run that are under way, or were when it was stopped."""
        notes = (self.path / "stages").glob("*.begun.json") if self.is_run else []
        return sorted(note.name.removesuffix(".begun.json") for note in notes if note.name.count(".") == 2)


def look_at(path: Path, columns: "TracesProblems", unpacked: IO[bytes] | None) -> Looked:
    """What a path holds; see `view_table.file_of` for files.

    Raises:
        Refused: neither run nor evaluation nor file of traces; columns of no layout that is known.
    """
    if not path.is_dir():
        from distill.view.table import file_of

        return Looked(path, path.name, file_of(path, columns, unpacked))
    found = Looked(path, path.resolve().name)
    if not found.is_run and not found.sources():
        raise Refused(f"{path} holds no run (no recipe.yaml in it), and no answers of an evaluation.")
    return found
