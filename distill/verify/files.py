"""`distill verify FILE`: verdicts for the rows of any jsonl or parquet file."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from distill.errors import DistillError, Refused
from distill.files import read_rows
from distill.records import split_reasoning
from distill.verify import KINDS, judge
from distill.verify.algebra.rules import Rules
from distill.verify.judgement import Judgement, unknown
from distill.verify.pool import CONFINED, Row, judge_all
from distill.verify.suites import COLUMNS, layout_of

WITHOUT_ANSWER = ("countdown", "code")
"""Kinds whose rows need no gold answer."""

COLUMNS_OF = {
    "number": ("tolerance", "relative_tolerance", "digits"),
    "choice": ("options",),
    "countdown": ("numbers", "target"),
}
"""Columns of a row that a kind looks at beside response and answer."""

OTHER_NAMES = {"nums": "numbers", "choices": "options"}

ADDED = ("verdict", "extracted", "reason")

SHOWN = 5
"""Disagreements with another verifier that are told one by one."""

TELL_EVERY = 5.0
"""Seconds between two lines of progress."""


class Found(NamedTuple):
    """What `distill verify` tells at its end."""

    rows: int
    reasons: Counter[tuple[str, str]]
    """Verdict and reason -> rows."""
    compared: Counter[tuple[str, str]]
    """Our verdict and the other verifier's -> rows."""
    disagreements: list[str]
    """The first rows of which one is correct and the other wrong."""


class Columns(NamedTuple):
    """Names of the columns to read."""

    response: str = "response"
    answer: str = "answer"
    other: str | None = None
    """With another verifier's verdict."""


def verify_file(
    file: Path,
    out: Path,
    kind: str,
    columns: Columns = Columns(),  # noqa: B008 - it never changes
    workers: int = 1,
    rules: Rules = Rules(),  # noqa: B008 - it never changes
    tell: Callable[[int, int], None] = lambda *_: None,
) -> Found:
    """Write every row of `file` to `out` as jsonl with verdict, extracted and reason added.

    Countdown rows need `numbers` (or `nums`) and `target`, programs their tests; other kinds the gold answer.
    `tell` hears every few seconds how many rows of how many are done.

    Raises:
        Refused: unknown kind, missing file or column, a column of that name already there, an
            output that is the input.
    """
    _refuse_kind(kind)
    out = _refuse_paths(file, out)
    try:
        rows = read_rows(file)
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    _refuse_missing_columns(rows, file, kind, columns)
    judged = _judgements(rows, kind, columns, workers, rules)
    found = Found(len(rows), Counter(), Counter(), [])
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as lines:
            for row, judgement in zip(rows, _told(judged, len(rows), tell), strict=True):
                lines.write(json.dumps({**row, **judgement._asdict()}, ensure_ascii=False) + "\n")
                _note(found, row, judgement, columns)
        partial.replace(out)
    except OSError as e:
        raise Refused(f"{out} cannot be written: {e.strerror}.") from e
    finally:
        with suppress(OSError):
            partial.unlink()
    return found


def _judgements(
    rows: list[dict[str, Any]], kind: str, columns: Columns, workers: int, rules: Rules
) -> Iterator[Judgement]:
    """In order; what cannot be judged at all is told without asking anybody."""
    asked = [_row(row, kind, columns) for row in rows]
    if kind in CONFINED:
        judged = judge_all((row for row in asked if row is not None), workers, rules)
    else:
        judged = (judge(*row) for row in asked if row is not None)
    for row in asked:
        yield unknown(None, "gold answer is no text or number") if row is None else next(judged)


def _row(row: dict[str, Any], kind: str, columns: Columns) -> Row | None:
    response, gold = row[columns.response], row.get(columns.answer, "")
    if kind not in WITHOUT_ANSWER and (gold is None or isinstance(gold, bool | list | dict)):
        return None
    thinking, text = split_reasoning("" if response is None else str(response))
    return Row(kind, text, str(gold), _data(row, kind), str(row.get("finish_reason")), bool(thinking))


def _data(row: dict[str, Any], kind: str) -> dict[str, Any]:
    if kind == "code":
        layout = layout_of(row)
        return {column: row[column] for column in COLUMNS[layout] if column in row} if layout is not None else {}
    named = {OTHER_NAMES.get(key, key): value for key, value in row.items()}
    return {key: named[key] for key in COLUMNS_OF.get(kind, ()) if named.get(key) is not None}


def _told(judged: Iterator[Judgement], rows: int, tell: Callable[[int, int], None]) -> Iterator[Judgement]:
    last = time.monotonic()
    for number, judgement in enumerate(judged, 1):
        if time.monotonic() - last > TELL_EVERY:
            last = time.monotonic()
            tell(number, rows)
        yield judgement


def _note(found: Found, row: dict[str, Any], judgement: Judgement, columns: Columns) -> None:
    found.reasons[judgement.verdict, judgement.reason] += 1
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


def _refuse_kind(kind: str) -> None:
    if kind == "reasoning_gym":
        raise Refused("--kind=reasoning_gym needs the entries of a run; a file does not hold them.")
    if kind not in KINDS:
        others = ", ".join(name for name in KINDS if name != "reasoning_gym")
        raise Refused(f"--kind={kind} is unknown.", f"Kinds: {others}.")


def _refuse_paths(file: Path, out: Path) -> Path:
    """The output, links followed."""
    if not file.is_file():
        raise Refused(f"there is no file '{file}'.")
    out = out.resolve()  # a link is written through
    if out == file.resolve():
        raise Refused("--out names the input file.", "It would be overwritten; name another.")
    if out.suffix in (".csv", ".parquet", ".xlsx"):
        raise Refused(f"--out={out.name}: rows are written as JSON, one a line.", "Name it .jsonl.")
    if out.exists() and not out.is_file():
        raise Refused(f"--out={out} is there and is no file.")
    return out


def _refuse_missing_columns(rows: list[dict[str, Any]], file: Path, kind: str, columns: Columns) -> None:
    if not rows:
        raise Refused(f"{file} holds no rows.")
    for number, row in enumerate(rows, 1):
        has = f"(its columns: {', '.join(sorted(row))})"
        if columns.response not in row:
            raise Refused(f"{file}, row {number} has no '{columns.response}' {has}.", "Name it with --response-key.")
        if kind == "countdown" and len(_data(row, kind)) < 2:
            raise Refused(f"{file}, row {number} has no 'numbers' and 'target' {has}.")
        if kind == "code" and layout_of(row) is None:
            raise Refused(
                f"{file}, row {number} has no tests {has}.",
                "It needs test, test_list, input_output or public_test_cases.",
            )
        if kind not in WITHOUT_ANSWER and columns.answer not in row:
            raise Refused(f"{file}, row {number} has no '{columns.answer}' {has}.", "Name it with --answer-key.")
        if columns.other is not None and columns.other not in row:
            raise Refused(f"{file}, row {number} has no '{columns.other}' {has}.", "It is what --compare names.")
        taken = set(ADDED) & row.keys()
        if taken:
            raise Refused(
                f"{file}, row {number} has a column '{sorted(taken)[0]}' already.",
                "Rename it first; nothing is overwritten.",
            )
