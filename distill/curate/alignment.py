"""Is a question in a text, letter by letter?

Both are compared as streams (`shingles`), so that neither spacing nor the spelling of LaTeX counts. Whether what is
left unmatched is other words or another problem is judged in `changes`.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import compress
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from distill.curate.changes import is_changed, signs_differ
from distill.curate.pieces import WORD, Gap, Piece, Sought, Span

Kind = Literal["exact", "near", "changed"]


class Match(NamedTuple):
    """How much of a question stands in a piece of text."""

    kind: Kind
    """`exact`: all of it; `near`: with other words; `changed`: with other numbers or formulas."""
    share: float
    """Of the question's weight that is there unchanged, from 0 to 1."""
    weight: float
    """That is there."""
    begin: int
    """Where in the piece it begins."""
    end: int
    missing: list[str]
    """Tokens of the question that are not there."""
    instead: list[str]
    """Tokens of the piece among those that are."""


def compared(question: Sought, piece: Piece, least: float) -> Match | None:
    """The question in the piece; None where less than this share of it is there."""
    chars = question.piece.chars
    places = _places(chars, piece.chars)
    begins = {*piece.starts, len(piece.chars)}
    there = [_is_whole(chars, piece.chars, places, token, begins) for token in question.tokens]
    matched = sum(compress(question.weights, there))
    if not matched or matched < least * question.total:
        return None
    gaps = list(_gaps(question.tokens, there, places, piece))
    missing = [_text(chars[a:b]) for gap in gaps for a, b in gap.lost]
    instead = [_text(piece.chars[a:b]) for gap in gaps for a, b in gap.instead]
    kind: Kind = "near" if missing or instead else "exact"
    found = list(compress(question.tokens, there))
    if is_changed(gaps, question, piece) or signs_differ(question.piece, piece, found, places):
        kind = "changed"
    begin, end = places[found[0][0]], places[found[-1][1] - 1] + 1
    return Match(kind, matched / question.total, matched, begin, end, missing, instead)


def _text(chars: str) -> str:
    return chars if chars.isascii() else chars.encode("latin-1").decode("utf-8", "replace")


def _places(question: str, piece: str) -> list[int]:
    """Where each character of the question stands in the piece; -1 where it does not."""
    if (begin := piece.find(question)) >= 0:
        return list(range(begin, begin + len(question)))
    places = [-1] * len(question)
    for step in Levenshtein.opcodes(question, piece):
        if step.tag == "equal":
            places[step.src_start : step.src_end] = range(step.dest_start, step.dest_end)
    return places


def _is_whole(question: str, piece: str, places: list[int], token: Span, begins: set[int]) -> bool:
    """Is a token there in one, a symbol no part of a word, and a number no part of a longer one?"""
    begin, end = token
    at = places[begin]
    until = at + end - begin
    if at < 0 or places[begin:end] != list(range(at, until)):
        return False
    if not question[begin].isdigit():
        if end - begin >= WORD:
            return True
        starts = at in begins or (begin > 0 and places[begin - 1] == at - 1)
        return starts and (until in begins or (end < len(question) and places[end] == until))
    before = at in begins or question[begin - 1 : begin].isdigit() == piece[at - 1 : at].isdigit()
    return before and (until in begins or question[end : end + 1].isdigit() == piece[until : until + 1].isdigit())


def _gaps(tokens: list[Span], there: list[bool], places: list[int], piece: Piece) -> Iterator[Gap]:
    """Where tokens are missing or others stand between; before the first that is there and behind the last one, as many
    others as are missing."""
    theirs = piece.tokens()
    lost: list[Span] = []
    last: int | None = None
    for token, is_there in zip(tokens, there, strict=True):
        if not is_there:
            lost.append(token)
            continue
        begin = places[token[0]]
        if last is None:
            if lost:
                yield Gap(lost, _between(theirs, piece.starts, 0, begin)[-len(lost) :], None, token[0], None, begin)
        elif lost or begin > places[last] + 1:
            others = _between(theirs, piece.starts, places[last] + 1, begin)
            yield Gap(lost, others, last, token[0], places[last], begin)
        lost, last = [], token[1] - 1
    if lost and last is not None:
        others = _between(theirs, piece.starts, places[last] + 1, len(piece.chars))[: len(lost)]
        yield Gap(lost, others, last, None, places[last], None)


def _between(tokens: list[Span], starts: list[int], begin: int, end: int) -> list[Span]:
    """The tokens between two places, cut there."""
    first = bisect_right(starts, begin) - 1
    found = []
    for a, b in tokens[first:]:
        if a >= end:
            break
        if b > begin and b > a:
            found.append((max(a, begin), min(b, end)))
    return found
