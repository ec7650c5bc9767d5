"""The run directory: sealed stages, one writer, nothing rewritten in place.

    runs/<name>/
      recipe.yaml          as resolved
      stages/              per stage: `<stage>.begun.json`, and `<stage>.json` once it is sealed
      problems.parquet  traces/  curated/  student/  on_policy/  evaluation/  published/  report.html
      tracking/            what trackers keep here, where the recipe names any
      log.jsonl            what happened, one event a line (`run_log.py`)

A stage's fingerprint covers its recipe sections and the fingerprints of the stages that it reads.
A stage sealed under the wanted fingerprint is not done again. One made under another is moved
aside as `<output>.<its fingerprint>` and moved back should the recipe return to it.
"""

import fcntl
import os
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from distill.errors import DistillError, Refused
from distill.files import read_json, sync_folder, write_atomically, write_json
from distill.recipe import Recipe
from distill.run_log import Event, MovedAside, append

OUTPUTS = {
    "problems": "problems.parquet",
    "harvest": "traces",
    "curate": "curated",
    "train": "student",
    "on_policy": "on_policy",
    "evaluate": "evaluation",
    "publish": "published",
}
"""Stage -> the file or folder it leaves, in the order of the journey."""


@dataclass(frozen=True)
class Seal:
    """That a stage is done: under which fingerprint, with which files and counts."""

    fingerprint: str
    counts: dict[str, Any]
    files: dict[str, int]
    """Relative path -> size in bytes of everything the stage left."""
    seconds: float
    """Wall time over all attempts."""


class Run:
    """One run directory, held by this process until `close`."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder = folder
        self.recipe = recipe
        self._lock = _claim(folder, recipe)
        write_atomically(folder / "recipe.yaml", dump_recipe(recipe))

    def close(self) -> None:
        os.close(self._lock)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def output(self, stage: str) -> Path:
        """Where a stage leaves what it made."""
        return self.folder / OUTPUTS[stage]

    def seal_of(self, stage: str) -> Seal | None:
        """The seal of a finished stage whose files are all there, else None."""
        return read_seal(self.folder, stage)

    def begin(self, stage: str, fingerprint: str) -> str | None:
        """Make room for a stage under a fingerprint; work begun under the same one is still there.

        What another fingerprint made is moved aside; returns the name that it lies under now.
        """
        present, moved = self._present(stage), None
        if present is not None and present != fingerprint:
            self._move(stage, aside_as=present)
            moved = _aside(self.output(stage), present)
            present = None
        if present is None:
            self._move_unknown(stage)
        self._bring_back(stage, fingerprint)
        begun = self._begun(stage)
        if not begun.exists() or _note(begun)["fingerprint"] != fingerprint:
            write_json(begun, {"fingerprint": fingerprint, "seconds": 0.0})
        return moved.name if moved is not None and moved.exists() else None

    def seal(self, stage: str, fingerprint: str, counts: dict[str, Any], seconds: float) -> Seal:
        """Declare a stage done. Its files are synced first."""
        seal = Seal(fingerprint, counts, _files_of(self.output(stage)), self._spent(stage) + seconds)
        write_json(self._sealed(stage), seal.__dict__)
        self._begun(stage).unlink(missing_ok=True)
        return seal

    def note_time(self, stage: str, seconds: float) -> None:
        """Remember how long an attempt took that did not finish."""
        begun = self._begun(stage)
        if begun.exists():
            write_json(begun, {**_note(begun), "seconds": self._spent(stage) + seconds})

    def log(self, event: Event) -> None:
        """Append an event to `log.jsonl` (not synced: it is a diary, not a ledger)."""
        append(self.folder / "log.jsonl", event)

    def _spent(self, stage: str) -> float:
        begun = self._begun(stage)
        return float(_note(begun)["seconds"]) if begun.exists() else 0.0

    def _sealed(self, stage: str) -> Path:
        return self.folder / "stages" / f"{stage}.json"

    def _begun(self, stage: str) -> Path:
        return self.folder / "stages" / f"{stage}.begun.json"

    def _present(self, stage: str) -> str | None:
        """Fingerprint of what lies at the stage's place: sealed, begun, or nothing."""
        for note in (self._sealed(stage), self._begun(stage)):
            if note.exists():
                return str(_note(note)["fingerprint"])
        return None

    def _move(self, stage: str, aside_as: str) -> None:
        """Output first, notes last; `_bring_back` the other way round. A kill in between leaves notes of an output
        that lies aside, from where it is brought back."""
        output = self.output(stage)
        for path in (output, self._sealed(stage), self._begun(stage)):
            aside = _aside(path, aside_as)
            if path.exists() and aside.exists():  # of a copy that somebody made
                self._rename(aside, unsealed(aside))
            self._rename(path, aside)
        self.log(MovedAside(stage=stage, fingerprint=aside_as))

    def _move_unknown(self, stage: str) -> None:
        """Move aside an output without a note of what made it, such as a damaged seal that was deleted."""
        output = self.output(stage)
        if output.exists():
            self._rename(output, unsealed(output))
            self.log(MovedAside(stage=stage, reason="no note of what made it"))

    def _bring_back(self, stage: str, fingerprint: str) -> None:
        output = self.output(stage)
        for path in (self._begun(stage), self._sealed(stage), output):
            if not path.exists():
                self._rename(_aside(path, fingerprint), path)

    def _rename(self, source: Path, target: Path) -> None:
        if source.exists():
            os.replace(source, target)
            sync_folder(source.parent)


