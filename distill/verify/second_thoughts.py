"""What a response says behind its answer and instead of it: that it was wrong, or another one."""

import re

from distill.verify.notation import last_answer_tag
from distill.verify.statement import phrase_end
from distill.verify.wording import (
    BUT_RATHER,
    MISTAKEN_ABROAD,
    RETRACTION,
    REVISION,
    SECOND_THOUGHT,
    WAIT_ABROAD,
    WRONG,
    roots,
)

WITHDRAWN = re.compile(
    rf"\b(?:(?:{SECOND_THOUGHT})\b[,.:;! ]|no[,.:;!])[^\n]{{0,30}}?\b(?:that|this|it|I)(?:'s| is| was|'m| am) "
    rf"(?:{WRONG}|not (?:right|correct|it)\b)|\bwait\b[,.! ]{{1,5}}(?:no|actually)\b|\bno,? wait\b"
    r"|\b(?:disregard|ignore|scratch) (?:this|that|my)\b|\bI made a mistake\b",
    re.IGNORECASE,
)
"""What takes back the answer before it. `This is wrong` alone does not: it may speak of another way."""

_REVISED = re.compile(
    rf"\b(?:{REVISION}|oops|hmm+|erratum)\b[^\n]{{0,60}}?"
    r"\b(?:it|this|that|the (?:answer|result|value|sum|total)) (?:should|must|ought to) (?:actually |really |instead )?"
    r"(?:be|equal|read)\s+([^\n]{1,200})"
    r"|\b(?:erratum|I (?:forgot|missed|overlooked|miscounted))\b[^\n]{0,60}?"
    r"\b(?:it|(?:the|my) (?:answer|result|value|sum|total)) (?:is|becomes|equals)\s+([-$\\\d(][^\n]{0,200})",
    re.IGNORECASE,
)
_LATER_HASHES = re.compile(r"####[ \t]*([-$\\\d(][^\n]*)")
_CONCLUDED = re.compile(
    r"\n(?:So|Thus|Hence|Therefore)\b,?\s+\$?(?:(?:the|my) (?:\w+ )?(?:answer|result|solution)|[A-Za-z])\s*"
    r"=\s*(\$?[-\d\\][^\n]{0,60}?)[.$]*\s*$"
    r"|(?:double.?check|check again|re-?check)(?:(?!plug|substitut|insert)[^\n\d=]){0,60}\b(?:I|we) (?:get|find)\s+"
    r"(\$?[-\d\\][^\n=]{0,60}?)[.$]*\s*$"
)
"""An answer, or a letter's value: what else is worked out behind an answer is a check of it."""

_REMARK = re.compile(
    r"(?:^|(?<=[.!?\n]))(?=[^.!?\n]{0,200}"
    r"\b(?:(?:common|typical|frequent|usual|easy|classic) (?:mistake|error|pitfall|trap)"
    r"|[Oo]therwise,? the answer would)\b)(?![^.!?\n]{0,200}\b(?:I|my)\b)(?:[^.!?\n]|[.!?](?=\S))*[.!?]?"
)
"""What would come of a fault that others make."""

_CORRECTED = re.compile(r"(?i:correction|final answer|i meant?)\s*[:,]?\s*(\$?[-\d\\][^\n]{0,100}?)[.]?\s*(?:\n|$)")
FARTHEST_ABROAD = 1000
"""Characters behind an answer in which second thoughts in other languages are looked for."""

