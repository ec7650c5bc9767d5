"""Mathematics: the final answer of a response against the gold answer.

Plain numbers are compared here, expressions by `algebra`; what that does not read is left to `second_reader`.
"""

import re
from contextlib import suppress

from distill.verify.algebra.applied import functions
from distill.verify.algebra.decide import are_constants, are_measured, decide, is_larger
from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.rules import Rules
from distill.verify.extract import LONGEST, final_answer, gold_answer
from distill.verify.formulas import COUNTED
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.marks import same_marks
from distill.verify.names import labelled, named_alike, without_labels
from distill.verify.no_value import no_value
from distill.verify.notation import RELATION, equals, same_words, squeezed, unwrapped, words, worked_out
from distill.verify.plain_number import as_number, reducible
from distill.verify.second_reader import by_second_reader
from distill.verify.texts import say_alike

_IN_PART = re.compile(r"\\(?:ln|log|sqrt)(?![a-z])")
_FORMULA = re.compile(r"\$[^$]*\$")
_YES_OR_NO = re.compile(r"yes|no|true|false", re.IGNORECASE)
_SAYS_FIRST = re.compile(r"[\s*#]*(yes|no|true|false)\b(?=[*\s]*[.,:;!]|\s*$)", re.IGNORECASE)
_LETTER_SCALE = re.compile(r"\d\s*\\text\s*\{\s*[kKMBT]\s*\}")
_LETTER_UNIT = re.compile(r"\s*\$?\s*-?\d[\d,.]*[msghlLJNW]\s*\$?\s*")
"""`3m` is three metres, or three times m."""

_HAS_UNIT = re.compile(
    r"\\(?:text|mathrm)\s*\{(?![^{}]*(?:illion|thousand|dollar|euro|people))[^{}]*[A-Za-z]"
    r"|\\Omega|\\circ|°|\d\s*[A-Za-zΩ]+$"
)
"""Beside a gold answer with a unit K is no thousand."""

_CONCLUDED = re.compile(r"\\(?:implies|Rightarrow|Longrightarrow|therefore)(?![a-zA-Z])|[⇒⟹∴]")
_PADDED = re.compile(r"\.\d{9,}0(?!\d)")
_DERIVATIVE = re.compile(r"\\d?frac\s*\{\s*d\s*([a-z])\s*\}\s*\{\s*d\s*[a-z]\s*\}")
_PRIMED = re.compile(r"^\s*[a-z]\s*(?:'|\^\s*\{?\s*\\prime)")

rules = Rules()
"""Conventions of `judge`; a run sets its recipe's."""

NO_GOLD = frozenset(("proof", "notfound", "not found", "mcq"))
"""What data sets write where there is none."""

_OF_VALUES = frozenset(("another value", "different by math-verify"))
"""Reasons that tell nothing of words."""

LONGEST_NAME = 3
"""Words of a gold answer beside its formulas; one with more may say other things too."""

LONGEST_YES = 20
"""Characters of "yes" with all that may stand around it."""

LONGEST_TEXT = 400
"""Characters of a response that may be nothing but the gold answer, in words."""


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response by its last `\\boxed{}`, `<answer>`, `####`, "the answer is", or last number."""
    extracted, answer = final_answer(response), gold_answer(answer)
    if answer.strip().lower() in NO_GOLD:
        return unknown(extracted, "there is no gold answer")
    says = _yes_or_no(response, answer)
    if says and not _YES_OR_NO.fullmatch(extracted or ""):
        return correct(says, "same text") if same_words(says, answer) else wrong(says, "the opposite")
    if len(response) <= LONGEST_TEXT and squeezed(response.strip().rstrip(" .")) == squeezed(answer.strip().rstrip(" .")):
        return correct(extracted or response, "same text")
    if extracted is None:
        if same_words(response[: 2 * LONGEST_TEXT], answer):
            return correct(response.strip(), "same text")
        return wrong(None, "no answer")
    if max(len(extracted), len(answer)) > LONGEST:
        if squeezed(extracted) == squeezed(answer):
            return correct(extracted[:100], "same text")
        return unknown(extracted[:100], "answer too long to read")
    found = compare(extracted, answer)
    if found.verdict == "wrong" and "$" in answer and len(words(_FORMULA.sub(" ", answer))) > LONGEST_NAME:
        return unknown(extracted, "gold answer is a sentence")
    if found.verdict == "wrong" and found.reason in _OF_VALUES and say_alike(answer, extracted):
        return unknown(extracted, "other words for it, perhaps")
    return found


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
    gold, extracted = _without_counter(_in_digits(gold), extracted), _without_counter(extracted, gold)
    if same_words(gold, extracted):
        return correct(extracted, "same text")
    gold, extracted = _derivatives_alike(gold, extracted)
    if why := _no_answer(extracted, gold, by):
        return why
    gold = worked_out(gold)
    extracted = _concluded(extracted, gold)
    if "=" not in gold and not RELATION.search(gold):
        extracted = worked_out(extracted)
    return _by_number(extracted, gold, by) or _by_reading(extracted, gold, by)


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
    ours, theirs = as_number(gold), as_number(extracted)
    if ours is None or theirs is None:
        return None
    if ours == theirs or by.near(ours, theirs):
        return correct(extracted, "equal numbers")
    return None if "/" in gold + extracted else wrong(extracted, "another number")


def _in_digits(gold: str) -> str:
    """A number in words as one in digits."""
    number = as_number(gold) if gold.endswith("}") or gold[-1:].isalpha() else None
    return gold if number is None else str(number)


def _without_counter(text: str, other: str) -> str:
    """The number before what is counted, in Chinese, Japanese or Korean, where the other is a number alone."""
    found = None if text.isascii() else COUNTED.fullmatch(text.strip(" $."))
    return found[1] if found and as_number(other) is not None else text


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
    if _LETTER_UNIT.fullmatch(extracted) and as_number(gold) is not None:
        return unknown(extracted, "a letter that may be a unit")
    if why := no_value(extracted, gold):
        return wrong(extracted, why)
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
    if found.reason.endswith("by math-verify") and are_constants(gold, extracted):
        return unknown(extracted, "too near to be told apart")
    if found.reason == "different by math-verify" and _IN_PART.search(gold) and _IN_PART.search(extracted):
        return unknown(extracted, "the same where both have a value, perhaps")
    return found


def _yes_or_no(response: str, gold: str) -> str | None:
    """The first word of a response without a box, where a yes or no is asked for."""
    if (
        len(gold) > LONGEST_YES
        or not _YES_OR_NO.search(gold)
        or not _YES_OR_NO.fullmatch(re.sub(r"\\text\s*\{(.*)\}", r"\1", gold.strip(" $.")))
        or "\\boxed" in response
    ):
        return None
    found = _SAYS_FIRST.match(
        response[response.rfind("</think>") + len("</think>") :] if "</think>" in response else response
    )
    return found[1] if found else None


def _too_large(extracted: str, gold: str) -> Judgement:
    with suppress(Unread, TooBig):
        if is_larger(gold, extracted):
            return wrong(extracted, "a far larger number")
    return unknown(extracted, "too large to work out")
