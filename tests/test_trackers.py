"""Trackers, read with their own readers: every step once, however often the run was killed; and never the run's end."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import refused
from pydantic import ValidationError

from distill.pipeline import fingerprints
from distill.recipe import Recipe, Track
from distill.tracking import courier as couriers
from distill.tracking.courier import Courier
from distill.tracking.to_tensorboard import ToTensorboard
from distill.tracking.tracker import Figures, TrackedRun

INSTALLED = [name for name in ("tensorboard", "trackio", "wandb") if importlib.util.find_spec(name)]
TRAINED = {"loss", "mean_token_accuracy", "learning_rate", "grad_norm", "tokens_per_second"}


def tracked(recipe: dict[str, Any], path: Path, to: list[str]) -> Path:
    """The tiny recipe as a file that names trackers."""
    path.write_text(json.dumps(recipe | {"track": {"to": to}}))
    return path


@pytest.mark.slow  # three walks of a run, one of them in a process that is killed
@pytest.mark.skipif(not INSTALLED, reason="tensorboard, trackio and wandb are not installed")
def test_killed_and_resumed_every_step_is_there_once(
    distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tracked run a stage, with the steps of the run's own metrics; nothing of this machine in what wandb holds."""
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/elsewhere")  # the recipe alone says what leaves the machine
    monkeypatch.setenv("WANDB_MODE", "online")
    run = tmp_path / "run"
    long = tiny_recipe | {"train": tiny_recipe["train"] | {"num_train_epochs": 4}}
    recipe = tracked(long, tmp_path / "tracked.yaml", INSTALLED)
    _killed_at(["run", str(recipe), "--run-dir", str(run)], run / "student" / "metrics.jsonl", 5)
    assert distill("run", recipe, "--run-dir", run).code == 0
    metrics = [json.loads(line) for line in (run / "student" / "metrics.jsonl").read_text().splitlines()]
    steps = metrics[-1]["step"]
    assert len(metrics) > steps, "steps were done again after the kill"
    before = {name: READERS[name](run) for name in INSTALLED}
    for name, found in before.items():
        assert sorted(found) == ["evaluate", "harvest", "train"], name
        assert [step for step, _ in found["train"]] == list(range(1, steps + 1)), name
        assert {f"train/{figure}" for figure in TRAINED} <= found["train"][0][1].keys()
        assert found["train"][-1][1]["train/loss"] == pytest.approx(metrics[-1]["loss"])
        assert found["harvest"][-1][0] == 48
        assert found["harvest"][-1][1]["harvest/accepted"] == 48
        assert [step for step, _ in found["evaluate"]] == [0]
        assert any(tag.endswith("student/accuracy") for tag in found["evaluate"][0][1])
    assert distill("run", recipe, "--run-dir", run).code == 0
    assert {name: READERS[name](run) for name in INSTALLED} == before, "a run that is done adds nothing"


def _killed_at(arguments: list[str], metrics: Path, steps: int) -> None:
    """SIGKILL when so many steps are on disk."""
    process = subprocess.Popen([sys.executable, "-m", "distill", *arguments], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) >= steps):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -9, "it was over before it could be killed"


