"""`log.jsonl`: what happened in a run, one event a line, whoever watched or did not.

    for event in read_log(run / "log.jsonl"):
        if isinstance(event, Progressed): ...

It is a diary, not a ledger: lines are not synced, and what a run goes on from lies elsewhere. A line that a kill has
torn stands by itself, and readers pass it over.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


def _now() -> float:
    return round(time.time(), 3)


class Event(BaseModel):
    """What all events have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: float = Field(default_factory=_now)
    """Seconds since 1970, UTC."""


class StageBegins(Event):
    """An attempt at a stage; one that goes on after a kill begins again, under the same fingerprint."""

    event: Literal["stage begins"] = "stage begins"
    stage: str
    fingerprint: str
    version: str
    """Of distill."""


class StageSealed(Event):
    """A stage is done."""

    event: Literal["stage sealed"] = "stage sealed"
    stage: str
    seconds: float
    """Wall time of all attempts."""
    counts: dict[str, Any]
    """As in `stages/<stage>.json`."""


class StageSkipped(Event):
    """A stage was done already under this fingerprint."""

    event: Literal["stage skipped"] = "stage skipped"
    stage: str
    why: str


class StageStopped(Event):
    """An attempt ended early, by an error or Ctrl-C; after a SIGKILL there is no such line."""

    event: Literal["stage stopped"] = "stage stopped"
    stage: str
    reason: str


class MovedAside(Event):
    """What another recipe made lies under another name now."""

    event: Literal["moved aside"] = "moved aside"
    stage: str
    fingerprint: str | None = None
    """Of what was moved; null where no note told."""
    reason: str | None = None


class Progressed(Event):
    """How far a stage is: about every half minute, and at its end."""

    event: Literal["progress"] = "progress"
    stage: str
    work: str
    """What is counted, such as `harvest`, `evaluate student`, `curate: rows written`."""
    done: int
    of: int
    """0 where it is not known how much there is."""
    unit: str
    """Of `done` and `of`."""
    per_second: float | None = None
    """Rate of this attempt; null where it is not known yet."""
    seconds_left: float | None = None
    figures: dict[str, float] = {}
    """What is known by then, such as correct, completion_tokens, cost, loss."""


class Doing(Event):
    """Something begins that takes long and counts nothing."""

    event: Literal["doing"] = "doing"
    stage: str | None = None
    what: str


class Did(Event):
    """It ended, after a second or more; what took less has no such line."""

    event: Literal["did"] = "did"
    stage: str | None = None
    what: str
    seconds: float


class Noticed(Event):
    """A sentence that was shown."""

    event: Literal["notice"] = "notice"
    stage: str | None = None
    text: str


AnyEvent = Annotated[
    StageBegins
    | StageSealed
    | StageSkipped
    | StageStopped
    | MovedAside
    | Progressed
    | Doing
    | Did
    | Noticed,
    Field(discriminator="event"),
]  # fmt: skip

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def append(path: Path, event: Event) -> None:
    """Add an event, behind a torn line if there is one.

    Raises:
        OSError: the disk takes nothing more.
    """
    said = {key: value for key, value in event.model_dump(mode="json").items() if value is not None}
    line = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    with path.open("a+b") as f:
        end = f.seek(0, 2)
        f.seek(max(0, end - 1))
        f.write(line if f.read(1) in (b"", b"\n") else b"\n" + line)


def read_log(path: Path) -> Iterator[AnyEvent]:
    """The events of a run in their order; lines that are torn or of no kind known here are passed over."""
    with path.open("rb") as f:
        for line in f:
            with suppress(ValidationError):
                yield _ADAPTER.validate_json(line)
