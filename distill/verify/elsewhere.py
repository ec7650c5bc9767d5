"""What stands beside a number in other languages than English and makes another value of it, or none.

English is read where the answer is looked for, by rules of its own; here are the words of a few other languages that
deny a value, bound it or leave it open. A look at a few letters keeps texts without them cheap.
"""

import re

from distill.verify.wording import (
    BOUND_BEHIND,
    BOUND_ELSEWHERE,
    BOUND_UNSPACED,
    MAYBE_BEHIND,
    MAYBE_ELSEWHERE,
    MAYBE_UNSPACED,
    NOT_ELSEWHERE,
    NOT_UNSPACED,
    SUPPOSED_ELSEWHERE,
    SUPPOSED_UNSPACED,
    WRONG_BEHIND,
)

NEAR = 40
"""Characters before and behind a number that are looked at."""

_IS = r"(?:\s*(?:是|为|為|有|等于|es|est|ist|è|é|jest|to|que|чем|than|als|рав(?:ен|на|но|ны)|является|:))?"
_OPENS = r"[\s$*(（「“\"']{0,4}(?:\\[(\[])?$"
_CLOSES = r"(?:\s|\$|\*|[)）」”\"'.,，。]|\\[)\]]){0,4}"
_DENIED = re.compile(rf"(?:(?<!\w)(?:{NOT_ELSEWHERE})|{NOT_UNSPACED}){_IS}{_OPENS}", re.IGNORECASE)
_BOUND = re.compile(
    rf"((?<!\w)(?:{BOUND_ELSEWHERE}|{MAYBE_ELSEWHERE})|{BOUND_UNSPACED}|{MAYBE_UNSPACED}){_IS}{_OPENS}", re.IGNORECASE
)
_CALLED_WRONG = re.compile(rf"{_CLOSES}(?:{WRONG_BEHIND})", re.IGNORECASE)
_BOUND_BEHIND = re.compile(
    rf"{_CLOSES}(?:[个個人本枚円元歳年分秒명개원번] ?)?({BOUND_BEHIND}|{MAYBE_BEHIND})", re.IGNORECASE
)
_NUMBER = re.compile(r"-?\d[\d.,/]*")

_PLAIN_BEFORE = (
    *(
        "no ",
        "non ",
        "nao ",
        "niet",
        "nie",
        "inte",
        "ikke",
        "als ",
        "stens",
        "plus",
        "moins",
        "menos",
        "mais ",
        "almeno",
    ),
    *("massimo", "meno ", "por lo", "lo sumo", "meer", "minder", "en az", "en fazla", "quiza", "tal vez", "talvez"),
    *("vielleicht", "forse", "misschien", "belki"),
)
_PLAIN_BEHIND = (
    " ist ",
    " sind ",
    " war ",
    " est ",
    " es ",
    " onj",
    " fout",
    " verk",
    " jest ",
    " o m",
    " ou ",
    " oder ",
)
"""Of words in plain letters; one of these stands wherever such a word does, and looking for it is faster."""


def changed_elsewhere(before: str, behind: str) -> str | None:
    """What the words beside a value make of it: the word that bounds or doubts it, empty where it is denied.

    None where nothing changes it.
    """
    before, behind = before[-NEAR:].lower(), behind[:NEAR].lower()
    if before and (not before.isascii() or any(map(before.__contains__, _PLAIN_BEFORE))):
        if _DENIED.search(before):
            return ""
        if found := _BOUND.search(before):
            return found[1]
    if behind and (not behind.isascii() or any(map(behind.__contains__, _PLAIN_BEHIND))):
        if _CALLED_WRONG.match(behind):
            return ""
        if found := _BOUND_BEHIND.match(behind):
            return found[1]
    return None


_SUPPOSED = re.compile(rf"\W*(?:(?:{SUPPOSED_ELSEWHERE})(?!\w)|{SUPPOSED_UNSPACED})[^,;，；。]*$", re.IGNORECASE)
_SUPPOSING = ("suppo", "supon", "soit", "angen", "sei", "wenn", "falls", "sea", "niech", "stel", "varsa")


def is_supposed_elsewhere(sentence: str) -> bool:
    """Does a sentence, up to a value in it, only suppose it?"""
    if sentence.isascii() and not sentence.lstrip(" *_>-")[:6].lower().startswith(_SUPPOSING):
        return False
    return _SUPPOSED.match(sentence) is not None


def is_changed_elsewhere(text: str) -> bool:
    """Is a text one number, and words of another language that make another value of it?"""
    numbers = _NUMBER.findall(text[: 4 * NEAR])
    if len(numbers) != 1:
        return False
    before, _, behind = text.partition(numbers[0])
    return changed_elsewhere(before, behind) is not None
