"""Tokens that end a turn, left as text at the end of a response by whoever decoded it."""

import re

_STOP = re.compile(
    r"<\|(?:endoftext|im_end|eot_id|eom_id|end_of_text|end_of_turn|end_of_sentence|eos|end|return)\|>"
    r"|<｜end▁of▁sentence｜>|<(?:(?:end|start)_of_turn|eos)>|</s>"
)
_LONGEST = 32
"""Characters; none of them has more."""


def without_stop_tokens(text: str) -> str:
    """A text without the stop tokens at its end, nor white space about them; any other stays as it is."""
    end = len(text)
    while (found := _last(text, end)) is not None:
        end = found
    return text[:end].rstrip() if end < len(text) else text


def _last(text: str, end: int) -> int | None:
    """Where a stop token begins that ends here, white space aside."""
    while end and text[end - 1].isspace():
        end -= 1
    if text[end - 1 : end] != ">":
        return None
    tail = text[max(0, end - _LONGEST) : end]
    found = [match for match in _STOP.finditer(tail) if match.end() == len(tail)]
    return end - len(found[0][0]) if found else None
