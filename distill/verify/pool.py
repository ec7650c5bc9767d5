"""Many verdicts at once: processes that judge, each with hard limits.

A row on which a process dies or runs out of time costs one `unknown`; the rows beside it are judged again. The few rows
that need math-verify, which takes a second to load, go to one more process that has it.
"""

import json
import queue
import threading
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from distill.verify.algebra.rules import Rules
from distill.verify.extract import relevant
from distill.verify.judgement import Judgement, unknown
from distill.verify.process import NoReply, Worker
from distill.verify.worker import COMPARING_SECONDS

BATCH = 64
"""Rows of one question to a process."""

LONG = 1_000
"""Characters of a response that are cut down first."""

BESIDE_COMPARING = 1.2
"""Computing time for a row beyond that for comparing."""

SECONDS_FOR_FLAWS = 10.0
"""A thought of a megabyte is read in whole."""

RULES = "DISTILL_MATH_RULES"
"""Environment variable of a process with the conventions of mathematics, as JSON."""

LIMIT = "DISTILL_SECONDS"
"""The same with the seconds for comparing two answers."""

KIND = "DISTILL_KIND"
"""The same with the kinds of the rows: what they need is loaded before the limits hold."""

DEFERS = "DISTILL_DEFERS"
"""The same where a process gives back, as null, the rows that need math-verify."""

AHEAD = 16
"""Batches for each process that may be under way while the first of them is not there."""

CONFINED = frozenset(("math", "choice", "number", "countdown", "flaws"))
"""Kinds that are judged inside the processes; what runs programs has isolation of its own."""


class Row(NamedTuple):
    """What a verdict needs; the fields of `distill.verify.judge`."""

    kind: str
    response: str
    answer: str
    data: dict
    finish_reason: str = "stop"
    thought: bool = False


def judge_all(
    rows: Iterable[Row],
    workers: int = 1,
    rules: Rules = Rules(),  # noqa: B008
    seconds: float = COMPARING_SECONDS,
    kinds: Collection[str] = (),
) -> Iterator[Judgement]:
    """Judgements in the order of the rows, by so many processes; `seconds` of computing time for comparing.

    `kinds` are those of the rows, where they are more than that of the first.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    rows = chain((first,), rows)
    variables = {RULES: json.dumps(rules._asdict()), KIND: " ".join(sorted({first.kind, *kinds})), LIMIT: str(seconds)}
    pool = [Worker("distill.verify.judge_worker", variables | {DEFERS: "1"}) for _ in range(workers)]
    whole = Worker("distill.verify.judge_worker", variables)
    todo: queue.Queue[tuple[int, list[Row]] | None] = queue.Queue(maxsize=AHEAD * workers)
    done: queue.Queue[tuple[int, list[Judgement] | BaseException]] = queue.Queue()
    threads = [
        threading.Thread(target=_serve, args=(worker, whole, seconds, todo, done), daemon=True) for worker in pool
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _in_order(rows, todo, done, AHEAD * workers)
    finally:
        for _ in threads:
            todo.put(None)
        for worker in (*pool, whole):
            worker.close()


def _in_order(
    rows: Iterator[Row],
    todo: "queue.Queue[tuple[int, list[Row]] | None]",
    done: "queue.Queue[tuple[int, list[Judgement] | BaseException]]",
    ahead: int,
) -> Iterator[Judgement]:
    """Hand out batches, a few ahead, and put what comes back into order."""
    sent = received = told = 0
    waiting: dict[int, list[Judgement]] = {}
    more = True
    while more or received < sent:
        while more and sent - told < ahead:
            batch = list(islice(rows, BATCH))
            more = len(batch) == BATCH
            if batch:
                todo.put((sent, batch))
                sent += 1
        if received < sent:
            number, found = done.get()
            received += 1
            if isinstance(found, BaseException):
                raise found
            waiting[number] = found
        while told in waiting:
            yield from waiting.pop(told)
            told += 1


def _serve(
    worker: Worker,
    whole: Worker,
    seconds: float,
    todo: "queue.Queue[tuple[int, list[Row]] | None]",
    done: "queue.Queue[tuple[int, list[Judgement] | BaseException]]",
) -> None:
    while (work := todo.get()) is not None:
        number, batch = work
        try:
            done.put((number, _judged(worker, whole, seconds, batch)))
        except BaseException as e:  # noqa: BLE001 - whatever it is, the one who waits must hear of it
            done.put((number, e))
            return


def _short(row: Row) -> Row:
    """Without the part of a long response that no verdict depends on: it need not travel."""
    if row.kind != "math" or len(row.response) < LONG:
        return row
    short = relevant(row.response)
    return row._replace(response=short) if short.strip() else row


def seconds_of(row: Row, comparing: float) -> float:
    return SECONDS_FOR_FLAWS if row.kind == "flaws" else comparing + BESIDE_COMPARING


def _judged(worker: Worker, whole: Worker, seconds: float, batch: list[Row]) -> list[Judgement]:
    """By the first of them, and by the other one what that gives back."""
    try:
        found = worker.ask([_short(row) for row in batch], sum(seconds_of(row, seconds) for row in batch))
    except NoReply as e:
        if len(batch) == 1:
            return [unknown(None, str(e))]
        return [judgement for row in batch for judgement in _judged(worker, whole, seconds, [row])]
    deferred = [row for row, one in zip(batch, found, strict=True) if one is None]
    settled = iter(_judged(whole, whole, seconds, deferred) if deferred else ())
    return [next(settled) if one is None else Judgement(*one) for one in found]
