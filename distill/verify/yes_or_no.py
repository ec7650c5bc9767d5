"""Yes or no, as the first word of a response, where one of the two is asked for."""

import re

_ANSWER = re.compile(r"yes|no|true|false", re.IGNORECASE)
_IN_TEXT = re.compile(r"\\text\s*\{(.*)\}")
_SAYS_FIRST = re.compile(r"[\s*#]*(yes|no|true|false)\b(?=[*\s]*[.,:;!]|\s*$)", re.IGNORECASE)
_MEANS = {"yes": True, "true": True, "no": False, "false": False}

LONGEST = 20
"""Characters of "yes" with all that may stand around it."""


def says(text: str | None) -> bool | None:
    """What a text of that one word says; None for any other."""
    if text is None or len(text) > LONGEST or not _ANSWER.search(text):
        return None
    return _MEANS.get(_IN_TEXT.sub(r"\1", text.strip(" $.")).strip(" .").lower())


def first_word(response: str) -> str | None:
    """That word behind the thinking of a response without a box."""
    if "\\boxed" in response:
        return None
    found = _SAYS_FIRST.match(
        response[response.rfind("</think>") + len("</think>") :] if "</think>" in response else response
    )
    return found[1] if found else None
