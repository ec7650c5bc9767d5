"""Did an answer fall into a loop? Cut by us while it was sampled, or found in it afterwards."""

from distill.evaluate.short_loops import is_short_loop
from distill.records import Trace
from distill.verify.loops import MAX_PERIOD, MIN_REPEATS, find_loop
from distill.verify.repetition import repeats

TAIL = MIN_REPEATS * MAX_PERIOD
"""Characters at the end that a loop is looked for in."""


def is_looping(trace: Trace) -> bool:
    """Was it cut in a loop, does it end in one, or did it go round in circles until it was cut?

    The first two by the test of the teachers' streams, a stretch six times in a row over 2,000 characters. The third is
    for answers cut at max_tokens: most of the text stood in it before, word for word, or it ends in words or lines that
    are repeated in a row, however short it is.
    """
    text = trace.response or trace.reasoning
    if trace.finish_reason == "loop" or find_loop(text[-TAIL:]) is not None:
        return True
    return trace.finish_reason == "length" and (is_short_loop(text) or repeats(text) is not None)
