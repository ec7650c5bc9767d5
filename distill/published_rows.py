"""What a row of a published set holds, whatever its layout: traces, a gold answer, and what else is told."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from distill.finish_reasons import as_told, ended
from distill.judged_text import is_cut, parts_of
from distill.records import FinishReason, ToldSampling
from distill.table_problems import known_of
from distill.verify.boxes import last_boxed

LONGEST_GOLD = 300
"""Characters of a gold answer; a longer text is a solution, whose last box is the answer."""

ANSWERS = ("answer", "final_answer", "expected_answer")
"""Columns of gold answers, which may have several lines: a matrix, GSM8K's solutions with `####` at their end."""

HASHES_AT_END = re.compile(r"####[ \t]*(\S[^\n]*)\s*$")

KNOWN = ("domain", "subject", "type", "topic", "problem_type", "level", "difficulty", "pass_rate")
"""Columns that tell beforehand how hard a problem is, or what it is about."""

NO_GOLD = "gold answer that is no text or number"
LONG_GOLD = f"gold answer of more than {LONGEST_GOLD} characters without a box"


@dataclass(frozen=True)
class PublishedTrace:
    """One answer as it was published."""

    reasoning: str
    response: str
    finish_reason: FinishReason = "stop"
    at: int = 0
    """Its place among the answers of its row."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published set."""

    question: str
    answer: str
    """The gold answer; empty where the set tells none."""
    traces: list[PublishedTrace]
    left_out: tuple[str, ...] = ()
    """Why other answers of the row are none."""
    amiss: tuple[str, ...] = ()
    """What else is wrong with it."""
    system: str = ""
    """The system message with which it was asked."""


class LeftOut(NamedTuple):
    """A row that is no question with an answer, such as several turns, a call of a tool, a gap."""

    why: str
    """In a few words, which group well in counts."""


def no_text(name: str, value: Any) -> LeftOut:
    """Why a value is none."""
    missing = value is None or value != value or value in ("", [])
    return LeftOut(f"no {name}" if missing or isinstance(value, str) else f"{name} that is no text")


def as_trace(response: str, thinking: str | None, told: Any = None, at: int = 0) -> PublishedTrace | LeftOut:
    """Reasoning and response, whatever marks the set puts around them; an end that is `told` as an error is none."""
    end = ended(as_told(told)) or "stop"  # what was published was taken for an answer
    if end == "error":
        return LeftOut("an error, not an answer")
    if thinking is not None:
        reasoning, answer = re.sub(r"</?think>", "", thinking).strip(), response.strip()
    else:
        reasoning, answer = parts_of(response)
    cut = thinking is None and is_cut(response)
    return PublishedTrace(reasoning, answer, "length" if cut else end, at)


def as_row(
    question: Any,
    gold: tuple[str, str | None],
    traces: Iterable[PublishedTrace | LeftOut],
    system: tuple[str, tuple[str, ...]] = ("", ()),
) -> PublishedRow | LeftOut:
    """A row of these traces; those that ended without an answer are left out, as is a row that has no others.

    `gold` and `system` come each with what is amiss with it.
    """
    if isinstance(question, LeftOut):
        return question
    if not isinstance(question, str) or not question.strip():
        return no_text("question", question)
    found: list[PublishedTrace] = []
    left_out: list[str] = []
    for trace in traces:
        if isinstance(trace, LeftOut):
            left_out.append(trace.why)
        elif trace.response or trace.finish_reason != "stop":
            found.append(trace)
        else:
            left_out.append("no response")
    if not found:
        return LeftOut(left_out[0] if left_out else "no response")
    amiss = (*([gold[1]] if gold[1] else []), *system[1])
    return PublishedRow(question.strip(), gold[0], found, tuple(left_out), amiss, system[0])


def gold_in(row: dict[str, Any], key: str | None, trace_key: str) -> tuple[str, str | None]:
    """The gold answer, of a column of answers or else of a reference solution, and what is amiss with it."""
    amiss = None
    for name in (key,) if key else (*ANSWERS, "ground_truth_solution", "solution"):
        value = row.get(name)
        if value is None or value == "":
            continue
        if value != value or isinstance(value, bool | bytes | list | dict):
            amiss = amiss or NO_GOLD
        elif name != trace_key:
            text = str(value).strip()
            if gold := _gold_of(text, as_it_stands=name in (key, *ANSWERS)):
                return gold, None
            amiss = amiss or (LONG_GOLD if text and name in (key, *ANSWERS) else None)
    return "", amiss


def _gold_of(text: str, as_it_stands: bool) -> str:
    """Of a text its last box, or what stands behind `####` at its end (GSM8K), or all of it where that is short; a
    solution must be one line for that."""
    found = last_boxed(text) or (stated[1] if (stated := HASHES_AT_END.search(text)) else "")
    if found.strip():
        return found.strip()
    return text if len(text) <= LONGEST_GOLD and (as_it_stands or "\n" not in text) else ""


def source_in(row: dict[str, Any]) -> str | None:
    """Where a row says that its problem comes from."""
    return text_in(row, "source", "source_type", "problem_source")


def known_in(row: dict[str, Any], keys: Iterable[str]) -> dict[str, float | str]:
    """What these columns tell of a problem: numbers, truth values and texts, which stay as they are."""
    texts = {key: row[key].strip() for key in keys if isinstance(row.get(key), str) and row[key].strip()}
    return known_of(row, (key for key in keys if not isinstance(row.get(key), str))) | texts


def sampling_in(row: dict[str, Any]) -> ToldSampling:
    """How the answers of a row were sampled, as far as it tells."""
    told = row.get("sampling")
    if isinstance(told, str) and told.lstrip().startswith("{"):
        try:
            told = json.loads(told)
        except ValueError:
            told = None
    held = told if isinstance(told, dict) else row
    keys = ToldSampling.model_fields if held is told else ("temperature", "top_p", "max_tokens")
    return ToldSampling(**{key: number for key in keys if (number := _number(held.get(key), key)) is not None})


def _number(value: Any, key: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    whole = key in ("max_tokens", "seed")
    return None if whole and value != int(value) else int(value) if whole else float(value)


def text_in(row: dict[str, Any], *keys: str) -> str | None:
    """The first of these columns that holds a text."""
    return next((row[key] for key in keys if isinstance(row.get(key), str) and row[key]), None)
