"""Is what differs between a question and a text other words, or another problem?

A problem of the same pattern has other numbers, letters or functions where the question has such, a formula that is
another one inside, a word for its opposite, or asks for something else. Words that were put in the place of others, as
noise or by somebody who hides a copy, fall on words and numbers alike, stand between white space, as many as there
were, and are seldom like what they replace; a clause that was added leaves all of the question where it is.
"""

import re
from bisect import bisect_left, bisect_right
from enum import Enum
from itertools import pairwise

from distill.curate.decontamination.common_words import LEAST, is_common
from distill.curate.text.conditions import are_opposed, is_negation
from distill.curate.text.pieces import Gap, Piece, Sought, Span, kind_of

MOST_CHANGED = 0.3
"""Share of a question's numbers and symbols that may be others in a copy that has as many other words."""

MOST_LOST = 0.5
"""Share of them, and of its numbers, that may be missing in any copy."""

MOST_SYMBOLS = 0.8
"""Share of its numbers and symbols that may be missing: without them what is left of a question is how it is asked."""

MOST_IN_ONE = 0.15
"""Share of its weight that may be missing in one place where other words than as many stand: what it asks for."""

MOST_WORDS = 0.5
"""Weight of words that may be missing there where all numbers and symbols of a question of some are there."""

MOST_IN_ALL = 0.25
"""The same of all such places."""

MOST_ADDED = 0.35
"""Share of its weight that may stand between its parts, but for one clause."""

RAREST = 1.0
"""Weight of a word that stands in no other problem: so much may stand there in any case if all symbols are there."""

FEW = 2
"""Numbers or symbols that may be missing of however few."""

MOST_BLIND = 5
"""Words in a row that noise replaces."""

MOST_LIGHT = 0.5
"""Weight of words in whose place a clause may stand."""

MOST_DROPPED = 3
"""Words in a row that it leaves out."""

_SIGN = re.compile(r"[-+=<>!]|\^[\^{\s]*|\*\*?|\\(?:leq?|geq?|neq?|lt|gt|times|cdot)(?:slant)?(?![A-Za-z])")
_SPACE = re.compile(r"\s")
_SIGN_OF = {"\\l": "<", "\\g": ">", "\\n": "≠", "**": "^", "\\t": "*", "\\c": "*"}
_LOST_IN_TEXT = frozenset("^*!")
"""Signs that a text without them may have lost."""


class _Of(Enum):
    """What a gap tells."""

    CHANGE = "another problem"
    BLIND = "a word for a word"
    DROPPED = "a word less"
    ADDED = "a clause more"
    OTHER = "other words"


def is_changed(gaps: list[Gap], question: Sought, piece: Piece) -> bool:
    """Is it another problem: symbols changed rather than words, more of them than any copy would lose, or another
    question asked?"""
    gaps = [gap for gap in gaps if not _is_cut(gap, question.piece, piece)]
    weight_at = dict(zip((begin for begin, _ in question.tokens), question.weights, strict=True))
    lost = [question.piece.kind(token) for gap in gaps for token in gap.lost if weight_at[token[0]] >= LEAST]
    if lost.count(1) > max(FEW, MOST_LOST * question.numbers):
        return True
    if len(lost) - lost.count(0) > max(FEW, MOST_SYMBOLS * question.symbols):
        return True
    told = [_told(gap, question.piece, piece, weight_at) for gap in gaps]
    blind = told.count(_Of.BLIND)
    changes = [gap for gap, of in zip(gaps, told, strict=True) if of is _Of.CHANGE]
    whole = question.symbols > FEW and not any(lost) and not changes
    if not blind and (told.count(_Of.ADDED) > 1 or _asks_otherwise(gaps, told, question, piece, whole)):
        return True
    missing = [
        sum(weight_at[begin] for begin, _ in gap.lost)
        for gap, of in zip(gaps, told, strict=True)
        if of not in (_Of.BLIND, _Of.DROPPED) or (None in (gap.last, gap.next) and len(gap.lost) > 1)
    ]
    most = max(MOST_WORDS, MOST_IN_ONE * question.total) if whole else MOST_IN_ONE * question.total
    if max(missing, default=0) > most or sum(missing) > max(most, MOST_IN_ALL * question.total):
        return True
    return bool(changes) and _outweigh(changes, blind, question, piece)


def _is_cut(gap: Gap, question: Piece, piece: Piece) -> bool:
    """Is all that stood there missing because the text was cut, perhaps inside a word?"""
    if not (piece.cut_behind if gap.next is None else gap.last is None and piece.cut_before):
        return False
    if not gap.instead:
        return True
    (a, b), (c, d) = gap.instead[0], gap.lost[0] if gap.next is None else gap.lost[-1]
    word, whole = piece.chars[a:b], question.chars[c:d]
    return len(gap.instead) == 1 and (whole.startswith(word) if gap.next is None else whole.endswith(word))


