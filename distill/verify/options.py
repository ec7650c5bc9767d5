"""The options of a multiple-choice problem, and which of them a text is: by its words, its number or its value."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from distill.verify.algebra.decide import decide
from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.rules import Rules
from distill.verify.final import MAX_ANSWER, without_emphasis
from distill.verify.plain_number import as_number

LETTERS = "ABCDEFGHIJ"

LONGEST_FORMULA = 150
"""The value of a longer text is not compared."""

RULES = Rules()

_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|boxed|fbox|bf|rm)\s*\{([^{}]*)\}")
_LATEX = re.compile(r"\\[()\[\],;! ]|\$|~|\\(?:left|right|quad|displaystyle)(?![a-zA-Z])")
_BRACKETS = str.maketrans("【】「」［］（）", "()()[]()")
_QUOTED = re.compile(
    r"[\"“”„«»‟]|(?<![\w'‘’])['‘]+(?P<lone>[A-Za-z])['’]+(?![\w'’])"
    r"|(?<![\w'‘’])['‘]+(?=\S)|(?<=\S)(?<!\b[A-Za-z])['’]+(?![\w'’])"
)
"""Quotation marks; behind a single letter that none stands before it is a prime."""

_FORMULA = re.compile(r"[0-9\\=^+*/√π<>]|^[^\s]$")
_ALL_OF = r"(?:of )?(?:the )?(?:above|them|these|those|options|choices|statements)"
_OF_THE_TWO = r"(?: (?:of (?:them|these|those|the (?:two|above))|one|statements?))?"
_LABEL = r"(?:statements? )?\(?(?:[ivx]{1,4}|\d)\)?"
_SHORT = (
    (re.compile(rf"all {_ALL_OF}"), None),
    (re.compile(rf"none {_ALL_OF}"), None),
    (re.compile(rf"neither{_OF_THE_TWO}"), re.compile(r"neither .+ nor .+")),
    (re.compile(rf"both{_OF_THE_TWO}"), re.compile(rf"both .+ and .+|{_LABEL} and {_LABEL}")),
)
"""What an answer may say for the text of an option, if one option alone means it: a pattern of both, one of options."""

_ONLY = re.compile(r"(?:(?:only|just)\s+(?P<a>.{1,300})|(?P<b>.{1,300}?),?\s+(?:only|alone))")
_BOTH = re.compile(r"both\s+(?=.+\sand\s)")
_ARE_RIGHT = re.compile(r" (?:is|are) (?:correct|right|true)$")
_LETTERED = re.compile(r"[(\[]?([A-Ja-j])[).\]:][ \t]+(?=\S)|\(([A-Ja-j])\)(?=\S)")


def options_of(data: dict[str, Any]) -> list[str]:
    """Texts of the options in the order of their letters, none where they are not known.

    `data` holds them as a list, or by letter; a letter that each begins with is not part of its text.
    """
    given = data.get("options")
    if isinstance(given, dict) and {"label", "text"} <= given.keys():
        given = given["text"]
    if isinstance(given, dict):
        by_letter = {str(letter).strip("(). ").upper(): text for letter, text in given.items()}
        given = [by_letter.get(letter) for letter in LETTERS[: len(given)]]
    if not isinstance(given, list) or not 2 <= len(given) <= len(LETTERS):
        return []
    if not all(isinstance(text, str | int | float) for text in given):
        return []
    return _without_letters([str(text) for text in given])


def _without_letters(options: list[str]) -> list[str]:
    heads = [_LETTERED.match(option) for option in options]
    own = [head and (head[1] or head[2]).upper() == letter for head, letter in zip(heads, LETTERS, strict=False)]
    return [option[head.end() :] for option, head in zip(options, heads, strict=True) if head] if all(own) else options


def letters_with(text: str, options: list[str], as_formula: bool = True) -> list[str]:
    """Letters of the options that this is: the same text, else the same number, else (`as_formula`) the same value."""
    if not options or len(text) > MAX_ANSWER:
        return []
    lettered = list(zip(LETTERS, options, strict=False))
    for spell in (normal, _unquoted):
        wanted = spell(text)
        if same := [letter for letter, option in lettered if spell(option).casefold() == wanted.casefold()]:
            with_case = [letter for letter, option in lettered if spell(option) == wanted]
            return with_case or same
    if same := _with_words(text, lettered):
        return same
    if not as_formula:
        return []
    value = as_number(plain(text).rstrip(".。"))
    if value is not None and (same := [a for a, option in lettered if as_number(plain(option)) == value]):
        return same
    return [letter for letter, option in lettered if _same_value(option, text)]


def _with_words(text: str, lettered: list[tuple[str, str]]) -> list[str]:
    """Letters of the options that say the same in other words: `I only`: `Only I`, `Neither`: `Neither I nor II`."""
    said = _reworded(text)
    meant = [(letter, _reworded(option)) for letter, option in lettered]
    for short, full in _SHORT:
        if short.fullmatch(said):
            return [letter for letter, option in meant if short.fullmatch(option) or (full and full.fullmatch(option))]
    return [letter for letter, option in meant if option == said]


@lru_cache(maxsize=1024)
def _reworded(text: str) -> str:
    words = _ARE_RIGHT.sub("", plain(text).rstrip(".。,; ").casefold())
    found = _ONLY.fullmatch(words)
    return f"only {found['a'] or found['b']}" if found else _BOTH.sub("", words)


@lru_cache(maxsize=1024)
def _same_value(option: str, text: str) -> bool:
    """Are both formulas, and the same?"""
    if max(len(option), len(text)) > LONGEST_FORMULA or not (_FORMULA.search(option) and _FORMULA.search(text)):
        return False
    try:
        return decide(option, text, RULES) is True
    except (Unread, TooBig):
        return False


def normal(text: str) -> str:
    """What two spellings of an option's text have in common, but for their case."""
    return re.sub(r"\s+", "", re.sub(r"(?:[.。,;]|(?<!\d)!)+$", "", plain(text)))


def _unquoted(text: str) -> str:
    return normal(without_quotes(text))


def without_quotes(text: str) -> str:
    """An answer without quotation marks; a prime and an apostrophe within stay."""
    return _QUOTED.sub(lambda found: found["lone"] or "", text)


def plain(text: str) -> str:
    """One spelling of brackets and letters, no markup around them; look-alikes of other scripts stay what they are."""
    text = unicodedata.normalize("NFKC", without_emphasis(text[:MAX_ANSWER]))
    text = text.translate(_BRACKETS)
    while (bare := _WRAPPED.sub(r"\1", text)) != text:
        text = bare
    return " ".join(_LATEX.sub(" ", text).split())
