"""Multiple choice where nobody tells in which order the options were shown, as in the rows of GPQA."""

from typing import Any

from distill.verify import choice
from distill.verify.judgement import Judgement, unknown

BY_LETTER = ("same option", "another option")
"""Reasons of verdicts on one option that was read."""


def judge(response: str, answer: str, data: dict[str, Any]) -> Judgement:
    """As `choice.judge`; where `data` says `unordered` only what holds for any order of the options is decided."""
    options = data.get("options")
    if not data.get("unordered") or not isinstance(options, list):
        return choice.judge(response, answer, data)
    orders = [options[at:] + options[:at] for at in range(len(options))]
    found = [choice.judge(response, answer, {"options": order}) for order in orders]
    read = [one for one in found if one.reason in BY_LETTER] or found
    if len({one.verdict for one in read}) == 1:
        return read[0]
    return unknown(read[0].extracted, "a letter, and no order of the options")
