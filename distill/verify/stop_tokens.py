"""Stop tokens that a server has left in a text."""

import re

_STOP_TOKENS = re.compile(
    r"(?:\s*(?:<\|[A-Za-z0-9_ ]{1,40}\|>|<｜[^｜<>]{1,40}｜>|</s>|<eos>|<(?:end|start)_of_turn>|\[/?INST\]))+\s*$"
)
LONGEST = 200
"""Characters at the end in which they are looked for."""


def without_stop_tokens(text: str) -> str:
    """A text without the stop tokens at its end, and without the white space around them."""
    end = text[-LONGEST:]
    if ">" not in end and "]" not in end:
        return text
    return text[: len(text) - len(end)] + _STOP_TOKENS.sub("", end)
