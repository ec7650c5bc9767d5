"""Mathematics: the final answer of a response against the gold answer.

Plain numbers are compared exactly here; all else goes to math-verify, in a process of its own that
is killed when it takes too long (`worker.py`), since a degenerate answer such as 9^9^9^9 hangs it.
"""

import re
from fractions import Fraction

from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.worker import Comparer

TAIL_CHARACTERS = 4000
"""Without a box or an answer tag, the answer is looked for this near to the end."""

MAX_ANSWER = 2000
"""A longer answer is not read: no verdict."""

_ANSWER_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_HASHES = re.compile(r"####[ \t]*(\S[^\n]*)")
_PHRASE = re.compile(r"answer\s*(?:is|:|=)\s*:?\s*([^\n]+)", re.IGNORECASE)
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.])-?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?")
_PLAIN_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?")

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
    """Compare two answers: exactly where both are plain numbers, else by math-verify."""
    ours, theirs = as_number(gold), as_number(extracted)
    if ours is not None and theirs is not None:
        return correct(extracted, "equal numbers") if ours == theirs else wrong(extracted, "another number")
    if _squeezed(extracted) == _squeezed(gold):
        return correct(extracted, "same text")
    verdict, reason = comparer.compare(gold, extracted)
    return Judgement(verdict, extracted, reason)


def extract(response: str) -> str | None:
    """The final answer of a response as it is written, None where there is none."""
    boxed = last_boxed(response)
    if boxed is not None:
        return boxed.strip() or None
    tail = response[-TAIL_CHARACTERS:]
    for pattern in (_ANSWER_TAG, _HASHES, _PHRASE):
        found = pattern.findall(tail)
        if found:
            return _phrase_end(found[-1]) or None
    numbers = _NUMBER_IN_TEXT.findall(tail)
    return numbers[-1].rstrip(",") if numbers else None


def last_boxed(text: str) -> str | None:
    """Content of the last `\\boxed{...}` whose braces close."""
    start = text.rfind("\\boxed{")
    while start >= 0:
        depth = 0
        for i in range(start + len("\\boxed"), min(len(text), start + MAX_ANSWER + 8)):
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                return text[start + len("\\boxed{") : i]
        start = text.rfind("\\boxed{", 0, start)
    return None


def as_number(text: str) -> Fraction | None:
    """A plain number (sign, thousands commas, decimals, a/b, a currency sign), exactly; else None."""
    stripped = text.strip().strip("$").replace("\\$", "").removesuffix(".").strip()
    top, slash, bottom = stripped.partition("/")
    if not _is_plain(top) or (slash and not _is_plain(bottom)):
        return None
    try:
        return Fraction(top.replace(",", "")) / (Fraction(bottom.replace(",", "")) if slash else 1)
    except (ValueError, ZeroDivisionError):
        return None


def _is_plain(text: str) -> bool:
    return bool(_PLAIN_NUMBER.fullmatch(text)) and any(c.isdigit() for c in text) and len(text) < 200


def _squeezed(text: str) -> str:
    return re.sub(r"\s+|\\!|\\,|\\left|\\right|\$", "", text)


def _phrase_end(text: str) -> str:
    """Cut a sentence down to its answer: markdown and the final stop go."""
    text = text.strip().strip("*").strip()
    text = re.sub(r"[.*\s]+$", "", text)
    numbers = _NUMBER_IN_TEXT.findall(text)
    is_prose = (
        len(re.findall(r"[A-Za-z]{2,}", text.replace("\\frac", "").replace("\\sqrt", ""))) > 0 and "\\" not in text
    )
    return numbers[0].rstrip(",") if is_prose and len(numbers) == 1 else text
