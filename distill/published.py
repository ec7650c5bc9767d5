"""Traces that others published: which columns hold question, gold answer, reasoning and response.

Known layouts, recognised by their columns (a key in the recipe overrides each):

    generations                       OpenR1-Math-220k: several answers a row, with finish reasons
    messages                          Mixture-of-Thoughts: chat turns, content as text or in blocks (`type: reasoning`),
                                      reasoning there or in a field of the turn (`thinking`, `reasoning_content`)
    conversations                     OpenThoughts, Bespoke-Stratos, Sky-T1: ShareGPT turns (`from`, `value`)
    X_thinking_trajectory, X_attempt  s1K, s1K-1.1;  X_reasoning, X_solution  OpenThoughts' metadata
    question, solution, answer        LIMO: the solution is the trace

Where two readings are possible the file is refused with the keys to set.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from distill.chats import ASSISTANT, USER, answer_in, blocks, content, turns
from distill.errors import Refused
from distill.finish_reasons import as_told, ended
from distill.recipe_problems import TracesProblems
from distill.records import FinishReason, split_reasoning
from distill.verify.boxes import last_boxed

LONGEST_GOLD = 300
"""Characters of a gold answer; a longer text is a solution, whose last box is the answer."""

_THOUGHT = re.compile(r"<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>", re.DOTALL)
_SOLUTION = re.compile(r"<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|$)", re.DOTALL)
_PAIRS = (("thinking_trajectory", "attempt"), ("thinking_trajectories", "attempt"), ("reasoning", "solution"))
_QUESTIONS = ("question", "problem", "prompt", "instruction")


@dataclass(frozen=True)
class PublishedTrace:
    """One answer as it was published."""

    reasoning: str
    response: str
    finish_reason: FinishReason = "stop"


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published set."""

    question: str
    answer: str
    """The gold answer; empty where the set tells none."""
    traces: list[PublishedTrace]


Reader = Callable[[dict[str, Any]], PublishedRow | None]
"""From a row to what it holds; None for what is no question with an answer (several turns, tool calls, gaps, columns
that hold something else than in the rows around)."""


def reader_for(columns: Collection[str], spec: TracesProblems, source: str) -> Reader:
    """How to read the rows of a set with these columns.

    Raises:
        Refused: no layout, or more than one, fits; or a key names a column that is not there.
    """
    for key, column in spec.model_dump(include=set(_KEYS)).items():
        if column is not None and column not in columns:
            raise Refused(
                f"problems.{key}='{column}' is no column of {source}.", f"It has {', '.join(sorted(columns))}."
            )
    if spec.response_key is not None:
        return _by_columns(spec, columns, spec.thinking_key, spec.response_key, source)
    chats = [key for key in ("messages", "conversations") if key in columns]
    if "generations" in columns:
        return _by_generations(spec, columns, source)
    if len(chats) == 1:
        return _by_chat(spec, chats[0])
    pairs = list(_thinking_columns(columns))
    if len(pairs) == 1 and not chats:
        return _by_columns(spec, columns, *pairs[0], source)
    if not pairs and not chats and {"question", "solution", "answer"} <= set(columns):
        return _by_columns(spec, columns, None, "solution", source)
    hint = "Set problems.question_key and problems.response_key, and thinking_key and answer_key where there are such."
    if chats or pairs:
        found = "; ".join([*chats, *(f"{thinking} with {response}" for thinking, response in pairs)])
        raise Refused(f"{source} can be read in several ways ({found}).", hint)
    raise Refused(f"the columns of {source} are of no layout that is known: {', '.join(sorted(columns))}.", hint)


_KEYS = ("question_key", "answer_key", "thinking_key", "response_key")


def _thinking_columns(columns: Collection[str]) -> Iterator[tuple[str, str]]:
    """Columns of reasoning with the column of what followed it."""
    for thinking, response in _PAIRS:
        for column in sorted(columns):
            prefix = column.removesuffix(thinking)
            if column.endswith(thinking) and prefix + response in columns:
                yield column, prefix + response


