"""Are two texts one problem? Token by token: words may be others; numbers, formulas, signs and conditions may not.

Both are aligned by the Levenshtein distance of their tokens. What stands in one and not in the other tells a copy, with
noise in it or other names, from another problem of the same pattern.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from distill.curate.duplicates.problem_tokens import Tokens, is_symbol
from distill.curate.duplicates.signs import has_sign, signs_differ
from distill.curate.text.conditions import NUMBERS, families, is_negation, singular

LEAST = 0.8
"""Share of their words, between white space, that two copies have in common."""

SHORTEST = 10
"""Tokens; texts with fewer are copies only where all are the same: "Who painted ..." is boilerplate."""

LONGEST = 20_000
"""Tokens; texts with more are copies only where all are the same: the cost grows as the square."""

MOST_LOST = 0.5
"""Share of its numbers and symbols in whose places a copy may have words."""

_QUOTE = re.compile(r"[\"“`]\s*$")

Kind = Literal["exact", "near"]
Span = tuple[int, int]


class Likeness(NamedTuple):
    """How two texts that are one problem differ."""

    kind: Kind
    """`exact`: all tokens are the same."""
    similarity: float
    """1 - words in which they differ / words of the one with fewer; words stand between white space."""
    differences: list[tuple[str, str]]
    """What stands in the first, and in the second text instead."""


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
    """Does a quotation mark stand before it in both?"""


def likeness(first: Tokens, second: Tokens, least: float = LEAST) -> Likeness | None:
    """None where they are two problems: fewer than this share of their words is the same, or others tell them apart.

    A text that has lost its punctuation (`3.5` is `35` in it) is compared with the other one without it, but
    where that one's few marks are all in its formulas.
    """
    if first.bare != second.bare and not (first.loses_by_punctuation() or second.loses_by_punctuation()):
        first, second = first.without_punctuation(), second.without_punctuation()
    ours, theirs = first.words, second.words
    if ours == theirs:
        differs = not ours or signs_differ(first, second, [(0, 0, len(ours))])
        return None if differs else Likeness("exact", 1.0, [])
    if min(len(ours), len(theirs)) < SHORTEST or max(len(ours), len(theirs)) > LONGEST:
        return None
    equal = [(a, b, length) for a, b, length in Levenshtein.editops(ours, theirs).as_matching_blocks()]
    words, differing, gaps = min(first.all_words(), second.all_words()), 0, []
    for gap in _gaps(first, second, equal):
        differing += max(gap.lost_words, gap.put_words)
        if differing > (1 - least) * words or _tells(gap):
            return None
        gaps.append(gap)
    lost = sum(is_symbol(token) for gap in gaps for token in gap.lost)
    if lost and not _at_least(lost / MOST_LOST, map(is_symbol, first.written)):
        return None
    if signs_differ(first, second, equal):
        return None
    shown = [(" ".join(gap.lost), " ".join(gap.put)) for gap in gaps]
    return Likeness("near" if gaps else "exact", 1 - differing / words, shown)


def _at_least(count: float, found: Iterable[bool]) -> bool:
    """Are as many true? Those behind are not looked at."""
    return any(number >= count for number in accumulate(found))


def _gaps(first: Tokens, second: Tokens, equal: list[tuple[int, int, int]]) -> Iterator[Gap]:
    """What stands between equal blocks, but for the same letters spaced otherwise; the last block is the end."""
    a, c = 0, 0
    for b, d, length in equal:
        if b > a or d > c:
            quoted = bool(_QUOTE.search(first.between[a]) and _QUOTE.search(second.between[c]))
            gap = Gap(first.written[a:b], second.written[c:d], first.spanned(a, b), second.spanned(c, d), quoted)
            if not (_is_spacing(gap) and _are_words(first, a, b) and _are_words(second, c, d)):
                yield gap
        a, c = b + length, d + length


def _is_spacing(gap: Gap) -> bool:
    joined = "".join(gap.lost).lower()
    return joined == "".join(gap.put).lower() and not any(map(str.isdigit, joined))


def _are_words(text: Tokens, begin: int, end: int) -> bool:
    """Is there no sign between symbols? `x|x|` is not `xx`."""
    return not (all(map(is_symbol, text.written[begin:end])) and any(map(has_sign, text.between[begin + 1 : end])))


def _tells(gap: Gap) -> bool:
    """Is one number or symbol exchanged for another, a condition for one of its family, or one put in or left out?

    A word for a number, or a number for a word, in its place was put there blindly: no other problem of the pattern has
    it. A negation tells whatever stands there instead, and a quoted word is data.
    """
    if gap.quoted:
        return True
    if len(gap.lost) == len(gap.put) == 1 and "a" in (gap.lost[0].lower(), gap.put[0].lower()):
        return len(gap.lost[0]) == len(gap.put[0])  # no article, but a symbol for a symbol
    blind = gap.lost_words == gap.put_words
    numbers, negations = _differing(gap, _is_number), _differing(gap, is_negation)
    if any(negations) or all(numbers) or (any(numbers) and not blind):
        return True
    lost, put = _differing(gap, families)
    return any(families(one) & families(other) for one in lost for other in put) if blind else bool(lost or put)


def _differing(gap: Gap, telling: Callable[[str], object]) -> tuple[list[str], list[str]]:
    """Tokens of some kind that the two have not in common; empty where all are the same."""
    lost, put = ([singular(token.lower()) for token in side if telling(token)] for side in (gap.lost, gap.put))
    return ([], []) if lost == put else (lost, put)


def _is_number(token: str) -> bool:
    return is_symbol(token) or token.lower() in NUMBERS
