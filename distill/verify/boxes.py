"""The boxes of a response: the last one, those that are one list with it, and one around it.

Cost is linear in the length of the text.
"""

import re

FARTHEST = 2_000_000
"""Characters in which the ends of boxes are looked for."""

SHORTEST = 4000
"""So far is the end of a box looked for in any case."""

MOST_BOXES = 50
"""So many boxes are looked at, from the end."""

_BOX = re.compile(
    r"\\(?:f?boxed|fbox)\s*(?:\{\s*(-?[\d.,]*\d)\s*\\\}(?!\s*\})|\{"
    r"|(-?\d[\d.,/]*\d|\d|\\[a-z]?frac\s*\d\s*\d|[A-Za-z](?![A-Za-z])))"
)
"""With its brace, which one that is escaped closes too behind a number; or with a number, a letter, a fraction."""

APPROXIMATELY = "\\approx"
_ROUNDED = re.compile(r"\\approx(?![a-zA-Z])|≈|\b(?:approximately|numerically|roughly|which is about)\b")
"""Between two boxes: the second is the first one rounded."""

_BETWEEN = re.compile(
    r"(?:[\s,;.$&]|\\ |(?<=[\s$])(?:[a-z]\s*=|\((?:[a-d]|i{1,3})\))|\\[,;:!()\[\]]"
    r"|\\q?quad|\\text\s*\{\s*(?:and|or)\s*\}|\band\b|\bor\b|和|或|、|，)*"
)
_EACH_A_CASE = re.compile(
    r"[\s$),\]]*(?:for|if|when|unless)\b[^.\n]*(?:[,;]|\b(?:and|or|but|while|else|otherwise)\b)"
    r"(?:[\s,]*\b(?:and|or|but|while|else|otherwise|for|if|when|it is)\b)*[\s$(]*"
    r"|[\s$,;]*(?:and|but|while),?\s+(?:for|if|when)\b[^.\n]*"
)
"""Between two boxes: `\\boxed{5}` for even n and `\\boxed{6}` otherwise."""

NEAR = 40
"""Characters between a box and one around it."""


def last_boxed(text: str) -> str | None:
    """Content of the last `\\boxed{...}` whose braces close, or of a `\\boxed 5` behind it."""
    found = last_box(text, len(text))
    return found[1] if found else None


def last_boxes(text: str) -> str | None:
    """As `last_boxed`; several boxes with nothing but "and" between them are one list."""
    found = boxes_at_the_end(text)
    return found[1] if found else None


def boxes_at_the_end(text: str) -> tuple[int, str, int] | None:
    found = last_box(text, len(text))
    if found is None:
        return None
    start, content, end = found
    parts = [content]
    while len(parts) < MOST_BOXES:
        before = last_box(text, start)
        if before is None or start - before[2] > 60:
            break
        if len(parts) == 1 and _ROUNDED.search(text[before[2] : start] + content[:10]):
            return before[0], f"{before[1]} \\approx {content.strip().removeprefix(APPROXIMATELY)}", end
        if len(parts) == 1 and _EACH_A_CASE.fullmatch(text, before[2], start):
            between = text[before[2] : start].replace("$", "")
            return before[0], f"{before[1]} {between.strip()} {content}", end
        if not _BETWEEN.fullmatch(text, before[2], start):
            break
        if "\n\n" in text[before[2] : start]:
            break
        start = before[0]
        parts.append(before[1])
    if len(set(parts)) < len(parts):
        return start, content, end  # the last of several attempts, no list
    return start, ", ".join(reversed(parts)), end


def last_box(text: str, end: int) -> tuple[int, str, int] | None:
    """Start, content and end of the last box before `end`; one that does not close is passed over."""
    at, left = end, FARTHEST
    for _ in range(MOST_BOXES):
        at = max(text.rfind("\\boxed", 0, at), text.rfind("\\fbox", 0, at))
        if at < 0:
            return None
        found = _BOX.match(text, at)
        if found is None:
            continue
        if number := found[1] or found[2]:
            return at, number, found.end()
        close = _closing(text, found.end(), left)
        left -= (close or len(text)) - at
        if close is not None and close < end:
            return _outermost(text, at, text[found.end() : close], close + 1)
    return None


def _outermost(text: str, start: int, content: str, end: int) -> tuple[int, str, int]:
    """The box around a box, if there is one: `\\boxed{6\\boxed{5}}` is not 5."""
    outer = max(text.rfind("\\boxed", max(0, start - NEAR), start), text.rfind("\\fbox", max(0, start - NEAR), start))
    found = _BOX.match(text, outer) if outer >= 0 else None
    if (
        found is None
        or found[1]
        or found[2]
        or (close := _closing(text, found.end(), end + NEAR - outer)) is None
        or close < end
    ):
        return start, content, end
    inside = text[found.end() : close]
    return outer, content if inside.strip() == text[start:end] else inside, close + 1


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _closing(text: str, start: int, farthest: int) -> int | None:
    """Where the brace closes that was opened before `start`; `\\{` and `\\}` are no braces."""
    depth = 1
    for found in _BRACE.finditer(text, start, start + max(SHORTEST, farthest)):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.start()
    return None
