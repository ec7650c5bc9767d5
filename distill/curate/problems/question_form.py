"""Questions of a form that s1 leaves out: drawings, images that are not there, parts with numbers of their own.

Muennighoff et al., "s1: Simple test-time scaling", section 2.2, by the patterns of its notebook `data/filter.ipynb`.
"""

import re
from collections import Counter
from collections.abc import Iterable

from distill.records import Problem

DRAWING, IMAGE, PARTS, BOLD = "drawing", "image", "numbered parts", "number in bold"

_BOLD_NUMBER = re.compile(r"\*\*(?=.*\d)[^\s\]]*\*\*")
"""As the notebook has it: also a word in bold before a number on its line."""
_PART = re.compile(r"\bp1\.")


def amiss(problem: Problem) -> str | None:
    """What of its form is amiss, if anything; drawings of AIME's problems are not."""
    question = problem.question
    if "[asy]" in question and "aime" not in problem.source.lower():
        return DRAWING
    if "![Image]" in question:
        return IMAGE
    if _PART.search(question):
        return PARTS
    return BOLD if _BOLD_NUMBER.search(question) else None


def malformed(problems: Iterable[Problem]) -> tuple[set[str], str]:
    """Ids of the problems of such a form, and how many are what."""
    found = {p.id: why for p in problems if (why := amiss(p)) is not None}
    counts = sorted(Counter(found.values()).items())
    return set(found), ", ".join(f"{count:,} x {why}" for why, count in counts)
