"""A process of `pool.py`: judges batches, math-verify included, under the limits of `confine.py`."""

import json
import os
import signal
from typing import Any

from distill.records import VerdictName
from distill.verify import judge, second_reader, two_answers
from distill.verify.algebra.rules import Rules
from distill.verify.child import serve
from distill.verify.judgement import Judgement
from distill.verify.language import foreign
from distill.verify.pool import DEFERS, KIND, LIMIT, RULES, SECONDS_FOR_FLAWS
from distill.verify.worker import COMPARING_SECONDS, MEMORY_BYTES, answer

PROSE = "Some sentences in plain English, long enough to be told from all other languages. " * 4


COMPARING = float(os.environ.get(LIMIT, COMPARING_SECONDS))


class Deferred(Exception):
    """The row needs math-verify, which is not loaded here."""


class Inside:
    """Asks math-verify in this process, which is one that may be killed."""

    timeout_seconds = COMPARING

    def compare(self, gold: str, extracted: str) -> tuple[VerdictName, str]:
        return answer([gold, extracted])


class Elsewhere(Inside):
    def compare(self, gold: str, extracted: str) -> tuple[VerdictName, str]:
        raise Deferred


def judge_batch(batch: list[list[Any]]) -> list[Any]:
    """Judgements; null for what is deferred."""
    found: list[Judgement | None] = []
    for row in batch:
        seconds = SECONDS_FOR_FLAWS if row[0] == "flaws" else COMPARING + 0.2
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            found.append(judge(*row))
        except Deferred:
            found.append(None)
    return found


def load(kind: str, defers: bool) -> None:
    """Load what a kind loads late."""
    if kind == "flaws":
        foreign(PROSE, "en")
    elif defers:
        judge("math", r"\boxed{\sqrt{2}}", r"\sin 1", {})
    elif kind == "math":
        answer([r"\frac12", "0.5"])


if __name__ == "__main__":
    two_answers.rules = Rules(**json.loads(os.environ.get(RULES, "{}")))
    defers = DEFERS in os.environ
    second_reader.comparer = Elsewhere() if defers else Inside()  # type: ignore[assignment]
    for kind in os.environ.get(KIND, "math").split():
        load(kind, defers)
    serve(judge_batch, MEMORY_BYTES)
