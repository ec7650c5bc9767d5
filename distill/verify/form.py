"""Is a correct answer one to learn from? Its form, its length and its language."""

import re

from distill.recipe import Accept
from distill.records import Trace
from distill.verify.language import foreign

THINK_TAG = re.compile(r"</?think>")


def flaw(trace: Trace, accept: Accept) -> str | None:
    """Why a trace is not accepted though its answer is correct, in words that group well; None if nothing is amiss."""
    if THINK_TAG.search(trace.reasoning) or THINK_TAG.search(trace.response):
        return "more than one block of thinking"
    if accept.reasoning and not trace.reasoning:
        return "no thinking"
    if accept.max_tokens is not None and trace.completion_tokens > accept.max_tokens:
        return "too long"
    if accept.min_tokens is not None and trace.completion_tokens < accept.min_tokens:
        return "too short"
    if accept.language is not None:
        for part in (trace.reasoning, trace.response):
            if found := foreign(part, accept.language):
                return found
    return None
