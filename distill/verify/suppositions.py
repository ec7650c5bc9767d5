"""Options of which a response says that they would be right in another case: no part of what it answers."""

import re

from distill.verify.option_letters import CALLED

_OPTION = rf"(?:\b(?i:{CALLED}))?(?<![\w'])\(?[A-J]\)?(?: alone)?(?:, [^,.;\n]{{1,60}},| \([^()\n]{{1,60}}\))?"
_RIGHT = r"(?:the )?(?:right|correct|true|best|valid|answer|case)\b"
_WOULD = re.compile(rf"{_OPTION} would (?:only |also |indeed )?(?:be|have been) {_RIGHT}(?P<behind>[^.!?;\n]*)")
_ONLY = re.compile(
    rf"{_OPTION} (?:is|holds|applies|works) (?:only )?(?:{_RIGHT})?"
    r"(?:[^.!?;\n]{0,20}\bonly (?:for|if|when|in|under|with|at)\b|[^.!?;\n]{1,60} only(?=[.!;]|\s*$))[^.!?;\n]*"
)
_IN_ANOTHER_CASE = re.compile(
    r"\b(?:if|when|unless|without|only|were|had|under)\b|\b(?:for|in|at|with) (?!this|the|these|that|our|all)\w", re.I
)
_SENTENCE = re.compile(r"[.!?;\n]")


def without_suppositions(text: str) -> str:
    """A response without "A would be right for ideal gases" and "A is correct only for these"."""
    if " would " in text:
        text = _WOULD.sub(_unless_said, text)
    return _ONLY.sub("", text) if " only" in text else text


def _unless_said(found: re.Match[str]) -> str:
    """Nothing where the sentence names another case, before or behind; else what stands there."""
    before = _SENTENCE.split(found.string[max(0, found.start() - 80) : found.start()])[-1]
    return "" if _IN_ANOTHER_CASE.search(before) or _IN_ANOTHER_CASE.search(found["behind"]) else found[0]