def read_seal(folder: Path, stage: str) -> Seal | None:
    """The seal of a stage in a run directory, None where it is not done, or files of it are gone or torn."""
    note = folder / "stages" / f"{stage}.json"
    if not note.exists():
        return None
    found = read_json(note)
    if not isinstance(found, dict) or found.keys() != {f.name for f in fields(Seal)}:
        raise DistillError(f"{note} is damaged: it is no seal.", "Delete it; the same command does the stage again.")
    seal = Seal(**found)
    here = folder / OUTPUTS[stage]
    found = {name: here / name if name else here for name in seal.files}
    whole = all(path.is_file() and path.stat().st_size == seal.files[name] for name, path in found.items())
    return seal if whole else None


def _note(path: Path) -> dict[str, Any]:
    """What a seal or the note of a begun stage says."""
    found = read_json(path)
    if not isinstance(found, dict) or not {"fingerprint", "seconds"} <= found.keys():
        raise DistillError(f"{path} is damaged.", "Delete it; the same command does the stage again.")
    return found


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML, every default written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _claim(folder: Path, recipe: Recipe) -> int:
    """Create or take over a run directory and lock it for this process; returns what holds the lock.

    The directory itself is locked: a lock file could be deleted by somebody who takes it for a stale one.
    """
    existing = folder / "recipe.yaml"
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file, not a run directory.")
    if folder.is_dir() and any(folder.iterdir()) and not existing.exists() and not (folder / "lock").exists():
        raise Refused(f"{folder} is not empty and holds no run.", "Choose another place with --run-dir.")
    if existing.exists():
        held = recipe_name(existing)
        if held != recipe.name:
            raise Refused(
                f"{folder} is a run of the recipe '{held}', not of '{recipe.name}'.",
                "Choose another place with --run-dir, or give the recipe its own name.",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        holder = folder / "lock"
        holder.touch()  # first: it is what a folder of ours is known by
        (folder / "stages").mkdir(exist_ok=True)
    except OSError as e:
        raise Refused(f"the run directory {folder} cannot be written: {e.strerror}.") from e
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Refused(
            f"{folder} is in use by process {holder.read_text() or 'unknown'}.",
            "Wait for it, or stop it and run this again.",
        ) from None
    except OSError as e:  # a file system without locks
        os.close(lock)
        raise Refused(f"the run directory {folder} cannot be locked: {e.strerror}.") from e
    holder.write_text(str(os.getpid()))
    return lock


def recipe_name(path: Path) -> str:
    """Name of the recipe in a run directory.

    Raises:
        DistillError: the file is not what we wrote.
    """
    try:
        return str(yaml.safe_load(path.read_text(encoding="utf-8"))["name"])
    except (yaml.YAMLError, ValueError, TypeError, KeyError) as e:
        raise DistillError(
            f"{path} is damaged: it is no recipe of ours.", "Delete it; the same command writes it."
        ) from e


def unsealed(path: Path) -> Path:
    """A free name for something that no note tells of."""
    return next(name for i in count(1) if not (name := path.with_name(f"{path.name}.unsealed-{i}")).exists())


def _aside(path: Path, fingerprint: str) -> Path:
    stem, dot, suffix = path.name.partition(".")
    return path.with_name(f"{stem}.{fingerprint[:8]}{dot}{suffix}")


def _files_of(output: Path) -> dict[str, int]:
    if output.is_file():
        return {"": output.stat().st_size}
    files = {}
    for path in sorted(p for p in output.rglob("*") if p.is_file()):
        with path.open("rb") as f:
            os.fsync(f.fileno())
        files[str(path.relative_to(output))] = path.stat().st_size
    if not files:
        raise DistillError(f"stage output {output} is empty.")
    return files
