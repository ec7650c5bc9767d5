"""Parts of texts as streams of tokens (`shingles`), questions among them, and the gaps between two of them."""

from collections.abc import Callable
from functools import lru_cache
from itertools import compress
from typing import NamedTuple

Span = tuple[int, int]

WORD = 3
"""Letters from which on a run of them is a word."""

SHORT_WORDS = frozenset("an as at be by do go he if in is it me my no of on or so to up us we ge gt le lt ne".split())
"""Other tokens of one or two letters are symbols of formulas, but for `a`. The last five are LaTeX."""

FUNCTIONS = frozenset(
    """sin cos tan sec csc cot arcsin arccos arctan sinh cosh tanh log exp sqrt gcd lcm max min lim sum int prod
    infty circ alpha beta gamma delta epsilon zeta eta theta kappa lambda rho sigma tau phi chi psi omega""".split()
)
"""Words that are symbols of formulas: another one makes another formula."""


CAPITALS = 3
"""Kind of a word in capitals."""


class Piece(NamedTuple):
    """A part of a text as a stream."""

    chars: str
    """A character for each byte."""
    starts: list[int]
    """Where its tokens begin: words, numbers, and characters beyond ASCII. The first is 0."""
    raw: Callable[[int, int], str]
    """The text between two places of the stream."""
    written: Callable[[int, int], str]
    """The text from one place to before another."""
    words: Callable[[], list[str]]
    """All of it between white space, with what stands before its first letter and behind its last."""
    cut_before: bool = False
    """Is it the begin of a text, inside a sentence?"""
    cut_behind: bool = False
    """Is it the end of a text that ends inside a sentence?"""

    def tokens(self) -> list[Span]:
        return list(zip(self.starts, [*self.starts[1:], len(self.chars)], strict=True))

    def kind(self, token: Span) -> int:
        """As `kind_of`, and 3 of a word in capitals, which is data ("the letters of RADII"), unless all are."""
        begin, end = token
        kind = kind_of(self.chars[begin:end])
        if kind or end - begin < WORD or not self.written(begin, end).isupper():
            return kind
        return 0 if self.written(0, len(self.chars)).isupper() else CAPITALS


class Sought(NamedTuple):
    """A question that is looked for."""

    piece: Piece
    tokens: list[Span]
    words: list[str]
    """Its tokens as text."""
    kinds: list[int]
    """Of its tokens."""
    weights: list[float]
    """Of its tokens."""
    weigh: Callable[[str], float]
    """What any token weighs."""
    total: float
    """Their sum."""
    symbols: int
    """Tokens that are no words."""
    numbers: int
    """Those among them that are numbers."""

    def weight_in(self, chars: str) -> float:
        """Weight of those of its tokens that stand anywhere in a stream: there can be no more of it."""
        return sum(compress(self.weights, map(chars.__contains__, self.words)))


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


def sought(piece: Piece, weigh: Callable[[str], float]) -> Sought:
    """A question whose tokens are weighed."""
    tokens = piece.tokens()
    words = [piece.chars[a:b] for a, b in tokens]
    weights = [weigh(word) for word in words]
    kinds = [*map(piece.kind, tokens)]
    symbols = len(kinds) - kinds.count(0)
    return Sought(piece, tokens, words, kinds, weights, weigh, sum(weights), symbols, kinds.count(1))


@lru_cache(1 << 14)
def kind_of(token: str) -> int:
    """0 of a word, 1 of a number, 2 of another symbol."""
    if token[:1].isdigit():
        return 1
    if len(token) >= WORD:
        return 2 if token in FUNCTIONS else 0
    return 2 if token.isascii() and token not in SHORT_WORDS and token != "a" else 0
