"""What the stages say while a run goes on: sentences (`logging`), what takes long just now, and counts of it.

Modules below the verbs call `doing` and `counting` without knowing who listens; outside `hearing` nobody does.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count as numbers
from typing import NamedTuple, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

COUNTED_EVERY = 0.25
"""Seconds between two counts that are told."""


class Phase(NamedTuple):
    """Something that takes long and says nothing itself."""

    number: int
    """Tells one from another that goes on at the same time."""
    ended: bool


class Counted(NamedTuple):
    """How far some work has come."""

    done: int
    of: int
    """0 where it is not known how much there is."""
    unit: str
    told: str = ""
    """What is known by now, such as verdicts."""


_phases = numbers()


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Tell what goes on inside the block, such as `loads the student`: a terminal shows it with the time it takes."""
    number = next(_phases)
    logger.info(what, extra={"phase": Phase(number, ended=False)})
    try:
        yield
    finally:
        logger.info(what, extra={"phase": Phase(number, ended=True)})


def tell_count(done: int, of: int, unit: str, told: str = "") -> None:
    """Tell how far some work has come, and what is known by now."""
    logger.info("", extra={"counted": Counted(done, of, unit, told)})


def counting(items: Iterable[T], of: int, unit: str) -> Iterator[T]:
    """The items as they are, counted for whoever listens; `of` is 0 where their number is not known."""
    told = 0.0
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - told >= COUNTED_EVERY:
            told = now
            tell_count(done, of, unit)
    tell_count(done, of or done, unit)


@contextmanager
def hearing(notices: logging.Handler) -> Iterator[None]:
    """Show what teachers and students log while a run goes on."""
    loggers = [logging.getLogger(name) for name in ("distill", "teachers", "students")]
    for one in loggers:
        one.addHandler(notices)
        one.setLevel(logging.INFO)
    try:
        yield
    finally:
        for one in loggers:
            one.removeHandler(notices)
