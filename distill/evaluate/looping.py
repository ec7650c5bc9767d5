"""Did an answer fall into a loop? Cut by us while it was sampled, or found in it afterwards."""

from distill.records import Trace
from distill.verify.loops import MAX_PERIOD, MIN_REPEATS, find_loop
from distill.verify.repetition import repeats

TAIL = MIN_REPEATS * MAX_PERIOD
"""Characters at the end that a loop is looked for in."""


def is_looping(trace: Trace) -> bool:
    """Was it cut in a loop, does it end in one, or did it go round in circles until it was cut?

    The first two by the test of the teachers' streams, a stretch six times in a row over 2,000 characters. The third is
    for answers cut at max_tokens: most of the text stood in it before, word for word. An answer of less than some 230
    words is too short for either.
    """
    text = trace.response or trace.reasoning
    if trace.finish_reason == "loop" or find_loop(text[-TAIL:]) is not None:
        return True
    return trace.finish_reason == "length" and repeats(text) is not None
