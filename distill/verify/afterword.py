"""What stands behind an answer that nothing marks, and is none of it: where it is attained, a check, a reason."""

import re

from distill.verify.clause import last_sentence

LONGEST = 300
"""Characters of a sentence, or of a check, that are looked at."""

_VALUE = r"(?:\*\*)?(?:\$[^$]{1,60}\$|-?\d[\d.,/]*(?<![.,]))(?:\*\*)?"
_EXTREME = (
    r"\b(?:max(?:im\w+)?|min(?:im\w+)?|supremum|infimum|upper bound|lower bound"
    r"|(?:largest|smallest|greatest|least|highest|lowest)(?: possible)? [a-z]+)\b"
)
_ATTAINED = (
    r"(?:attained|achieved|reached|obtained|reali[sz]ed|assumed|taken|occurring|occurs|happening|happens|equality)"
)
_PLACE = r"(?:at|when|for|iff?|where|by)\b(?:(?!\b(?:at|when|for|if|iff|where)\b)[^.;]){0,80}"
_AT_A_PLACE = re.compile(
    rf"(?P<kept>.{{0,200}}?{_EXTREME}[^.;=\d]{{0,60}}(?:\b(?:is"
    rf"|equals|of|value)|[=:])\s*{_VALUE}(?: [a-z²³/]{{1,12}}){{0,2}}?)"
    rf"\s*[,(]?\s*(?:(?:and|which|it|is|this|the|value"
    rf"|with) ){{0,4}}(?:{_ATTAINED} )?(?:exactly |precisely |only )?{_PLACE}",
    re.IGNORECASE,
)
_IN_CASE = re.compile(
    r"(?:\b(?:is|are|equals)|=) \d[\d.,]*(?: [a-zA-Z²³]{2,12}){1,2}(?P<case> (?:for"
    r"|when|if|at|where) \(?[a-zA-Z] ?= ?-?[\d.]+\)?[.]?)$"
)
_ENDS_ON_LETTER = re.compile(r"[a-zA-Z] ?= ?-?[\d.]+\)?[.]?$")
LONGEST_VALUE = 40
"""Characters of a letter with its value."""

_SAYS_EXTREME = re.compile(rf"{_EXTREME}[^.;\n]{{0,60}}?(?:\b(?:is|equals|of)|[=:])\s*{_VALUE}[.\s$*]*$", re.IGNORECASE)
_PLACE_ALONE = re.compile(
    rf"[\s*_>-]*(?:and )?(?:(?:with |the )?equality|this|it|which)?\s*(?:(?:is|are|can be|holds|value) )*"
    rf"(?:{_ATTAINED} )?(?:at|when|for|if and only if|iff?|by)\b:?[^.!?;\n]{{0,80}}[.]?",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"(?P<kept>(?:.{0,200}?(?:\b(?:es|est|ist|beträgt|vale|vaut|igual a|равно|равен|равна)|[=:是为])\s*)?"
    rf"{_VALUE})"
    r"\s*[,，(（]?\s*(?:(?:y|e|et|und|и|при этом) )?"
    r"(?:(?:se (?:alcanza|obtiene)|si ottiene|(?:il |elle |он[ао]? )?(?:est )?atteinte?s?|достигается"
    r"|(?:(?:er|sie|es) )?wird (?:erreicht|angenommen)|当且仅当|当|при))"
    r"[^.;\n]{0,80}[.。)）]?\s*$"
)
"""The same in a few other languages."""

_PLACED_ELSEWHERE = ("alcanza", "obtiene", "attein", "достига", "wird ", "当", "при", "ottiene")
_PLACING = ("attain", "achiev", "reach", "equality", "occur", "happen", "max", "min", "est ", "bound")
"""One of them stands wherever a value is said to be attained."""

_CHECK = re.compile(
    r"(?:(?<=[.!?)*$])[ \t]+|\n\s*)[*_#(]{0,4}(?:(?:to|let us|let's|we(?: can)?|i) )?"
    r"(?:double-check|sanity check|check(?:ing)?|verif(?:y|ying|ication)|proof check|probe)\b[^\n:.,]{0,40}[:.,*]",
    re.IGNORECASE,
)
_NOT_A_CHECK = re.compile(
    r"\b(?:therefore|thus|hence|answer|instead|actually|must"
    r"|should(?! be[.!\s]*$)|wait|no|not|then|next|finally|now|fails?|wrong"
    r"|so(?! (?:it|this|that|the (?:answer|solution|result|value)) (?:works|holds|checks|is (?:correct|right|valid)))"
    r")\b|n't\b|[≠✗✘❌?]|\\neq?(?![a-z])",
    re.IGNORECASE,
)
"""In what would be a check: it goes on, or has failed."""

_REASON = re.compile(
    rf"(?P<kept>[^,;]{{0,100}}(?:=|\b(?:is|are|equals|get|gives))\s*{_VALUE}(?:,? (?:and|or) {_VALUE})?"
    r"(?: [a-z]{1,12})?),? (?:because|since)\b"
    r"(?![^\n]*\b(?:so|thus|hence|therefore|answer|leaving|leaves)\b)",
    re.IGNORECASE,
)


def without_afterword(text: str) -> str:
    """A text as far as the end of its answer: `The maximum is 14, attained at x = 3.` without where."""
    near = text[-LONGEST:].lower()
    if "check" in near or "verif" in near:
        text = _without_check(text)
    if "because" in near or "since" in near:
        text = _cut(text, _REASON)
    if "=" not in near and ":" not in near:
        return text
    if any(map(near.__contains__, _PLACED_ELSEWHERE)):
        text = _cut(text, _ELSEWHERE)
    text = _without_case(text)
    return _without_place(text) if any(map(near.__contains__, _PLACING)) else text


def _without_check(text: str) -> str:
    """Without the check that it ends on, unless that fails or something else is concluded from it."""
    found = _CHECK.search(text, max(0, len(text) - LONGEST))
    if found is None or not re.search(r"\d", text[: found.start()].rpartition("\n")[2]):
        return text
    return text if _NOT_A_CHECK.search(text, found.end()) else text[: found.start()].rstrip()


def _without_place(text: str) -> str:
    """Without where the extreme value is attained, in its own sentence or in another one behind it."""
    sentence = last_sentence(text[text.rfind("\n") + 1 :])
    if len(sentence) <= LONGEST and _PLACE_ALONE.fullmatch(sentence):
        before = text[: len(text) - len(sentence)].rstrip()
        if _SAYS_EXTREME.search(before, max(0, len(before) - LONGEST)):
            return before
    return _cut(text, _AT_A_PLACE)


def _without_case(text: str) -> str:
    """Without the value of a letter for which a quantity holds: `12 units for n = 2`."""
    if not _ENDS_ON_LETTER.search(text, max(0, len(text) - LONGEST_VALUE)):
        return text
    found = _IN_CASE.search(text, max(0, len(text) - LONGEST))
    return text[: found.start("case")] if found else text


def _cut(text: str, pattern: re.Pattern[str]) -> str:
    """What the last sentence of a text says before it goes on as the pattern does."""
    sentence = last_sentence(text[text.rfind("\n") + 1 :])
    if len(sentence) > LONGEST:
        return text
    found = pattern.match(sentence)
    if found is None or (pattern is _AT_A_PLACE and not re.fullmatch(r"[\s.!)*$]*", sentence[found.end() :])):
        return text
    return text[: len(text) - len(sentence)] + found["kept"]
