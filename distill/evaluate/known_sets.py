"""Evaluation sets of the field, each by its own definition: which repository, columns, instruction, and verifier.

Instructions are those that the sets' own harnesses put to chat models; the presets of `protocols.py` bring others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distill.curate.decontamination.evaluation_sets import KNOWN, OnHub
from distill.recipe_problems import Rows
from distill.recipe_prompts import PRESETS, Prompt

Row = dict[str, Any]

MATHS = Prompt(user=PRESETS["boxed"]["user"])
CHOICE = Prompt(
    user="Answer the following multiple choice question. The last line of your response should be of the following "
    "format: 'Answer: $LETTER' (without quotes) where LETTER is one of the letters of the options. Think step by step "
    "before answering.\n\n{question}"
)
"""As simple-evals and lighteval ask GPQA."""
COMPLETION = Prompt(
    user="Complete the following Python function. Answer with the whole function, imports included, in one block of "
    "Python code.\n\n```python\n{question}\n```"
)
"""HumanEval has no instruction of its own, being made for models that complete text; chat models want one."""
TASK = Prompt(
    user="You are an expert Python programmer, and here is your task: {question}\n\n"
    "Answer with one block of Python code."
)
"""MBPP as its authors ask (Austin et al. 2021), the tests shown."""
CONTEST = Prompt(
    user="You will be given a question (problem specification) and will generate a correct Python program that matches "
    "the specification and passes all tests.\n\nQuestion: {question}"
)
"""LiveCodeBench's own."""

QUESTIONS = ("problem", "question", "Question", "prompt", "text", "question_content")
"""Columns that hold the task, in the copies of these sets that are about."""


@dataclass(frozen=True)
class Definition:
    """What makes a set that set."""

    hub: OnHub
    problems: int
    """How many it has."""
    rows: Rows
    """Columns, after `shape`."""
    prompt: Prompt
    """What is asked where nothing else is said."""
    shape: Callable[[Row], Row | None]
    """A row with the columns of `rows`; None for one that does not belong to the set. ValueError: it cannot be told."""
    files: tuple[str, ...] = ()
    """Files of the repository, where its rows are no table that `datasets` loads."""


def _question(row: Row) -> Any:
    return next((row[key] for key in QUESTIONS if row.get(key) not in (None, "")), None)


def _maths(row: Row) -> Row:
    return {**row, "question": _question(row), "answer": row.get("answer", row.get("expected_answer"))}


def _gpqa(row: Row) -> Row:
    return {**row, "question": _question(row), "subject": row.get("High-level domain", row.get("subject"))}


def _humaneval(row: Row) -> Row:
    return {**row, "question": str(row.get("prompt") or "").rstrip()}


def _mbpp(row: Row) -> Row | None:
    """The test split of the paper: tasks 11 to 510, each asked with its tests, without which no name is known."""
    if not 11 <= _task_number(row) <= 510:
        return None
    tests = row.get("test_list")
    shown = "\n".join(map(str, tests)) if isinstance(tests, list) else ""
    return {**row, "question": _asked(row, f" Your code should pass these tests:\n\n{shown}")}


def _asked(row: Row, more: str) -> Any:
    """The task with what is asked behind it; what is no text, or not there, is left for whoever reads the column."""
    question = _question(row)
    return question + more if isinstance(question, str) else question


def _task_number(row: Row) -> int:
    told = row.get("task_id")
    try:
        return int(told)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as e:
        raise ValueError(f"'task_id' is {str(told)[:40]!r}, no number" if told else "'task_id' is missing") from e


def _livecodebench(row: Row) -> Row | None:
    """The window that DeepSeek-R1 reports: contests from August 2024 to January 2025."""
    if not "2024-08-01" <= str(row.get("contest_date") or "")[:10] < "2025-02-01":
        return None
    starter = row.get("starter_code")
    form = (
        "You will use the following starter code to write the solution to the problem and enclose your code within "
        f"delimiters.\n```python\n{starter}\n```"
        if starter
        else "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the "
        "sample inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it "
        "reads the inputs, runs the algorithm and writes output to STDOUT.\n```python\n# YOUR CODE HERE\n```"
    )
    return {**row, "question": _asked(row, f"\n\n{form}"), "level": row.get("difficulty")}


def _rows(id_key: str | None, known: tuple[str, ...] = (), **fields: Any) -> Rows:
    return Rows(id_key=id_key, known_keys=known, **fields)


DEFINITIONS: dict[str, Definition] = {
    "math500": Definition(KNOWN["math500"], 500, _rows("unique_id", ("subject", "level")), MATHS, _maths),
    "aime24": Definition(KNOWN["aime24"], 30, _rows("id"), MATHS, _maths),
    "aime25": Definition(KNOWN["aime25"], 30, _rows("id"), MATHS, _maths),
    "amc23": Definition(KNOWN["amc23"], 40, _rows("id"), MATHS, _maths),
    "gsm8k": Definition(KNOWN["gsm8k"], 1319, _rows(None, layout="gsm8k"), MATHS, _maths),
    "gpqa": Definition(KNOWN["gpqa"], 198, _rows("Record ID", ("subject",), layout="choice"), CHOICE, _gpqa),
    "livecodebench": Definition(
        KNOWN["livecodebench"],
        279,
        _rows("question_id", ("level",), layout="livecodebench"),
        CONTEST,
        _livecodebench,
        ("test4.jsonl", "test5.jsonl"),
    ),
    "humaneval": Definition(
        KNOWN["humaneval"],
        164,
        _rows("task_id", layout="humaneval", answer_key="canonical_solution"),
        COMPLETION,
        _humaneval,
    ),
    "mbpp": Definition(KNOWN["mbpp"], 500, _rows("task_id", layout="mbpp", answer_key="code"), TASK, _mbpp),
}
"""GPQA is its diamond subset. AIME25 has no ids in some copies; rows are numbered where one lacks its own."""
