"""Traces that others published: every layout is read, ambiguous ones are refused, all are judged like sampled ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from distill.errors import Refused
from distill.problems import make_problems
from distill.published import reader_for
from distill.published_rows import LeftOut, PublishedRow, PublishedTrace
from distill.recipe import Recipe
from distill.recipe_problems import TracesProblems
from distill.row_access import JsonLines, rows_of
from teachers.harvest import harvest

THOUGHT = "3 times 7 is 21, and 12 more is 33."
ANSWER = r"It is \boxed{33}."
TAGGED = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"
STRATOS = (
    f"<|begin_of_thought|>\n\n{THOUGHT}\n\n<|end_of_thought|>\n\n"
    f"<|begin_of_solution|>\n\n{ANSWER}\n\n<|end_of_solution|>"
)
QUESTION = "What is 3 times 7 plus 12?"


def sharegpt(user: str, assistant: str, answer: str) -> list[dict[str, str]]:
    return [{"from": user, "value": QUESTION}, {"from": assistant, "value": answer}]


LAYOUTS: dict[str, dict[str, Any]] = {
    "OpenThoughts-114k": {"system": "Your role", "conversations": sharegpt("user", "assistant", STRATOS)},
    "OpenThoughts3": {"conversations": sharegpt("human", "gpt", TAGGED), "domain": "math", "source": "x"},
    "OpenThoughts-114k metadata": {
        "problem": QUESTION,
        "deepseek_reasoning": THOUGHT,
        "deepseek_solution": ANSWER,
        "ground_truth_solution": "We multiply.\n" + ANSWER,
        "domain": "math",
        "source": "x",
        "test_cases": None,
        "starter_code": None,
    },
    "Bespoke-Stratos-17k": {"system": "Your role", "conversations": sharegpt("user", "assistant", STRATOS)},
    "Sky-T1": {"system": "Your role", "conversations": sharegpt("user", "assistant", STRATOS)},
    "OpenR1-Math-220k": {
        "problem": QUESTION,
        "solution": "We multiply.",
        "answer": "33",
        "problem_type": "Algebra",
        "source": "x",
        "uuid": "u",
        "is_reasoning_complete": [True],
        "generations": [TAGGED],
        "correctness_math_verify": [True],
        "finish_reasons": None,
        "correctness_count": 1,
        "messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TAGGED}],
    },
    "Mixture-of-Thoughts": {
        "messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TAGGED}],
        "num_tokens": 10,
        "source": "x",
    },
    "messages in blocks": {
        "messages": [
            {"role": "system", "content": [{"type": "text", "value": "You are"}]},
            {"role": "user", "content": [{"type": "text", "value": QUESTION}]},
            {
                "role": "assistant",
                "content": [{"type": "reasoning", "value": THOUGHT}, {"type": "text", "value": ANSWER}],
            },
        ]
    },
    "messages with reasoning in a field": {
        "messages": [
            {"role": "user", "content": QUESTION, "reasoning_content": None},
            {"role": "assistant", "content": ANSWER, "reasoning_content": THOUGHT},
        ]
    },
    "messages with thinking in a field": {
        "messages": [
            {"role": "system", "content": "You are", "thinking": None},
            {"role": "user", "content": QUESTION, "thinking": None},
            {"role": "assistant", "content": ANSWER, "thinking": THOUGHT},
        ]
    },
    "messages with reasoning twice": {
        "messages": [
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": TAGGED, "reasoning": THOUGHT},
        ]
    },
    "s1K": {
        "question": QUESTION,
        "solution": "33",
        "cot_type": "math",
        "source_type": "x",
        "metadata": "{}",
        "cot": None,
        "thinking_trajectories": [THOUGHT],
        "attempt": ANSWER,
    },
    "s1K with one teacher": {
        "question": QUESTION,
        "solution": "33",
        "gemini_thinking_trajectory": THOUGHT,
        "gemini_attempt": ANSWER,
    },
    "LIMO": {"question": QUESTION, "solution": TAGGED, "answer": "33"},
}
WITH_GOLD = {"OpenThoughts-114k metadata", "OpenR1-Math-220k", "s1K", "s1K with one teacher", "LIMO"}


def spec(path: Path | str = "x.jsonl", **fields: Any) -> TracesProblems:
    return TracesProblems(source="traces", path=str(path), **fields)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_recognised(layout: str) -> None:
    row = LAYOUTS[layout]
    found = reader_for(row.keys(), spec(), "x")(row)
    assert isinstance(found, PublishedRow)
    assert found.question == QUESTION
    assert found.answer == ("33" if layout in WITH_GOLD else "")
    assert found.traces == [PublishedTrace(THOUGHT, ANSWER)]


AMBIGUOUS = {
    "s1K-1.1": (
        {
            "question": QUESTION,
            "solution": "33",
            "gemini_thinking_trajectory": "g",
            "gemini_attempt": "g",
            "deepseek_thinking_trajectory": THOUGHT,
            "deepseek_attempt": ANSWER,
        },
        "deepseek_thinking_trajectory with deepseek_attempt; gemini_thinking_trajectory with gemini_attempt",
        {"thinking_key": "deepseek_thinking_trajectory", "response_key": "deepseek_attempt"},
    ),
    "two chats": (
        {"messages": [], "conversations": [], "problem": QUESTION, "out": TAGGED, "solution": "33"},
        "several ways (messages; conversations)",
        {"question_key": "problem", "response_key": "out"},
    ),
    "unknown": (
        {"frage": QUESTION, "loesung": TAGGED, "solution": "33"},
        "of no layout that is known: frage, loesung, solution",
        {"question_key": "frage", "response_key": "loesung"},
    ),
    "a solution by people": (
        {"problem": QUESTION, "solution": "We multiply.", "answer": "33", "r1": TAGGED},
        "of no layout that is known",
        {"response_key": "r1"},
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_ambiguous_sets_are_refused_with_the_keys_to_set(case: str) -> None:
    row, said, keys = AMBIGUOUS[case]
    with pytest.raises(Refused, match=re.escape(said)) as caught:
        reader_for(row.keys(), spec(), "x")
    assert "problems.response_key" in caught.value.hint
    found = reader_for(row.keys(), spec(**keys), "x")(row)
    assert isinstance(found, PublishedRow)
    assert (found.answer, found.traces) == ("33", [PublishedTrace(THOUGHT, ANSWER)])


def test_keys_that_name_no_column() -> None:
    with pytest.raises(Refused, match=r"problems.response_key='r2' is no column of x"):
        reader_for({"question", "r1"}, spec(response_key="r2"), "x")


def test_what_is_left_out_and_what_is_marked_unfinished() -> None:
    tool = {"role": "assistant", "content": [{"type": "tool_call", "value": "x"}]}
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TAGGED}]
    read = reader_for({"messages"}, spec(), "x")
    assert read({"messages": [turns[0], tool]}) == LeftOut("response that is no text")
    assert read({"messages": turns + turns}) == LeftOut("several turns")
    assert read({"messages": []}) == LeftOut("messages that hold no chat")
    cut = read({"messages": [turns[0], {"role": "assistant", "content": f"<think>{THOUGHT}"}]})
    assert isinstance(cut, PublishedRow)
    assert cut.traces == [PublishedTrace(THOUGHT, "", "length")]
    generations = reader_for({"problem", "generations", "answer", "finish_reasons"}, spec(), "x")
    row = {"problem": QUESTION, "answer": "33", "generations": [TAGGED, TAGGED], "finish_reasons": ["length", "stop"]}
    found = generations(row)
    assert isinstance(found, PublishedRow)
    assert [t.finish_reason for t in found.traces] == ["length", "stop"]


CHAT = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TAGGED}]
IN_CHAT: dict[str, Any] = {"messages": CHAT}
SEVERAL: dict[str, Any] = {"problem": QUESTION, "generations": [TAGGED]}
THOUGHTS: dict[str, Any] = {"question": QUESTION, "attempt": ANSWER, "thinking_trajectory": THOUGHT}
SOLVED: dict[str, Any] = {"question": QUESTION, "solution": TAGGED, "answer": "33"}
MISSING = object()


def told(content: Any) -> dict[str, Any]:
    return {"messages": [CHAT[0], {"role": "assistant", "content": content}]}


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (SEVERAL, {"generations": MISSING}),
        (SEVERAL, {"generations": TAGGED}),
        (SEVERAL, {"generations": [5, None]}),
        (SEVERAL, {"problem": MISSING}),
        (IN_CHAT, {"messages": MISSING}),
        (IN_CHAT, {"messages": json.dumps(CHAT)}),
        (IN_CHAT, {"messages": [*CHAT, None]}),
        (IN_CHAT, {"messages": [QUESTION, TAGGED]}),
        (IN_CHAT, {"messages": [CHAT[0], {"role": ["assistant"], "content": TAGGED}]}),
        (IN_CHAT, told([TAGGED])),
        (IN_CHAT, told([{"type": ["text"], "text": TAGGED}])),
        (IN_CHAT, told(5)),
        (IN_CHAT, told(None)),
        (THOUGHTS, {"thinking_trajectory": 5}),
        (THOUGHTS, {"attempt": MISSING}),
        (SOLVED, {"solution": 33}),
        (SOLVED, {"solution": MISSING}),
        (SOLVED, {"question": [QUESTION]}),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out(row: dict[str, Any], change: dict[str, Any]) -> None:
    read = reader_for(row.keys(), spec(), "x")
    assert isinstance(read(row), PublishedRow)
    left = read({key: value for key, value in (row | change).items() if value is not MISSING})
    assert isinstance(left, LeftOut)
    assert re.match(r"no |.* that ", left.why)


@pytest.mark.parametrize("reasons", [["length"], ["length", None, "stop"], ["length", 5], "length", []])
def test_no_answer_is_lost_where_reasons_are_missing(reasons: Any) -> None:
    read = reader_for({"problem", "generations", "finish_reasons"}, spec(), "x")
    found = read({"problem": QUESTION, "generations": [TAGGED, TAGGED], "finish_reasons": reasons})
    assert isinstance(found, PublishedRow)
    first = "length" if reasons and isinstance(reasons, list) else "stop"
    assert [(t.finish_reason, t.at) for t in found.traces] == [(first, 0), ("stop", 1)]


@pytest.mark.parametrize("answer", [None, "", float("nan"), True, b"33", ["33"], {"a": 33}])
def test_what_is_no_text_is_no_gold_answer(answer: Any) -> None:
    row = {"question": QUESTION, "solution": TAGGED, "answer": answer}
    found = reader_for(row.keys(), spec(), "x")(row)
    assert isinstance(found, PublishedRow)
    assert found.answer == ""


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def sums(n: int) -> list[dict[str, Any]]:
    """A right, a wrong and a cut answer to each sum; the sums of odd numbers twice."""
    rows = []
    for i in range(n):
        right = f"<think>\n{i} and {i}\n</think>\n\n\\boxed{{{2 * i}}}"
        answers = [right, right.replace(f"{{{2 * i}}}", "{7777}"), f"<think>\n{i} and"]
        rows.append({"problem": f"What is {i} plus {i}?", "answer": str(2 * i), "generations": answers})
    return rows + [{**row, "problem": f" {row['problem']}\n"} for row in rows[1::2]]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_published_traces_pass_the_same_verdicts(tmp_path: Path, tiny_model: Path, suffix: str) -> None:
    path = write(tmp_path / f"sums{suffix}", sums(20))
    recipe = Recipe.model_validate(
        {
            "name": "sums",
            "problems": {"source": "traces", "path": str(path), "held_out": 4},
            "teacher": {"kind": "replay"},
            "harvest": {"samples_per_problem": 100},
            "student": {"model": str(tiny_model)},
        }
    )
    problems = make_problems(recipe.problems, 0)
    assert (len(problems), sum(p.held_out for p in problems)) == (20, 4)
    counts = harvest(recipe, problems, tmp_path / "traces", lambda *_: None)
    training = [p for p in problems if not p.held_out]
    rows = sum(len(p.data["traces"]) // 3 for p in training)
    assert (counts["samples"], counts["correct"], counts["wrong"]) == (3 * rows, rows, 2 * rows)
    assert counts["truncated"] == rows
    assert counts["estimated_tokens"] == counts["completion_tokens"] > 0
    assert harvest(recipe, problems, tmp_path / "traces", lambda *_: None) == counts
    first = recipe.model_copy(update={"harvest": recipe.harvest.model_copy(update={"accepted_per_problem": 1})})
    assert harvest(first, problems, tmp_path / "first", lambda *_: None)["samples"] == 16


def test_the_evaluation_may_come_from_elsewhere(tmp_path: Path) -> None:
    rows = [LAYOUTS["Mixture-of-Thoughts"]]
    path = write(tmp_path / "traces.jsonl", rows)
    with pytest.raises(Refused, match=r"1 questions, 0 of them with a gold answer") as caught:
        make_problems(spec(path), 0)
    assert "problems.held_out_from" in caught.value.hint
    others = [{"question": f"What is {i}?", "answer": i} for i in range(5)]
    beside = {"source": "file", "path": str(write(tmp_path / "test.jsonl", others)), "held_out": 3}
    made = make_problems(spec(path, held_out_from=beside), 0)
    assert [p.held_out for p in made] == [False, True, True, True]


def test_rows_are_read_where_they_lie(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"a": i, "text": "é" * i} for i in range(50)])
    rows = JsonLines(path)
    assert len(rows) == 50
    assert rows[49] == {"a": 49, "text": "é" * 49}
    assert rows.columns == {"a", "text"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.jsonl", None, "is no file"),
        ("x.csv", "a,b", "neither .jsonl nor .parquet"),
        ("x.parquet", "no parquet", "cannot be read"),
        ("x.jsonl", "{oops", "line 1 is not readable as JSON"),
        ("x.jsonl", '{"a": 1}\n\n\n\n{oops', "line 5 is not readable as JSON"),
        ("x.jsonl", '{"a": 1}\n' * 1005 + "\n\n[]", "no layout that is known"),
        ("x.jsonl", '{"messages": []}\n' * 1005 + "\n\n[]", "line 1008 is no JSON object"),
        ("x.jsonl", '{"messages": []}\n\n{"messages": "\udcff"}', "line 3 is no text in UTF-8 .byte 14 of the line"),
        ("x.jsonl", json.dumps({"messages": json.dumps(CHAT)}), "holds no question with one answer"),
        ("x.jsonl", "", "holds no rows"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, errors="surrogateescape")
    with pytest.raises(Refused, match=said):
        make_problems(spec(tmp_path / name), 0)


def test_replay_needs_published_traces(tiny_recipe: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"set problems\.source=traces"):
        Recipe.model_validate(tiny_recipe | {"teacher": {"kind": "replay"}})


def test_real_rows_of_s1k(data: Path) -> None:
    """Two of the five have a gold answer that is no proof."""
    source = spec(data / "s1k_5rows.parquet")
    rows = rows_of(source)
    read = reader_for(rows.columns, source, "s1k")
    found = [read(rows[i]) for i in range(len(rows))]
    assert all(isinstance(row, PublishedRow) and len(row.traces[0].reasoning) > 2000 for row in found)
    assert {"128", "109"} <= {row.answer for row in found if isinstance(row, PublishedRow)}


def test_real_chats_with_reasoning_blocks(data: Path) -> None:
    """Of fifty, most call tools or have several turns; those that are a question and an answer are read."""
    source = spec(data / "reasoning_messages_50.jsonl")
    rows = rows_of(source)
    read = reader_for(rows.columns, source, "chats")
    found = [row for i in range(len(rows)) if isinstance(row := read(rows[i]), PublishedRow)]
    assert 0 < len(found) < 50
    assert all(row.traces[0].reasoning and row.traces[0].response for row in found)
