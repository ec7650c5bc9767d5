"""Is a question in a text, letter by letter?

Both are compared as streams (`shingles`), so that neither spacing nor the spelling of LaTeX counts. Whether what is
left unmatched is other words or another problem is judged in `changes`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import compress
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from distill.curate.decontamination.changes import is_changed, numbers_part_elsewhere, signs_differ
from distill.curate.decontamination.noise import is_noise
from distill.curate.text.pieces import WORD, Gap, Piece, Sought, Span

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


LEAST_WITH_NOISE = 0.5
"""Share of a question that is enough where words were replaced blindly."""

_NEGATING = ("in", "un", "im", "ir", "non", "anti", "dis")
"""Begins of a word that is another one without them."""


def compared(question: Sought, piece: Piece, least: float) -> Match | None:
    """The question in the piece; None where less than this share of it is there."""
    blocks = _blocks(question.piece.chars, piece.chars)
    there = _whole(question, piece, blocks)
    matched = sum(compress(question.weights, there))
    if not matched or matched < min(least, LEAST_WITH_NOISE) * question.total:
        return None
    if matched < least * question.total and not is_noise(question, piece):
        return None
    places = _places(len(question.piece.chars), blocks)
    gaps = list(_gaps(question.tokens, there, places, piece))
    missing = [_text(question.piece.chars[a:b]) for gap in gaps for a, b in gap.lost]
    instead = [_text(piece.chars[a:b]) for gap in gaps for a, b in gap.instead]
    kind: Kind = "near" if missing or instead else "exact"
    found = list(compress(question.tokens, there))
    changed = (
        is_changed(gaps, question, piece)
        or signs_differ(question.piece, piece, found, places)
        or numbers_part_elsewhere(question.piece, piece, blocks)
    )
    if changed and not is_noise(question, piece):
        kind = "changed"
    begin, end = places[found[0][0]], places[found[-1][1] - 1] + 1
    return Match(kind, matched / question.total, matched, begin, end, missing, instead)


def _text(chars: str) -> str:
    return chars if chars.isascii() else chars.encode("latin-1").decode("utf-8", "replace")


def _blocks(question: str, piece: str) -> list[tuple[int, int, int]]:
    """What of the question stands in the piece: where a run of it begins and ends, and begins in the piece."""
    if (begin := piece.find(question)) >= 0:
        return [(0, len(question), begin)]
    steps = Levenshtein.opcodes(question, piece)
    return [(step.src_start, step.src_end, step.dest_start) for step in steps if step.tag == "equal"]


def _places(length: int, blocks: list[tuple[int, int, int]]) -> list[int]:
    """Where each character of the question stands in the piece; -1 where it does not."""
    places = [-1] * length
    for begin, end, at in blocks:
        places[begin:end] = range(at, at + end - begin)
    return places


def _whole(question: Sought, piece: Piece, blocks: list[tuple[int, int, int]]) -> list[bool]:
    """Is each token there in one, a symbol no part of a word, and a number no part of a longer one?

    One inside a block is; those at its ends may be parts of others.
    """
    begins = {*piece.starts, len(piece.chars)}
    starts, chars = question.piece.starts, question.piece.chars
    there = [False] * len(starts)
    for begin, end, at in blocks:
        first, last = bisect_left(starts, begin), bisect_right(starts, end) - 1
        last += end == len(chars)  # tokens from the first to before the last are in the block
        if first < last:
            there[first:last] = [True] * (last - first)
            for token in {first, last - 1}:
                there[token] = _is_whole(chars, piece.chars, question.tokens[token], (begin, end, at), begins)
    return there


def _is_whole(question: str, piece: str, token: Span, block: tuple[int, int, int], begins: set[int]) -> bool:
    (begin, end), (first, last, at) = token, block
    starting, ending = begin + at - first, end + at - first
    if not question[begin].isdigit():
        if end - begin >= WORD:
            return starting in begins or not any(
                starting - len(p) in begins and piece.startswith(p, starting - len(p)) for p in _NEGATING
            )
        starts = starting in begins or begin > first
        return starts and (ending in begins or end < last)
    before = starting in begins or question[begin - 1 : begin].isdigit() == piece[starting - 1 : starting].isdigit()
    return before and (ending in begins or question[end : end + 1].isdigit() == piece[ending : ending + 1].isdigit())


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