def _outweigh(changes: list[Gap], blind: int, question: Sought, piece: Piece) -> bool:
    """Are there more changes than words that were replaced blindly?"""
    lost = sum(question.piece.kind(token) > 0 for gap in changes for token in gap.lost)
    put = sum(piece.kind(token) > 0 for gap in changes for token in gap.instead)
    if lost > MOST_LOST * question.symbols or len(changes) > blind:
        return True
    return len(changes) == blind and max(lost, put) > MOST_CHANGED * question.symbols


def _asks_otherwise(gaps: list[Gap], told: list[_Of], question: Sought, piece: Piece, whole: bool) -> bool:
    """Does more stand between its parts, in other words than as many, than somebody adds who tells it again? `whole`:
    with all numbers and symbols of some."""
    others = [gap for gap, of in zip(gaps, told, strict=True) if of is _Of.OTHER or of is _Of.ADDED]
    put = [sum(question.weigh(piece.chars[a:b]) for a, b in gap.instead) for gap in others]
    added = max((some for some, gap in zip(put, others, strict=True) if not gap.lost), default=0.0)
    return sum(put) - added > max(MOST_ADDED * question.total, RAREST * whole)


def _told(gap: Gap, question: Piece, piece: Piece, weight_at: dict[int, float]) -> _Of:
    ours = [question.kind(token) if weight_at[token[0]] >= LEAST else 0 for token in gap.lost]
    theirs = [_kind(piece, token) for token in gap.instead]
    if _is_opposite(gap, question, piece):
        return _Of.CHANGE
    bounded = _is_bounded(question, gap.lost, gap.last, gap.next) and _is_bounded(
        piece, gap.instead, gap.after, gap.before
    )
    if (
        bounded
        and ours
        and not theirs
        and _count(question, gap.lost) <= MOST_DROPPED
        and not _is_negated(gap.lost, question)
    ):
        return _Of.DROPPED
    if not any(ours) and not any(theirs):
        return _of_words(gap, question, piece) if bounded else _Of.OTHER
    if not bounded:
        within = not theirs or (any(theirs) and (any(ours) or not ours))
        return _Of.CHANGE if within else _Of.OTHER
    if not any(ours) and sum(weight_at[begin] for begin, _ in gap.lost) < MOST_LIGHT:
        signs = _words(question, gap.lost, gap.last, gap.next)  # a sign between spaces is a word, too
        if signs and _are_blind(gap, question, piece):
            return _Of.BLIND
        return _Of.CHANGE if all(theirs) and (1 in theirs or not _beside_word(gap, question)) else _Of.ADDED
    if ours == theirs or (len(ours) > 1 and theirs and all(ours) and all(theirs)):
        return _Of.CHANGE
    if _are_blind(gap, question, piece):
        return _Of.BLIND
    numbers = [
        sorted(side.chars[a:b] for (a, b), kind in zip(tokens, kinds, strict=True) if kind == 1)
        for side, tokens, kinds in ((question, gap.lost, ours), (piece, gap.instead, theirs))
    ]
    return _Of.CHANGE if theirs and numbers[0] != numbers[1] else _Of.OTHER


def _is_opposite(gap: Gap, question: Piece, piece: Piece) -> bool:
    """Does a word stand for its opposite, or for another of its kind?"""
    if len(gap.lost) != len(gap.instead):
        return False
    pairs = zip(gap.lost, gap.instead, strict=True)
    return any(are_opposed(question.chars[a:b], piece.chars[c:d]) for (a, b), (c, d) in pairs)


def _of_words(gap: Gap, question: Piece, piece: Piece) -> _Of:
    lost, put = ([side.chars[a:b] for a, b in tokens] for side, tokens in ((question, gap.lost), (piece, gap.instead)))
    if _is_negated(gap.lost, question) != _is_negated(gap.instead, piece) and not (lost and put):
        return _Of.CHANGE
    return _Of.BLIND if not all(map(is_common, put)) and _are_blind(gap, question, piece) else _Of.OTHER


def _is_negated(tokens: list[Span], piece: Piece) -> bool:
    return any(is_negation(piece.chars[a:b]) for a, b in tokens)


def _beside_word(gap: Gap, question: Piece) -> bool:
    """Does a word of the question stand before a gap or behind it?"""
    places = [place for place in (gap.last, gap.next) if place is not None]
    starts = question.starts
    spans = [
        (starts[at], starts[at + 1] if at + 1 < len(starts) else len(question.chars))
        for at in (bisect_right(starts, place) - 1 for place in places)
    ]
    return any(question.kind(span) == 0 for span in spans)


