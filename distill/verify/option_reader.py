"""Which option a stated answer means: by its letter, by its text, or by a letter that a sentence marks.

`A` and `I` are words, so that a letter counts only where its form makes it one: alone, in brackets, before a full stop
or a bracket, after "option".
"""

import re

from distill.verify.final import MAX_ANSWER
from distill.verify.option_letters import CALLED
from distill.verify.option_text import all_listed, candidates, names
from distill.verify.options import LETTERS, letters_with, normal, plain, without_quotes
from distill.verify.plain_number import as_number
from distill.verify.wording import INSTEAD, MAYBE, NOT, WRONG

_OPEN, _CLOSE = r"[(\[{]", r"[)\]}]"
ALONE = re.compile(
    rf"(?:(?:la|el|le|die|der|das|the|a|o|il) )?(?:{CALLED})?{_OPEN}?\s*([A-J])\s*{_CLOSE}?"
    r"(?: ?(?:です|だ|である|でした|입니다|이다|번|项|选项))?[.!:,。]?",
    re.IGNORECASE,
)
HEAD = re.compile(
    r"(?:la |el |il |das |die )?"
    rf"(?:(?P<called>{CALLED})(?P<a>[A-J])(?![\w'])|{_OPEN}\s*(?P<b>[A-J])\s*{_CLOSE}|(?P<c>[A-J])\s?[).:,、。])"
    r"\s*[).:,、-]?\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
NAME = re.compile(r"[^\W\d_]{3}")
_BEFORE_TEXT = re.compile(r"([A-J])(?:\s+(?:\((.+)\)\.?|[-–—]?\s*(.+))|の(.+?)(?:です)?。?)", re.DOTALL)
BEFORE_REASON = re.compile(
    r"([A-J])[,。]?\s*(?:因为|是(?:正确|对)的"
    r"|(?<=\s)(?:because|since|as(?! well as)|which|is (?:the )?(?:correct|right)|weil|da|car)\b)",
    re.DOTALL,
)
_BEFORE_REMARK = re.compile(r"([A-J])\s*[-–—;]\s+(?:[^\W\d_]{2}|[A-J] (?:is|are|was)\b)")
_REFUTED = re.compile(
    rf"(?:is|was|seems|would be|looks) (?:also |clearly |definitely )?(?:{WRONG}|not\b)"
    r"|(?:does|did|can|could|would) ?(?:n't|not)\b|fails|(?:can|should) be (?:excluded|eliminated|ruled out)",
    re.IGNORECASE,
)
_PERHAPS = rf"(?:(?:also|even|both|then|{MAYBE}) )?"
_ANOTHER = re.compile(
    rf"\s*(?:[,;/&+、] ?(?i:(?:or|and) {_PERHAPS})?(?:(?i:{CALLED}))?{_OPEN}?[A-J](?![\w'])(?! [a-z])"
    rf"|,? ?\(?(?:\b(?:or|and|as well as|along with|oder|und|ou|et|y|o)\b|或|和) ?{_PERHAPS}"
    rf"(?:(?i:{CALLED}))?{_OPEN}?[A-J](?![\w'])"
    r"(?! (?:is|was|are|does|can|cannot|would|has|fails)\b))"
)
_ALSO = re.compile(
    r"(?<![\w'])\(?([A-J])\)? (?:is|are|would be|could be|may be|might be|seems) (?:also |equally |just as |still )*"
    r"(?:possible|correct|right|valid|acceptable|plausible|true|fine)\b"
    r"|(?<![\w'])\(?([A-J])\)? (?:also (?:works|fits|holds)|with \d+ ?%)"
)
_SURELY = re.compile(
    r"(?:for sure|definitely|clearly|certainly|obviously|most likely|probably),?\s+(?=\(?[A-J]\b)", re.I
)
_CONFIDENCE = re.compile(r"\s*\((?:with )?(?:confidence|certainty|probability)?:? ?~?\d+ ?%(?: \w+)?\)", re.IGNORECASE)
_CONFIDENCE = re.compile(r"\s*\([^()]{0,20}(?:confiden|certain|sure)[^()]{0,20}\)", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:option|choice|number) ([1-9]),? (?:i\.e\.|that is|namely),? ", re.IGNORECASE)
_ITALIC = re.compile(r"\*[^*]+\*")
_BOTH = re.compile(r"(?:both|either|all)\b", re.IGNORECASE)
_MARKED = re.compile(rf"(?:{CALLED})\(?([A-J])(?![\w'])|\(([A-J])\)", re.IGNORECASE)
_ENDS_ON = re.compile(r"(?:\b(?:which|that|this|it) is|\bi\.e\.,?|[=:,;–—-]) (?:the )?([A-J])[.!]?$")
"""A letter at the end that is said to be what stands before it."""

_LEADS_TO = re.compile(
    r"(?:[\s,;:(=–—-]|\b(?:which|that|this|it|is|are|so|thus|hence|therefore|namely|corresponds to|the)(?=\W|$))+$"
)
"""What may stand between the text of an option and its letter."""

LONGEST_TEXT = 150
"""Characters before a letter that may be the text of an option."""

_BARE = re.compile(r"(?<![\w'])([A-J])(?![\w'])(?! [a-z])")
_DENIED = re.compile(
    rf"\b(?:{NOT}|{INSTEAD}|than|不是)\s+(?:the\s+)?"
    rf"(?:{CALLED})?{_OPEN}?\s*[A-J](?![\w'])\s*{_CLOSE}?",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"(?:none|neither|no (?:option|choice)s?)\b|(?:keine|aucune|ninguna)\b|以上(?:都不|皆非)|都不对", re.IGNORECASE
)


class Unread(Exception):
    """An answer that names no single option."""

    def __init__(self, reason: str, is_wrong: bool = False) -> None:
        super().__init__(reason)
        self.is_wrong = is_wrong


def read(said: str, options: list[str]) -> str:
    """The letter that a stated answer means.

    Raises:
        Unread: several options, none of them, or nothing that is one.
    """
    if len(said) > MAX_ANSWER:
        raise Unread("answer too long to read")
    if "~~" in said:
        raise Unread("struck out")
    if (numbered := _NUMBERED.match(said)) and read(said[numbered.end() :], options) == LETTERS[int(numbered[1]) - 1]:
        return LETTERS[int(numbered[1]) - 1]
    said = _SURELY.sub("", _CONFIDENCE.sub("", said), count=1)
    plain = bare(said)
    matches = by_text(said, options)
    if len(matches) > 1:
        raise Unread("two options are the same")
    alone = ALONE.fullmatch(plain)
    if matches:
        if alone and alone[1].upper() != matches[0]:
            raise Unread("letter and text of different options")
        if _names_another(plain, matches[0], options):
            raise Unread("letter and text of different options")
        return matches[0]
    if alone:
        return alone[1].upper()
    return _by_head(plain, options) or _by_mark(plain, options)


def _names_another(plain: str, letter: str, options: list[str]) -> bool:
    """Does a letter beside the text of an option mark another one? Within the text itself it marks none."""
    if normal(plain).casefold() == normal(options[LETTERS.index(letter)]).casefold():
        return False
    kept = _DENIED.sub(" ", plain)
    found = _MARKED.search(kept) or _ENDS_ON.search(kept)
    return found is not None and next(filter(None, found.groups())).upper() != letter


def with_mark(plain: str, options: list[str]) -> tuple[list[str], str] | None:
    """The options whose text stands before the first letter that is marked, and that letter: `Paris (B)`."""
    found = _MARKED.search(plain)
    if found is None or found.start() > LONGEST_TEXT:
        return None
    text = _LEADS_TO.sub("", plain[: found.start()])
    return by_text(text, options) if text else [], (found[1] or found[2]).upper()


def _by_head(plain: str, options: list[str]) -> str | None:
    """The letter at the beginning of an answer, with what follows it."""
    head = HEAD.fullmatch(plain)
    letter, rest = (head["a"] or head["b"] or head["c"], head["rest"]) if head else (None, "")
    spaced = _BEFORE_TEXT.fullmatch(plain) if letter is None else None
    if spaced and spaced[1] in options_with(spaced[2] or spaced[3] or spaced[4], options):
        return spaced[1]
    if letter is None and (reasoned := BEFORE_REASON.match(plain) or _BEFORE_REMARK.match(plain)):
        return reasoned[1]
    if letter and _REFUTED.match(rest) and letter.upper() not in by_text(rest.rstrip(" .*"), options):
        raise Unread("says only what it is not")
    lone = re.match(rf"{_OPEN}?[A-J]{_CLOSE}?(?![\w'])", plain)
    if _BOTH.match(plain) or (lone and _ANOTHER.match(plain, lone.end())) or (letter and _ANOTHER.match(rest)):
        raise Unread("several options", is_wrong=True)
    if letter and (ALONE.fullmatch(rest) or any((m[1] or m[2]) != letter.upper() for m in _ALSO.finditer(rest))):
        raise Unread("several options")
    if letter is None or (rest and options and letter.upper() not in LETTERS[: len(options)]):  # "E. coli" of four
        return None
    if rest and (others := by_text(rest, options)) and letter.upper() not in others:
        raise Unread("letter and text of different options")
    return letter.upper()


def _by_mark(plain: str, options: list[str]) -> str:
    """The one letter within a sentence that is marked as an option and not denied."""
    kept, denied = _DENIED.subn(" ", plain)
    marked = {(m[1] or m[2]).upper() for m in _MARKED.finditer(kept)}
    if not marked and denied:
        marked = set(_BARE.findall(kept))
    if len(marked) == 1:
        letter = marked.pop()
        if any(
            NAME.search(text) and names(plain, text) for a, text in zip(LETTERS, options, strict=False) if a != letter
        ):
            raise Unread("letter and text of different options")
        beside = with_mark(plain, options)
        if beside and beside[0] and beside[1] == letter and letter not in beside[0]:
            raise Unread("letter and text of different options")
        return letter
    if marked:
        raise Unread("several options", is_wrong=True)
    if denied:
        raise Unread("says only what it is not")
    if _NONE.match(plain):
        raise Unread("none of the options", is_wrong=True)
    value, values = as_number(plain.rstrip(".。")), [as_number(option) for option in options]
    if value is not None and values and None not in values:
        raise Unread("none of the options", is_wrong=True)
    raise Unread("names no option")


def by_text(text: str, options: list[str]) -> list[str]:
    """As `options_with`; words that lead up to the text, and a remark behind it, may stand around."""
    if (found := options_with(text, options)) or not options or len(text) > MAX_ANSWER:
        return found
    if whole := all_listed(bare(text), options):
        return options_with(whole, options)
    for core, remark in candidates(bare(text)):
        if (found := options_with(core, options)) and not (
            remark and any(names(remark, plain(o)) for a, o in zip(LETTERS, options, strict=False) if a not in found)
        ):
            return found
    return []


def options_with(text: str, options: list[str]) -> list[str]:
    """Letters of the options whose text or value this is; what begins with a letter of its own is no formula."""
    return letters_with(text, options, as_formula=not HEAD.fullmatch(bare(text)))


def bare(text: str) -> str:
    text = text[1:-1] if _ITALIC.fullmatch(text) else text
    return plain(without_quotes(text))
