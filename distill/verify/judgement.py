"""What a verifier returns: one of three verdicts, the answer it judged, and why."""

from typing import NamedTuple

from distill.records import VerdictName


class Judgement(NamedTuple):
    verdict: VerdictName
    """`unknown` is not `wrong`: the verifier could not run or could not decide."""
    extracted: str | None
    """The answer that was judged; None where none was found."""
    reason: str
    """Why, in a few words that group well in counts."""


def correct(extracted: str, reason: str = "equal") -> Judgement:
    return Judgement("correct", extracted, reason)


def wrong(extracted: str | None, reason: str) -> Judgement:
    return Judgement("wrong", extracted, reason)


def unknown(extracted: str | None, reason: str) -> Judgement:
    return Judgement("unknown", extracted, reason)
