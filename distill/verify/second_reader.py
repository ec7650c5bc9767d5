"""What `algebra` does not read or cannot decide: the same words, parts of a text, and at last math-verify.

math-verify reads past what it does not know, and so takes `\\neq 42`, `42 \\text{ thousand}` and `41 = 42` for 42. What
makes another value of the number beside it is looked for first; where it stands no verdict is `correct`.
"""

import re

from distill.verify.algebra.alternatives import says_or
from distill.verify.algebra.applied import functions
from distill.verify.algebra.order import is_ordered
from distill.verify.algebra.rules import Rules
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.marks import same_marks
from distill.verify.names import amounts, named_otherwise
from distill.verify.notation import (
    BEYOND,
    CHANGING,
    OPERATIONS,
    RELATION,
    UNDECIDED,
    UNEVALUATED,
    cased,
    equals,
    links,
    squeezed,
    tidy,
    words,
)
from distill.verify.plain_number import as_number
from distill.verify.texts import same_formula_of_chemistry, same_in_parts
from distill.verify.turned import same_turned
from distill.verify.wording import DIRECTION
from distill.verify.worker import Comparer

_BASED = re.compile(r"-?\w+_\{?(\d+)\}?")
_CLOCK = re.compile(r"(?<![\d:])\d{1,2}\s*:\s*\d\d(?!\d)")
_BRACED = re.compile(r"\\\{[^,:|{}]*\\\}")
_STYLES = re.compile(r"\\(?:text|mathrm|mathbf|mathit|rm)(?![a-z])|[{}\s$\\]")
SENTENCE = 3
"""Words with which several numbers are a sentence: "sold 24 clips in May, and 72 altogether"."""

_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_YEARS = re.compile(r"\d0s\b")
_IN_WORDS = re.compile(r"\\text\s*\{[^{}]*\d|\d\s*\\text\s*\{\s*[kKMB]\s*\}|\\f?boxed")

_ORDERED = re.compile(r"[<>≤≥]|\\(?:[lg]eq?(?:slant)?|[lg]t)(?![a-zA-Z])")
_OF_VALUES = re.compile(r"[,=]|\\pm(?![a-z])")
_INTERVAL = re.compile(r"[\[(][^()\[\],]*,[^()\[\],]*[)\]]")
_SETS = re.compile(
    r"(?=.*\\(?:cap|cup|setminus))(?:[A-Zc'^{}()\s]|\\(?:cap|cup|setminus|overline|bar|complement|left|right)(?![a-z]))+"
)
_TOWARDS = re.compile(rf"\d[^\d.;]{{0,40}}?\b({DIRECTION})\b", re.IGNORECASE)
_READ_PAST = re.compile(r"\\(?:ce|gcd|approx)(?![a-zA-Z])|lcm|≈|[\d}]\s*:\s*[\d\\{]")
"""What math-verify leaves out."""

WORKED_OUT = frozenset(("Gamma", "zeta"))
"""Functions that math-verify knows."""

comparer = Comparer()
"""Asks math-verify, in a process of its own that is killed when it takes too long: `9^9^9^9` hangs it."""


def by_second_reader(extracted: str, gold: str, rules: Rules) -> Judgement:
    """Compare two answers of which `algebra` tells nothing."""
    ours, theirs = tidy(gold), tidy(extracted)
    if gold.count("=") == 1 and "," not in gold and squeezed(tidy(gold.partition("=")[2])) == squeezed(theirs):
        return correct(extracted, "same text")
    if same_marks(gold, extracted) and (
        squeezed(ours) == squeezed(theirs)
        or _untexted(gold) == _untexted(extracted)
        or (ours.isalpha() and cased(ours) == cased(theirs) and len(ours) > 1)
    ):
        return correct(extracted, "same text")
    if (told := same_in_parts(gold, extracted, rules)) is not None:
        return correct(extracted, "equal") if told else wrong(extracted, "another value")
    if (told := same_formula_of_chemistry(gold, extracted)) is not None:
        return correct(extracted, "same text") if told else wrong(extracted, "another formula")
    if same_turned(gold, extracted):
        return correct(extracted, "equal")
    found = _compare(theirs, ours)._replace(extracted=extracted)
    why = _doubt(found, gold, extracted, ours, theirs)
    return found if why is None else unknown(extracted, why)


def _doubt(found: Judgement, gold: str, extracted: str, ours: str, theirs: str) -> str | None:
    """Why math-verify's verdict on `ours` and `theirs`, both tidied, says nothing; None where it counts."""
    if found.verdict == "correct" and not same_marks(gold, extracted):
        return "a mark that one of them has not"
    unknown_letters = functions(gold, extracted).applied - WORKED_OUT
    if found.verdict == "correct" and (unknown_letters or is_ordered(gold) or is_ordered(extracted)):
        return "letters that are no numbers"
    if found.verdict == "correct" and (why := _read_past(gold, extracted)):
        return why
    if found.verdict == "correct" and "=" in theirs and not equals(theirs):
        return "an equation within a formula"
    if found.verdict == "correct" and (named_otherwise(ours, theirs) or amounts(gold) != amounts(extracted)):
        return "something else of that value"
    if found.verdict == "wrong" and functions(gold, extracted).bare:
        return "letters that may be functions"
    if found.reason == "different by math-verify" and (_SETS.fullmatch(gold) or _SETS.fullmatch(extracted)):
        return "sets that are only named"
    if UNDECIDED.search(gold) or UNDECIDED.search(extracted):
        return "notation that is compared in part only"
    if found.verdict == "wrong" and words(gold) and words(gold) < words(extracted) and not re.search(r"\d", gold):
        return "a sentence about the answer"
    if (
        found.verdict == "wrong"
        and as_number(gold) is not None
        and (said := words(extracted))
        and (gold in (numbers := _NUMBERS.findall(extracted)))
        and (len(numbers) == 1 or len(said) >= SENTENCE)
    ):
        return "a sentence about the answer"
    if found.verdict == "wrong" and UNEVALUATED.search(extracted):
        return "not worked out"
    return None


