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
from distill.recipe import Accept
from distill.records import digest
from distill.verify import code, judge
from distill.verify.algebra.rules import Rules
from distill.verify.judgement import Judgement, unknown
from distill.verify.kept import Rows, Tell, write_rows_kept
from distill.verify.paths import refuse_paths
from distill.verify.pool import CONFINED, Row, judge_all
from distill.verify.table import QUESTION_HINT, Columns, question_of, refuse_kind, refuse_unfit, to_find_flaws, to_judge
from distill.verify.worker import COMPARING_SECONDS

SHOWN = 5
"""Disagreements with another verifier that are told one by one."""

TELL_EVERY = 5.0
"""Seconds between two lines of progress."""


_NOTHING = Row("math", "", "", {})


class Found(NamedTuple):
    """What `distill verify` tells at its end."""

    rows: int
    reasons: Counter[tuple[str, str]]
    """Verdict and reason -> rows."""
    flaws: Counter[str]
    """What is amiss with correct answers -> rows."""
    compared: Counter[tuple[str, str]]
    """Our verdict and the other verifier's -> rows."""
    disagreements: list[str]
    """The first rows of which one is correct and the other wrong."""


class Asked(NamedTuple):
    """What is asked about a row."""

    row: dict[str, Any]
    answer: Row | None
    form: Row | None


class How(NamedTuple):
    """What is judged, and by which conventions."""

    kind: str = "math"
    columns: Columns = Columns()
    rules: Rules = Rules()
    accept: Accept | None = None
    """What an answer must be beyond correct; None does not look, but for the kind that looks at nothing else."""
    workers: int = 1
    seconds: float = COMPARING_SECONDS
    """Computing time for comparing two answers."""
    needs_question: bool = False
    """A judge is to be asked, who must see it."""


def verify_file(file: Path, out: Path, how: How = How(), tell: Tell = lambda *_: None) -> Found:  # noqa: B008
    """Write every row of `file` to `out` as jsonl with verdict, extracted and reason added, and its flaw if asked.

    Every row is looked at before the first is judged, and none is kept: files may be larger than the memory. What an
    earlier call wrote before it was killed is not judged again. `tell` hears every few seconds how many rows of how
    many are done, and where an earlier call is gone on with.

    Raises:
        Refused: unknown kind, missing file or column, a column of that name already there, an
            output that is the input.
    """
    refuse_kind(how.kind)
    out = refuse_paths(file, out)
    found = Found(_rows_that_fit(file, how), Counter(), Counter(), Counter(), [])
    write_rows_kept(out, _identity(file, how), lambda earlier: _judged_rows(file, how, found, tell, earlier), tell)
    return found


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


def _judged_rows(file: Path, how: How, found: Found, tell: Tell, earlier: Rows) -> Rows:
    """The rows with what is added to them, behind the `earlier` ones; each is counted in `found`."""
    done = 0
    for done, row in enumerate(earlier, 1):  # noqa: B007
        note(found, row, Judgement(row["verdict"], row["extracted"], row["reason"]), row.get("flaw"), how.columns)
    if done:
        tell(f"goes on behind row {done:,} of {found.rows:,}")
    asked, judged = tee(_asked(islice(each_row(file, halves=True), done, None), how))
    verdicts = _judgements(judged, how)
    for one in _told(asked, done, found.rows, tell):
        judgement, flaw = next(verdicts)
        note(found, one.row, judgement, flaw, how.columns)
        yield {**one.row, **judgement._asdict(), **({} if one.form is None else {"flaw": flaw})}
    _refuse_if_changed(file, found)


def counted(out: Path, columns: Columns) -> Found:
    """What stands in an output, after a judge has revised it."""
    found = Found(sum(1 for _ in each_row(out, halves=True)), Counter(), Counter(), Counter(), [])
    for row in each_row(out, halves=True):
        note(found, row, Judgement(row["verdict"], row["extracted"], row["reason"]), row.get("flaw"), columns)
    return found


def _rows_that_fit(file: Path, how: How) -> int:
    rows = 0
    try:
        for row in each_row(file, halves=True):
            rows += 1
            refuse_unfit(row, f"{file}, row {rows}", how.kind, how.columns)
            if how.needs_question and not question_of(row):
                raise Refused(f"{file}, row {rows} has no question, which the judge must see.", QUESTION_HINT)
    except Refused:
        raise
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    if not rows:
        raise Refused(f"{file} holds no rows.")
    return rows


def _asked(rows: Iterator[dict[str, Any]], how: How) -> Iterator[Asked]:
    accept = (how.accept or Accept()).model_dump()
    for row in rows:
        if how.kind == "flaws":
            yield Asked(row, to_find_flaws(row, how.columns, accept), None)
        else:
            form = to_find_flaws(row, how.columns, accept) if how.accept is not None else None
            yield Asked(row, to_judge(row, how.kind, how.columns), form)


def _judgements(asked: Iterator[Asked], how: How) -> Iterator[tuple[Judgement, str | None]]:
    """Verdict and flaw of every row, in order; what cannot be judged at all is judged as nothing, and told as unknown.

    All that reads `asked` goes on together, so that no more rows are kept than are under way.
    """
    answers, forms, order = tee(asked, 3)
    asking = (_NOTHING if a.answer is None else a.answer for a in answers)
    if how.kind in CONFINED:
        judged = judge_all(asking, how.workers, how.rules, how.seconds)
    else:
        judged = _in_threads(asking, how.workers)
    looked_at = judge_all((_NOTHING if a.form is None else a.form for a in forms), how.workers, how.rules)
    looks = how.accept is not None and how.kind != "flaws"
    for one in order:
        found = next(judged)
        judgement = unknown(None, "gold answer is no text or number") if one.answer is None else found
        form = next(looked_at) if looks else next(forms) and None
        yield judgement, form.reason if form is not None and form.verdict != "correct" else None


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


def _told(asked: Iterator[Asked], done: int, rows: int, tell: Tell) -> Iterator[Asked]:
    last = time.monotonic()
    for number, one in enumerate(asked, done):
        if time.monotonic() - last > TELL_EVERY:
            last = time.monotonic()
            tell(f"{number:,} of {rows:,} rows")
        yield one


def note(found: Found, row: dict[str, Any], judgement: Judgement, flaw: str | None, columns: Columns) -> None:
    """Count a row."""
    found.reasons[judgement.verdict, judgement.reason] += 1
    if flaw is not None and judgement.verdict == "correct":
        found.flaws[flaw] += 1
    if columns.other is None:
        return
    other = other_verdict(row[columns.other])
    found.compared[judgement.verdict, other] += 1
    if {judgement.verdict, other} == {"correct", "wrong"} and len(found.disagreements) < SHOWN:
        number = found.compared.total()
        gold = str(row.get(columns.answer, ""))[:60]
        found.disagreements.append(
            f"row {number}: {judgement.verdict} ({judgement.reason}), '{columns.other}' says {other}; "
            f"gold {gold!r}, answer {str(judgement.extracted)[:60]!r}"
        )


def other_verdict(value: Any) -> str:
    """What another verifier said, whether as a verdict, as true and false, or as a score from 0 to 1."""
    if isinstance(value, str):
        lower = value.strip().lower()
        if lower in ("correct", "true", "1", "1.0", "yes", "equal", "a"):
            return "correct"
        return "wrong" if lower in ("wrong", "incorrect", "false", "0", "0.0", "no", "different", "b") else "unknown"
    if value is None or value != value:
        return "unknown"
    if isinstance(value, int | float):
        return "correct" if value >= 0.5 else "wrong"
    return "unknown"
