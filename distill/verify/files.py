"""`distill verify FILE`: verdicts for the rows of any jsonl or parquet file."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from distill.errors import DistillError, Refused
from distill.files import read_rows, write_atomically
from distill.records import split_reasoning
from distill.verify import KINDS, judge
from distill.verify.judgement import unknown
from distill.verify.suites import COLUMNS, layout_of

WITHOUT_ANSWER = ("countdown", "code")
"""Kinds whose rows need no gold answer."""


def verify_file(file: Path, out: Path, kind: str, response_key: str, answer_key: str) -> dict[str, int]:
    """Write every row of `file` to `out` as jsonl with verdict, extracted and reason added.

    Countdown rows need `numbers` (or `nums`) and `target`; other kinds the gold answer in
    `answer_key`. Returns counts by verdict.

    Raises:
        Refused: unknown kind, missing file or column, a column of that name already there, an
            output that is the input.
    """
    if kind == "reasoning_gym":
        raise Refused("--kind=reasoning_gym needs the entries of a run; a file does not hold them.")
    if kind not in KINDS:
        raise Refused(f"--kind={kind} is unknown.", "Kinds: math, countdown, code.")
    if not file.is_file():
        raise Refused(f"there is no file '{file}'.")
    out = out.resolve()  # a link is written through
    if out == file.resolve():
        raise Refused("--out names the input file.", "It would be overwritten; name another.")
    if out.suffix in (".csv", ".parquet", ".xlsx"):
        raise Refused(f"--out={out.name}: rows are written as JSON, one a line.", "Name it .jsonl.")
    if out.exists() and not out.is_file():
        raise Refused(f"--out={out} is there and is no file.")
    try:
        rows = read_rows(file)
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    _refuse_missing_columns(rows, file, kind, response_key, answer_key)
    judged = [_judged(row, kind, response_key, answer_key) for row in rows]
    try:
        write_atomically(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in judged))
    except OSError as e:
        raise Refused(f"{out} cannot be written: {e.strerror}.") from e
    return dict(Counter(row["verdict"] for row in judged).most_common())


def _judged(row: dict[str, Any], kind: str, response_key: str, answer_key: str) -> dict[str, Any]:
    response, gold = row[response_key], row.get(answer_key, "")
    if kind not in WITHOUT_ANSWER and (gold is None or isinstance(gold, bool | list | dict)):
        found = unknown(None, "gold answer is no text or number")
    else:
        thinking, text = split_reasoning("" if response is None else str(response))
        found = judge(kind, text, str(gold), _data(row), str(row.get("finish_reason")), bool(thinking))
    return {**row, **found._asdict()}


def _data(row: dict[str, Any]) -> dict[str, Any]:
    if (layout := layout_of(row)) is not None:
        return {column: row[column] for column in COLUMNS[layout] if column in row}
    numbers = row.get("numbers", row.get("nums"))
    return {"numbers": numbers, "target": row["target"]} if numbers is not None and "target" in row else {}


def _refuse_missing_columns(
    rows: list[dict[str, Any]], file: Path, kind: str, response_key: str, answer_key: str
) -> None:
    if not rows:
        raise Refused(f"{file} holds no rows.")
    for number, row in enumerate(rows, 1):
        has = f"(its columns: {', '.join(sorted(row))})"
        if response_key not in row:
            raise Refused(f"{file}, row {number} has no '{response_key}' {has}.", "Name it with --response-key.")
        if kind == "countdown" and "target" not in _data(row):
            raise Refused(f"{file}, row {number} has no 'numbers' and 'target' {has}.")
        if kind == "code" and layout_of(row) is None:
            raise Refused(
                f"{file}, row {number} has no tests {has}.",
                "It needs test, test_list, input_output or public_test_cases.",
            )
        if kind not in WITHOUT_ANSWER and answer_key not in row:
            raise Refused(f"{file}, row {number} has no '{answer_key}' {has}.", "Name it with --answer-key.")
        taken = {"verdict", "extracted", "reason"} & row.keys()
        if taken:
            raise Refused(
                f"{file}, row {number} has a column '{sorted(taken)[0]}' already.",
                "Rename it first; nothing is overwritten.",
            )
