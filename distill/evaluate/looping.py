"""Did an answer fall into a loop? Cut by us while it was sampled, or found at its end afterwards."""

from distill.records import Trace
from distill.verify.loops import MAX_PERIOD, MIN_REPEATS, find_loop

TAIL = MIN_REPEATS * MAX_PERIOD
"""Characters at the end that a loop is looked for in."""


def is_looping(trace: Trace) -> bool:
    """Was it cut in a loop, or does it end by saying the same again and again?

    The test is that of the teachers' streams, a stretch six times in a row over 2,000 characters: an answer that was
    cut below some 500 tokens is never told to loop, only to be cut.
    """
    return trace.finish_reason == "loop" or find_loop((trace.response or trace.reasoning)[-TAIL:]) is not None
