"""Answers of words and formulas: `\\text{all primes } p \\equiv 1 \\pmod 4`."""

import re

from distill.verify.algebra.decide import decide
from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.rules import Rules, every
from distill.verify.algebra.tokens import SUBSCRIPTS
from distill.verify.notation import without_articles

_IN_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{([^{}]*)\}")
_IN_DOLLARS = re.compile(r"\$([^$]+)\$|\\\((.+?)\\\)")


_CHEMICAL = re.compile(r"(?:\(?[A-Z][a-z]?\)?\d*){2,}(?:\^\d*[-+])?")


_PLAIN = frozenset("a an the is are it its of in on at with to that this there be has have function series".split())
_JOINING = frozenset("and or not no never but nor neither both either non un".split())
"""Words with which more is said, or the contrary."""

_TEXT = re.compile(r"\\(?:text\w*|mathrm|mathbf)\s*\{([^{}]*)\}")
_STEM = 5
"""Letters by which the forms of a word are known."""


def same_formula_of_chemistry(gold: str, answer: str) -> bool | None:
    """`\\text{H}_2\\text{SO}_4` and `\\mathrm{H_2SO_4}`; None where they are none, numbers included."""
    ours, theirs = (
        re.sub(r"\\(?:text|mathrm|rm|ce)\b|[{}_\s$]", "", text.translate(SUBSCRIPTS)) for text in (gold, answer)
    )
    if not all(_CHEMICAL.fullmatch(text) and re.search(r"\d", text) for text in (ours, theirs)):
        return None
    return ours == theirs


def same_in_parts(gold: str, answer: str, rules: Rules) -> bool | None:
    """Are the formulas the same, between the same words? None where the words differ, or a formula is not read."""
    ours, theirs = _parts(gold), _parts(answer)
    if len(ours) != len(theirs) or len(ours) < 2 or not any(isinstance(part, tuple) for part in ours):
        return None
    if any(isinstance(a, tuple) != isinstance(b, tuple) for a, b in zip(ours, theirs, strict=True)):
        return None
    if any(a != b for a, b in zip(ours, theirs, strict=True) if isinstance(a, tuple)):
        return None
    formulas = [(a, b) for a, b in zip(ours, theirs, strict=True) if isinstance(a, str) and isinstance(b, str)]
    return every(_same(a, b, rules) for a, b in formulas)


def _same(gold: str, answer: str, rules: Rules) -> bool | None:
    if gold == answer:
        return True
    try:
        return decide(gold, answer, rules)
    except (Unread, TooBig):
        return None


def _parts(text: str) -> list[str | tuple[str, ...]]:
    """Runs of words, as tuples, and formulas."""
    in_text = "\\text" in text or "\\mathrm" in text or "\\mbox" in text
    if in_text:
        text = text.strip("$ ")
    pieces = re.split(_IN_TEXT if in_text else _IN_DOLLARS, text)
    step = _IN_TEXT.groups + 1 if in_text else _IN_DOLLARS.groups + 1
    found: list[str | tuple[str, ...]] = []
    for place, piece in enumerate(pieces):
        if not piece or not piece.strip(" .,;:$"):
            continue
        if (place % step != 0) == in_text:
            words = tuple(without_articles(piece))
            if re.search(r"[\d_^=<>+*/]", piece):
                return []
            if found and isinstance(found[-1], tuple):
                found[-1] = (*found[-1], *words)
            elif words:
                found.append(words)
        else:
            found.append(piece.strip(" .,;$"))
    return found


def say_alike(gold: str, answer: str) -> bool:
    """Do two texts share their words, but for their forms, so that they may say the same: `converges`, `convergent`?"""
    ours, theirs = (_TEXT.sub(r" \1 ", text).lower() for text in (gold, answer))
    if "\\" in ours + theirs or re.findall(r"\d+", ours) != re.findall(r"\d+", theirs):
        return False
    said, others = (set(re.findall(r"[^\W\d_]+", text)) - _PLAIN for text in (ours, theirs))
    if (said ^ others) & _JOINING:
        return False
    stems, other_stems = ({word[:_STEM] for word in found if len(word) > 2} for found in (said, others))
    return bool(stems and other_stems) and (stems <= other_stems or other_stems <= stems)
