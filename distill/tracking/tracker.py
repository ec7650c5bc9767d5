"""What a tracker is to us: something that takes figures by step, and may know what it holds already."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from distill.errors import Refused
from distill.recipe_track import Track

Figures = dict[str, float]


@dataclass(frozen=True)
class TrackedRun:
    """One stage of a run under one fingerprint: what a tracker lists as a run, continued by whoever goes on with it."""

    key: str
    """Its name and its identity: recipe, stage, and a digest of run directory and fingerprint."""
    group: str
    """What the stages of one run directory have in common."""
    stage: str
    config: dict[str, Any]
    """What it was made with; holds no paths and no addresses."""
    folder: Path
    """For files of trackers, in the run directory."""


class Tracker(Protocol):
    """Called from one thread of its own; whatever it raises ends the tracking and never the run."""

    name: str

    def open(self, run: TrackedRun) -> int | None:
        """Begin a run or go on with it. Returns the last step that is held, -1 for none, None where it cannot tell."""
        ...

    def log(self, step: int, figures: Figures) -> None:
        """Figures of a step; steps only grow."""
        ...

    def close(self) -> None:
        """All that was logged is with the tracker when this returns."""
        ...


def trackers(spec: Track) -> list[Tracker]:
    """Those that a recipe names."""
    from distill.tracking.to_tensorboard import ToTensorboard
    from distill.tracking.to_trackio import ToTrackio
    from distill.tracking.to_wandb import ToWandb

    made: dict[str, Tracker] = {
        "tensorboard": ToTensorboard(),
        "trackio": ToTrackio(spec.project, spec.trackio_space),
        "wandb": ToWandb(spec.project, spec.wandb_mode, spec.wandb_entity),
    }
    return [made[name] for name in spec.to]


def refuse_without_packages(spec: Track) -> None:
    """
    Raises:
        Refused: a tracker that is named is not installed.
    """
    for name in spec.to:
        if importlib.util.find_spec(name) is None:
            raise Refused(
                f"track.to names {name}, which is not installed.",
                f"pip install 'distill[{name}]', or leave it out of track.to.",
            )
