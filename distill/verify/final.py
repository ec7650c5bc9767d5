"""Where a response states its final answer: a box, an answer tag, `####`, "the answer is", in a few languages.

Mathematics has its own rules for what stands there; these are for kinds whose answers are told by their form.
"""

import re

from distill.verify.box_marks import with_boxes
from distill.verify.dressing import undressed
from distill.verify.extract import behind_boxes, final_answer
from distill.verify.notation import last_answer_tag
from distill.verify.phrases import CHOICE, HASHES, announced_in, announcement, last_in_json
from distill.verify.second_thoughts import WITHDRAWN, given_later
from distill.verify.stop_tokens import without_stop_tokens

TAIL = 4000
"""Characters at the end in which an answer without box or tag is looked for."""

LONGEST_SAID = 400
"""Characters behind "the answer is"."""

MAX_ANSWER = 2000
"""A longer answer is not read."""

_PHRASE = announcement(CHOICE)

_NO = re.compile(r"(?:(?<![\s(][A-J])[.!?]\s+No[,.!]|[.!?]\s+(?:Wait|Actually)\b)")

_EMPHASIS = re.compile(r"(?<![0-9])\*\*|\*\*(?![-+0-9({])|__|`")  # 10**-3 is a power


def stated(response: str) -> str | None:
    """The final answer as it is written; None where the response does not say which of its words are the answer."""
    response = without_stop_tokens(response)
    response = response if "\\boxed" in response else with_boxes(response)
    if "\\boxed" in response:
        later = said_behind(behind_boxes(response))
        return str(later[1])[:LONGEST_SAID].strip() if later else final_answer(response)
    tagged = last_answer_tag(response)
    if tagged is not None:
        then = given_later(response[response.lower().rfind("</answer>") + len("</answer>") :])
        return tagged if then is None else then or None
    tail = without_emphasis(response[-TAIL:])
    if (field := last_in_json(tail)) is not None:
        return field
    for pattern in (HASHES, _PHRASE):
        found = announced_in(tail, pattern)
        if found:
            said = str(found[-1][1])[:LONGEST_SAID].strip()
            behind = found[-1].start(1)
            if (then := given_later(tail[behind:]) or given_later(tail[behind + len(said) :])) is not None:
                return then or None
            return None if WITHDRAWN.search(tail, behind) or _NO.search(tail, behind) else said
    return None


def said_behind(text: str) -> re.Match[str] | None:
    """The last announcement of an answer in what follows a box."""
    later = announced_in(without_emphasis(text), _PHRASE)
    return later[-1] if later else None


def unmarked(response: str) -> str:
    """The end of a response, where nothing marks the answer; what it takes back is left out."""
    tail = without_emphasis(undressed(response[-TAIL:]))
    ends = [found.end() for found in WITHDRAWN.finditer(tail)]
    return tail[ends[-1] :] if ends else tail


def last_line(response: str) -> str:
    """The last line of that which is not empty; none where a box stands in it, which is taken back then."""
    lines = unmarked(response).strip().splitlines()
    return lines[-1].strip() if lines and "\\boxed" not in lines[-1] else ""


def without_emphasis(text: str) -> str:
    """Markdown's bold and code marks gone, which stand around and within what announces an answer."""
    return _EMPHASIS.sub("", text)
