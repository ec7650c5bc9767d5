"""The other end of `process.py`: what a child does between its birth and its last question."""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from distill.verify.confine import confine

LATEST = 10
"""A child whose parent is gone ends itself after so many times its computing time."""


def serve(answer: Callable[[Any], Any], memory_bytes: int) -> None:
    """Give up all rights but to compute, then answer the questions on stdin until there are no more.

    What libraries print goes nowhere: replies have a file of their own.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        confine(memory_bytes)
        os.dup2(nowhere, 2)  # only now: until here it says why it cannot start
        print("ready", file=replies, flush=True)
        for line in sys.stdin:
            number, seconds, question = json.loads(line)
            _self_destruct_after(seconds)
            reply = answer(question)
            _self_destruct_after(0)
            print(json.dumps([number, reply]), file=replies, flush=True)


def _self_destruct_after(seconds: float) -> None:
    """Let the kernel end this process after so much computing unless called again in time (0 calls it off).

    Computing time, not time: a verdict must not depend on what else the machine does. The default action of the signal
    needs no Python to run, so a computation that holds the interpreter cannot stop it.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, LATEST * seconds)