def _by_columns(
    spec: TracesProblems, columns: Collection[str], thinking_key: str | None, response_key: str, source: str
) -> Reader:
    question_key = spec.question_key or _question_column(columns, source)

    def read(row: dict[str, Any]) -> PublishedRow | None:
        thinking = row.get(thinking_key) if thinking_key else None
        response = row.get(response_key)
        if not isinstance(response, str) or not response:
            return None
        thoughts = thinking if isinstance(thinking, list) else [thinking]
        traces = [_trace(response, thought) for thought in thoughts if thought is None or isinstance(thought, str)]
        return _row(row.get(question_key), _gold(row, spec, response_key), traces)

    return read


def _by_generations(spec: TracesProblems, columns: Collection[str], source: str) -> Reader:
    question_key = spec.question_key or _question_column(columns, source)

    def read(row: dict[str, Any]) -> PublishedRow | None:
        texts, told = row.get("generations"), row.get("finish_reasons")
        if not isinstance(texts, list):
            return None
        reasons = [*(told if isinstance(told, list) else []), *[None] * len(texts)]  # too few cut nothing off
        pairs = zip(texts, reasons, strict=False)
        traces = [_trace(text, None, reason) for text, reason in pairs if isinstance(text, str) and text]
        return _row(row.get(question_key), _gold(row, spec, "generations"), traces)

    return read


def _by_chat(spec: TracesProblems, key: str) -> Reader:
    def read(row: dict[str, Any]) -> PublishedRow | None:
        spoken = turns(row.get(key))
        asked = [turn for who, turn in spoken if who in USER]
        told = [turn for who, turn in spoken if who in ASSISTANT]
        if len(asked) != 1 or len(told) != 1 or spoken[-1][0] not in ASSISTANT:
            return None
        question, answer = blocks(content(asked[0])), answer_in(told[0])
        if question is None or answer is None:
            return None
        return _row(question[1], _gold(row, spec, key), [_trace(answer[1], answer[0] or None)])

    return read


def _trace(response: str, thinking: str | None, finish_reason: Any = None) -> PublishedTrace:
    """Reasoning and response, whatever marks the set puts around them."""
    if thinking is not None:
        return PublishedTrace(re.sub(r"</?think>", "", thinking).strip(), response.strip(), _finish(finish_reason))
    thought = _THOUGHT.search(response)
    if thought:
        solution = _SOLUTION.search(response)
        return PublishedTrace(thought[1].strip(), (solution[1] if solution else "").strip(), _finish(finish_reason))
    reasoning, answer = split_reasoning(response)
    unfinished = bool(reasoning) and not answer
    return PublishedTrace(reasoning, answer, "length" if unfinished else _finish(finish_reason))


def _finish(reason: Any) -> FinishReason:
    found = ended(as_told(reason))
    return "stop" if found in (None, "error") else found  # what was published was taken for an answer


def _row(question: Any, answer: str, traces: list[PublishedTrace]) -> PublishedRow | None:
    if not isinstance(question, str) or not question.strip() or not traces:
        return None
    return PublishedRow(question.strip(), answer, traces)


def _gold(row: dict[str, Any], spec: TracesProblems, trace_key: str) -> str:
    """The gold answer: a column of its own, or the last box of a reference solution."""
    keys = (spec.answer_key,) if spec.answer_key else ("answer", "ground_truth_solution", "solution")
    for key in keys:
        value = row.get(key)
        if value is None or value == "" or value != value or isinstance(value, bool | bytes | list | dict):
            continue
        if key != trace_key:
            text = str(value).strip()
            boxed = last_boxed(text)
            return boxed.strip() if boxed else text if len(text) <= LONGEST_GOLD and "\n" not in text else ""
    return ""


def _question_column(columns: Collection[str], source: str) -> str:
    found = [key for key in _QUESTIONS if key in columns]
    if len(found) == 1:
        return found[0]
    what = (
        "no column that is surely the question"
        if not found
        else f"several that may be the question: {', '.join(found)}"
    )
    raise Refused(f"{source} has {what}.", "Set problems.question_key.")