def _kind(piece: Piece, token: Span) -> int:
    """Of a token or a part of one: what is left of a word is none either."""
    at = bisect_right(piece.starts, token[0]) - 1
    whole = piece.starts[at], piece.starts[at + 1] if at + 1 < len(piece.starts) else len(piece.chars)
    return piece.kind(token) if piece.kind(whole) else 0


def _are_blind(gap: Gap, question: Piece, piece: Piece) -> bool:
    """Do as many words, between white space, stand where words were?"""
    words = _words(question, gap.lost, gap.last, gap.next)
    return 0 < words <= MOST_BLIND and words == _words(piece, gap.instead, gap.after, gap.before)


def _count(piece: Piece, tokens: list[Span]) -> int:
    """Words between white space that some tokens are of."""
    return bool(tokens) + sum(_has_space(piece.raw(a[1] - 1, b[0])) for a, b in pairwise(tokens))


def _words(piece: Piece, tokens: list[Span], last: int | None, following: int | None) -> int:
    """Words between white space that stand between two places, with those that are no more than a sign."""
    if last is None or following is None:
        return _count(piece, tokens)
    ends = [last, *(end - 1 for _, end in tokens)]
    begins = [*(begin for begin, _ in tokens), following]
    parts = "w".join(piece.raw(end, begin) for end, begin in zip(ends, begins, strict=True))
    return len(f"x{parts}x".split()) - 2


def _is_bounded(piece: Piece, tokens: list[Span], last: int | None, following: int | None) -> bool:
    """Does white space, or an end of the text, stand on both sides of these tokens?"""
    begin, end = (tokens[0][0], tokens[-1][1] - 1) if tokens else (following, last)
    before = last is None or begin is None or _has_space(piece.raw(last, begin))
    return before and (following is None or end is None or _has_space(piece.raw(end, following)))


def _has_space(raw: str) -> bool:
    return bool(_SPACE.search(raw))


def signs_differ(question: Piece, piece: Piece, found: list[Span], places: list[int]) -> bool:
    """Do signs between the same two symbols differ, where both texts have signs at all?"""
    chars = question.chars
    pairs = [
        (_signs(question.raw(b - 1, c)), _signs(piece.raw(places[b - 1], places[c])))
        for (a, b), (c, d) in pairwise(found)
        if b == c and places[c] == places[b - 1] + 1 and kind_of(chars[a:b]) and kind_of(chars[c:d])
    ]
    return any(_differ(*pair) for pair in pairs) and any(theirs for _, theirs in pairs)


def numbers_part_elsewhere(question: Piece, piece: Piece, blocks: list[tuple[int, int, int]]) -> bool:
    """Do digits that follow each other part at other places in both texts, as in 1/12 and 11/2, or at a decimal point
    in one alone? A text may write 1,000 as 1000, a fraction without braces, and 3.5 as 35 if it has lost all marks."""
    for begin, end, at in blocks:
        ours, theirs = (_parted(*side) for side in ((question, begin, end, begin), (piece, at, at + end - begin, at)))
        if ours == theirs:
            continue
        for place in ours - theirs:
            for other in theirs - ours:
                first, last = sorted((begin + place, begin + other))
                if question.chars[first:last].isdigit():
                    return True
        if _has_point(question, begin, ours - theirs, piece) or _has_point(piece, at, theirs - ours, question):
            return True
    return False


def _has_point(side: Piece, begin: int, places: set[int], other: Piece) -> bool:
    """Does one part there at a decimal point, and the other have such marks too?"""
    points = any(side.raw(begin + place - 1, begin + place) == "." for place in places)
    return points and any(mark in word for word in other.words() for mark in ".,?!:")


def _parted(piece: Piece, begin: int, end: int, origin: int) -> set[int]:
    """Where between two places of a stream a number begins right behind another one, from `origin` on."""
    first, last = bisect_right(piece.starts, begin), bisect_left(piece.starts, end)
    chars = piece.chars
    return {at - origin for at in piece.starts[first:last] if chars[at].isdigit() and chars[at - 1].isdigit()}


def _differ(ours: str, theirs: str) -> bool:
    lost, others = ([c for c in signs if c in _LOST_IN_TEXT] for signs in (ours, theirs))
    if lost and others and lost != others:
        return True
    return [c for c in ours if c not in _LOST_IN_TEXT] != [c for c in theirs if c not in _LOST_IN_TEXT]


def _signs(raw: str) -> str:
    return "".join(sign for _, sign in signs_in(raw))


def signs_in(text: str) -> list[tuple[int, str]]:
    """Where the signs of a text stand: two problems may differ in nothing else."""
    return [(sign.start(), _SIGN_OF.get(sign[0][:2], sign[0][:1])) for sign in _SIGN.finditer(text)]
