"""Does an answer that was cut end in a loop that is still short?

Two tests of its end, both of which want the same words again in a row. A search, a table, an enumeration or a program
repeats its form; it does not say the same thing three times running.
"""

import re
from collections.abc import Sequence
from math import ceil

OFTEN, OFTEN_SPAN = 6, 100
"""Times that a short stretch stands in a row, and the characters that they cover together."""

LONG, SELDOM, SELDOM_SPAN = 40, 3, 200
"""The same of a stretch of so many characters: times, and characters together."""

LONGEST = 700
"""Characters of a stretch; what is longer is left to `distill.verify.repetition`."""

MOST_LINES = 8
"""Lines of a cycle. More would be the parts of a program that resemble each other."""

CYCLES, LEAST_LINES, ALIKE = 2.5, 6, 0.75
"""How often a cycle of lines comes again, how many lines these are at least, and which share of them stood a cycle
before: a model that goes round in circles miscalculates once in a while."""

_PROBE = 8

_NUMBER = re.compile(r"\d+[.):]\s+")
"""Of a line in a list."""


def is_short_loop(text: str) -> bool:
    """Does the text end in a stretch that stands in a row, or in lines that go round?"""
    tail = text[-SELDOM * LONGEST :]
    return _repeats_stretch(tail) or _repeats_lines(text[-4 * SELDOM * LONGEST :])


def _repeats_stretch(tail: str) -> bool:
    """Characters at the end that equal those a stretch before them, for as long as it takes."""
    for length in range(1, min(LONGEST, len(tail) // SELDOM) + 1):
        if tail[-_PROBE:] != tail[-_PROBE - length : -length]:
            continue
        times, span = (SELDOM, SELDOM_SPAN) if length >= LONG else (OFTEN, OFTEN_SPAN)
        needed = max(times * length, span)
        if len(tail) >= needed and tail[-needed:-length] == tail[-needed + length :] and _says(tail[-needed:]):
            return True
    return False


def _repeats_lines(text: str) -> bool:
    """Whole lines that stood before in the same order, give or take a few and whatever their numbers; the last one was
    cut."""
    lines = [_NUMBER.sub("", line.strip()) for line in text.splitlines()[:-1] if any(map(str.isalnum, line))]
    return any(_goes_round(lines, length) for length in range(1, MOST_LINES + 1))


def _goes_round(lines: Sequence[str], length: int) -> bool:
    """Are the last lines those of a cycle of so many? Each of them must have come again at least once: where a line
    differs every time it is a heading, and what follows is said of something else."""
    needed = max(LEAST_LINES, ceil(CYCLES * length))
    if len(lines) < needed + length:
        return False
    again = [i for i in range(len(lines) - needed, len(lines)) if lines[i] == lines[i - length]]
    return (
        len(again) >= ALIKE * needed
        and again[-1] >= len(lines) - 2
        and len({i % length for i in again}) == length
        and (length == 1 or len({*lines[-length:]}) > 1)
        and _says(" ".join(lines[-needed:]))
    )


def _says(repeated: str) -> bool:
    """Words, or numbers that are added, multiplied or equal: rows of zeros, rulers, and the elements of an array may
    stand in a row."""
    if any(sign in repeated for sign in "=+*") and any(map(str.isdigit, repeated)):
        return True
    if all(c.isalpha() or c == " " for c in repeated) and " " in repeated.strip():
        return True
    whole = repeated.split()[1:-1]  # it may begin and end in the midst of a word
    return len({piece for piece in whole if any(map(str.isalnum, piece))}) > 1 and any(map(str.isalpha, repeated))
