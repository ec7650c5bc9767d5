"""The number that a line ends on, where nothing announces the answer: a range, a bound and one of several are none."""

import re
from collections.abc import Sequence

from distill.verify.algebra.units import is_unit, name_of
from distill.verify.elsewhere import changed_elsewhere
from distill.verify.wording import BOUND, BOUND_ELSEWHERE, CLAIMED, MIGHT, NOT, REJECTED, SIGN, SUPPOSED, TIMES, WRONG

_WORDS = (
    rf"(?:{NOT}|{BOUND}|{BOUND_ELSEWHERE}|{TIMES}|{SIGN}|than|least|most|as (?:many|much|few|little) as"
    r"|maximum of|minimum of|steps?|cases?|parts?|problems?|questions?|figures?|equations?|examples?|lines?)"
)
_BEFORE = re.compile(
    rf"(?:[<>≤≥≠≲≳±]|[<>!]=|\\(?:leq?|geq?|neq?|lt|gt|pm)(?![a-zA-Z])|(?<![\w]){_WORDS}|n't"
    rf"|(?:{MIGHT}) (?:well |also )?be|nowhere near|(?:would|could|might) have been|\breject(?:s|ed)? (?:[a-z] =)?)"
    r"[\s(]{0,3}(?:(?:be|is|a|an|the|about|exactly|just|only|possibly|ever|equal(?: to)?) ){0,2}[$€£¥]?$",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"(?:[0-9)%°}] ?(?::|-|–|—|\.\.\.?|to|through|till|until|bis|à|or|oder|ou|или|до)"
    r"|\b(?:between|from|von|zwischen|entre|de|от|между)\b[^.;]{0,40}\b(?:and|to|und|bis|et|à|y|a|и|до))"
    r" ?[$€£¥]?$",
    re.IGNORECASE,
)
_LISTED = re.compile(r"[0-9)],? ?(?:and|und|et|y|&) ?$")
_COMMA = re.compile(r"[0-9)] ?[,;] ?$")
_STOP = re.compile(r"[\s.!)$]*$")
_AFTER = re.compile(
    r" ?(?:[!^±+*]|\\pm|π|√|\\(?:pi|sqrt)(?![a-zA-Z])|(?:pi|sqrt)\b)|(?-i:[abefijknpqrvwxyzM])(?![a-zA-Z])"
    r"| ?(?:[a-z]{1,12} )?(?:or (?:more|less|fewer|greater|so|above|below|higher|lower)"
    r"|to the (?:power|square|third|[a-z]{2,9}th)|(?:short|shy) of (?:an?|one|two) (?:dozen|hundred|thousand|million)"
    r"|at (?:most|least)|and (?:above|below|up|more)|is (?:wrong|incorrect|not)|fails|contradicts"
    r"|(?:does|do|did)(?:n't| not)\b|is too (?:small|large|big|low|high))\b"
    r"| (?:is|was)(?:n't| not)(?=\s*(?:[.!;,]|$))"
    rf"| ?(?:[a-z]{{1,8}} ){{0,2}}(?:{REJECTED})\b| ?\((?:{WRONG}|{REJECTED})\b",
    re.IGNORECASE,
)


def is_changed(line: str, start: int, end: int) -> bool:
    """Does what stands around the last number of a line make another value of it, or one of several?"""
    before = line[max(0, start - 80) : start]
    if any(pattern.search(before) for pattern in (_BEFORE, _RANGE, _LISTED)) or _AFTER.match(line, end):
        return True
    if changed_elsewhere(before, line[end:]) is not None:
        return True
    return bool(_COMMA.search(before) and _STOP.match(line, end))


_CONDITION = re.compile(
    r"(?:,? \(?|\()"
    r"(?:to [a-z]+|after [a-z]+ing(?: away)?|the city|at|in|after|within|during|out of|for|per|by"
    r"|over|on|since|until|every|each|with|when|where|if)"
    r" (?:(?:a|an|the|about|around|year|just|only|all|every|each) ){0,2}(?:[^\W\d]\w{0,12} ?[=≈] ?)?[$€£¥]?$",
    re.IGNORECASE,
)
"""Before a number that says when, where or of how many the number in front of it holds."""

_SHARE_OF = re.compile(r"[0-9)%] of (?:(?:the|all|these|those) )?$")
IN_BRACKETS = re.compile(r"[0-9%°](?: ?[^\W\d][^\s()\[\]]{0,20}){0,3} ?[(\[][^()\[\]]*$")
"""A remark on the number before it."""

