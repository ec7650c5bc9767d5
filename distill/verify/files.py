"""`distill verify FILE`: verdicts for the rows of any jsonl or parquet file, of whatever length."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, tee
from pathlib import Path
from typing import Any, NamedTuple

from distill import __version__
from distill.errors import DistillError, Refused
from distill.files import each_row
from distill.given_paths import unchanged
from distill.judged_text import judged_digest
from distill.notices import COUNTED_EVERY, tell_count
from distill.recipe import Accept
from distill.records import digest
from distill.verify import code, judge
from distill.verify.algebra.rules import Rules
from distill.verify.judgement import Judgement, unknown
from distill.verify.kept import Rows, Tell, behind, write_rows_kept
from distill.verify.other_verdict import other_verdict, refuse_no_verdicts
from distill.verify.paths import refuse_paths
from distill.verify.pool import CONFINED, Row, judge_all
from distill.verify.table import (
    QUESTION_HINT,
    Columns,
    kind_of,
    question_of,
    refuse_kind,
    refuse_unfit,
    to_find_flaws,
    to_judge,
)
from distill.verify.turn import turn_of
from distill.verify.worker import COMPARING_SECONDS

SHOWN = 5
"""Disagreements with another verifier that are told one by one."""


_NOTHING = Row("math", "", "", {})
_NOT_ASKED = unknown(None, "not asked")


class Found(NamedTuple):
    """What `distill verify` tells at its end."""

    rows: int
    kinds: Counter[str]
    """Kind -> rows that are judged as such."""
    reasons: Counter[tuple[str, str]]
    """Verdict and reason -> rows."""
    flaws: Counter[str]
    """What is amiss with correct answers -> rows."""
    compared: Counter[tuple[str, str | None]]
    """Our verdict and the other verifier's, None where it has none -> rows."""
    unread: list[str]
    """The first values of the other verifier that are no verdict."""
    disagreements: list[str]
    """The first rows of which one is correct and the other wrong."""


class Asked(NamedTuple):
    """What is asked about a row."""

    row: dict[str, Any]
    answer: Row | None
    form: Row | None


class How(NamedTuple):
    """What is judged, and by which conventions."""

    kind: str | None = None
    """Of all rows; None goes by the column `kind` of each, and takes mathematics where that names none."""
    columns: Columns = Columns()
    rules: Rules = Rules()
    accept: Accept | None = None
    """What an answer must be beyond correct; None does not look, but for the kind that looks at nothing else."""
    workers: int = 1
    seconds: float = COMPARING_SECONDS
    """Computing time for comparing two answers."""
    needs_question: tuple[str, ...] = ()
    """Kinds of which a judge is to be asked, who must see it."""


def verify_file(file: Path, out: Path, how: How = How(), tell: Tell = lambda *_: None) -> Found:  # noqa: B008
    """Write every row of `file` to `out` as jsonl with `ADDED` (kept.py), and its flaw if asked.

    Every row is looked at before the first is judged, and none is kept: files may be larger than the memory. What an
    earlier call wrote before it was killed is not judged again. `tell` hears where an earlier call is gone on with;
    how many rows are done is told to who listens (`distill.notices`).

    Raises:
        Refused: unknown kind, missing file or column, a column of that name already there, an
            output that is the input.
    """
    if how.kind is not None:
        refuse_kind(how.kind)
    out = refuse_paths(file, out)
    with unchanged(file):
        kinds = _kinds_of_rows(file, how)
    found = _nothing_yet(kinds)
    if set(kinds) != {how.kind or "math"}:
        tell(f"judged by their column 'kind': {', '.join(f'{n:,} {kind}' for kind, n in kinds.most_common())}")
    write_rows_kept(out, _identity(file, how), lambda earlier: _judged_rows(file, out, how, found, tell, earlier), tell)
    return found


def _nothing_yet(kinds: Counter[str]) -> Found:
    return Found(kinds.total(), kinds, Counter(), Counter(), Counter(), [], [])


