"""What another verifier said of a row, in the words in which verifiers say it."""

from typing import Any

from distill.errors import Refused
from distill.records import VerdictName

_WORDS: dict[str, VerdictName] = {
    **dict.fromkeys("correct true yes right equal pass passed".split(), "correct"),
    **dict.fromkeys("wrong incorrect false no different fail failed".split(), "wrong"),
    **dict.fromkeys("unknown undecided unsure".split(), "unknown"),
}

HINT = "A verdict is correct, wrong or unknown, true or false, pass or fail, or a score from 0 to 1 (-1 is wrong)."


def other_verdict(value: Any) -> VerdictName | None:
    """A verdict, true and false, or a score; None where it is none of these, such as a score of 85."""
    if isinstance(value, str):
        word = value.strip().rstrip(".!").lower()
        return _WORDS[word] if word in _WORDS else _of_score(word)
    return _of_score(value) if isinstance(value, int | float) else None


def _of_score(value: str | int | float) -> VerdictName | None:
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return None
    if not 0 <= score <= 1:
        return "wrong" if score == -1 else None
    return "correct" if score >= 0.5 else "wrong"


def refuse_no_verdicts(column: str, first: Any) -> Refused:
    """Where none of its values is a verdict, of which the first is this."""
    return Refused(f"no value of '{column}' is a verdict (row 1: {str(first)[:60]!r}).", HINT)
