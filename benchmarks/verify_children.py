"""Verifiers side by side, each in a child process of its own with a hard time limit a row."""

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

Row = dict[str, Any]
"""kind, gold, response and data of one pair."""


def ours(row: Row) -> str:
    """Verdict of `distill.verify.judge`."""
    from distill.verify import judge

    return judge(row["kind"], row["response"], row["gold"], row.get("data", {}), "stop", False).verdict


def bare(row: Row) -> str:
    """math-verify on both answers alone, as a grader that has extracted them calls it."""
    return _math_verify(row["gold"], _boxed(row["response"]))


def wrapped(row: Row) -> str:
    """math-verify, the gold wrapped in a box, so that LaTeX without dollars is read."""
    return _math_verify(f"\\boxed{{{row['gold'].strip('$ ')}}}", row["response"])


def defaults(row: Row) -> str:
    """math-verify on gold and whole response as they stand."""
    return _math_verify(row["gold"], row["response"])


def _math_verify(gold: str, response: str) -> str:
    from math_verify import parse, verify

    logging.disable()  # it logs each time-out
    return "correct" if verify(parse(gold), parse(response)) else "wrong"


def _boxed(response: str) -> str:
    """What the last box holds; without one, the response."""
    start = response.rfind(r"\boxed{")
    depth = 0
    for at in range(start + 6, len(response)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(response[at], 0)
        if depth == 0:
            return response[start + 7 : at]
    return response


VERIFIERS: dict[str, Callable[[Row], str]] = {
    "ours": ours,
    "math_verify_bare": bare,
    "math_verify_wrapped": wrapped,
    "math_verify_defaults": defaults,
}


def verdicts(verifier: str, rows: Iterable[Row], seconds: float) -> Iterator[str]:
    """One verdict a row; `unknown` where the child was late, raised or ended."""
    child = None
    for row in rows:
        child = child or _Child(verifier)
        found = child.ask(row, seconds)
        if found is None:
            child.end()
            child = None
        yield found or "unknown"
    if child is not None:
        child.end()


class _Child:
    def __init__(self, verifier: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(verifier, theirs))
        self._process.start()
        theirs.close()
        self._pipe.recv()  # ready: loading is not thinking

    def ask(self, row: Row, seconds: float) -> str | None:
        """The verdict, or None if there is none after so many seconds."""
        try:
            self._pipe.send(row)
            return self._pipe.recv() if self._pipe.poll(seconds) else None
        except (EOFError, BrokenPipeError):
            return None

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(verifier: str, pipe: Connection) -> None:
    judge = VERIFIERS[verifier]
    judge({"kind": "math", "gold": "1", "response": r"\boxed{2 - x}"})  # loads what it needs
    pipe.send("ready")
    while True:
        try:
            found = judge(pipe.recv())
        except (KeyboardInterrupt, EOFError):
            return
        except Exception:  # noqa: BLE001 — a verifier that raises has no verdict
            found = "unknown"
        pipe.send(found)
