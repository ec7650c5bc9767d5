"""What a response says behind the option that it gave: that it is another one after all."""

import re
from collections.abc import Sequence

from distill.verify.option_letters import CALLED, announced
from distill.verify.option_text import names
from distill.verify.options import LETTERS
from distill.verify.wording import CLAIMED, INSTEAD, NOT, RETRACTION, REVISION, WRONG

_LETTER = r"\(?(?-i:([A-J]))\)?(?![\w'’])"
_SETTLED = re.compile(
    r"(?:(?:^|\n|[.!?]\s)|[:;→⇒]|(?:\b(?:so|thus|hence|therefore|is|be|get|to|choose|pick|select|decision|wait|no)\b|i\.e\.),?)"
    rf"[\s*$]*(?:{CALLED})?{_LETTER}[\s*$]*(?=[.!]|\n|$)",
    re.IGNORECASE,
)
"""A letter on which a sentence behind the answer ends."""

_REMAINS = re.compile(rf"\b{_LETTER} (?:remains|is left|it is\b|instead\b)", re.IGNORECASE)
_OR = re.compile(
    rf"[\s$.)*]*,?\s*(?:or|and|/|&)\s+(?:{CALLED})?{_LETTER}"
    r"(?! (?:is|was|are|does|can|cannot|would|has|fails|because)\b)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    rf"\b(?:{NOT}|{INSTEAD}|{WRONG}|than|over|distractors?|common|tempting|wrongly|others?|opposite|exclude[sd]?)\b|n't\b",
    re.IGNORECASE,
)
_TURNS = re.compile(rf"\b(?:{REVISION}|{RETRACTION}|I mixed|I misread|after all|then I)\b", re.IGNORECASE)
_WAITS = re.compile(
    r"(?:^|[.!?\n])\s*(?:(?:but|hmm+),? )?wait\b"
    r"|\b(?:that|this|it) (?:doesn't|does not|can't|cannot) (?:look|seem|feel|be) (?:right|correct)",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    rf"\b(?i:{CLAIMED}|many|students?|people|some|textbooks?|would)\b[^.!?\n]*$"
    r"|(?:^|[.!?\n])\s*(?:For (?!this|the|these|that|our)|If )[^.!?\n]*$"
)
"""Before a letter in its sentence: what others take for the answer, or what it is in another case."""

_CLAUSE = re.compile(r"[.!?;:,\n]")

_NAME = re.compile(r"[^\W\d_]{3}")

FARTHEST = 1000
"""Characters behind an answer in which it is looked for."""


def settles_elsewhere(after: str, letter: str, options: Sequence[str]) -> bool:
    """Does what follows an answer settle on another letter, on the text of another option, or on none?"""
    after = after[:FARTHEST]
    if not after.strip(" .!*$)}]\n"):
        return False
    if (beside := _OR.match(after)) and beside[1] != letter:
        return True
    if any(
        found[1] != letter for pattern in (_SETTLED, _REMAINS) for found in pattern.finditer(after) if _counts(found)
    ):
        return True
    if announced(after) - {letter}:
        return True
    return bool(_WAITS.search(after)) or _says_another(after, letter, options)


def _counts(found: re.Match[str]) -> bool:
    """Is this letter neither denied nor somebody else's?"""
    before = found.string[max(0, found.start(1) - 200) : found.start(1)]
    return not _DENIED.search(_CLAUSE.split(before)[-1]) and not _OF_OTHERS.search(before)


def _says_another(after: str, letter: str, options: Sequence[str]) -> bool:
    """Does a sentence from the turn on say what another option does?"""
    turn = _TURNS.search(after)
    if turn is None:
        return False
    said = [part for part in re.split(r"[.!?\n]", after[turn.start() :]) if not _DENIED.search(part)]
    lettered = dict(zip(LETTERS, options, strict=False))
    own = lettered.pop(letter, "")
    others = [text for text in lettered.values() if _NAME.search(text)]
    return any(names(part, text) and not (own and names(part, own)) for part in said for text in others)
