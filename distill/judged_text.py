"""Which text a verdict is of: the final part of an answer, the same wherever its thinking stands, and its digest."""

import re

from distill.files import whole_text
from distill.records import digest, split_reasoning
from distill.verify.stop_tokens import without_stop_tokens

_THOUGHT = re.compile(r"<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>", re.DOTALL)
_SOLUTION = re.compile(r"<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|$)", re.DOTALL)
_OPENING = "<|begin_of_thought|>"


def parts_of(text: str) -> tuple[str, str]:
    """Thinking and what follows it, whatever marks stand around them: `<think>` or those of OpenThoughts and Sky-T1."""
    if _OPENING not in text:
        return split_reasoning(text)
    thought, solution = _THOUGHT.search(text), _SOLUTION.search(text)
    thinking = thought[1] if thought else text.partition(_OPENING)[2]
    return thinking.strip(), (solution[1] if solution else "").strip()


def is_cut(text: str) -> bool:
    """Does it think to its end?"""
    if _OPENING in text:
        return "<|end_of_thought|>" not in text
    return text.rfind("<think>") > text.rfind("</think>") and not split_reasoning(text)[1]


def judged_digest(response: str) -> str:
    """Of the final part of a response: thinking, stop tokens and the width of white space make no difference.

    The same comes of a whole answer and of one whose thinking stands apart from it.
    """
    final = without_stop_tokens(parts_of(without_stop_tokens(whole_text(response)))[1])
    return digest(" ".join(final.split()))
