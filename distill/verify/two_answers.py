"""Is an answer the same as the gold answer? Plain numbers are compared here, expressions by `algebra`.

What that does not read is left to `second_reader`.
"""

import re
from contextlib import suppress
from fractions import Fraction

from distill.verify.algebra.applied import functions
from distill.verify.algebra.decide import are_constants, are_measured, decide, is_larger
from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.rules import Rules
from distill.verify.clause import CURRENCY_SIGNS
from distill.verify.elsewhere import is_changed_elsewhere
from distill.verify.formulas import COUNTED, COUNTED_IN_CYRILLIC
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.marks import same_marks
from distill.verify.names import labelled, named_alike, without_labels
from distill.verify.no_value import no_value
from distill.verify.notation import RELATION, equals, same_words, squeezed, unwrapped, worked_out
from distill.verify.plain_number import as_number, reducible
from distill.verify.scaled import in_digits
from distill.verify.second_reader import by_second_reader
from distill.verify.unit_letters import may_be_product
from distill.verify.wording import CURRENCIES

_IN_PART = re.compile(r"\\(?:ln|log|sqrt)(?![a-z])|\^\s*\{?\s*(?:\\[dt]?frac|\d+/\d)")
_LETTER_SCALE = re.compile(r"\d\s*\\text\s*\{\s*[kKMBT]\s*\}")
_VAGUE = re.compile(r"[\s$]*(?:\\text\s*\{\s*)?(?:about|around|roughly)\b", re.IGNORECASE)
"""Not what `\\approx` says, which names a rounded value."""

_PI_UNIT = re.compile(r"[^a-zA-Z]*(?:\\pi|π)(?:\\[,;: ]|[~\s$]){0,4}[msghlLJNW](?:[²³]|\s?\^\s?\{?[23]\}?)?[\s$.]*")
"""`12\\pi m` as well."""

_HAS_UNIT = re.compile(
    r"\\(?:text|mathrm)\s*\{(?![^{}]*(?:illion|thousand|dollar|euro|people))[^{}]*[A-Za-z]"
    r"|\\Omega|\\circ|°|\d\s*[A-Za-zΩ]+$"
)
"""Beside a gold answer with a unit K is no thousand."""

_FIRST_NUMBER = re.compile(r"[\s$]*-?\d[\d.,]*")
_ALL_REAL = re.compile(
    r"(?:\$?[a-z]\$? (?:can be|is) )?(?:the set of )?(?:any|all) real (?:numbers?|values?)(?: of)?(?: \$?[a-z]\$?)?,? "
    r"(?:with|such that|where|for which|satisfying|so that) \$?(?P<which>[^$]+?)\$?",
    re.IGNORECASE,
)
"""A set of real numbers in words, and its condition."""

_CONCLUDED = re.compile(r"\\(?:implies|Rightarrow|Longrightarrow|therefore)(?![a-zA-Z])|[⇒⟹∴]")
_PADDED = re.compile(r"\.\d{9,}0(?!\d)")
_DERIVATIVE = re.compile(r"\\d?frac\s*\{\s*d\s*([a-z])\s*\}\s*\{\s*d\s*[a-z]\s*\}")
_PRIMED = re.compile(r"^\s*[a-z]\s*(?:'|\^\s*\{?\s*\\prime)")

_DOLLARS = re.compile(r"\\\$\s*\d|^\$\s*\d[^$]*$")
_OTHER_MONEY = re.compile(rf"[{CURRENCY_SIGNS}]\s*\d|\d\D{{0,12}}(?<![a-z])(?:{CURRENCIES})\b", re.IGNORECASE)

rules = Rules()
"""Conventions of `judge`; a run sets its recipe's."""

_OF_NUMBERS = re.compile(r"\s*(-?)\\[dt]?frac\{(\d{1,6})\}\{(\d{1,6})\}\s*", re.ASCII)
LONGEST_ROUNDED = 10
"""Characters of a decimal that is not what a machine prints for a fraction."""


