"""Traces that others published: which columns hold question, gold answer, reasoning and response.

Known layouts, recognised by their columns (a key in the recipe overrides each):

    generations                       OpenR1-Math-220k: several answers a row, with finish reasons
    messages                          Mixture-of-Thoughts: chat turns, content as text or in blocks (`type: reasoning`),
                                      reasoning there or in a field of the turn (`thinking`, `reasoning_content`)
    conversations                     OpenThoughts, Bespoke-Stratos, Sky-T1: ShareGPT turns (`from`, `value`)
    X_thinking_trajectory, X_attempt  s1K, s1K-1.1;  X_reasoning, X_solution  OpenThoughts' metadata
    question, solution, answer        LIMO: the solution is the trace
    input, output                     AceReason, Nemotron: `input` as text or as turns, without an `instruction`
    r1_solution_1, r1_solution_2, ... DeepMath: several answers a row
    generated_solution                OpenMathReasoning
    messages, reasoning, answer       dolphin-r1: a chat without its answer, which stands beside it
    Complex_CoT, Response             medical-o1
    question, response                what `distill verify` takes; thinking in `thinking`, `reasoning_content`, ...

Where two readings are possible the file is refused with the keys to set.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from distill.beside_question import question_in, system_in
from distill.chats import ASSISTANT, THOUGHTS, USER, answer_in, blocks, content, turns
from distill.errors import Refused
from distill.published_rows import LeftOut, PublishedRow, as_row, as_trace, gold_in, no_text
from distill.recipe_problems import TracesProblems

_PAIRS = (
    ("thinking_trajectory", "attempt"),
    ("thinking_trajectories", "attempt"),
    ("reasoning", "solution"),
    ("Complex_CoT", "Response"),
)
_SEVERAL = re.compile(r"r1_solution_\d+")
_ONE = ("response", "generated_solution")
_QUESTIONS = ("question", "problem", "prompt", "instruction", "Question", "Problem")
_KEYS = ("question_key", "answer_key", "thinking_key", "response_key")

Reader = Callable[[dict[str, Any]], PublishedRow | LeftOut]
"""From a row to what it holds, or why it is no question with an answer (columns may hold something else than in the
rows around)."""


def as_key(key: str) -> str:
    """What a recipe calls it."""
    return f"problems.{key}"


def as_flag(key: str) -> str:
    """What a command calls it."""
    return f"--{key.replace('_', '-')}"


def reader_for(
    columns: Collection[str], spec: TracesProblems, source: str, named: Callable[[str], str] = as_key
) -> Reader:
    """How to read the rows of a set with these columns; `named` tells what the user calls a key.

    Raises:
        Refused: no layout, or more than one, fits; or a key names a column that is not there.
    """
    for key, column in spec.model_dump(include=set(_KEYS)).items():
        if column is not None and column not in columns:
            raise Refused(f"{named(key)}='{column}' is no column of {source}.", f"It has {', '.join(sorted(columns))}.")
    thinking, response = spec.thinking_key, spec.response_key
    if response is None:
        chats = [key for key in ("messages", "conversations") if key in columns]
        pairs = list(_thinking_columns(columns))
        if "generations" in columns:
            return _by_generations(spec, _question_column(columns, spec, source, named))
        if len(chats) == 1:
            return _by_chat(spec, chats[0])
        several = sorted(filter(_SEVERAL.fullmatch, columns), key=lambda name: (len(name), name))
        if several and not chats and not pairs:
            return _by_several(spec, _question_column(columns, spec, source, named), several)
        if chats or len(pairs) != 1:
            found = [*chats, *(f"{one} with {other}" if one else other for one, other in pairs)]
            raise _unknown(columns, found, source, named)
        thinking, response = thinking or pairs[0][0], pairs[0][1]
    return _by_columns(spec, _question_column(columns, spec, source, named), thinking, response)


def _unknown(columns: Collection[str], found: list[str], source: str, named: Callable[[str], str]) -> Refused:
    names = [named(key) for key in ("question_key", "response_key", "thinking_key", "answer_key")]
    hint = f"Set {names[0]} and {names[1]}, and {names[2]} and {names[3]} where there are such."
    if found:
        return Refused(f"{source} can be read in several ways ({'; '.join(found)}).", hint)
    return Refused(f"the columns of {source} are of no layout that is known: {', '.join(sorted(columns))}.", hint)


def _thinking_columns(columns: Collection[str]) -> Iterator[tuple[str | None, str]]:
    """Columns of reasoning, if it stands apart, with the column of what followed it."""
    found = False
    for thinking, response in _PAIRS:
        for column in sorted(columns):
            prefix = column.removesuffix(thinking)
            if column.endswith(thinking) and prefix + response in columns:
                found = True
                yield column, prefix + response
    alone = [name for name in _ONE if name in columns] or (["output"] if _is_input(columns) else [])
    for name in alone:
        beside = [key for key in THOUGHTS if key in columns and name == "response"]
        yield (beside[0] if len(beside) == 1 else None), name
    if not found and not alone and {"question", "solution", "answer"} <= set(columns):
        yield None, "solution"


def _is_input(columns: Collection[str]) -> bool:
    """Is the question in `input` and its answer in `output`? Beside an `instruction` (Alpaca) it is a part."""
    return {"input", "output"} <= set(columns) and not set(columns) & set(_QUESTIONS)


def _by_columns(spec: TracesProblems, question_key: str, thinking_key: str | None, response_key: str) -> Reader:
    def read(row: dict[str, Any]) -> PublishedRow | LeftOut:
        thinking = row.get(thinking_key) if thinking_key else None
        response = row.get(response_key)
        if not isinstance(response, str) or not response:
            return no_text("response", response)
        thoughts = thinking if isinstance(thinking, list) else [thinking]
        traces = [
            as_trace(response, thought, row.get("finish_reason"), at)
            if thought is None or isinstance(thought, str)
            else no_text("reasoning", thought)
            for at, thought in enumerate(thoughts)
        ]
        question, system = question_in(row, question_key)
        return as_row(question, gold_in(row, spec.answer_key, response_key), traces, system)

    return read


def _by_several(spec: TracesProblems, question_key: str, columns: list[str]) -> Reader:
    def read(row: dict[str, Any]) -> PublishedRow | LeftOut:
        texts = [row.get(name) for name in columns]
        traces = [
            as_trace(text, None, None, at) if isinstance(text, str) and text else no_text("response", text)
            for at, text in enumerate(texts)
        ]
        question, system = question_in(row, question_key)
        return as_row(question, gold_in(row, spec.answer_key, columns[0]), traces, system)

    return read


def _by_generations(spec: TracesProblems, question_key: str) -> Reader:
    def read(row: dict[str, Any]) -> PublishedRow | LeftOut:
        texts, told = row.get("generations"), row.get("finish_reasons")
        if not isinstance(texts, list):
            return LeftOut("no response" if texts is None else "generations that are no list")
        reasons = [*(told if isinstance(told, list) else []), *[None] * len(texts)]  # too few cut nothing off
        traces = [
            as_trace(text, None, reason, at) if isinstance(text, str) and text else no_text("response", text)
            for at, (text, reason) in enumerate(zip(texts, reasons, strict=False))
        ]
        question, system = question_in(row, question_key)
        return as_row(question, gold_in(row, spec.answer_key, "generations"), traces, system)

    return read


def _by_chat(spec: TracesProblems, key: str) -> Reader:
    def read(row: dict[str, Any]) -> PublishedRow | LeftOut:
        spoken = turns(row.get(key))
        asked = [turn for who, turn in spoken if who in USER]
        told = [turn for who, turn in spoken if who in ASSISTANT]
        if not asked:
            return LeftOut("no question" if spoken else f"{key} that hold no chat")
        if len(asked) > 1 or len(told) > 1:
            return LeftOut("several turns")
        if not told and isinstance(row.get("reasoning"), str) and isinstance(row.get("answer"), str):
            question, system = question_in(row, key)  # dolphin-r1: what follows the chat stands beside it
            trace = as_trace(row["answer"], row["reasoning"], row.get("finish_reason"))
            return as_row(question, gold_in(row, spec.answer_key, "answer"), [trace], system)
        if not told or spoken[-1][0] not in ASSISTANT:
            return LeftOut("no response")
        question, answer = blocks(content(asked[0])), answer_in(told[0])
        if question is None or answer is None:
            return no_text("question", content(asked[0])) if question is None else no_text("response", content(told[0]))
        trace = as_trace(answer[1], answer[0] or None, row.get("finish_reason"))
        return as_row(question[1], gold_in(row, spec.answer_key, key), [trace], system_in(row, spoken))

    return read


def _question_column(columns: Collection[str], spec: TracesProblems, source: str, named: Callable[[str], str]) -> str:
    if spec.question_key:
        return spec.question_key
    found = [key for key in _QUESTIONS if key in columns] or (["input"] if _is_input(columns) else [])
    if len(found) == 1:
        return found[0]
    what = (
        "no column that is surely the question"
        if not found
        else f"several that may be the question: {', '.join(found)}"
    )
    raise Refused(f"{source} has {what}.", f"Set {named('question_key')}.")
