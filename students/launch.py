"""Training on several devices from one command: the processes are started here, watched, and none outlives us.

    distill train -> guard -> agent (PyTorch's elastic agent) -> a worker for each device

Under a launcher of somebody else (torchrun, accelerate, Ray Train) this process is one of the workers itself.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import guard, heap
from distill.errors import DistillError, Refused
from distill.files import read_json
from distill.notices import Counted, Phase
from students.batches import StepRows
from students.devices import started_by_launcher
from students.job import LAUNCH, TRAINED, Job, first_failure
from students.pack import PackedRow
from students.train import OnLog

if TYPE_CHECKING:
    from students.stage import Metrics

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at what the processes have written."""


def train_on_many(job: Job, packed: list[PackedRow] | StepRows, folder: Path, metrics: "Metrics") -> Path:
    """Train on all devices of the job's layout; returns the folder of what was trained.

    The first of the processes appends a line a step to the metrics; where that is not this one, it is told here.

    Raises:
        Refused, DistillError: what the first process to fail says.
    """
    from students.worker import take_part

    trained = folder / TRAINED
    if not trained.is_dir():
        job.write(packed, folder)
    if started_by_launcher():
        take_part(folder, metrics.note)
    elif not trained.is_dir():
        _run_workers(folder, job.layout.devices, metrics.path, metrics.on_step)
    return trained


def _run_workers(folder: Path, processes: int, metrics: Path, on_step: OnLog) -> None:
    notices = folder / LAUNCH / "notices.jsonl"
    said = _Tail(notices, 0)
    steps = _Tail(metrics, metrics.stat().st_size if metrics.exists() else 0)
    with _started(folder, processes) as running:
        ended = False
        while not ended:
            ended = _has_ended(running)
            for line in said.lines():
                logger.info("%s", line["notice"], extra=_extra(line["extra"]))
            for line in steps.lines():
                on_step(line)
    if running.returncode or not (folder / TRAINED).is_dir():
        raise _failure(folder, processes)


def _extra(told: dict[str, list[Any]]) -> dict[str, Any]:
    """What a worker's notice says beside its words; its phases are numbered below those of this process."""
    if "phase" in told:
        number, ended = told["phase"]
        return {"phase": Phase(-1 - number, ended)}
    return {"counted": Counted(*told["counted"])} if "counted" in told else {}


@contextmanager
def _started(folder: Path, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    """The agent under its guard; when this is left, in whatever way, all of them have ended."""
    here = str(Path(__file__).parents[1])
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    agent = [sys.executable, "-m", "students.agent", str(folder), str(processes)]
    with (folder / LAUNCH / "agent.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-P", guard.__file__, *agent],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**heap.environment_to_train(), "PYTHONPATH": path},
            start_new_session=True,
        )
    try:
        yield running
    finally:
        assert running.stdin is not None
        running.stdin.close()
        running.wait()


def _has_ended(running: subprocess.Popen[bytes]) -> bool:
    try:
        running.wait(LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return False
    return True


def _failure(folder: Path, processes: int) -> DistillError:
    """The sentence of the process that failed first."""
    launch = folder / LAUNCH
    logs = f"Each process' output: {launch / 'logs'}"
    agent = read_json(launch / "agent.json") if (launch / "agent.json").exists() else {}
    for rank, how in sorted(agent.items()):
        if how["exit_code"] < 0 and how["signal"] != "SIGTERM":
            why = ", which the system sends where memory runs out" if how["signal"] == "SIGKILL" else ""
            return DistillError(
                f"process {rank} of the {processes} that train was ended by {how['signal']}{why}.",
                f"The same command goes on from the last checkpoint. {logs}",
            )
    told = first_failure(folder)
    if told is None:
        return DistillError("the processes that train ended without a word.", f"See {launch / 'agent.log'}. {logs}")
    kind = Refused if told["refused"] else DistillError
    if told["known"]:
        return kind(told["sentence"], told["hint"])
    return DistillError(f"process {told['rank']} of the {processes} that train failed: {told['sentence']}", logs)


class _Tail:
    """What is appended to a file of JSON lines."""

    def __init__(self, path: Path, at: int) -> None:
        self.path = path
        self.at = at

    def lines(self) -> Iterator[dict[str, Any]]:
        """The whole lines that came since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as f:
            f.seek(self.at)
            text = f.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.at += len(whole)
        for line in whole.splitlines():
            if line.strip():
                yield json.loads(line)
