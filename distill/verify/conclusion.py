"""What is concluded behind a box: another number, that its value is none, or that there is no solution."""

import re

from distill.verify.clause import last_sentence, unit_behind
from distill.verify.plain_number import as_number
from distill.verify.wording import REJECTED

FARTHEST = 2000
"""Characters behind a box that are looked at."""

SHORTEST = 12
"""Characters of the shortest conclusion, `So it's 10.`"""

LONGEST = 300
"""Characters of a sentence that concludes."""

_NUMBER = r"-?(?:\\?\$)?\d(?:[\d.,/]*\d)?"
_CONCLUDES = re.compile(
    r"\b(?:so|thus|therefore|hence|we (?:get|have|obtain|need)"
    r"|gets?|gives?|giving|yields?|leaving|leaves|go with|shows?"
    r"|totals?|(?:an)?other(?: one| solution| value)? is|what (?:we want|is asked)|in total|more (?:exactly|precisely)"
    r"|(?:and|while) (?:the|its) (?:[a-z]+ ){1,6}(?:is|are)"
    r"|turns? out|in fact|it is|it's|(?:question|problem)[a-z, ]{0,20} asks|is what we want"
    r"|dividing|doubling|halv\w+|counting|plus|minus|times"
    r"|after [a-z ]{2,30} it|then the|the (?:largest|smallest|other|rest) is)\b|∴|\\therefore|[所因]以|故",
    re.IGNORECASE,
)
_ENDS_ON = re.compile(
    rf"(?:^|[\s=≈:(是为得]|\$)(?P<value>{_NUMBER})(?!\s*[\\^*/+(]"
    rf"|\s*-\s*\d)\s*\$?(?:\*\*)?(?P<behind>(?: [a-zA-Z²³/°]{{1,14}}){{0,3}})"
    r"(?:,? which is what [^.\n]{1,40})?[\s.!)*$。]*$"
)
_IS_RIGHT = re.compile(
    rf"\b(?:so|thus|therefore|hence),? (?P<value>{_NUMBER}) is (?:the )?(?:correct|right|answer)\b", re.I
)
_IS_SAID = re.compile(
    rf"(?:so|thus|hence|therefore),? (?:it's|it is|the (?:answer|sum|total|result) (?:is|must be|should be))"
    rf" (?:actually )?\$?{_NUMBER}[\s$.!]*",
    re.IGNORECASE,
)
_WANTED = re.compile(rf"(?P<value>{_NUMBER})\$?,? is (?:what (?:we|is)|the one) (?:want|need|asked|are looking)", re.I)
_CHECKING = re.compile(
    r"\b(?:check\w*|verif\w+|confirm\w*|substitut\w+|plug\w*|indeed|satisf\w+|consistent|for example|e\.g\.|note|recall"
    r"|approximately|about|roughly|rounded|rounding|nearest|expected|in other words|equivalent\w*|works|matches|agrees"
    r"|probe|prüfung|vérifi\w*|comprob\w*|provided|mistake|error)\b|[≈✓✔✅%]|\\approx|\\checkmark|验证|检验|检查",
    re.IGNORECASE,
)
_EQUALS = re.compile(rf"=\s*{_NUMBER}[\s$.!]*$")
_EXPLAINS = re.compile(r"[\s$).*]{0,6},?\s*(?:since|because|as|where|which is|when|if)\b", re.IGNORECASE)
"""What follows is why."""

_FORGOT = re.compile(
    r"\b(?:I|we) (?:forgot|missed|overlooked|miscounted|double-?counted)\b(?! to (?:mention|say|note|add that|state))",
    re.IGNORECASE,
)
_MORE_THAN = re.compile(
    rf"[\s$]{{0,3}}(?:[a-z]{{2,14}} )?(?:more|less|fewer|times)\b[^.;\n]{{0,80}}\b(?:i\.e\."
    rf"|that is|which (?:is|makes)|so),?\s+\$?(?P<value>{_NUMBER})"
    r"(?: [a-z]{1,14}){0,2}[\s.$]*$",
    re.IGNORECASE,
)
_OF_ANOTHER = re.compile(
    r"(?:hence|so|thus|therefore),? (?:the|its) (?!(?:final |correct "
    r"|required )?(?:answer|value|result|solution|number)\b)[a-z ]{1,40}\bis\b",
    re.IGNORECASE,
)
"""Something else than what stands in the box."""

