"""A process of `pool.py`: judges batches, math-verify included, under the limits of `confine.py`."""

import json
import os
import signal
from typing import Any

from distill.records import VerdictName
from distill.verify import judge, math
from distill.verify.algebra.rules import Rules
from distill.verify.child import serve
from distill.verify.pool import RULES
from distill.verify.worker import COMPARING_SECONDS, MEMORY_BYTES, answer


class Inside:
    """Asks math-verify in this process, which is one that may be killed."""

    timeout_seconds = COMPARING_SECONDS

    def compare(self, gold: str, extracted: str) -> tuple[VerdictName, str]:
        return answer([gold, extracted])


def judge_batch(batch: list[list[Any]]) -> list[Any]:
    found = []
    for row in batch:
        signal.setitimer(signal.ITIMER_PROF, COMPARING_SECONDS + 0.2)
        found.append(judge(*row))
    return found


if __name__ == "__main__":
    math.rules = Rules(**json.loads(os.environ.get(RULES, "{}")))
    math.comparer = Inside()  # type: ignore[assignment]
    answer([r"\frac12", "0.5"])  # loads what is loaded late
    serve(judge_batch, MEMORY_BYTES)
