"""Are two texts one problem? Token by token: words may be others, numbers, formulas, signs and conditions may not.

Tokens are words, numbers (`1,000` is 1000, `three` is 3), and characters beyond ASCII; LaTeX that only lays out is left
out, as in `shingles`. Both are aligned by the Levenshtein distance of their tokens. What stands in one and not in the
other tells a copy from another problem of the same pattern.
"""

import re
import string
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from distill.curate.alignment import SHORT_WORDS
from distill.curate.conditions import NEGATIONS, NUMBERS, is_condition, singular
from distill.curate.shingles import LAYOUT

LEAST = 0.8
"""Share of their words, between white space, that two copies have in common."""

LONGEST = 20_000
"""Tokens; texts with more are copies only where all are the same."""

SHORTEST = 10
"""Tokens; texts with fewer are copies only where all tokens are the same: "Who painted ..." is boilerplate."""

MOST_LOST = 0.5
"""Share of its numbers and symbols in whose places a copy may have words: noise, or a gap."""

_TOKEN = re.compile(r"(\\?[A-Za-z]+(?:['’](?:s|t|d|m|ll|re|ve)(?![A-Za-z]))?|\d+(?:\.\d+)?|[^\W\d_A-Za-z])")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:(\d)|\{([^{}]*)\})\s*(?:(\d)|\{([^{}]*)\})")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_SIMPLE = re.compile(r"([^/÷^\w\s]\s*)\((\s*\w+\s*/\s*\w+\s*)\)")
_DELIMITER = re.compile(r"\\[()\[\],;:! ]|\$")
_THOUSANDS = re.compile(r"(?<=\d)\s?(?:\{,\}|,)\s?(?=\d{3}(?!\d))")
_SIGN = re.compile(r"\}\{|[-−+*/^=<>≤≥≠×÷·|\[\](]")
_QUOTE = re.compile(r"[\"“`]\s*$")
_SIGN_OF = {"−": "-", "×": "*", "·": "*", "÷": "/", "}{": "/"}
_SPELLED = {
    **dict.fromkeys(LAYOUT, "~"),
    **dict.fromkeys(("le", "leq", "leqslant"), "≤"),
    **dict.fromkeys(("ge", "geq", "geqslant"), "≥"),
    **dict.fromkeys(("ne", "neq"), "≠"),
    **dict.fromkeys(("cdot", "times"), "*"),
    **{"div": "/", "lt": "<", "gt": ">"},
}
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")

Kind = Literal["exact", "near"]


class Likeness(NamedTuple):
    """Two texts that are one problem."""

    kind: Kind
    """`exact`: all tokens are the same."""
    similarity: float
    """1 - words in which they differ / words of the one with fewer; words stand between white space."""
    differences: list[tuple[str, str]]
    """What stands in the first, and in the second text instead."""


class Tokens(NamedTuple):
    """A text as tokens."""

    words: list[str]
    between: list[str]
    """What stands before each token, and behind the last."""
    written: list[str]
    """The tokens as they are written, LaTeX commands with their backslash."""
    numbers: list[int]
    """Of each token the word that it is of, from 1: words stand between white space, beyond ASCII alone."""
    bare: bool
    """Has it no punctuation at all?"""
    text: str


def tokens_of(text: str) -> Tokens:
    return _tokens(text, text, bare=not _PUNCTUATION.search(text))


def _tokens(text: str, whole: str, bare: bool) -> Tokens:
    spelled = text.lower() if text.isupper() else text
    if not bare:
        spelled = _DELIMITER.sub("~", _COMMAND.sub(_spelled, _FRACTION.sub(r"~\1\2/\3\4~", spelled)))
        spelled = _SIMPLE.sub(r"\1\2", _THOUSANDS.sub("", spelled))
    parts = _TOKEN.split(spelled)
    written, between = parts[1::2], parts[::2]
    begins = [" " in part or "\n" in part or not word.isascii() for word, part in zip(written, between, strict=False)]
    begins[:1] = [True] * len(begins[:1])
    words = [NUMBERS.get(word, word) for word in "\0".join(written).replace("\\", "").lower().split("\0") if word]
    return Tokens(words, between, written, list(accumulate(begins)), bare, whole)


def _spelled(command: re.Match[str]) -> str:
    return _SPELLED.get(command[1], f"{command[0]}~")


def _stripped(tokens: Tokens) -> Tokens:
    return _tokens(tokens.text.translate(_WITHOUT_PUNCTUATION), tokens.text, bare=True)