def _refuse_if_changed(file: Path, found: Found) -> None:
    """
    Raises:
        Refused: another number of rows has been judged than there were.
    """
    if found.reasons.total() != found.rows:
        raise Refused(
            f"{file} had {found.rows:,} rows at first and {found.reasons.total():,} now.", "Is it being written?"
        )


def _identity(file: Path, how: How) -> dict[str, str]:
    """What is judged, and how, under what is to be said where it is another: rows left by that are of no use."""
    stat = file.stat()
    settings = repr(how._replace(workers=1)), repr(code.runner.limits), code.runner.isolation
    return {
        "the file has changed": digest([str(file.resolve()), stat.st_size, stat.st_mtime_ns]),
        "the settings have changed": digest(list(settings)),
        "distill has another version": __version__,
    }


def _judged_rows(file: Path, out: Path, how: How, found: Found, tell: Tell, earlier: Rows) -> Rows:
    """The rows with what is added to them, behind the `earlier` ones; each is counted in `found`."""
    done = 0
    with unchanged(file):
        rows = each_row(file, halves=True)
        for done, row in enumerate(behind(earlier, rows, out), 1):  # noqa: B007
            note(found, row, Judgement(row["verdict"], row["extracted"], row["reason"]), row.get("flaw"), how.columns)
        if done:
            tell(f"goes on behind row {done:,} of {found.rows:,}")
        asked, judged = tee(_asked(rows, how))
        verdicts = _judgements(judged, how, frozenset(found.kinds))
        for one in _told(asked, done, found):
            judgement, flaw = next(verdicts)
            note(found, one.row, judgement, flaw, how.columns)
            added = {**judgement._asdict(), "verdict_of": _text_judged(one.row, how.columns)}
            yield {**one.row, **added, **({} if one.form is None else {"flaw": flaw})}
        _refuse_if_changed(file, found)


def _text_judged(row: dict[str, Any], columns: Columns) -> str:
    return judged_digest(turn_of(row, columns.response, columns.reasoning).response)


def counted(out: Path, columns: Columns, kind: str | None = None) -> Found:
    """What stands in an output, after a judge has revised it."""
    found = _nothing_yet(Counter(kind_of(row, kind) for row in each_row(out, halves=True)))
    for row in each_row(out, halves=True):
        note(found, row, Judgement(row["verdict"], row["extracted"], row["reason"]), row.get("flaw"), columns)
    return found


def _kinds_of_rows(file: Path, how: How) -> Counter[str]:
    """How many rows are of which kind.

    Raises:
        Refused: a row does not fit, or there is none, or none that another verifier has judged.
    """
    kinds: Counter[str] = Counter()
    first, other, compared = None, how.columns.other, False
    try:
        for number, row in enumerate(each_row(file, halves=True), 1):
            kind = kind_of(row, how.kind)
            if kind not in kinds:
                refuse_kind(kind)
            kinds[kind] += 1
            _refuse_row(row, f"{file}, row {number}", kind, how)
            if other is not None:
                first = row[other] if number == 1 else first
                compared = compared or other_verdict(row[other]) is not None
    except Refused:
        raise
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    if not kinds:
        raise Refused(f"{file} holds no rows.")
    if other is not None and not compared:
        raise refuse_no_verdicts(other, first)
    return kinds


def _refuse_row(row: dict[str, Any], where: str, kind: str, how: How) -> None:
    try:
        refuse_unfit(row, where, kind, how.columns)
        if kind in how.needs_question and not question_of(row):
            raise Refused(f"{where} has no question, which the judge must see.", QUESTION_HINT)
    except Refused as e:
        if how.kind is not None or row.get("kind") != kind:
            raise
        raise Refused(str(e), f"{e.hint} Its column 'kind' says {kind}; --kind overrides it.".strip()) from e


def _asked(rows: Iterator[dict[str, Any]], how: How) -> Iterator[Asked]:
    accept = (how.accept or Accept()).model_dump()
    for row in rows:
        kind = kind_of(row, how.kind)
        if kind == "flaws":
            yield Asked(row, to_find_flaws(row, how.columns, accept), None)
        else:
            form = to_find_flaws(row, how.columns, accept) if how.accept is not None else None
            yield Asked(row, to_judge(row, kind, how.columns), form)


