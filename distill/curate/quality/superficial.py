"""Superficial self-reflection (Liu et al. 2025, arXiv 2503.20783): reflections that spoil an answer or lead to none.

A trace is split where it reflects. Answers that it states on the way are compared with the gold answer, and a
reflection is what became of the answer before it in the stretch up to the next one. It costs a verdict for every answer
that is stated, some hundred times what counting costs, so it is for where it is asked for.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from distill.curate.quality.phrases import Phrases, Place, encoded
from distill.curate.quality.reflection import KEYWORDS_V1, KEYWORDS_V2
from distill.records import VerdictName
from distill.verify import judge
from distill.verify.boxes import last_boxed
from distill.verify.phrases import ANSWER, announced_in, announcement

Effect = Literal["confirms", "fixes", "breaks", "changes nothing"]

Kind = Literal["math", "number"]
"""Of problems whose answers are stated in passing."""

SUPERFICIAL: tuple[Effect, ...] = ("breaks", "changes nothing")
"""Behaviours 3 and 4 of the paper."""

REFLECTING = ("wait", "hold on", "let me check", "let me verify", "let me double check")
"""Marks of a reflection beside the keywords of oat-zero, which hardly occur in the traces of R1. Ours."""

_SENTENCE_END = re.compile(rb"[.?!\n]")
"""Marks without one between them are one reflection: "Wait, let me recheck"."""

LONGEST = 600
"""Bytes of a statement of an answer that are read."""

BEFORE = 100
"""Bytes before it that may deny it."""

MOST_TRIED = 4
"""Places of a stretch, from its end, at which an answer is looked for."""

_MARKS = Phrases(sorted({*KEYWORDS_V1, *KEYWORDS_V2, *REFLECTING}))
_STATING = Phrases(("boxed", "fbox", "answer", "answers"))
_BOXES = (0, 1)
_PHRASE = announcement(ANSWER)
_TAG = re.compile(rb"</?think>")
_PROSE = re.compile(r"(?:[^\W\d]+[^\w\d\\]+){3,}[^\W\d]+\W*")
"""Four words and more, without a number: "the answer is somewhere between the two"."""


class Reflection(NamedTuple):
    """One reflection of a trace."""

    begin: int
    """Where its first mark stands, in bytes of what `phrases.encoded` makes of the trace."""
    before: VerdictName | None
    """Verdict of the answer stated last before it; None where none was."""
    after: VerdictName | None
    """Of the one stated last between it and the next reflection, or the end; None where none was."""
    effect: Effect | None
    """None where it cannot be told."""


def reflections(text: str, gold: str, kind: Kind = "math") -> list[Reflection]:
    """The reflections of a whole trace, its response included, and what became of its answer in each.

    `confirms`: right before and after; `fixes`: wrong, then right; `breaks`: right, then wrong; `changes nothing`:
    wrong before and after, or a stretch without an answer although one was stated before, or in a trace that states
    none at all. None where the first answer is still to come, or where a verdict is `unknown`.
    """
    data = _TAG.sub(lambda found: b" " * len(found[0]), encoded(text))  # a thinking without its end has no answer
    begins = _begins(data)
    words: list[list[Place]] = [[] for _ in range(len(begins) + 1)]
    for place in _STATING.places(data):
        words[bisect_right(begins, place.begin)].append(place)
    known: dict[bytes, VerdictName | None] = {}
    verdicts = []
    for (begin, end), places in zip(pairwise((0, *begins, len(data))), words, strict=True):
        pieces = (_statement(data, begin, end, place) for place in reversed(places[-MOST_TRIED:]))
        verdicts.append(_last_stated(pieces, gold, kind, known))
    return list(_told(begins, verdicts))


def superficial(found: Sequence[Reflection]) -> float | None:
    """The share of superficial reflections among those of which it can be told; None where there are none."""
    told = [reflection.effect for reflection in found if reflection.effect is not None]
    return sum(effect in SUPERFICIAL for effect in told) / len(told) if told else None


def _begins(data: bytes) -> list[int]:
    begins: list[int] = []
    last = 0
    for _, begin, end in _MARKS.places(data):
        if not begins or _SENTENCE_END.search(data, last, begin):
            begins.append(begin)
        last = end
    return begins


def _statement(data: bytes, begin: int, end: int, place: Place) -> bytes:
    """What stands around a word that may state an answer, in its stretch: its line, or all that a box may hold."""
    end = min(end, place.begin + LONGEST)
    line = -1 if place.phrase in _BOXES else data.find(b"\n", place.begin, end)
    return data[max(begin, place.begin - BEFORE) : line if line >= 0 else end]


def _last_stated(
    pieces: Iterator[bytes], gold: str, kind: Kind, known: dict[bytes, VerdictName | None]
) -> VerdictName | None:
    """The verdict on the first of these that states an answer. `known` holds what was judged before, so that a loop
    costs one verdict."""
    for piece in pieces:
        if piece not in known:
            known[piece] = _verdict(piece.decode("utf-8", "ignore"), gold, kind)
        if (verdict := known[piece]) is not None:
            return verdict
    return None


def _verdict(piece: str, gold: str, kind: Kind) -> VerdictName | None:
    """None where no answer is stated: a number alone is a step."""
    if last_boxed(piece) is None and not announced_in(piece, _PHRASE):
        return None
    found = judge(kind, piece, gold)
    return None if found.extracted is None or _PROSE.fullmatch(found.extracted) else found.verdict


def _told(begins: list[int], verdicts: list[VerdictName | None]) -> Iterator[Reflection]:
    """The verdicts are of the stretches: one more than there are reflections."""
    is_never = not any(verdicts)
    before = verdicts[0]
    for begin, after in zip(begins, verdicts[1:], strict=True):
        yield Reflection(begin, before, after, "changes nothing" if is_never else _effect(before, after))
        before = after or before


def _effect(before: VerdictName | None, after: VerdictName | None) -> Effect | None:
    if before is None or "unknown" in (before, after):
        return None
    if after is None:
        return "changes nothing"
    if before == "correct":
        return "confirms" if after == "correct" else "breaks"
    return "fixes" if after == "correct" else "changes nothing"