_BEGINS = r"(?:^|(?<=[\n.!?,;]))[\s*_>(]{0,9}(?:(?:but|however|unfortunately|sadly),?\s+)?"
_RETRACTED = re.compile(rf"{_BEGINS}(?:{RETRACTION})\b(?P<rest>[^\n]*)", re.IGNORECASE)
_CALLED_WRONG = re.compile(
    rf"{_BEGINS}(?:the above|that|this|it|(?:my|the|that|this) (?:final )?(?:answer|result|value))"
    rf"(?:(?:'s| is| was| seems)? (?:{WRONG}|not (?:right|correct|true))"
    r"|(?: cannot| can't| can not) be (?:right|correct|true)|(?: isn't| wasn't) (?:right|correct|true))\b"
    r"(?P<rest>[^\n]*)",
    re.IGNORECASE,
)
_SECOND_ROOTS = (*roots(RETRACTION, WRONG), "right", "correct", "true")
_PUT_INSTEAD = re.compile(
    r"(?:^[\s,:;.!–—-]*|\b(?:is|it's|are|be|get|gives?|need|equals?|have|so|answer|value)\b:?,?\s+)(?:\*\*)?"
    r"(?:\$([^$]{1,60})\$|(-?\$?\d(?:[\d.,/]*\d)?))(?:\*\*)?(?=\s*(?:[.,;!]|$|not\b|instead\b))",
    re.IGNORECASE,
)
_NUMBER = r"(-?\$?\d(?:[\d.,/]*\d)?)"
_ABROAD = re.compile(
    rf"(?:^|[\n.!?;,。！？；，:：])[\s$*_>(]{{0,9}}(?:(?:aber|mais|pero|mas|ma|но|但是?)[\s,，]{{0,3}})?"
    rf"(?:(?:{WAIT_ABROAD})(?=[\s,.!?:;，。！？：；、…])[\s,.!?:;，。！？：；、…]{{0,5}}(?P<mistaken>{MISTAKEN_ABROAD})?"
    rf"|(?P<alone>{MISTAKEN_ABROAD}))(?=(?P<rest>[^\n]{{0,200}}))",
    re.IGNORECASE,
)
_PUT_ABROAD = re.compile(
    r"(?:(?:应该|应当|richtig|das|es|это|должно) ?)?(?:\b(?:ist|sind|lautet|wäre|est|es|son|sería"
    r"|serait|é|è|sono|são|равно|равен|равна|это|быть)\b|[是为=:：は]|의 답은|답은)\s*(?:\*\*)?\$?"
    rf"{_NUMBER}(?![\d+*/^-]|\s*[-+*/^]\s*\d)",
    re.IGNORECASE,
)
_STOP = re.compile(r"[\s$*]*(?:[.!。！]|$)")
_INSTEAD = re.compile(
    rf"[\s$)）*]{{0,6}}[,，;；]?\s*(?:{BUT_RATHER})[\s$*]{{0,4}}(?:[a-z]\s*=\s*)?{_NUMBER}", re.IGNORECASE
)
_NAMED_ANSWER = re.compile(
    r"(?<![\w.])(-?\d(?:[\d.,/]*\d)?)\$?(?:\*\*)? (?:is|as) (?:the|my|our) (?:final |correct |right )?answer\b"
)
_LETTERS_ONLY = re.compile(r"[a-zA-Z](?:_\d)?(?:\s*[-+]?\s*[a-zA-Z](?:_\d)?){0,4}")


def corrected(after: str) -> str | None:
    """What "but it should be 6" names."""
    found = _REVISED.search(after)
    return found[1] or found[2] if found else None


def without_remarks(after: str) -> str:
    """What follows an answer, without what would come of a common mistake."""
    lower = after.lower()
    return _REMARK.sub("", after) if "the answer" in lower or "mistake" in lower else after


def given_later(after: str) -> str | None:
    """What a mark behind the first one gives as the answer; empty where the answer is called wrong."""
    if (tagged := last_answer_tag(after)) is not None:
        return phrase_end(tagged)
    if found := _LATER_HASHES.findall(after):
        return phrase_end(found[-1])
    for pattern in (_CORRECTED, _CONCLUDED):
        if found := pattern.findall(after):
            said = found[-1] if isinstance(found[-1], str) else next(filter(None, found[-1]))
            return phrase_end(said.strip("$ "))
    if found := _NAMED_ANSWER.findall(after):
        return found[-1]
    lower = after.lower()
    if any(map(lower.__contains__, _SECOND_ROOTS)) and (put := _put_instead(after)) is not None:
        return put
    return _put_abroad(after)


def put_in_place(after: str) -> str | None:
    """What stands in place of a value that was denied before: `not 45 but 40`."""
    found = _INSTEAD.match(after)
    return found[1] if found else None


def _put_abroad(after: str) -> str | None:
    """As `_put_instead`, in other languages: `等等，我忘了打折，应该是40`."""
    for found in _ABROAD.finditer(after[:FARTHEST_ABROAD]):
        if found["mistaken"] or found["alone"]:
            values = _PUT_ABROAD.findall(found["rest"])
            return phrase_end(values[-1]) if values else ""
        if (value := _PUT_ABROAD.match(found["rest"])) and _STOP.match(found["rest"], value.end()):
            return phrase_end(value[1])
    return None


def _put_instead(after: str) -> str | None:
    """What "Sorry, 13." names; empty where the answer before it is called wrong, and no other is named."""
    for pattern in (_RETRACTED, _CALLED_WRONG):
        for found in pattern.finditer(after):
            if value := _PUT_INSTEAD.search(found["rest"]):
                return phrase_end(value[1] or value[2])
    said = _CALLED_WRONG.search(after)
    return "" if said and not re.search(r"\d", after[: said.start()] + after[said.end() :]) else None


def worked_out_later(said: str, after: str) -> str | None:
    """The value of a formula of letters such as `m + n`, where what follows gives one: `m + n = 113`."""
    if not _LETTERS_ONLY.fullmatch(said):
        return None
    found = re.findall(rf"{re.escape(said)}\s*=\s*(?:[^=$\n]*=\s*)?([-\d][\d.,/]*\d|\d)(?!\d)", after)
    return found[-1] if found else None