def _read_past(gold: str, answer: str) -> str | None:
    """What math-verify does not see, as it reads both in small letters and leaves out what it does not know."""
    if _READ_PAST.search(gold) or _READ_PAST.search(answer) or ("\\in " in gold and "\\in " in answer):
        return "notation that is compared in part only"
    if ("or" in words(gold)) != ("or" in words(answer)) and "=" in gold and "=" in answer:
        return "other words"
    if _is_tuple_beside_either(gold, answer) or _is_tuple_beside_either(answer, gold):
        return "a pair beside values"
    if _is_range_beside_values(gold, answer) or _is_range_beside_values(answer, gold):
        return "an inequality beside values"
    if bool(_BRACED.fullmatch(gold)) != bool(_BRACED.fullmatch(answer)):
        return "brackets of one of them"
    ours, theirs = _STYLES.sub("", gold), _STYLES.sub("", answer)
    return "the same letters in another case" if ours != theirs and ours.casefold() == theirs.casefold() else None


def _is_tuple_beside_either(text: str, other: str) -> bool:
    """`(0, 4)` beside "either 0 or 4"."""
    return bool(_INTERVAL.fullmatch(text)) and says_or(other) and not _INTERVAL.search(other)


def _is_range_beside_values(text: str, other: str) -> bool:
    """math-verify takes the ends of an inequality for a list of values."""
    if not _ORDERED.search(text) or _ORDERED.search(other):
        return False
    return bool(_OF_VALUES.search(other)) and not _INTERVAL.search(other)


def _untexted(text: str) -> str:
    """With its text and its formulas in one: `\\text{June } 20`."""
    return re.sub(r"\s+", " ", re.sub(r"\\text\s*\{([^{}]*)\}|\$", lambda m: m[1] or "", text)).strip()


def _compare(answer: str, gold: str) -> Judgement:
    ours, theirs = as_number(gold), as_number(answer)
    if ours is not None and theirs is not None:
        return correct(answer, "equal numbers") if ours == theirs else wrong(answer, "another number")
    if RELATION.search(answer) and not RELATION.search(gold) and not _is_set(gold):
        return wrong(answer, "a relation, not a value")
    if "=" not in gold and not _is_list(gold):
        parts = links(answer)
        if parts != [answer]:
            return _all_of([_compare(part, gold) for part in parts])
    if BEYOND.search(answer) and not BEYOND.search(gold):
        return unknown(answer, "notation beyond the verifier")
    if words(answer) & (CHANGING | OPERATIONS) - words(gold) - ({"and", "or"} if _is_list(gold) else set()):
        return unknown(answer, "words that change the value")
    if {word.lower() for word in _TOWARDS.findall(answer)} != {word.lower() for word in _TOWARDS.findall(gold)}:
        return unknown(answer, "words that change the value")  # 3 degrees below zero, 5 years ago
    return _by_value(answer, gold)


def _by_value(answer: str, gold: str) -> Judgement:
    """What math-verify says, unless it may have read past a number base, a word, or the colon of a time."""
    if set(_CLOCK.findall(answer)) != set(_CLOCK.findall(gold)) or _IN_WORDS.search(answer) or _YEARS.search(gold):
        return unknown(answer, "notation beyond the verifier")
    if _base(answer) != _base(gold):
        return unknown(answer, "another number base")
    if as_number(gold) is not None and len(words(answer)) > 2:
        return unknown(answer, "a sentence, not a value") if re.search(r"\d", answer) else wrong(answer, "no number")
    if words(gold) & OPERATIONS - words(answer):
        return unknown(answer, "words that change the value")
    verdict, reason = comparer.compare(gold, answer)
    if verdict != "correct" and _is_set(gold) and RELATION.search(answer):
        verdict, reason = comparer.compare(answer, gold)  # x < 2 for (-oo, 2): math-verify looks one way only
    if verdict == "correct" and words(answer) - words(gold) and words(gold) - words(answer):
        return unknown(answer, "other words")
    return Judgement(verdict, answer, reason)


def _base(text: str) -> str:
    """The number base that a text ends on, empty where there is none."""
    found = _BASED.fullmatch(text)
    return found[1] if found else ""


def _all_of(found: list[Judgement]) -> Judgement:
    """A chain of equations is right where each of its values is."""
    worst = {"wrong": 0, "unknown": 1, "correct": 2}
    return min(found, key=lambda judgement: worst[judgement.verdict])


def _is_list(text: str) -> bool:
    return "," in re.sub(r"(?<=\d),(?=\d{3})", "", text) or "\\text{ and" in text or ";" in text


def _is_set(text: str) -> bool:
    """Can a relation describe this: an interval, a union, a statement?"""
    return bool(re.match(r"[\[(].*,.*[\])]|\\{|.*\\(?:cup|infty|mathbb|emptyset|varnothing)", text)) or "=" in text
