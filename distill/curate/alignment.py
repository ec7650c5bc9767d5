"""Is a question in a text, letter by letter, and what was changed in it?

Both are compared as streams (`shingles`), so that neither spacing nor the spelling of LaTeX counts. What is left
unmatched tells a copy in other words from a problem of the same pattern with other numbers, which is another problem.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import compress, pairwise
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

Kind = Literal["exact", "near", "changed"]
Span = tuple[int, int]

SHORT_WORDS = frozenset("an as at be by do go he if in is it me my no of on or so to up us we ge gt le lt ne".split())
"""Other tokens of one or two letters are symbols of formulas, but for `a`. The last five are LaTeX."""

FUNCTIONS = frozenset(
    """sin cos tan sec csc cot arcsin arccos arctan sinh cosh tanh log exp sqrt gcd lcm max min lim sum int prod binom
    infty circ alpha beta gamma delta epsilon zeta eta theta kappa lambda rho sigma tau phi chi psi omega""".split()
)
"""Words that are symbols of formulas: another one makes another formula."""

MOST_CHANGED = 0.2
"""Share of a question's numbers and symbols that may be others in a copy."""

MOST_LOST = 0.5
"""The same where more words are others."""

_WORD = 3
"""Letters from which on a run of them is a word."""

_SIGN = re.compile(r"[-+=<>!^]|\*\*?|\\(?:leq?|geq?|neq?|lt|gt|times|cdot)(?:slant)?(?![A-Za-z])")
_SOFT = frozenset("^*!")
_SIGN_OF = {"\\l": "<", "\\g": ">", "\\n": "≠", "**": "^", "\\t": "*", "\\c": "*"}


class Piece(NamedTuple):
    """A part of a text as a stream."""

    chars: str
    """A character for each byte."""
    starts: list[int]
    """Where its tokens begin: words, numbers, and characters beyond ASCII. The first is 0."""
    raw: Callable[[int, int], str]
    """The text between two places of the stream."""

    def tokens(self) -> list[Span]:
        return list(zip(self.starts, [*self.starts[1:], len(self.chars)], strict=True))


class Gap(NamedTuple):
    """Tokens of a question that are missing, and what stands there instead."""

    lost: list[Span]
    instead: list[Span]
    last: int | None
    """Last character of the question that is there before it; None where none is."""
    next: int | None
    """First one behind it."""
    after: int | None
    """Where in the piece the former stands."""
    before: int | None
    """Where the latter stands."""


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


def compared(question: Piece, weights: list[float], piece: Piece, least: float) -> Match | None:
    """The question, whose tokens have these weights, in the piece; None where less than this share of it is there."""
    places = _places(question.chars, piece.chars)
    tokens = question.tokens()
    begins = {*piece.starts, len(piece.chars)}
    there = [_is_whole(question.chars, piece.chars, places, token, begins) for token in tokens]
    matched, total = sum(compress(weights, there)), sum(weights)
    if not matched or matched < least * total:
        return None
    gaps = list(_gaps(tokens, there, places, piece))
    missing = [question.chars[a:b] for gap in gaps for a, b in gap.lost]
    instead = [piece.chars[a:b] for gap in gaps for a, b in gap.instead]
    kind: Kind = "near" if missing or instead else "exact"
    found = list(compress(tokens, there))
    if _is_changed(gaps, question, piece) or _signs_differ(question, piece, found, places):
        kind = "changed"
    begin, end = places[found[0][0]], places[found[-1][1] - 1] + 1
    return Match(kind, matched / total, matched, begin, end, missing, instead)


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
        if end - begin >= _WORD:
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


def _is_changed(gaps: list[Gap], question: Piece, piece: Piece) -> bool:
    """Are symbols changed rather than words, and more of them than a copy with other words may lose?"""
    tokens = question.tokens()
    numbers = sum(question.chars[a].isdigit() for a, _ in tokens)
    gone = sum(question.chars[a].isdigit() for gap in gaps for a, _ in gap.lost)
    if gone > max(2, MOST_LOST * numbers):
        return True
    symbols = sum(_is_symbol(question.chars[a:b]) for a, b in tokens)
    changes = [gap for gap in gaps if _changes(gap, question, piece)]
    lost = sum(_is_symbol(question.chars[a:b]) for gap in changes for a, b in gap.lost)
    put = sum(_is_symbol(piece.chars[a:b]) for gap in changes for a, b in gap.instead)
    others = len(gaps) - len(changes)
    if lost > MOST_LOST * symbols or len(changes) > others:
        return True
    return len(changes) == others > 0 and max(lost, put) > MOST_CHANGED * symbols


def _changes(gap: Gap, question: Piece, piece: Piece) -> bool:
    """Are numbers or symbols exchanged for their like, or is a formula another one?

    Where whole words between white space are others and not like those of the question, words were put there blindly.
    """
    ours = [_kind(question.chars[a:b]) for a, b in gap.lost]
    theirs = [_kind(piece.chars[a:b]) for a, b in gap.instead]
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


def _kind(token: str) -> int:
    """0 of a word, 1 of a number, 2 of another symbol."""
    return (1 if token[:1].isdigit() else 2) if _is_symbol(token) else 0


def _is_symbol(token: str) -> bool:
    if len(token) >= _WORD:
        return token[0].isdigit() or token in FUNCTIONS
    return token[:1].isdigit() or (token.isascii() and token not in SHORT_WORDS and token != "a")


def _signs_differ(question: Piece, piece: Piece, found: list[Span], places: list[int]) -> bool:
    """Do signs between the same two symbols differ, where both texts have signs at all?"""
    chars = question.chars
    pairs = [
        (_signs(question.raw(b - 1, c)), _signs(piece.raw(places[b - 1], places[c])))
        for (a, b), (c, d) in pairwise(found)
        if b == c and places[c] == places[b - 1] + 1 and _is_symbol(chars[a:b]) and _is_symbol(chars[c:d])
    ]
    return any(_differ(*pair) for pair in pairs) and any(theirs for _, theirs in pairs)


def _differ(ours: str, theirs: str) -> bool:
    """Are signs others? Powers and products may have none at all in a text that lost them."""
    soft, other = ([c for c in signs if c in _SOFT] for signs in (ours, theirs))
    if soft and other and soft != other:
        return True
    return [c for c in ours if c not in _SOFT] != [c for c in theirs if c not in _SOFT]


def _signs(raw: str) -> str:
    return "".join(_SIGN_OF.get(sign[:2], sign[:1]) for sign in _SIGN.findall(raw))
