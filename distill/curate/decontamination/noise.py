"""Were words of a question replaced blindly, whatever they were?

Noise keeps the number of words, puts a word of prose where a formula was, a formula where prose was, or leaves brackets
open; somebody who makes another problem puts a number for a number and a formula for a formula, and closes brackets.
"""

import re
from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from distill.curate.text.conditions import NUMBERS, are_opposed
from distill.curate.text.pieces import FUNCTIONS, SHORT_WORDS, WORD, Piece, Sought

LEAST_KEPT = 0.6
"""Share of a question's words that must be left."""

MOST_IN_A_ROW = 5
"""Words that noise replaces side by side."""

LEAST_FORMULAS = 2
"""Words in whose places formulas must stand that are marked as such: "this trapezoid" may be "$ABCD$"."""

LIKE = 0.5
"""Share of a formula's characters that are another's: one was changed into the other."""

LEAST_RARE = 0.7
"""Weight of a word that no formula is replaced by in another problem: "origin" and "infinity" weigh less."""

_ESCAPED = re.compile(r"\\[^A-Za-z]")
_MATH = re.compile(r"[\d\\$^_={}<>|+*/]")
_COMPUTED = re.compile(r"[\d=]")
_NUMBER = re.compile(r"[\d.,:/%$?!-]+")
_MATHEMATICAL = FUNCTIONS | {*NUMBERS}
_SHORT = SHORT_WORDS | {"a"}
_AROUND = ".,:;?!'\"()-$"
_ROUND = str.maketrans("[]", "()")  # of an interval one end may be open
_CLOSES = {")": "(", "}": "{", "$": "$"}


class _Run(NamedTuple):
    """Words side by side that are others."""

    lost: list[str]
    put: list[str]


def is_noise(question: Sought, piece: Piece) -> bool:
    """Do words stand where formulas were, or the other way round, rather than other formulas and numbers?"""
    ours, theirs = question.piece.words(), piece.words()
    runs, span = _replaced(ours, theirs)
    if not runs or not all(map(_may_be, runs)):
        return False
    marks = "(){}$" if any("$" in word for word in ours) else "(){}"  # one that stands alone is money
    if _left_open(theirs[span], marks) and not _left_open(ours, marks):
        return True
    pairs = [pair for run in runs for pair in zip(*run, strict=True)]
    prose = sum(_is_prose_for_formula(*pair, question.weigh) for pair in pairs)
    formulas = [put for lost, put in pairs if _is_formula_for_prose(lost, put)]
    strange = any(map(_COMPUTED.search, formulas)) or ("$" in marks and not all("$" in put for put in formulas))
    alike = sum(_is_formula(lost) for lost, _ in pairs) - prose
    return prose + len(formulas) >= alike and (prose > 0 or strange or len(formulas) >= LEAST_FORMULAS)


def _may_be(run: _Run) -> bool:
    """As many words, none of which only stands elsewhere, is the opposite of what it replaces or a like formula."""
    if len(run.lost) != len(run.put) or len(run.lost) > MOST_IN_A_ROW:
        return False
    lost, put = ([word.strip(_AROUND).lower() for word in words] for words in run)
    if {*lost} & {*put} - {""} or any(map(are_opposed, lost, put)):
        return False
    return not any(
        _is_formula(a) and Levenshtein.normalized_similarity(a, b) >= LIKE for a, b in zip(*run, strict=True)
    )


def _replaced(ours: list[str], theirs: list[str]) -> tuple[list[_Run], slice]:
    """What stands instead of words that are missing, and where the question's words stand among the text's; nothing
    where too few are left."""
    steps = Levenshtein.opcodes(ours, theirs)
    kept = sum(step.src_end - step.src_start for step in steps if step.tag == "equal")
    if kept < LEAST_KEPT * len(ours):
        return [], slice(0)
    runs, begin, end = [], 0, len(theirs)
    for is_same, some in groupby(steps, key=lambda step: step.tag == "equal"):
        if is_same:
            continue
        run = list(some)
        first, last = run[0], run[-1]
        lost = ours[first.src_start : last.src_end]
        if lost or (first.src_start > 0 and last.src_end < len(ours)):
            runs.append(_Run(lost, theirs[first.dest_start : last.dest_end]))
        elif first.src_start == 0:
            begin = last.dest_end  # what stands before the question
        else:
            end = first.dest_start
    return runs, slice(begin, end)


def _is_prose_for_formula(lost: str, put: str, weigh: Callable[[str], float]) -> bool:
    """Does a word that is rare in problems stand where a formula was?"""
    return _is_formula(lost) and _is_prose(put) and weigh(put.strip(_AROUND).lower()) >= LEAST_RARE


def _is_formula_for_prose(lost: str, put: str) -> bool:
    of_prose = _is_prose(lost) or lost.strip(_AROUND).lower() in _SHORT
    return of_prose and bool(_MATH.search(put)) and not _NUMBER.fullmatch(put)


def _is_formula(word: str) -> bool:
    bare = word.strip(_AROUND)
    return bool(_MATH.search(word)) or (len(bare) == 1 and bare.isalpha() and bare not in "aAI")


def _is_prose(word: str) -> bool:
    bare = word.strip(_AROUND)
    return len(bare) >= WORD and bare.isalpha() and not bare.isupper() and bare.lower() not in _MATHEMATICAL


def _left_open(words: list[str], marks: str) -> list[str]:
    """Those of the brackets and marks of mathematics that find no partner in some words."""
    found: list[str] = []
    for mark in filter(marks.__contains__, _ESCAPED.sub("", " ".join(words)).translate(_ROUND)):
        if found and found[-1] == _CLOSES.get(mark):
            found.pop()
        else:
            found.append(mark)
    return found
