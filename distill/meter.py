"""How fast work goes, and when it will be done, from what this attempt has done."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

TELLING = 0.02
"""Share of the work behind a rate that is told: the first answer of a batch is no measure of those that end with it."""

RECENT = 120.0
"""Seconds that a rate looks back, so that it follows a teacher that slows down."""

CLOSE = 1.0
"""Counts that come within so many seconds of each other are one point."""


class Pace(NamedTuple):
    """Of some work."""

    per_second: float
    """0 where it is not known."""
    seconds_left: float | None
    """None where it is not known."""


UNKNOWN = Pace(0.0, None)


class Meter:
    """Looks at counts as they come; what earlier attempts had done counts as the start."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: deque[tuple[float, float]] = deque()
        self._first = 0.0

    def note(self, done: float, of: float) -> Pace:
        """So much is done by now; less than before means other work, which is measured anew."""
        now = self._clock()
        if not self._points or done < self._points[-1][1]:
            self._points.clear()
            self._first = done
        if len(self._points) > 1 and now - self._points[-2][0] < CLOSE:
            self._points.pop()
        self._points.append((now, done))
        while len(self._points) > 2 and self._points[1][0] <= now - RECENT and self._points[1][1] < done:
            self._points.popleft()
        return self._pace(done, of)

    def leave_out(self, seconds: float) -> None:
        """Time in which something else was done, such as loading a model, says nothing of the rate."""
        self._points = deque((at + seconds, done) for at, done in self._points)

    def _pace(self, done: float, of: float) -> Pace:
        (since, before), (now, _) = self._points[0], self._points[-1]
        telling = done > self._first + TELLING * max(0.0, of - self._first)
        if now <= since or done <= before or not telling:
            return UNKNOWN
        rate = (done - before) / (now - since)
        return Pace(rate, (of - done) / rate if of else None)


def rate(per_second: float, unit: str) -> str:
    """`12.3 traces/s`, `4.0 steps/min`, `0.5 steps/h`: in the shortest time that gives a whole one."""
    for seconds, name in ((1, "s"), (60, "min")):
        if per_second * seconds >= 1:
            return f"{per_second * seconds:,.1f} {unit}/{name}"
    return f"{per_second * 3600:,.1f} {unit}/h"
