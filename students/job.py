"""What the processes of a training share: a folder that the first of them writes and all read.

student/launch/
  job.json         what to train, and how
  packed/          the packed rows, or the rows that steps are made of, mapped into memory by all
  notices.jsonl    what the first process says
  failed-R.json    why process R ended early
  logs/            standard output and error of each process
student/trained/   what came of it: an adapter, or all weights
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import DistillError, Refused
from distill.files import read_json, write_json
from distill.recipe import Recipe
from students.batches import StepRows
from students.deal import dataset_of, rows_of
from students.devices import Layout
from students.pack import PackedRow

if TYPE_CHECKING:
    from datasets import Dataset

LAUNCH, TRAINED = "launch", "trained"


@dataclass(frozen=True)
class Job:
    """One training, for all of its processes."""

    recipe: Recipe
    """With the learning rate that was chosen."""
    layout: Layout
    in_order: bool
    """Packed rows are taken as they come."""
    new_tokens: list[int]
    """Tokens whose embeddings are trained too."""

    def write(self, packed: list[PackedRow] | StepRows, folder: Path) -> None:
        """Into the student's folder, where an earlier job's traces go."""
        launch = folder / LAUNCH
        shutil.rmtree(launch, ignore_errors=True)
        launch.mkdir()
        rows = rows_of(packed) if isinstance(packed, StepRows) else dataset_of(packed)
        rows.save_to_disk(launch / "packed")
        write_json(
            launch / "job.json",
            {
                "recipe": self.recipe.model_dump(mode="json"),
                "layout": asdict(self.layout),
                "in_order": self.in_order,
                "new_tokens": self.new_tokens,
            },
        )


def read_job(folder: Path) -> "tuple[Job, Dataset]":
    """The job in a student's folder, and its packed rows."""
    from datasets import load_from_disk

    told = read_json(folder / LAUNCH / "job.json")
    recipe = Recipe.model_validate_json(json.dumps(told["recipe"]))
    job = Job(recipe, Layout(**told["layout"]), told["in_order"], told["new_tokens"])
    return job, load_from_disk(folder / LAUNCH / "packed")


def note_failure(folder: Path, rank: int, error: BaseException) -> None:
    """Keep why a process ends early, for who has started it."""
    known = isinstance(error, DistillError)
    told = {
        "time": time.time(),
        "rank": rank,
        "sentence": str(error) if known else f"{type(error).__name__}: {' '.join(str(error).split())[:500]}",
        "hint": error.hint if isinstance(error, DistillError) else "",
        "refused": isinstance(error, Refused),
        "known": known,
    }
    write_json(folder / LAUNCH / f"failed-{rank}.json", told)


def first_failure(folder: Path) -> dict[str, Any] | None:
    """The earliest that was noted: the others mostly follow from it. What a process says in our words comes first."""
    told = [read_json(p) for p in (folder / LAUNCH).glob("failed-*.json")]
    return min(told, key=lambda one: (not one["known"], one["time"]), default=None)
