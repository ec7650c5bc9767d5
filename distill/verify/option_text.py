"""Where in an answer the text of an option may stand: alone, behind "so it is", before "because"."""

import re
from collections.abc import Iterator

from distill.verify.wording import FUNCTION, NOT, SIGN, WRONG

_REASON = re.compile(
    r",?\s+(?:because|since|as|which|so|while|whereas|weil|da|car|porque|потому)\b"
    r"|,?\s+(?:and )?(?:not|rather than|instead of)\b"
)
_PAUSE = re.compile(r"[,;.]\s+|\s+[(–—]\s*")
_HEDGE = re.compile(r"\b(?:or|and|both|but|maybe|perhaps|possibly|no|wait|actually|oder|und|ou|et)\b", re.IGNORECASE)
_TWO_WORDS = re.compile(r"[^\W\d]+(?:'\w+)? +[^\W\d]{2}")
_SO = r"(?:(?:so|thus|therefore|hence|clearly),?\s+)?"
_LEAD = re.compile(
    rf"{_SO}(?:(?:(?:it|that|this)(?: is|'s| must be| has to be| would be| should be)"
    r"|(?:I|we)(?: would|'d|'ll| will| must)? (?:go with|choose|pick|select)"
    r"|the (?:final )?(?:result|value|total|sum) (?:is|equals)|the)\s+(?:the\s+)?)?(?=\S)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    rf"{_SO}(?:(?:the|its|their) (?:(?!(?:{NOT}|{SIGN}|{WRONG}|{FUNCTION}|only)\b)[a-z]+\s+){{1,3}}|it\s+)"
    r"(?=[a-z]{3,}s(?: |$|\.))",
    re.IGNORECASE,
)
"""Before what an option such as "Decreases" says."""

_IS_RIGHT = re.compile(
    rf"{_SO}(.{{1,300}}?) (?:is|are|must be) (?:therefore |clearly |indeed |thus )?"
    r"(?:the )?(?:only )?(?:correct|right|best)(?: answer| option| choice| one)?[.!]?",
    re.IGNORECASE,
)


_ALL = re.compile(r"(all (?:of )?(?:the )?(?:above|these|them))\s*[:(–—]\s*([^()]+)\)?[.]?", re.IGNORECASE)


def all_listed(said: str, options: list[str]) -> str | None:
    """`All of the above` where only texts of options stand behind it, as in "All of the above: red, blue"."""
    found = _ALL.fullmatch(said)
    listed = re.split(r"\s*[,;&]\s*|\s+(?:and|as well as)\s+", found[2].casefold()) if found else []
    texts = {option.casefold() for option in options}
    return found[1] if found and {text.removeprefix("and ") for text in listed} <= texts else None


def candidates(said: str) -> Iterator[tuple[str, str]]:
    """What may be the text of an option, each with the remark behind it, which must name no other option."""
    yield said, ""
    if right := _IS_RIGHT.fullmatch(said):
        yield right[1], ""
    if subject := _SUBJECT.match(said):
        yield said[subject.end() :].rstrip("."), ""
    lead = _LEAD.match(said)
    for bare in [said, said[lead.end() :]] if lead else [said]:
        yield bare, ""
        if reason := _REASON.search(bare):
            yield bare[: reason.start()], ""
        pause = _PAUSE.search(bare)
        if pause and _TWO_WORDS.match(bare, pause.end()) and not _HEDGE.search(bare, pause.end()):
            yield bare[: pause.start()], bare[pause.end() :]


def names(remark: str, text: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(text.casefold())}(?!\w)", remark.casefold()))
