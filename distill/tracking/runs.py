"""The stages of a run as trackers see them.

A tracked run is one stage under one fingerprint. It is a view of what the run directory holds: at its beginning the
tracker gets every step of the stage's own records that it lacks, so a run that goes on after a kill continues it
without a step twice, and a tracker that is named late has the whole history.
"""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from distill import __version__
from distill.files import write_atomically
from distill.records import digest
from distill.run import OUTPUTS, Run, Seal
from distill.run_log import Progressed, StageBegins, read_log
from distill.tracking.courier import Courier
from distill.tracking.tracker import Figures, TrackedRun, trackers

TRACKED = ("harvest", "train", "on_policy", "evaluate")

TRACKING = "tracking"
"""Folder in the run directory."""

EVALUATED = frozenset(
    "accuracy low high finished truncated looping mean_tokens median_tokens mean p_value value n k".split()
)
"""Figures of an evaluation that are tracked."""


class Tracking:
    """Hands what a run tells to the trackers that its recipe names; without any it does nothing."""

    def __init__(self, run: Run, tell: Callable[[str], None]) -> None:
        self._run = run
        self._couriers = [Courier(tracker, tell) for tracker in trackers(run.recipe.track)]
        self._stage = ""
        """The one that is tracked now."""

    def begins(self, stage: str, fingerprint: str) -> None:
        """A stage begins, or goes on."""
        self._stage = stage if stage in TRACKED and self._couriers else ""
        if self._stage:
            run = self._tracked(stage, fingerprint)
            for courier in self._couriers:
                courier.begins(run, lambda: _history(self._run.folder, stage, fingerprint))

    def note(self, step: int, figures: Figures) -> None:
        """Figures of a step of the present stage."""
        if self._stage:
            named = {f"{self._stage}/{name}": value for name, value in figures.items()}
            for courier in self._couriers:
                courier.note(step, named)

    def ends(self, counts: dict[str, Any]) -> None:
        """The present stage is done; what it counted is tracked where it is more than its steps."""
        if self._stage == "harvest":
            self.note(counts["samples"], {k: float(v) for k, v in counts.items() if isinstance(v, int | float)})
        if self._stage == "evaluate":
            self.note(0, dict(_flat(counts)))
        if self._stage:
            for courier in self._couriers:
                courier.ends(whole=True)
        self._stage = ""

    def skipped(self, stage: str, seal: Seal) -> None:
        """A stage was done before: trackers get what they lack of it."""
        self.begins(stage, seal.fingerprint)
        self.ends(seal.counts)

    def close(self) -> None:
        for courier in self._couriers:
            if self._stage:
                courier.ends(whole=False)
            courier.close()

    def _tracked(self, stage: str, fingerprint: str) -> TrackedRun:
        recipe, folder = self._run.recipe, self._run.folder / TRACKING
        own = folder / "id"
        if not own.exists():
            write_atomically(own, secrets.token_hex(8))
        key = f"{recipe.name}-{stage}-{digest([own.read_text(), stage, fingerprint], 8)}"
        config = {"version": __version__, "stage": stage, "fingerprint": fingerprint, "seed": recipe.seed}
        if stage == "train":
            config |= recipe.train.model_dump(mode="json")
        return TrackedRun(key, f"{recipe.name}-{own.read_text()[:8]}", stage, config, folder)


def _history(folder: Path, stage: str, fingerprint: str) -> Iterator[tuple[int, Figures]]:
    """Steps and figures of a stage, as the run's own records have them."""
    if stage == "harvest":
        yield from _harvested(folder, fingerprint)
    if stage in ("train", "on_policy"):
        from students.metrics import read_metrics

        path = folder / OUTPUTS[stage] / "metrics.jsonl"
        for line in read_metrics(path) if path.is_file() else []:
            figures = {k: v for k, v in line.items() if k not in ("step", "of") and isinstance(v, int | float)}
            yield line["step"], {f"{stage}/{name}": float(value) for name, value in figures.items()}


def _harvested(folder: Path, fingerprint: str) -> Iterator[tuple[int, Figures]]:
    """Progress of a harvest under a fingerprint, from the log."""
    present = ""
    for event in read_log(folder / "log.jsonl"):
        if isinstance(event, StageBegins):
            present = event.fingerprint
        if isinstance(event, Progressed) and event.work == "harvest" and present == fingerprint:
            yield event.done, {f"harvest/{name}": value for name, value in event.figures.items()}


def _flat(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    """Figures of an evaluation by their paths in the summary, such as `sets/held_out/figures/student/accuracy`."""
    if isinstance(found, dict):
        pair = (f"{found['of']}_minus_{found['minus']}",) if {"of", "minus"} <= found.keys() else ()
        for name, value in found.items():
            if name not in ("protocol", "reasons", "groups", "warnings"):
                yield from _flat(value, (*path, *pair, name))
    elif isinstance(found, list):
        for value in found:
            yield from _flat(value, path)
    elif isinstance(found, int | float) and path and path[-1] in EVALUATED:
        yield "/".join(path), float(found)
