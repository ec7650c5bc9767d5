"""A question as another text would write it: its parts in the order of that text, its letters by their names there.

Neither makes another problem. Which order and which names is told by what the two share; whether the question is then
in the text is judged as ever (`alignment`).
"""

import re
from collections import Counter
from functools import cached_property, lru_cache
from itertools import pairwise
from statistics import median

from rapidfuzz.distance import Levenshtein

from distill.curate.decontamination.common_words import is_common
from distill.curate.text.conditions import families
from distill.curate.text.pieces import FUNCTIONS, Piece, Sought, Span, kind_of

_PART_END = re.compile(r"[.?!;:,][$\\)\]\s]*\s|\n|;\|")
_GREEK = frozenset("alpha beta gamma delta epsilon zeta eta theta kappa lambda rho sigma tau phi chi psi omega".split())
RUN = 3
"""Tokens in a row by which a part is found."""

LEAST_RUNS = 0.4
"""Share of such, without letters that may have another name, that must stand in a text."""

MOST_NAMES = 0.6
"""Share of the places of a letter in which another must stand for it."""


class Rewriting:
    """A question that many texts are asked for; its parts are told once."""

    def __init__(self, question: Sought) -> None:
        self.question = question

    def of(self, piece: Piece) -> Sought | None:
        """The question in the order and with the letters of a text; None where both are its own, or where too little of
        it is there."""
        if sum(map(piece.chars.__contains__, self._runs)) < LEAST_RUNS * len(self._runs):
            return None
        order, names = self._order(piece.chars), _names(self.question, piece)
        return _made(self.question, order, names) if order != sorted(order) or names else None

    @cached_property
    def _runs(self) -> list[str]:
        """Three tokens in a row, without letters that may have another name."""
        words = self.question.words
        runs = zip(words, words[1:], words[2:], strict=False)
        return ["".join(run) for run in runs if not any(map(_is_letter, run))]

    @cached_property
    def _parts(self) -> list[tuple[list[int], list[str]]]:
        """Sentences and clauses: their tokens, and the runs of tokens by which each is found."""
        parts, question = [[0]], self.question
        for at, ((_, end), (begin, _)) in enumerate(pairwise(question.tokens), 1):
            if _PART_END.search(question.piece.raw(end - 1, begin)):
                parts.append([])
            parts[-1].append(at)
        return [(part, self._runs_of(part)) for part in parts]

    def _runs_of(self, part: list[int]) -> list[str]:
        runs = [part[at : at + RUN] for at in range(len(part) - RUN + 1)] or [part]
        texts = ["".join(self.question.words[at] for at in run) for run in runs]
        return [text for text in texts if len(text) >= RUN]

    def _order(self, chars: str) -> list[int]:
        """Its tokens in the order in which its parts stand in a text; a part that is not found stays behind the one
        before it."""
        placed: list[tuple[float, list[int]]] = []
        for part, runs in self._parts:
            place = _place(runs, chars)
            if place is None and placed:
                placed[-1][1].extend(part)
            else:
                placed.append((-1.0 if place is None else place, [*part]))
        return [at for _, part in sorted(placed, key=lambda one: one[0]) for at in part]


def _place(runs: list[str], chars: str) -> float | None:
    """Where most of a part stands: the middle of what some tokens in a row stand at, if that is one place each."""
    found = [at for run in runs if (at := chars.find(run)) >= 0 and chars.find(run, at + len(run)) < 0]
    return median(found) if found else None


def _made(question: Sought, order: list[int], names: dict[str, str]) -> Sought:
    """The question with its tokens in another order and by other names."""
    words = [names.get(question.words[at], question.words[at]) for at in order]
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word))
    base, tokens = question.piece, question.tokens
    at_begin, at_end = (
        dict(zip(ends, order, strict=False)),
        {end - 1: at for end, at in zip(ends[1:], order, strict=True)},
    )

    def raw(last: int, following: int) -> str:
        a, b = at_end[last], at_begin[following]
        return base.raw(tokens[a][1] - 1, tokens[b][0]) if b == a + 1 else " "

    def written(begin: int, end: int) -> str:
        return base.written(*tokens[at_begin[begin]]) if end - 1 in at_end and begin in at_begin else ""

    made = Piece("".join(words), ends[:-1], raw, written, list)
    return question._replace(
        piece=made,
        tokens=made.tokens(),
        words=words,
        kinds=[question.kinds[at] for at in order],
        weights=[question.weights[at] for at in order],
    )


@lru_cache(1 << 14)
def _is_letter(word: str) -> bool:
    return word in _GREEK or (len(word) <= 2 and word not in FUNCTIONS and kind_of(word) == 2) or word == "a"


def _names(question: Sought, piece: Piece) -> dict[str, str]:
    """For which letters and proper names others stand, one for one, in most of their places and in no other's."""
    tokens = piece.tokens()
    theirs = [piece.chars[a:b] for a, b in tokens]
    votes: Counter[tuple[str, str]] = Counter()
    for step in Levenshtein.opcodes(question.words, theirs):
        if step.tag == "replace" and step.src_end - step.src_start == step.dest_end - step.dest_start:
            for at, to in zip(range(step.src_start, step.src_end), range(step.dest_start, step.dest_end), strict=True):
                one, other = question.words[at], theirs[to]
                letters = _is_letter(one) and _is_letter(other)
                if letters or (_is_name(question.piece, question.tokens[at]) and _is_name(piece, tokens[to])):
                    votes[one, other] += 1
    if not votes:
        return {}
    counts, there, given = Counter(question.words), Counter(theirs), {one for one, _ in votes}
    names: dict[str, str] = {}
    for (one, other), count in votes.most_common():
        free = other not in names.values() and (other not in counts or other in given)
        if one not in names and free and count >= MOST_NAMES * counts[one] and there[other] >= counts[one]:
            names[one] = other
    return {} if (counts.keys() - names.keys()) & set(names.values()) else names


def _is_name(piece: Piece, token: Span) -> bool:
    """Does a word begin with a capital that is not common, and makes no condition either?"""
    begin, end = token
    word = piece.chars[begin:end]
    return end - begin > 2 and piece.written(begin, end).istitle() and not is_common(word) and not families(word)