def likeness(first: Tokens, second: Tokens, least: float = LEAST) -> Likeness | None:
    """None where they are two problems: fewer than this share of the tokens is the same, or others are telling.

    A text that has lost its punctuation (`3.5` is `35` in it) is compared with the other one without it.
    """
    if first.bare != second.bare:
        first, second = _stripped(first), _stripped(second)
    ours, theirs = first.words, second.words
    if ours == theirs:
        same = not _signs_differ(first, second, [(0, 0, len(ours))])
        return Likeness("exact", 1.0, []) if same and ours else None
    if min(len(ours), len(theirs)) < SHORTEST or max(len(ours), len(theirs)) > LONGEST:
        return None
    equal = [tuple(block) for block in Levenshtein.editops(ours, theirs).as_matching_blocks()]
    gaps = [gap for gap in map(_gap_of(first, second), _spans(equal)) if not _is_spacing(gap)]
    words = min(first.numbers[-1], second.numbers[-1])
    differing = sum(max(gap.lost_words, gap.put_words) for gap in gaps)
    if differing > (1 - least) * words or any(map(_tells, gaps)):
        return None
    lost = sum(_is_symbol(token) for gap in gaps for token in gap.lost)
    if lost > MOST_LOST * sum(map(_is_symbol, first.written)) or _signs_differ(first, second, equal):
        return None
    shown = [(" ".join(gap.lost), " ".join(gap.put)) for gap in gaps]
    return Likeness("near" if gaps else "exact", 1 - differing / words, shown)


class Gap(NamedTuple):
    """Where two texts differ."""

    lost: list[str]
    """Tokens of the first, as they are written."""
    put: list[str]
    """Those of the second instead."""
    lost_words: int
    """Words between white space that they are of."""
    put_words: int
    quoted: bool
    """Does a quotation mark stand before it?"""


Span = tuple[int, int]


def _spans(equal: list[tuple[int, int, int]]) -> Iterator[tuple[Span, Span]]:
    """What stands between equal blocks in each; the last of those is the end."""
    after, behind = 0, 0
    for begin, other, length in equal:
        if begin > after or other > behind:
            yield (after, begin), (behind, other)
        after, behind = begin + length, other + length


def _gap_of(first: Tokens, second: Tokens) -> Callable[[tuple[Span, Span]], Gap]:
    def gap(spans: tuple[Span, Span]) -> Gap:
        (a, b), (c, d) = spans
        quoted = bool(_QUOTE.search(first.between[a]) and _QUOTE.search(second.between[c]))
        return Gap(first.written[a:b], second.written[c:d], _spanned(first, a, b), _spanned(second, c, d), quoted)

    return gap


def _spanned(tokens: Tokens, begin: int, end: int) -> int:
    """Words between white space that tokens are of."""
    return 1 + tokens.numbers[end - 1] - tokens.numbers[begin] if end > begin else 0


def _is_spacing(gap: Gap) -> bool:
    """Are they the same letters, spaced in another way?"""
    joined = "".join(gap.lost).lower()
    return joined == "".join(gap.put).lower() and not any(char.isdigit() for char in joined)


def _tells(gap: Gap) -> bool:
    """Is one number, symbol, or condition exchanged for another, or put in, or left out?

    A word for a number, or a number for a word, in its place was put there blindly: no other problem of the pattern has
    it. A negation tells whatever stands there instead, and a quoted word is data.
    """
    if gap.quoted:
        return True
    if len(gap.lost) == len(gap.put) == 1 and "a" in (gap.lost[0].lower(), gap.put[0].lower()):
        return len(gap.lost[0]) == len(gap.put[0])  # no article, but a symbol for a symbol
    blind = gap.lost_words == gap.put_words
    for telling in (_is_number, is_condition, _is_negation):
        ours, theirs = ([singular(token.lower()) for token in side if telling(token)] for side in (gap.lost, gap.put))
        if ours != theirs and (not blind or (ours and theirs) or telling is _is_negation):
            return True
    return False


def _is_number(token: str) -> bool:
    return _is_symbol(token) or token.lower() in NUMBERS


def _is_negation(token: str) -> bool:
    return token.lower().replace("'", "").replace("’", "") in NEGATIONS


def _is_symbol(token: str) -> bool:
    """A number, a symbol of a formula, a LaTeX command, or a word in capitals: in "the letters of RADII" it is data."""
    if token[0].isdigit() or token[0] == "\\" or (len(token) > 1 and token.isupper()):
        return True
    return token.isascii() and len(token) < 3 and token.lower() not in SHORT_WORDS and token not in ("a", "A")


def _signs_differ(first: Tokens, second: Tokens, equal: list[tuple[int, int, int]]) -> bool:
    """Do signs before the same number or symbol differ, where both texts have punctuation?"""
    if first.bare:
        return False
    for begin, other, length in equal:
        ours, theirs = first.between[begin : begin + length], second.between[other : other + length]
        if ours == theirs:
            continue
        for at, (a, b) in enumerate(zip(ours, theirs, strict=True), begin):
            inside = at > begin or begin == other == 0
            if a != b and inside and _is_symbol(first.written[at]):
                formula = at > 0 and _is_symbol(first.written[at - 1])
                if _signs(a, formula) != _signs(b, formula):
                    return True
    return False


def _signs(between: str, formula: bool) -> list[str]:
    """Parentheses count within a formula only."""
    signs = [_SIGN_OF.get(sign, sign) for sign in _SIGN.findall("".join(between.split()))]
    return signs if formula else [sign for sign in signs if sign != "("]