def compare(extracted: str, gold: str, by: Rules | None = None) -> Judgement:
    """Compare two answers: as plain numbers, as words, as what `algebra` reads in them, else by the second reader."""
    by = by or rules
    if extracted.startswith(("$", "\\(", "\\[")):
        extracted = unwrapped(extracted)
    parts = labelled(gold), labelled(extracted)
    if parts[0] and parts[1]:
        return _compare_parts(extracted, parts[1], parts[0], by)
    gold, extracted = without_labels(gold), without_labels(extracted)
    if gold == extracted or squeezed(gold) == squeezed(extracted):
        return correct(extracted, "same text")
    if not by.lowest_terms and (found := _by_number(extracted, gold, by)):
        return found
    written = in_digits(gold), in_digits(extracted)
    if written != (gold, extracted) and _is_left_unscaled(extracted, gold):
        return unknown(extracted, "words that change the value")
    gold, extracted = written
    gold, extracted = _without_counter(_in_figures(gold), extracted), _without_counter(extracted, gold)
    if same_words(gold, extracted):
        return correct(extracted, "same text")
    gold, extracted = _which_real(gold), _which_real(extracted)
    gold, extracted = _derivatives_alike(gold, extracted)
    if why := _no_answer(extracted, gold, by):
        return why
    gold = worked_out(gold)
    extracted = _concluded(extracted, gold)
    if "=" not in gold and not RELATION.search(gold):
        extracted = worked_out(extracted)
    found = _by_number(extracted, gold, by) or _by_reading(extracted, gold, by)
    if found.verdict == "correct" and may_be_product(extracted, gold):
        return unknown(extracted, "a letter that may be a unit")
    return found


def _compare_parts(extracted: str, answers: list[str], golds: list[str], by: Rules) -> Judgement:
    """Answers to the parts of one problem, each beside its own gold answer."""
    if len(answers) != len(golds):
        return wrong(extracted, "another number of parts")
    found = [compare(answer, gold, by) for answer, gold in zip(answers, golds, strict=True)]
    worst = next((one for verdict in ("wrong", "unknown") for one in found if one.verdict == verdict), found[0])
    return worst._replace(extracted=extracted)


def _concluded(text: str, gold: str) -> str:
    """The last of equations that follow from each other: `x^2 = 9 \\implies x = 3`."""
    if not _CONCLUDED.search(text) or _CONCLUDED.search(gold) or "," in gold:
        return text
    parts = _CONCLUDED.split(text)
    return parts[-1].strip() if all(map(equals, filter(str.strip, parts))) else text


def _by_number(extracted: str, gold: str, by: Rules) -> Judgement | None:
    """Plain numbers are compared exactly; fractions that differ may yet be read in another way."""
    ours, theirs = _plain_fraction(gold), _plain_fraction(extracted)
    if ours is None or theirs is None:
        return None
    if ours == theirs or by.near(ours, theirs):
        return correct(extracted, "equal numbers")
    is_printed = "frac" in gold + extracted and any(
        "." in one and len(one) > LONGEST_ROUNDED for one in (gold, extracted)
    )
    return None if "/" in gold + extracted or is_printed else wrong(extracted, "another number")


def _plain_fraction(text: str) -> Fraction | None:
    """A plain number, or `\\frac{a}{b}` of whole numbers."""
    if "frac" in text and (found := _OF_NUMBERS.fullmatch(text)) and int(found[3]):
        return Fraction(int(found[1] + found[2]), int(found[3]))
    return as_number(text)


def _in_figures(gold: str) -> str:
    """A number in words as one in digits."""
    number = as_number(gold) if gold.endswith("}") or gold[-1:].isalpha() else None
    return gold if number is None else str(number)


def _is_left_unscaled(extracted: str, gold: str) -> bool:
    """`3亿` beside `3`: the question may ask for that many, or for a number."""
    ours, theirs = (_FIRST_NUMBER.match(text) for text in (gold, extracted))
    return ours is not None and theirs is not None and ours[0] == theirs[0]


