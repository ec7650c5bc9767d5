"""Tokens one after the other, with a look ahead."""

from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.tokens import Token, tokens

DEEPEST = 60

MOST_CHOICES = 5
"""Signs `\\pm` of one value; each doubles the values that it may have."""

NO_LETTERS, SOME_LETTERS, ALL_LETTERS = range(3)
"""Which letters behind a number are units: none, those that hardly mean anything else, every symbol of a unit."""

_DIVIDING = frozenset((",", ";", "and", "or"))

END = Token("end", "", False)


def _choices(found: list[Token]) -> int:
    """The most signs `\\pm` between two commas."""
    counts = [0]
    for token in found:
        if token.text in _DIVIDING:
            counts.append(0)
        counts[-1] += token.text in ("pm", "mp")
    return max(counts)


class Stream:
    """The tokens of an answer and the place in them.

    `unit_letters` tells whether the letter of `5 m` is a unit, `functions` are those that are applied to the brackets
    behind them.
    """

    def __init__(self, text: str, unit_letters: int = NO_LETTERS, functions: frozenset[str] = frozenset()) -> None:
        self._tokens = tokens(text, unit_letters == ALL_LETTERS)
        if _choices(self._tokens) > MOST_CHOICES:
            raise TooBig("choices")
        self._at = 0
        self._depth = 0
        self._bars = 0
        self._written = 0
        self._unit_letters = unit_letters
        self._functions = functions

    @property
    def _now(self) -> Token:
        try:
            return self._tokens[self._at]
        except IndexError:
            return END

    def _ahead(self, by: int = 1) -> Token:
        return self._tokens[self._at + by] if self._at + by < len(self._tokens) else END

    def _next(self) -> Token:
        token = self._now
        self._at += 1
        return token

    def _is(self, *signs: str) -> bool:
        try:
            token = self._tokens[self._at]
        except IndexError:
            return False
        return token.text in signs and token.kind == "sign"

    def _take(self, *signs: str) -> bool:
        found = self._is(*signs)
        self._at += found
        return found

    def _expect(self, *signs: str) -> str:
        if not self._is(*signs):
            raise Unread(f"no {signs[0]}")
        return self._next().text

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooBig("depth")

    def _after(self, *signs: str) -> bool:
        token = self._tokens[self._at - 1]
        return token.kind == "sign" and token.text in signs