def _judgements(asked: Iterator[Asked], how: How, kinds: frozenset[str]) -> Iterator[tuple[Judgement, str | None]]:
    """Verdict and flaw of every row, in order; what cannot be judged at all is judged as nothing, and told as unknown.

    All that reads `asked` goes on together, so that no more rows are kept than are under way: what a row is not asked
    for is judged as nothing, too.
    """
    order, answers, programs, forms = tee(asked, 4)
    confined: Iterator[Judgement] = (_NOT_ASKED for _ in answers)
    if kinds & CONFINED:
        of_pool = (a.answer if a.answer and a.answer.kind in CONFINED else _NOTHING for a in answers)
        confined = judge_all(of_pool, how.workers, how.rules, how.seconds, kinds)
    others: Iterator[Judgement] = (_NOT_ASKED for _ in programs)
    if kinds - CONFINED:
        others = _in_threads(
            (a.answer if a.answer and a.answer.kind not in CONFINED else _NOTHING for a in programs), how.workers
        )
    looked_at: Iterator[Judgement] = (_NOT_ASKED for _ in forms)
    if how.accept is not None and kinds != {"flaws"}:
        looked_at = judge_all((_NOTHING if a.form is None else a.form for a in forms), how.workers, how.rules)
    for one, by_pool, by_program, form in zip(order, confined, others, looked_at, strict=False):
        found = by_pool if one.answer and one.answer.kind in CONFINED else by_program
        judgement = unknown(None, "gold answer is no text or number") if one.answer is None else found
        yield judgement, form.reason if one.form is not None and form.verdict != "correct" else None


def _in_threads(rows: Iterator[Row], workers: int) -> Iterator[Judgement]:
    """Kinds that have processes of their own; a few rows ahead, in order."""
    pool = ThreadPoolExecutor(workers)
    waiting: list[Future[Judgement]] = [pool.submit(judge, *row) for row in islice(rows, 2 * workers)]
    try:
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(judge, *row) for row in islice(rows, 1)]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        code.runner.close()  # or the programs that run would keep us until they end
        raise
    pool.shutdown()


def _told(asked: Iterator[Asked], done: int, found: Found) -> Iterator[Asked]:
    """The same, with how far the verdicts have come for who listens."""
    last = 0.0
    for number, one in enumerate(asked, done):
        if time.monotonic() - last > COUNTED_EVERY:
            last = time.monotonic()
            tell_count(number, found.rows, "rows", _so_far(found))
        yield one
    tell_count(found.rows, found.rows, "rows", _so_far(found))


def _so_far(found: Found) -> str:
    verdicts: Counter[str] = Counter()
    for (verdict, _), n in found.reasons.items():
        verdicts[verdict] += n
    if not verdicts:
        return ""
    share = 100 * verdicts["correct"] / verdicts.total()
    return ", ".join(f"{verdicts[v]:,} {v}" for v in ("correct", "wrong", "unknown")) + f", {share:.1f} % correct"


def note(found: Found, row: dict[str, Any], judgement: Judgement, flaw: str | None, columns: Columns) -> None:
    """Count a row."""
    found.reasons[judgement.verdict, judgement.reason] += 1
    if flaw is not None and judgement.verdict == "correct":
        found.flaws[flaw] += 1
    if columns.other is None:
        return
    other = other_verdict(row[columns.other])
    found.compared[judgement.verdict, other] += 1
    if other is None and len(found.unread) < SHOWN and (said := repr(row[columns.other])[:60]) not in found.unread:
        found.unread.append(said)
    if {judgement.verdict, other} == {"correct", "wrong"} and len(found.disagreements) < SHOWN:
        number = found.compared.total()
        gold = str(row.get(columns.answer, ""))[:60]
        found.disagreements.append(
            f"row {number}: {judgement.verdict} ({judgement.reason}), '{columns.other}' says {other}; "
            f"gold {gold!r}, answer {str(judgement.extracted)[:60]!r}"
        )