_IN_CASE = re.compile(
    r"\b(?:for|if|when|where|(?<!go )with|at|mod|modulo|part|case|step)\s*\$?(?:[a-z]\s*=\s*)?$", re.IGNORECASE
)
_REVISES = re.compile(
    r"\b(?:actually|reconsider|but|however|wait|hmm+|forgot|missed|overlooked|since it is not)\b", re.I
)
_FAILED = re.compile(r"(?:[✗✘❌]|\\times)\s*\$?\s*$")
_NAMED_NONE = re.compile(
    rf"(?:\b[a-z]\s*=\s*)?(?P<value>-?\d[\d.,/]*(?<![.,]))\s*\$?,? (?:is"
    rf"|was|must be|has to be) (?:therefore |thus |clearly |also )?"
    rf"(?:{REJECTED}|impossible|rejected|not (?:allowed|possible|valid|admissible|a solution))\b",
    re.IGNORECASE,
)
_CONCLUDES_NONE = re.compile(
    r"(?:^|[\s,.;])(?:so|thus|hence|therefore|consequently)\b,? (?:(?:that|and"
    r"|we see) )*(?:the (?:equation|system|problem) has|there (?:is|are|exists?))?"
    r" ?no (?:(?:real|valid|such|integer|possible|positive) ){0,2}(?:solutions?(?: exists?)?"
    r"|answer|(?:number|value|[$]?[a-z][$]?) exists?)\s*[.!$*]*$"
    r"|^(?:\W*no (?:(?:real|valid|such) )?solutions?(?: exists?)?|there (?:is|are) no solutions?)[\s.!]*$",
    re.IGNORECASE,
)
_GIVEN_AS_REASON = re.compile(r"(?:^|[.!?\n]\s*)(?:since|because|as)\b[^.\n]*$", re.IGNORECASE)
_MAIN_CLAUSE = re.compile(rf"[\s$]*,\s*\$?(?:[a-z]\s*=\s*)(?P<value>{_NUMBER})", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?:[A-Za-z]{1,3}\s*=\s*)?[\\$\s]*(-?[\d.,]+(?:/\d+)?|-?\\[dt]?frac\s*\{\d+\}\s*\{\d+\})(?:[\s$\\%°,;!]|\\text\w*\s*\{[^{}]*\})*"
)


def later_number(before: str, content: str, after: str) -> str | None:
    """The plain number that is concluded behind a box with another one; None where nothing is, or it is a check.

    It may be the answer, or a remark on it.
    """
    boxed = _PLAIN.fullmatch(content.strip())
    if boxed is None or len(after) < SHORTEST:
        return None
    value = boxed[1]
    if (main := _MAIN_CLAUSE.match(after)) and _GIVEN_AS_REASON.search(before[-LONGEST:]):
        return main["value"]
    near = after[:FARTHEST].strip()
    if _FAILED.search(near) and "heck" in near:
        return ""
    sentence = last_sentence(near[near.rfind("\n") + 1 :])
    if len(sentence) > LONGEST or not re.search(r"\d", sentence):
        return None
    if (more := _MORE_THAN.match(after)) is not None:
        return _other(more["value"], value)
    if found := _IS_RIGHT.search(sentence) or _WANTED.search(sentence):
        return _other(found["value"], value)
    if _FORGOT.search(near) and not re.search(rf"(?<![\d.,]){re.escape(value)}(?![\d,]|\.\d)", near):
        return ""
    is_told = _IS_SAID.fullmatch(sentence) or (_FORGOT.search(near) and _EQUALS.search(sentence))
    if not is_told and (_EXPLAINS.match(after) or _CHECKING.search(near) or not _CONCLUDES.search(sentence)):
        return None
    return _at_the_end(sentence, content, value, near)


def _at_the_end(sentence: str, content: str, boxed: str, near: str) -> str | None:
    """The number that a sentence ends on, unless it names the boxed one too, or counts in another unit."""
    found = _ENDS_ON.search(sentence)
    if found is None or _IN_CASE.search(sentence, 0, found.start("value")):
        return None
    others = [m[0] for m in re.finditer(_NUMBER, sentence[: found.start("value")])]
    if any(_same(other, boxed) for other in others) and not (_REVISES.search(near) or _OF_ANOTHER.search(sentence)):
        return None
    unit, theirs = (
        unit_behind(sentence, found.end("value")),
        unit_behind(near.lstrip("$ "), 0) or re.sub(r"[^a-z]|text", "", content),
    )
    return None if unit and theirs and unit != theirs else _other(found["value"], boxed)


def _other(value: str, boxed: str) -> str | None:
    return None if _same(value, boxed) else value


def _same(one: str, other: str) -> bool:
    ours, theirs = (
        as_number(re.sub(r"\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}", r"\1/\2", text.replace("\\$", "").strip("$ ")))
        for text in (one, other)
    )
    return ours == theirs if ours is not None and theirs is not None else one.strip() == other.strip()


def called_none(content: str, after: str) -> bool:
    """Is the boxed number itself called extraneous, or the like, further behind?"""
    boxed = _PLAIN.fullmatch(content.strip())
    return boxed is not None and any(
        _same(found["value"], boxed[1]) for found in _NAMED_NONE.finditer(after[:FARTHEST])
    )


def concludes_none(content: str, after: str) -> bool:
    """Does what follows a box with a number other than zero conclude that there is no solution?"""
    near = after[:FARTHEST].rstrip()
    if "no " not in near.lower() or (boxed := _PLAIN.fullmatch(content.strip())) is None or _same(boxed[1], "0"):
        return False
    return _CONCLUDES_NONE.search(last_sentence(near[near.rfind("\n") + 1 :])[-LONGEST:]) is not None
