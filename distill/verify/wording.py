"""Words that make another value of what stands beside them, or none: alternations for regular expressions, by effect.

Whatever reads prose (beside a box, where a line ends, around "the answer is", among options) builds its patterns from
these, so that a word that denies, doubts, bounds or scales does so everywhere.
"""

import re

NOT = r"not|never|neither|nor|cannot|can't|couldn't|isn't|aren't|wasn't|hardly|nicht|kein|keine|pas"
"""Denies what follows."""

INSTEAD = r"instead of|rather than|different from|other than|except(?: for)?|unlike|contrary to|besides"
"""Names what is not meant."""

WRONG = r"wrong|incorrect|false|untrue|mistaken|erroneous|invalid"
"""Said of an answer."""

MAYBE = r"maybe|perhaps|possibly"
MIGHT = r"might|may|could"

SUPPOSED = r"if|suppose|supposing|assume|assuming|unless|whether"
"""Begins what is not said to be so."""

CLAIMED = (
    r"claims?|claimed|doubts?|doubt|denies|deny|tempting|tempted|popular|unsure|guess|arguments?|argues?|argued|sometimes"
    r"|somebody|someone|others|naive|naively|mistakenly|incorrectly"
)
"""Somebody else's answer, or nobody's."""

EXCLUDE = r"avoid|exclude|reject|rule out|discard"

BOUND = (
    r"at most|at least|over|under|above|below|beyond|up to|down to|between"
    r"|(?:greater|less|more|fewer|larger|smaller|higher|lower) than|exceeds?|exceeding"
)
"""What follows is a bound."""

BOUND_ELSEWHERE = (
    r"mehr als|weniger als|höchstens|mindestens|plus (?:de|que)|moins de|más de|menos de|более|менее|больше|меньше"
)

TIMES = r"half|twice|thrice|double|triple"
SIGN = r"minus|negative"

DIRECTION = (
    r"ago|hence|below|behind|ahead|earlier|later|early|late|before|after|backwards?|back|downwards?|down|off|in debt"
)
"""Behind a quantity: to which side of something it is."""

FUNCTION = r"power|root|square|cube|logarithm|reciprocal|inverse|opposite|multiple|half|twice|double"
"""`the square of 5` is another number."""

SCALES = frozenset(
    """hundred thousand million billion trillion quadrillion dozen gross score lakh crore squared cubed factorial halves
    thirds quarters fifths tenths hundredths thousandths millionths billionths bn tn mrd mio mln mil kilo mega giga
    micro milli nano ppm permil mille bp bps basis base mod modulo millionen tausend""".split()
)
SCALE = "|".join(sorted(SCALES, key=len, reverse=True)) + "|per mille"
"""Stands behind a number and makes another of it."""

SCALES_OF_HAN = "万億亿兆百千十억만조천백半倍割‰"
"""Characters of Chinese, Japanese and Korean that do the same."""

SECOND_THOUGHT = r"wait|hold on|sorry|oops|hmm|actually|correction|on reflection|scratch that|make that|just kidding"
"""Begins what takes back an answer."""

RETRACTION = (
    r"edit(?:ed)?|updated?|erratum|whoops|apologies|nope|no(?=[,:;.!])|(?:on|upon) (?:second thoughts?|review|checking)"
    rf"|my (?:mistake|bad)|{SECOND_THOUGHT}"
)
"""Begins a sentence that puts another answer in place of the one before."""

GIVES_UP = (
    r"I (?:do not|don't|can't|cannot|could not|couldn't) (?:know|determine|solve|find|say|tell|finish)"
    r"|(?:am )?(?:unable|not able) to (?:determine|solve|find|say|tell|finish)|have no answer"
    r"|give up|no idea|there is no (?:valid )?(?:solution|answer)|so no (?:solution|answer) exists|contradiction"
)
"""Says that there is no answer, or that none is known."""

REVISION = r"but|however|actually|correction|sorry|wait|re-?checking|checking again|on reflection"
"""Begins what gives another answer."""


def roots(*alternations: str) -> tuple[str, ...]:
    """Strings of which one stands in whatever these alternations match, to be looked for before them."""
    words = {re.split(r"[(\[\\?]", word)[0].strip() for word in "|".join(alternations).split("|")}
    return tuple(sorted(word for word in words if not any(other in word for other in words - {word})))
