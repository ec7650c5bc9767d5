"""Has this answer fallen into a loop? Judged from its tail, while it is being sampled.

A loop is a tail that repeats itself exactly: at least `MIN_REPEATS` times the same stretch, over at least `MIN_SPAN`
characters. Exactness is what keeps healthy traces safe: search traces, tables and lists repeat their form, never
the same hundreds of characters six times in a row.
"""

from dataclasses import dataclass

MIN_REPEATS = 6
"""Times that the stretch stands in a row."""

MIN_SPAN = 2000
"""Characters that the repeats cover together: about 500 tokens, a small price beside a budget of 32k, and longer than
any repetition in the healthy traces that the tests look through."""

MIN_SPAN_OF_SIGNS = 12_000
"""The same where no letter is repeated: a matrix of 50 by 50 zeros, the digits of 1/7 and a drawn grid are no loops."""

MAX_PERIOD = 2000
"""Longest stretch that is looked for, in characters."""

PROBE = 48
"""Characters at the end of the tail whose earlier occurrence gives the period away."""

CHECK_EVERY = 256
"""New characters between two looks."""


@dataclass(frozen=True)
class Loop:
    """What repeats at the end of a text."""

    period: int
    """Length of the repeated stretch, in characters."""
    span: int
    """Length of the tail that has this period."""


class LoopWatch:
    """Watches one answer as its pieces come; keeps only the tail that it needs."""

    def __init__(self) -> None:
        self._tail = ""
        self._unseen = 0

    def feed(self, piece: str) -> bool:
        """True once the answer loops."""
        self._tail += piece
        self._unseen += len(piece)
        if self._unseen < CHECK_EVERY:
            return False
        self._unseen = 0
        self._tail = self._tail[-MIN_REPEATS * MAX_PERIOD :]
        return find_loop(self._tail) is not None


def loops_anywhere(text: str) -> bool:
    """Would the watch have cut this text?"""
    ends = range(CHECK_EVERY, len(text) + CHECK_EVERY, CHECK_EVERY)
    return any(find_loop(text[max(0, end - MIN_REPEATS * MAX_PERIOD) : end]) is not None for end in ends)


def find_loop(text: str) -> Loop | None:
    """The loop at the end of a text, or None.

    The shortest period is the distance to an earlier occurrence of the last characters; few candidates are
    tried, each checked by comparing the tail with itself shifted.
    """
    tail = text[-MIN_REPEATS * MAX_PERIOD :]
    if len(tail) < MIN_SPAN:
        return None
    probe = tail[-PROBE:]
    start = len(tail) - PROBE
    found = start
    for _ in range(4):
        found = tail.rfind(probe, max(0, start - MAX_PERIOD), found + PROBE - 1)
        if found < 0:
            return None
        period = start - found
        least = MIN_SPAN if any(map(str.isalpha, tail[-period:])) else MIN_SPAN_OF_SIGNS
        needed = max(least, MIN_REPEATS * period)
        if len(tail) >= needed and tail[-needed:-period] == tail[-needed + period :]:
            return Loop(period, _span(text, period))
    return None


def _span(text: str, period: int) -> int:
    """How far back the text has this period."""
    at = len(text) - period
    while at > 0 and text[at - 1] == text[at - 1 + period]:
        at -= 1
    return len(text) - at
