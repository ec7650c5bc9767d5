"""Does a text say the same again and again?

Two tests. A stretch that stands six times in a row (`loops.py`), wherever in the text. And the share of the text that
stood in it before, word for word: a thought that goes round in circles too wide for the first test.
"""

import re

from distill.verify.loops import loops_anywhere

WORDS = 32
"""Words, digits and signs that stand together a second time: longer than a formula that is written again."""

MOST_SHARE = 0.5
"""Share of such places in a text. Of 7,000 solutions and traces looked at by eye, those above are loops; a healthy
one reaches 0.32 (a diagram drawn twice), a search over six numbers of which two are the same 0.4."""

LEAST_PLACES = 200
"""Such places below which nothing is said: a short text that states its result twice."""

_WORD = re.compile(r"[A-Za-z]+|\d|[^\sA-Za-z\d]")


def repeats(text: str) -> str | None:
    """Why a text is one that repeats itself, in words that group well; None if it is not."""
    if len(text) < LEAST_PLACES:
        return None
    if loops_anywhere(text):
        return "loops"
    places, again = repeated_places(text)
    return "repeats itself" if again >= LEAST_PLACES and again > MOST_SHARE * places else None


def repeated_places(text: str) -> tuple[int, int]:
    """Places where so many words follow, and those of them whose words stood before."""
    words = _WORD.findall(text)
    places = len(words) - WORDS + 1
    if places <= LEAST_PLACES:
        return max(places, 0), 0
    return places, places - len({hash(tuple(words[i : i + WORDS])) for i in range(places)})
