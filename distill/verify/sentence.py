"""A gold answer of words in the last sentence of a response that nothing marks: `It will be a Monday`."""

import re
from fractions import Fraction

from distill.verify.clause import last_sentence
from distill.verify.notation import same_words
from distill.verify.number_words import in_words
from distill.verify.plain_number import as_number
from distill.verify.wording import CLAIMED, EXCLUDE, INSTEAD, MAYBE, MIGHT, NOT, SUPPOSED, WRONG

LONGEST = 120
"""Characters of a sentence that says nothing but an answer."""

_TEXT = re.compile(r"\\(?:text\w*|mathrm|mathbf)\s*\{([^{}]*)\}")
_UNSURE = re.compile(
    rf"\b(?:{NOT}|{INSTEAD}|{MAYBE}|{MIGHT}|{SUPPOSED}|{CLAIMED}|{EXCLUDE}|{WRONG}|no|none|nobody|or|either|but|would|should|opposite"
    r"|before|after|than|almost|nearly|fails?|unless|only|except|want|show|prove|more|less|fewer|least|most|another|other)\b"
    r"|n't\b|\?",
    re.IGNORECASE,
)
_IS = r"\b(?:is|are|was|were|be|becomes?|called|named)(?: (?:a|an|the|always|therefore|thus|indeed|clearly|also)){0,2}"
_NOUN = r"(?: (?:function|number|integer|series|sequence|triangle|quadrilateral|curve|matrix|relation|prime))?"
_VERB = re.compile(
    r"(?:con|di)verges?(?: absolutely| conditionally)?|(?:in|de)creases?|exists?|does not exist", re.IGNORECASE
)
_SUBJECT = (
    r"(?:(?:so|thus|hence|therefore),? )?(?:the |this |that )?(?:[a-z]+ ){0,3}?"
    r"(?:series|sequence|integral|sum|it|function|limit|product|value)"
)
_COUNTS = re.compile(
    r"\b(?:has|have|had|is|are|was|were|be|gets?|got|needs?|needed"
    r"|makes?|made|leaves|left with|equals|=|takes?|buys?|bought)"
    r" (?P<words>[a-z]+(?:[- ][a-z]+){0,6})",
    re.IGNORECASE,
)


_SCALING = frozenset("dozen times half halves thirds quarters tenths of and to by pairs each per".split())


def is_said(response: str, gold: str) -> bool | None:
    """Does the last sentence of a response say a gold answer of words, or one number in words?

    None where it holds those words and perhaps means something else.
    """
    sentence = last_sentence(response.rstrip().rpartition("\n")[2]).strip().rstrip(" .!").replace("$", "")
    if not 0 < len(sentence) <= LONGEST:
        return False
    wanted = " ".join(_TEXT.sub(r"\1", gold).strip(" $.").split())
    if (number := as_number(gold)) is not None:
        return _counts(sentence, number)
    if not re.fullmatch(r"[^\W\d_]{3,}(?: [^\W\d_]+){0,4}", wanted) or not same_words(wanted, wanted):
        return False
    if not re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", sentence, re.IGNORECASE):
        return False
    said = rf"{_IS} {re.escape(wanted)}{_NOUN}$"
    if _VERB.fullmatch(wanted):
        said = rf"^{_SUBJECT} {re.escape(wanted)}$"
    told = re.search(said, sentence, re.IGNORECASE)
    return True if told and not _UNSURE.search(sentence.lower().replace(wanted.lower(), "")) else None


def _counts(sentence: str, gold: Fraction) -> bool | None:
    """Is the one number in words of a sentence the gold number? `John has five dogs` has five; one is a pronoun too."""
    words = [word.strip(",;:") for word in sentence.split()]
    if any(map(str.isdigit, sentence)):
        return False
    told = _COUNTS.search(sentence)
    counted = told["words"].split() if told else []
    size = next((size for size in range(len(counted), 0, -1) if in_words(" ".join(counted[:size])) is not None), 0)
    found = [word for word in words if in_words(word) is not None and word.lower() != "one"]
    value = in_words(" ".join(counted[:size])) if size else None
    if value == gold and value > 1 and not set(found) - set(counted[:size]) and not _UNSURE.search(sentence):
        return None if counted[size : size + 1] and counted[size] in _SCALING else True
    return None if value == gold or gold in map(in_words, words) else False
