"""Mathematics: the final answer of a response against the gold answer.

Plain numbers are compared exactly here; all else goes to math-verify, in a process of its own that
is killed when it takes too long (`worker.py`), since a degenerate answer such as 9^9^9^9 hangs it.
"""

import re
from fractions import Fraction

from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.notation import BEYOND, CHANGING, RELATION, UNITS, links, squeezed, tidy, without_unit, words
from distill.verify.worker import Comparer

TAIL_CHARACTERS = 4000
"""Without a box or an answer tag, the answer is looked for this near to the end."""

MAX_BOXES = 50
"""So many boxes are looked at, from the end."""

MAX_ANSWER = 2000
"""A longer answer is not read: no verdict."""

_ANSWER_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_HASHES = re.compile(r"####[ \t]*(\S[^\n]*)")
_PHRASE = re.compile(r"answer\s*(?:is|:|=)\s*:?\s*([^\n]+)", re.IGNORECASE)
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.])-?\$?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|\.\d+)%?")
_PLAIN_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_BOX = re.compile(r"\\boxed\s*(?:\{|(-?\d[\d.,/]*\d|\d|[A-Za-z](?![A-Za-z])))")
_BASED = re.compile(r"(\w+)_\{?(\d+)\}?")
_DASHES = str.maketrans("−–", "--")

comparer = Comparer()


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge a response by its last `\\boxed{}`, `<answer>`, `####`, "the answer is", or last number."""
    extracted = extract(response)
    if extracted is None:
        return wrong(None, "no answer")
    if len(extracted) > MAX_ANSWER:
        return unknown(extracted[:100], "answer too long to read")
    return compare(extracted, answer)


def compare(extracted: str, gold: str) -> Judgement:
    """Compare two answers: exactly where both are plain numbers, else by math-verify.

    math-verify reads past what it does not know, and so takes `\\neq 42`, `42 \\text{ thousand}` and `41 = 42` for
    42. What makes another value of the number beside it is looked for first; where it stands no verdict is `correct`.
    """
    ours, theirs = tidy(gold), tidy(extracted)
    if squeezed(ours) == squeezed(theirs) or (ours.isalpha() and ours.lower() == theirs.lower() and len(ours) > 1):
        return correct(extracted, "same text")
    return _compare(theirs, ours)._replace(extracted=extracted)


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
    if words(answer) & CHANGING - words(gold) - ({"and", "or"} if _is_list(gold) else set()):
        return unknown(answer, "words that change the value")
    if _bracket(answer) != _bracket(gold) and {_bracket(answer), _bracket(gold)} == {"(", "{"}:
        return wrong(answer, "a set is no tuple")
    return _by_value(answer, gold)


def _by_value(answer: str, gold: str) -> Judgement:
    """Units and number bases first, then math-verify."""
    (value, unit), (gold_value, gold_unit) = without_unit(answer), without_unit(gold)
    if unit and gold_unit and unit != gold_unit:
        return unknown(answer, "another unit")
    if re.search(r"\\(?:text|mathrm)[^\d]*\d", value) and not re.search(r"\\(?:text|mathrm)[^\d]*\d", gold_value):
        return unknown(answer, "several values")
    based, gold_based = _BASED.fullmatch(value), _BASED.fullmatch(gold_value)
    if based and (gold_based is None or based[2] != gold_based[2]):
        return unknown(answer, "another number base")
    ours, theirs = as_number(gold_value), as_number(value)
    if ours is not None and theirs is not None:
        return correct(answer, "equal numbers") if ours == theirs else wrong(answer, "another number")
    if ours is not None and len(words(value) - UNITS) > 2:
        return unknown(answer, "a sentence, not a value") if re.search(r"\d", value) else wrong(answer, "no number")
    if ours is not None and "," not in value:
        value = re.sub(r"(?<=[\d)])\s*(?=\()|(?<=\))\s*(?=\d)", r"\\cdot ", value)  # 6(7)
    verdict, reason = comparer.compare(gold_value, value)
    if verdict != "correct" and _is_set(gold) and RELATION.search(answer):
        verdict, reason = comparer.compare(value, gold_value)  # x < 2 for (-oo, 2): math-verify looks one way only
    return Judgement(verdict, answer, reason)


def _all_of(found: list[Judgement]) -> Judgement:
    """A chain of equations is right where each of its values is."""
    worst = {"wrong": 0, "unknown": 1, "correct": 2}
    return min(found, key=lambda judgement: worst[judgement.verdict])


def _is_list(text: str) -> bool:
    return "," in re.sub(r"(?<=\d),(?=\d{3})", "", text) or "\\text{ and" in text or ";" in text


def _is_set(text: str) -> bool:
    """Can a relation describe this: an interval, a union, a statement?"""
    return bool(re.match(r"[\[(].*,.*[\])]|\\{|.*\\(?:cup|infty|mathbb|emptyset|varnothing)", text)) or "=" in text


def _bracket(text: str) -> str:
    """`(` for a tuple or interval, `{` for a set, else nothing."""
    if "," not in text:
        return ""
    return "{" if text.startswith("\\{") else "(" if text.startswith("(") and text.endswith(")") else ""


def extract(response: str) -> str | None:
    """The final answer of a response as it is written, None where there is none."""
    boxed = last_boxed(response)
    if boxed is not None:
        return boxed.strip() or None
    tail = response[-TAIL_CHARACTERS:].translate(_DASHES)
    for pattern in (_ANSWER_TAG, _HASHES, _PHRASE):
        found = pattern.findall(tail)
        if found:
            return _phrase_end(found[-1]) or None
    numbers = _NUMBER_IN_TEXT.findall(tail)
    return numbers[-1].rstrip(",") if numbers else None


def last_boxed(text: str) -> str | None:
    """Content of the last `\\boxed{...}` whose braces close, or of a `\\boxed 5` behind it."""
    starts = [m.start() for m in _BOX.finditer(text)][-MAX_BOXES:]
    for start in reversed(starts):
        open_brace = text.find("{", start, start + 10)
        if open_brace < 0:
            return _BOX.match(text, start)[1]  # type: ignore[index]
        depth = 0
        for i in range(open_brace, min(len(text), start + MAX_ANSWER + 8)):
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                return text[open_brace + 1 : i]
    return None


def as_number(text: str) -> Fraction | None:
    """A plain number (sign, thousands commas, decimals, exponent, a/b, a currency sign), exactly; else None."""
    top, slash, bottom = tidy(text).partition("/")
    if not _is_plain(top) or (slash and not _is_plain(bottom)):
        return None
    try:
        return Fraction(top.replace(",", "")) / (Fraction(bottom.replace(",", "")) if slash else 1)
    except (ValueError, ZeroDivisionError):
        return None


def _is_plain(text: str) -> bool:
    return bool(_PLAIN_NUMBER.fullmatch(text)) and any(c.isdigit() for c in text) and len(text) < 200


def _phrase_end(text: str) -> str:
    """Cut a sentence down to its answer: markdown, the final stop and what explains the number go.

    A number that the words around it change ("not 42", "42 million") stays with them, and is no number then.
    """
    text = re.sub(r"[.*\s]+$", "", text.strip().strip("*").strip())
    if "\\" in text or not words(text):
        return text
    head = re.match(r"(" + _NUMBER_IN_TEXT.pattern + r")(?=\s|,\s|$)", text)
    clause = re.split(r"[,;(]\s|\s(?:because|since|as|which|so)\s", text)[0] if head else text
    numbers = _NUMBER_IN_TEXT.findall(clause)
    if len(numbers) == 1 and not words(clause) & CHANGING:
        return numbers[0].rstrip(",")
    return text
