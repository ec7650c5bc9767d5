"""Rows of any file as the verifiers take them: which columns each kind looks at, and what must be there."""

import shlex
from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from distill.chats import last_question
from distill.errors import Refused
from distill.files import whole_text
from distill.finish_reasons import as_told
from distill.plain_values import holds_bytes
from distill.records import split_reasoning
from distill.verify import KINDS
from distill.verify.choice_row import gold_in, options_in, unordered_in
from distill.verify.gym import installed_version
from distill.verify.kept import ADDED
from distill.verify.pool import Row
from distill.verify.stop_tokens import without_stop_tokens
from distill.verify.suites import COLUMNS, layout_of
from distill.verify.turn import refuse_no_turn, turn_of

WITHOUT_ANSWER = ("countdown", "code", "reasoning_gym", "flaws")
"""Kinds whose rows need no gold answer."""

COLUMNS_OF = {
    "number": ("tolerance", "relative_tolerance", "digits"),
    "countdown": ("numbers", "target"),
}
"""Columns of a row that a kind looks at beside response and answer."""

OTHER_NAMES = {"nums": "numbers"}

QUESTIONS = ("question", "problem", "prompt", "instruction")
"""Columns in which a question is looked for."""

USUAL_RESPONSES = tuple("response completion generation generations output prediction model_output".split())
USUAL_ANSWERS = tuple("answer final_answer answerkey ground_truth expected_answer gold target label solution".split())
"""Columns that are suggested where the one that is looked for is missing; small letters."""

QUESTION_HINT = f"Columns that count as one: {', '.join(QUESTIONS)}."


class Columns(NamedTuple):
    """Names of the columns to read."""

    response: str = "response"
    answer: str = "answer"
    other: str | None = None
    """With another verifier's verdict."""
    reasoning: str | None = None
    """With reasoning that stands apart from the response."""


def to_judge(row: Mapping[str, Any], kind: str, columns: Columns) -> Row | None:
    """What a verifier is asked about a row; None where its gold answer is no text or number."""
    turn, gold = turn_of(row, columns.response, columns.reasoning), row.get(columns.answer, "")
    data = _data(row, kind)
    if kind == "choice":
        gold = data["options"][0] if data.get("unordered") else gold_in(gold, data.get("options"))
    elif isinstance(gold, list) and len(gold) == 1:  # as OlympiadBench has them; of several any may be meant, or all
        gold = gold[0]
    if kind not in WITHOUT_ANSWER and (gold is None or isinstance(gold, bool | list | dict)):
        return None
    response = without_stop_tokens(turn.response)
    thinking, text = split_reasoning(response)
    if gold != gold or (isinstance(gold, float) and not isfinite(gold)):
        return None  # a missing value of pandas; a number beyond what JSON's readers hold
    if kind == "code" and not thinking:
        text = response.strip("\n")  # a completion begins with its indentation
    gold = whole_text(str(gold)) if isinstance(gold, str | int | float) else ""
    return Row(kind, text, gold, data, as_told(row.get("finish_reason")), bool(turn.reasoning or thinking))


def to_find_flaws(row: Mapping[str, Any], columns: Columns, accept: dict[str, Any]) -> Row:
    """The same for its flaws, thinking included."""
    turn = turn_of(row, columns.response, columns.reasoning)
    return Row("flaws", turn.whole, question_of(row), {"accept": accept})


def question_of(row: Mapping[str, Any]) -> str:
    """The question of a row; empty where there is none."""
    held = (row[name] for name in QUESTIONS if isinstance(row.get(name), str | list))
    said = (value if isinstance(value, str) else last_question(value) for value in held)
    return next((whole_text(text) for text in said if text), "")


def _data(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if kind == "code":
        layout = layout_of(row)
        return {column: row[column] for column in COLUMNS[layout] if column in row} if layout is not None else {}
    if kind == "reasoning_gym":
        return _entry(row)
    if kind == "choice":
        if "answer" not in row and (unordered := unordered_in(row)) is not None:
            return {"options": unordered, "unordered": True}
        options = options_in(row)
        return {} if options is None else {"options": options}
    named = {OTHER_NAMES.get(key, key): value for key, value in row.items()}
    return {key: named[key] for key in COLUMNS_OF.get(kind, ()) if named.get(key) is not None}


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as reasoning_gym's data sets give it: question, answer, and metadata that names its source."""
    entry = {key: row.get(key) for key in ("question", "answer", "metadata")}
    made = {"dataset": row["metadata"]["source_dataset"], "config": row.get("config") or {}, "seed": 0, "entry": entry}
    return made | {"version": installed_version(), "min_score": 1.0}


def _named(option: str, usual: tuple[str, ...], row: Mapping[str, Any]) -> str:
    """The hint about a column that is missing: its other name, where just one has a usual one."""
    game = _data(row, "countdown")
    found = [name for name in row if name.lower() in usual and not (name == "target" and "numbers" in game)]
    return f"Name it with {option} {shlex.quote(found[0])}." if len(found) == 1 else f"Name it with {option}."


def kind_of(row: Mapping[str, Any], kind: str | None) -> str:
    """As what a row is judged: as `kind`, or else as what its column of that name says, or as mathematics."""
    if kind is not None:
        return kind
    named = row.get("kind")
    return named if isinstance(named, str) and named in KINDS else "math"


def refuse_kind(kind: str) -> None:
    """
    Raises:
        Refused: none of that name.
    """
    if kind not in KINDS:
        raise Refused(f"--kind={kind} is unknown.", f"Kinds: {', '.join(KINDS)}.")
    if kind == "reasoning_gym" and installed_version() is None:
        raise Refused("--kind=reasoning_gym needs the package reasoning_gym.", "pip install 'distill[gym]'")


def refuse_unfit(row: Mapping[str, Any], where: str, kind: str, columns: Columns) -> None:
    """
    Raises:
        Refused: a column is missing, or one that would be added is there.
    """
    has = f"(its columns: {', '.join(sorted(row))})"
    if columns.response not in row:
        raise Refused(f"{where} has no '{columns.response}' {has}.", _named("--response-key", USUAL_RESPONSES, row))
    refuse_no_turn(row, where, columns.response, columns.reasoning)
    if held := [name for name, value in row.items() if holds_bytes(value)]:
        raise Refused(f"{where}: '{held[0]}' holds bytes, which a line of JSON cannot.", "Leave that column out.")
    if kind == "countdown" and len(_data(row, kind)) < 2:
        raise Refused(f"{where} has no 'numbers' and 'target' {has}.")
    if kind == "code" and layout_of(row) is None:
        hint = "It needs test, test_list, input_output or public_test_cases."
        raise Refused(f"{where} has no tests {has}.", hint)
    metadata = row.get("metadata")
    if kind == "reasoning_gym" and not (isinstance(metadata, dict) and isinstance(metadata.get("source_dataset"), str)):
        hint = "reasoning_gym's data sets write it into every entry."
        raise Refused(f"{where} has no metadata that names its source_dataset {has}.", hint)
    tells = kind in WITHOUT_ANSWER or (kind == "choice" and _data(row, kind).get("unordered"))
    if not tells and columns.answer not in row:
        raise Refused(f"{where} has no '{columns.answer}' {has}.", _named("--answer-key", USUAL_ANSWERS, row))
    if columns.other is not None and columns.other not in row:
        raise Refused(f"{where} has no '{columns.other}' {has}.", "It is what --compare names.")
    if taken := {*ADDED, "flaw"} & row.keys():
        raise Refused(f"{where} has a column '{sorted(taken)[0]}' already.", "Rename it first; nothing is overwritten.")
