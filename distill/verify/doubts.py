"""What a response says behind its answer that leaves it in doubt: a fault that it admits, a check that fails.

Rules that know what stands in the answer's place come first (`second_thoughts`, `conclusion`); this is for words that
tell no more than that something is amiss. The verdict is open then: the answer may yet be right.
"""

import re

NEAR = 800
"""Characters behind an answer that are looked at."""

SHORTEST = 4
"""Characters of the shortest such words, `无解。`"""

_ADMITS = re.compile(
    r"\b(?:(?:we|I|this|that|it)(?:'ve| have| has)? (?:double[- ]?count(?:ed|s)?|over-?count(?:ed|s)?"
    r"|mis-?(?:read|counted|calculated)|forgot(?! to (?:mention|say|note|add that|state)))|(?:is|was) an over-?count"
    r"|I(?:'ve| have)? (?:think |believe |see |realize )?(?:I(?:'ve| have)? )?made (?:an?|some)"
    r" (?:\w+ )?(?:error|mistake)"
    r"|(?:does|did)(?:n't| not) (?:look|seem) (?:right|correct)"
    r"|(?:the )?(?:answer|result|value|box)(?: above| before)? (?:is|was) (?:wrong|incorrect|not (?:right|correct))"
    r"|let me (?:re(?:compute|do|calculate|think|consider|work|-?examine)\b|try (?:again|once more))|revised(?: to)?\b"
    r"|(?:you(?:'re| are) right|that(?:'s| is) wrong)\b|should double-?check)|\((?:rejected|revised|wrong|incorrect)\)"
    r"|^[\s$).]*(?:is|was) (?:wrong|incorrect)\b",
    re.IGNORECASE,
)
_WORDS = (
    *("count", "misread", "miscalc", "forgot", "made a", "look right", "look correct", "seem right", "seem correct"),
    *("wrong", "incorrect", "not right", "not correct", "let me re", "let me try", "revised", "rejected"),
    *("you're right", "you are right", "double-check", "double check"),
)
"""One of them stands in whatever admits a fault; looking for them is faster."""

_ELSEWHERE = re.compile(
    r"不[合符]|无解|算错|有误|舍去|更正|ошибка|нет решени|entfällt|keine lösung|verrechnet|ne convient pas"
    r"|pas de solution|je me suis trompé|no es v[áa]lid|no hay soluci[óo]n|me equivoqu|não é válid|non è valid",
    re.IGNORECASE,
)
"""The same, and that there is no solution, in a few other languages."""

_PLAIN = ("ne convient", "pas de solution", "no es valid", "me equivoqu", "verrechnet")
"""Of these in plain letters."""

_OTHERS = re.compile(
    r"\b(?:common|typical|frequent|easy|students?|people|someone|some|if (?:you|we|one)|otherwise)\b", re.IGNORECASE
)
"""Whose fault it is then: not this answer's."""


def is_doubted(after: str, answer: str) -> bool:
    """Does the text behind an answer admit a fault in it, without coming to the same answer again?"""
    near = after[:NEAR]
    lower = near.lower()
    if any(map(lower.__contains__, _WORDS)):
        for found in _ADMITS.finditer(near):
            begin = max(near.rfind(mark, 0, found.start()) for mark in ".!?\n") + 1
            if not _OTHERS.search(near, begin, found.end()) and answer.strip("$ ") not in near[found.end() :]:
                return True
    if lower.isascii() and not any(map(lower.__contains__, _PLAIN)):
        return False
    return _ELSEWHERE.search(lower) is not None