def _without_counter(text: str, other: str) -> str:
    """The number before what is counted, in another script, where the other is a number alone."""
    if text.isascii():
        return text
    text = text.strip(" $.")
    found = None if is_changed_elsewhere(text) else COUNTED.fullmatch(text) or COUNTED_IN_CYRILLIC.fullmatch(text)
    return found[1] if found and as_number(other) is not None else text


def _which_real(text: str) -> str:
    """The condition of `All real numbers $x$ with $x > 1$`."""
    found = _ALL_REAL.fullmatch(text.strip(" .")) if "real" in text else None
    return found["which"] if found and RELATION.search(found["which"]) else text


def _derivatives_alike(gold: str, extracted: str) -> tuple[str, str]:
    """`\\frac{dy}{dx}` beside `y'`."""
    if _DERIVATIVE.search(gold) and _PRIMED.search(extracted):
        return _DERIVATIVE.sub(r"\1'", gold), extracted
    if _DERIVATIVE.search(extracted) and _PRIMED.search(gold):
        return gold, _DERIVATIVE.sub(r"\1'", extracted)
    return gold, extracted


def _no_answer(extracted: str, gold: str, by: Rules) -> Judgement | None:
    """The verdict on what gives no value, whatever it is compared with."""
    if _LETTER_SCALE.search(extracted) and not _HAS_UNIT.search(gold):
        return unknown(extracted, "a letter that may be a scale")
    if "$" in gold and _DOLLARS.search(gold) and _OTHER_MONEY.search(extracted):
        return wrong(extracted, "another currency")
    if why := no_value(extracted, gold):
        return wrong(extracted, why)
    if _VAGUE.match(extracted) and not _VAGUE.match(gold):
        return unknown(extracted, "words that change the value")
    if _PI_UNIT.fullmatch(extracted) and gold.rstrip(" $").endswith(("\\pi", "π")):
        return unknown(extracted, "a letter that may be a unit")
    if is_changed_elsewhere(extracted) and not is_changed_elsewhere(gold):
        return unknown(extracted, "words that change the value")
    return wrong(extracted, "not in lowest terms") if by.lowest_terms and reducible(extracted) else None


def _by_reading(extracted: str, gold: str, by: Rules) -> Judgement:
    alike = named_alike(gold, extracted)
    try:
        told = decide(*alike, by)
    except Unread:
        return by_second_reader(extracted, gold, by)
    except TooBig:
        return _too_large(extracted, gold)
    if told is None:
        return _left_open(by_second_reader(extracted, gold, by), gold)
    if told and _PADDED.search(f"{gold} {extracted}") and as_number(gold) != as_number(extracted):
        return unknown(extracted, "digits beyond those that agree")
    if told and not same_marks(*alike, applied=functions(*alike).applied) and not are_measured(*alike):
        return unknown(extracted, "a mark that one of them has not")
    return correct(extracted, "equal") if told else wrong(extracted, "another value")


def _left_open(found: Judgement, gold: str) -> Judgement:
    """What math-verify says of two answers that were read, and not told apart."""
    extracted = found.extracted or ""
    if found.reason.endswith("by math-verify") and _are_constants(gold, extracted):
        return unknown(extracted, "too near to be told apart")
    if found.reason == "different by math-verify" and _IN_PART.search(gold) and _IN_PART.search(extracted):
        return unknown(extracted, "the same where both have a value, perhaps")
    return found


def _are_constants(gold: str, extracted: str) -> bool:
    with suppress(Unread, TooBig):
        return are_constants(gold, extracted)
    return False  # read with units alone


def _too_large(extracted: str, gold: str) -> Judgement:
    with suppress(Unread, TooBig):
        if is_larger(gold, extracted):
            return wrong(extracted, "a far larger number")
    return unknown(extracted, "too large to work out")
