"""Is what differs between a question and a text other words, or another problem?

A problem of the same pattern has other numbers, letters or functions where the question has such, or a formula that is
another one inside. Words that were put in the place of others, as noise or by somebody who hides a copy, fall on words
and numbers alike, between white space, and are seldom like what they replace.
"""

import re
from itertools import pairwise

from distill.curate.pieces import Gap, Piece, Sought, Span, kind_of

MOST_CHANGED = 0.2
"""Share of a question's numbers and symbols that may be others in a copy that has as many other words."""

MOST_LOST = 0.5
"""Share of them, and of its numbers, that may be missing in any copy."""

MOST_SYMBOLS = 0.8
"""Share of its numbers and symbols that may be missing: without them what is left of a question is how it is asked."""

FEW = 2
"""Numbers or symbols that may be missing of however few."""

_SIGN = re.compile(r"[-+=<>!^]|\*\*?|\\(?:leq?|geq?|neq?|lt|gt|times|cdot)(?:slant)?(?![A-Za-z])")
_SIGN_OF = {"\\l": "<", "\\g": ">", "\\n": "≠", "**": "^", "\\t": "*", "\\c": "*"}
_LOST_IN_TEXT = frozenset("^*!")
"""Signs that a text without them may have lost."""


def is_changed(gaps: list[Gap], question: Sought, piece: Piece) -> bool:
    """Are symbols changed rather than words, or more of them than any copy would lose?"""
    chars = question.piece.chars
    gone = sum(chars[a].isdigit() for gap in gaps for a, _ in gap.lost)
    missing = sum(kind_of(chars[a:b]) > 0 for gap in gaps for a, b in gap.lost)
    if gone > max(FEW, MOST_LOST * question.numbers) or missing > max(FEW, MOST_SYMBOLS * question.symbols):
        return True
    changes = [gap for gap in gaps if _changes(gap, question.piece, piece)]
    if not changes:
        return False
    lost = sum(kind_of(chars[a:b]) > 0 for gap in changes for a, b in gap.lost)
    put = sum(kind_of(piece.chars[a:b]) > 0 for gap in changes for a, b in gap.instead)
    others = len(gaps) - len(changes)
    if lost > MOST_LOST * question.symbols or len(changes) > others:
        return True
    return len(changes) == others and max(lost, put) > MOST_CHANGED * question.symbols


def _changes(gap: Gap, question: Piece, piece: Piece) -> bool:
    """Are numbers or symbols exchanged for their like, or is a formula another one?"""
    ours = [kind_of(question.chars[a:b]) for a, b in gap.lost]
    theirs = [kind_of(piece.chars[a:b]) for a, b in gap.instead]
    if not any(ours) and not any(theirs):
        return False
    if _is_bounded(question, gap.lost, gap.last, gap.next) and _is_bounded(piece, gap.instead, gap.after, gap.before):
        return ours == theirs or not ours or (len(ours) > 1 and bool(theirs) and all(ours) and all(theirs))
    return not theirs or (any(theirs) and (any(ours) or not ours))


def _is_bounded(piece: Piece, tokens: list[Span], last: int | None, following: int | None) -> bool:
    """Does white space, or an end of the text, stand on both sides of these tokens?"""
    begin, end = (tokens[0][0], tokens[-1][1] - 1) if tokens else (following, last)
    before = last is None or begin is None or _has_space(piece.raw(last, begin))
    return before and (following is None or end is None or _has_space(piece.raw(end, following)))


def _has_space(raw: str) -> bool:
    return any(c.isspace() for c in raw)


def signs_differ(question: Piece, piece: Piece, found: list[Span], places: list[int]) -> bool:
    """Do signs between the same two symbols differ, where both texts have signs at all?"""
    chars = question.chars
    pairs = [
        (_signs(question.raw(b - 1, c)), _signs(piece.raw(places[b - 1], places[c])))
        for (a, b), (c, d) in pairwise(found)
        if b == c and places[c] == places[b - 1] + 1 and kind_of(chars[a:b]) and kind_of(chars[c:d])
    ]
    return any(_differ(*pair) for pair in pairs) and any(theirs for _, theirs in pairs)


def _differ(ours: str, theirs: str) -> bool:
    lost, others = ([c for c in signs if c in _LOST_IN_TEXT] for signs in (ours, theirs))
    if lost and others and lost != others:
        return True
    return [c for c in ours if c not in _LOST_IN_TEXT] != [c for c in theirs if c not in _LOST_IN_TEXT]


def _signs(raw: str) -> str:
    return "".join(_SIGN_OF.get(sign[:2], sign[:1]) for sign in _SIGN.findall(raw))


def signs_of(text: str) -> str:
    """The signs of a text in their order: two problems may differ in nothing else."""
    return _signs(text)