_AND_ANOTHER = re.compile(r"[0-9)%°](?: [^\W\d][^\s,]{0,20}){0,2},? (?:and|und|et|y|&) (?:about )?[$€£¥]?$")
_PART_BEFORE = re.compile(r"[0-9] ?([A-Za-z°]{1,10}),? ?$")
_ASSIGNED = re.compile(
    r"(?P<given>\b(?:since|with|for|when|if|at|as|where|given|from|because|substitut\w+|let|setting|using)\b[^.;]*?)?"
    r"(?<![\w+*/^-])(?P<a>[^\W\d]\w{0,12}) ?= ?[^\s=,;]{1,30}(?: [^\s=,;]{1,12})?(?:\s*[,;&]|,?\s+and)\s+"
    r"(?P<b>[^\W\d]\w{0,12}) ?[=≈] ?$",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(
    r"(?:[=≈:→⇒]|\b(?:is|are|was|were|equals?|be|been|becomes?|gets?|gives?|makes?|leaves?|has|have|costs?|earns?"
    r"|pays?|needs?|spends?|totals?|totaling|thus|therefore|hence|so|so that's"
    r"|es|son|est|sont|ist|sind|beträgt|равно|равен|равна|это)"
    r"|[是为有得共]|等于)\s*(?:(?:a total of|exactly|only|just|about|still|now|also) )?[$€£¥]?$",
    re.IGNORECASE,
)
_DESCRIBED = re.compile(r"\b(?:the|these|those|all|both|of|with|for|since|because|if|when|at|in) $", re.IGNORECASE)
_IS = re.compile(r"(?:^|[=≈:]|\b(?:is|are|was|were|equals)(?: about| approximately)?) ?[$€£¥]?$", re.IGNORECASE)
_NOT_SAID = re.compile(rf"\b(?:{NOT}|{SUPPOSED}|{CLAIMED}|{MIGHT})\b|n't\b", re.IGNORECASE)
_SIGNS = frozenset("°C °F °K hPa W % ° M".split())
"""Beside the units that have names."""

LONGEST_UNIT = 2
"""Words between a number and its condition."""


def condition_behind(line: str, numbers: Sequence[re.Match[str]]) -> tuple[int, bool] | None:
    """Where the condition begins in which the last number of a line stands, as in `15 kJ/mol at 298 K`.

    With it: is what stands before surely the answer? `1 in 5` is a share, and "15 apples in 3 boxes" may be either.
    """
    if len(numbers) < 2:
        return None
    found = _CONDITION.search(line, 0, numbers[-1].start())
    if found is None:
        return None
    before = numbers[-2]
    between = line[before.end() : found.start()]
    unit = between.strip()
    if len(unit.split()) > LONGEST_UNIT or re.search(r"[,;.=≈:]", unit):
        return None
    if is_of_units(unit):
        return found.start(), len(numbers) == 2 and _is_said(line[: before.start()], line[numbers[-1].end() :])
    if unit and _DESCRIBED.search(line[: before.start()]):
        return None
    return found.start(), False


def _is_said(before: str, behind: str) -> bool:
    """Is a number said to be the answer, and nothing behind its condition takes it back?"""
    unit = behind.strip(" .!)$")
    return bool(_IS.search(before)) and not _NOT_SAID.search(before) and (not unit or is_of_units(unit))


def is_concluded(before: str) -> bool:
    """Do the words right before a number say that something is it, rather than count or describe something else?"""
    return _CONCLUDED.search(before) is not None


def is_of_units(text: str) -> bool:
    """Is this a unit, or several with strokes and points between them?"""
    names = re.split(r"[\s/·*]+", re.sub(r"\^?[({]?-?[0-9][)}]?", "", text))
    return bool(text) and all(name in _SIGNS or is_unit(name_of(name)) for name in names)


def is_one_of_several(line: str, start: int) -> bool:
    """Is the last number of a line a remark on the one before, part of a quantity, or one of two answers?"""
    before = line[max(0, start - 80) : start]
    if any(pattern.search(before) for pattern in (_SHARE_OF, _AND_ANOTHER)):
        return True
    part = _PART_BEFORE.search(before)
    if part and is_of_units(part[1]):
        return True
    assigned = _ASSIGNED.search(before) if "=" in before else None
    return assigned is not None and not assigned["given"] and assigned["a"] != assigned["b"]
