"""Mathematics: the final answer of a response against the gold answer, and what else the response says."""

import re

from distill.verify.doubts import is_doubted
from distill.verify.extract import LONGEST, behind_answer, concluded_later, final_answer, gold_answer, last_boxes_apart
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.names import labelled
from distill.verify.notation import same_words, squeezed, words
from distill.verify.sentence import is_said
from distill.verify.texts import say_alike
from distill.verify.two_answers import compare
from distill.verify.yes_or_no import first_word, says

_TEXT = re.compile(r"\\text\w*\s*\{([^{}]*)\}")
_FORMULA = re.compile(r"\$[^$]*\$")
_UNREADABLE = re.compile("[\ud800-\udfff\ufffd]")
"""Half a character, and what stands for one that was lost."""

_ALL = re.compile(r"(?:all|any|every|each)\b[^.\n]*[.]?", re.IGNORECASE)
_WORDS_ALONE = re.compile(r"\$?(?:\\text\w*\s*\{)?[A-Za-z]{3,}[A-Za-z ]{0,60}\}?\$?[.]?")
_ENDS_WORDS = frozenset("abcdefghijklmnopqrstuvwxyz}$.")

_ASSIGNMENT = re.compile(r"[A-Za-z](?:_\w)? ?=(?!=)")

NO_GOLD = frozenset(("proof", "notfound", "not found", "mcq"))
"""What data sets write where there is none."""

_OF_VALUES = frozenset(("another value", "different by math-verify"))
"""Reasons that tell nothing of words."""

LONGEST_NAME = 3
"""Words of a gold answer beside its formulas; one with more may say other things too."""

LONGEST_ALL = 40
"""Characters of `All real numbers.`"""

LONGEST_TEXT = 400
"""Characters of a response that may be nothing but the gold answer, in words."""


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response by its last `\\boxed{}`, `<answer>`, `####`, "the answer is", or last number."""
    extracted, answer = final_answer(response), gold_answer(answer)
    if answer == "?" or (not answer.isascii() and _UNREADABLE.search(answer)):
        return unknown(extracted, "gold answer cannot be read")
    if answer.strip().lower() in NO_GOLD:
        return unknown(extracted, "there is no gold answer")
    if (asked := says(answer)) is not None and says(extracted) is None and (word := first_word(response)):
        return correct(word, "same text") if says(word) == asked else wrong(word, "the opposite")
    if len(response) <= LONGEST_TEXT and _without_stop(response) == _without_stop(answer):
        return correct(extracted or response, "same text")
    if extracted is None:
        return _without_value(response, answer)
    if max(len(extracted), len(answer)) > LONGEST:
        if squeezed(extracted) == squeezed(answer):
            return correct(extracted[:100], "same text")
        return unknown(extracted[:100], "answer too long to read")
    found = compare(extracted, answer)
    if found.verdict != "unknown" and (later := concluded_later(response, extracted)) is not None:
        return _beside_another(found, later, answer)
    if found.verdict == "correct" and is_doubted(behind_answer(response, extracted), extracted):
        return unknown(extracted, "second thoughts")
    if found.reason == "a sentence about the answer" and _in_words_alone(answer):
        return correct(extracted, "same words") if is_said(_TEXT.sub(r"\1", extracted), answer) else found
    return _reconsidered(found, response, answer) if found.verdict == "wrong" else found


def _reconsidered(found: Judgement, response: str, answer: str) -> Judgement:
    """The verdict on an answer that is another one by itself: several values, or words that may say the same."""
    extracted = found.extracted or ""
    if (golds := labelled(answer)) and (parts := last_boxes_apart(response, len(golds))):
        return compare(_numbered(parts), _numbered(golds))
    if ", " in extracted and extracted not in response and (each := _each_assigned(extracted)):
        return _one_of(each, answer) or found
    if _in_words_alone(answer) and "\\boxed" not in response:
        return correct(extracted, "same words") if is_said(response, answer) else found
    if "$" in answer and len(words(_FORMULA.sub(" ", answer))) > LONGEST_NAME:
        return unknown(extracted, "gold answer is a sentence")
    if found.reason in _OF_VALUES and say_alike(answer, extracted):
        return unknown(extracted, "other words for it, perhaps")
    return found


def _numbered(parts: list[str]) -> str:
    return " ".join(f"({at}) {part}" for at, part in enumerate(parts, 1))


def _without_stop(text: str) -> str:
    return squeezed(text.strip().rstrip(" ."))


def _without_value(response: str, gold: str) -> Judgement:
    """The verdict on a response in which no value was found: it may say the gold answer in a sentence."""
    if same_words(response[: 2 * LONGEST_TEXT], gold):
        return correct(response.strip(), "same text")
    if (
        len(response) < LONGEST_ALL
        and _ALL.fullmatch(said := response.strip())
        and compare(said, gold).verdict == "correct"
    ):
        return correct(said, "equal")
    return _by_sentence(response, gold) or wrong(None, "no answer")


def _by_sentence(response: str, gold: str) -> Judgement | None:
    """The verdict where the last sentence holds the words of the gold answer."""
    if "\\boxed" in response:
        return None
    told, said = is_said(response[-2 * LONGEST_TEXT :], gold), response[-LONGEST_ALL:].strip()
    if told is None:
        return unknown(said, "words of the answer in a sentence")
    return correct(said, "same words") if told else None


def _each_assigned(extracted: str) -> list[str]:
    """The assignments of a list that gives each of several letters its value, as lines at the end of a response do."""
    parts = extracted.split(", ")
    names = [_ASSIGNMENT.match(part) for part in parts]
    return parts if all(names) and len({found[0] for found in names if found}) == len(parts) else []


def _one_of(assigned: list[str], gold: str) -> Judgement | None:
    """The verdict where one value is asked and the last lines give one to each of several letters: the last counts."""
    if compare(assigned[-1], gold).verdict == "correct":
        return correct(assigned[-1], "equal")
    others = [one for one in assigned if compare(one, gold).verdict == "correct"]
    return unknown(others[0], "one of several values") if others else None


def _in_words_alone(gold: str) -> bool:
    return len(gold) < LONGEST_TEXT and gold[-1:] in _ENDS_WORDS and bool(_WORDS_ALONE.fullmatch(gold))


def _beside_another(found: Judgement, later: str, gold: str) -> Judgement:
    """The verdict on an answer behind which another number is concluded: either may be meant."""
    if found.verdict == "wrong" and (not later or compare(later, gold).verdict == "wrong"):
        return found
    return unknown(found.extracted, "second thoughts")