def _from_tensorboard(run: Path) -> dict[str, list[tuple[int, Figures]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[str, list[tuple[int, Figures]]] = {}
    for folder in (run / "tracking" / "tensorboard").iterdir():
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
        rows: dict[int, Figures] = {}
        for tag in events.Tags()["scalars"]:
            steps = [event.step for event in events.Scalars(tag)]
            assert len(set(steps)) == len(steps), tag
            for event in events.Scalars(tag):
                rows.setdefault(event.step, {})[tag] = event.value
        found[folder.name.split("-")[1]] = sorted(rows.items())
    return found


def _from_trackio(run: Path) -> dict[str, list[tuple[int, Figures]]]:
    from trackio.sqlite_storage import SQLiteStorage

    records = [record["name"] for record in SQLiteStorage.get_run_records("distill")]
    assert len(set(records)) == len(records)
    return {
        name.split("-")[1]: sorted((row["step"], row) for row in SQLiteStorage.get_logs("distill", name))
        for name in map(str, records)
    }


def _from_wandb(run: Path) -> dict[str, list[tuple[int, Figures]]]:
    from wandb_files import history

    found: dict[str, list[tuple[int, Figures]]] = {}
    for path in sorted((run / "tracking" / "wandb").glob("offline-run-*/*.wandb")):
        assert socket.gethostname().encode() not in path.read_bytes()
        assert str(run.parent).encode() not in path.read_bytes()
        found.setdefault(path.stem.split("-")[2], []).extend((row["_step"], row) for row in history(path))
    return found


READERS: dict[str, Callable[[Path], dict[str, list[tuple[int, Figures]]]]] = {
    "tensorboard": _from_tensorboard,
    "trackio": _from_trackio,
    "wandb": _from_wandb,
}


class Fake:
    """A tracker whose behaviour a test decides."""

    name = "fake"

    def __init__(self, log: Callable[[int], None] = lambda step: None, held: int | None = -1) -> None:
        self.held = held
        self.steps: list[int] = []
        self.closed = 0
        self._log = log

    def open(self, run: TrackedRun) -> int | None:
        return self.held

    def log(self, step: int, figures: Figures) -> None:
        self._log(step)
        self.steps.append(step)

    def close(self) -> None:
        self.closed += 1


def tracked_run(folder: Path) -> TrackedRun:
    return TrackedRun("tiny-train-1", "tiny", "train", {}, folder)


def brought(tracker: Fake, folder: Path, history: list[int], steps: list[int], whole: bool = True) -> list[str]:
    """What is told while a courier brings steps to a tracker."""
    told: list[str] = []
    courier = Courier(tracker, told.append)
    courier.begins(tracked_run(folder), lambda: [(step, {"x": 1.0}) for step in history])
    for step in steps:
        courier.note(step, {"x": 1.0})
    courier.ends(whole)
    courier.close()
    return told


def test_what_a_tracker_lacks_comes_from_the_records(tmp_path: Path) -> None:
    tracker = Fake(held=2)
    assert brought(tracker, tmp_path, [1, 2, 3, 4], [4, 5]) == []
    assert tracker.steps == [3, 4, 5]
    again = Fake(held=-1)
    brought(again, tmp_path, [1, 2, 3, 4, 5], [])
    assert again.steps == [], "it has ended"


def test_of_a_tracker_that_cannot_tell_we_know_ourselves(tmp_path: Path) -> None:
    assert brought(Fake(held=None), tmp_path, [1, 2, 3], [], whole=False) == []
    tracker = Fake(held=None)
    brought(tracker, tmp_path, [1, 2, 3, 4], [5])
    assert tracker.steps == [4, 5]


def test_one_that_fails_is_told_once_and_gets_the_rest_the_next_time(tmp_path: Path) -> None:
    def fails(step: int) -> None:
        if step == 3:
            raise ConnectionError("no network")

    tracker = Fake(fails)
    (told,) = brought(tracker, tmp_path, [1, 2], [3, 4, 5])
    assert "fake failed and gets nothing more of this run (no network); the run goes on" in told
    assert tracker.steps == [1, 2]
    later = Fake(held=2)
    assert brought(later, tmp_path, [1, 2, 3, 4, 5], []) == []
    assert later.steps == [3, 4, 5]


def test_one_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "PATIENCE", 0.2)
    release = threading.Event()
    (told,) = brought(Fake(lambda step: release.wait(30) and None), tmp_path, [], [1])
    assert "fake has not taken all figures" in told
    release.set()


@pytest.mark.skipif("tensorboard" not in INSTALLED, reason="tensorboard is not installed")
def test_event_files_of_a_process_that_was_killed_are_continued(tmp_path: Path) -> None:
    """The first writer is never closed; the file ends in the middle of a record."""
    first = ToTensorboard()
    assert first.open(tracked_run(tmp_path)) == -1
    for step in (1, 2, 3):
        first.log(step, {"train/loss": float(step), "train/grad_norm": 0.5})
    (file,) = (tmp_path / "tensorboard" / "tiny-train-1").iterdir()
    os.truncate(file, file.stat().st_size - 10)
    second = ToTensorboard()
    assert second.open(tracked_run(tmp_path)) == 2
    second.log(3, {"train/loss": 3.0, "train/grad_norm": 0.5})
    second.close()
    (tmp_path / "run" / "tracking").mkdir(parents=True)
    (tmp_path / "tensorboard").rename(tmp_path / "run" / "tracking" / "tensorboard")
    assert [step for step, _ in _from_tensorboard(tmp_path / "run")["train"]] == [1, 2, 3]


@pytest.mark.skipif("tensorboard" not in INSTALLED, reason="tensorboard is not installed")
def test_a_tracker_that_cannot_write_never_ends_the_run(
    distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe = tracked(tiny_recipe, tmp_path / "tracked.yaml", ["tensorboard"])
    (tmp_path / "run" / "tracking").mkdir(parents=True)
    (tmp_path / "run" / "lock").touch()
    (tmp_path / "run" / "tracking" / "tensorboard").write_text("in the way")
    done = distill("harvest", recipe, "--run-dir", tmp_path / "run")
    assert done.code == 0
    assert done.err.count("tensorboard failed") == 1


def test_one_that_is_not_installed_is_refused_first(
    distill: Any, tiny_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tracked(tiny_recipe, tmp_path / "tracked.yaml", ["wandb"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = distill("run", recipe, "--run-dir", tmp_path / "run")
    refused(done, "track.to names wandb, which is not installed.")
    assert "pip install 'distill[wandb]'" in done.err
    assert not (tmp_path / "run").exists()


def test_to_change_trackers_redoes_nothing(recipe: Recipe) -> None:
    changed = recipe.model_copy(update={"track": Track(to=["tensorboard"], project="other")})
    assert fingerprints(changed) == fingerprints(recipe)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"to": ["wandb", "wandb"]}, "a tracker is named twice"),
        ({"to": ["wandb"], "trackio_space": "a/b"}, "trackio_space is about trackio, which track.to does not name"),
        ({"wandb_mode": "online"}, "wandb_mode is about wandb, which track.to does not name"),
        ({"to": ["mlflow"]}, "Input should be 'tensorboard', 'trackio' or 'wandb'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Track.model_validate(keys)


def test_without_a_tracker_nothing_is_kept_for_one(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    assert distill("harvest", recipe_file, "--run-dir", tmp_path / "run").code == 0
    assert not (tmp_path / "run" / "tracking").exists()
