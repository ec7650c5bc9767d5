"""`distill verify`: chats, rows of several kinds, nested columns, and what another verifier said."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import refused
from isolation import absent

from distill.files import read_rows
from distill.verify.other_verdict import other_verdict


@pytest.mark.parametrize(
    ("chat", "verdict"),
    [
        ([{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "\\boxed{4}"}], "correct"),
        ([{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "\\boxed{5}"}], "wrong"),
        ([{"role": "assistant", "content": "5"}, {"role": "assistant", "content": "<think>5</think>4"}], "correct"),
        ({"role": "assistant", "content": [{"type": "text", "text": "\\boxed{4}"}]}, "correct"),
        ([{"role": "assistant", "content": None, "reasoning_content": "\\boxed{4}"}], "wrong"),
        ([{"role": "ASSISTANT", "content": "4"}], "correct"),
        ([{"role": "assistant", "content": 4}], "correct"),
        ([{"role": "assistant", "content": 0}], "wrong"),
        ([{"role": "assistant", "content": "4"}, {"role": "tool", "content": "5"}], "correct"),
    ],
)
def test_a_chat_is_judged_by_its_last_answer(distill: Any, tmp_path: Path, chat: Any, verdict: str) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"messages": chat, "answer": "4"}) + "\n")
    assert distill("verify", file, "--out", out, "--response-key", "messages").code == 0
    found = json.loads(out.read_text())
    assert (found["messages"], found["verdict"]) == (chat, verdict)


@pytest.mark.parametrize(
    ("chat", "said"),
    [
        ([{"role": "user", "content": "q"}], "is a chat that has no assistant turn (its turns: user)"),
        ({"role": "user", "content": "q"}, "is a chat that has no assistant turn (its turns: user)"),
        ([{"role": "tool", "content": "4"}, {"from": "human", "value": "?"}], "(its turns: tool, human)"),
        ([{"role": "assistant", "content": [{"type": "image"}]}], "is a chat whose last assistant turn holds no text"),
        ([], "is an empty list, which holds no response"),
        ({}, "is an empty mapping, which holds no response"),
    ],
)
def test_a_chat_without_an_answer_is_refused_as_that(distill: Any, tmp_path: Path, chat: Any, said: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"messages": chat, "answer": "4"}) + "\n")
    done = distill("verify", file, "--out", tmp_path / "out.jsonl", "--response-key", "messages")
    refused(done, f"row 1: 'messages' {said}" if said.startswith("is") else said)
    assert "A response is text, or a chat in which" in done.err


@pytest.mark.parametrize(
    "value",
    [
        ["\\boxed{4}", "\\boxed{5}"],
        [{"n": 1, "text": "\\boxed{4}"}, {"n": 2, "text": "\\boxed{5}"}],
        [[{"role": "assistant", "content": "4"}], [{"role": "assistant", "content": "5"}]],
        {"n": 1, "text": "\\boxed{4}"},
    ],
)
def test_the_hint_about_several_texts_makes_a_file_that_fits(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("FILE").write_text(json.dumps({"generations": value, "answer": "4"}) + "\n")
    command = "verify", "FILE", "--out", "out.jsonl", "--response-key", "generations"
    done = distill(*command)
    refused(done, f"'generations' is a {'list' if isinstance(value, list) else 'mapping'}")
    exec(re.search(r"python -c '(.*)'", done.err)[1])  # type: ignore[index]
    assert distill("verify", "each.jsonl", "--out", "out.jsonl").code == 0
    said = [row["verdict"] for row in read_rows(Path("out.jsonl"))]
    assert said == (["correct", "wrong"] if isinstance(value, list) else ["correct"])


def test_nested_columns_pass_or_are_refused(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    for levels in (499, 500, 900, 2_000):
        nested = "[" * levels + "]" * levels
        file.write_text(f'{{"response": "2", "answer": "2", "x": {nested}}}\n')
        done = distill("verify", file, "--out", out)
        if levels < 500:
            assert done.code == 0, done.err
            assert nested in out.read_text()
        else:
            refused(done, "line 1 is not readable as JSON (nested more than 500 levels deep)")
    file.write_text(f'{{"response": "2", "answer": {"9" * 5000}}}\n')
    done = distill("verify", file, "--out", out)
    refused(done, "line 1 is not readable as JSON")
    assert "as a text" in done.err


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        *((value, "correct") for value in (True, 1, 0.5, "correct", "Correct.", "pass", "1.0", "0.75")),
        *((value, "wrong") for value in (False, 0, -1, 0.49, "FAIL", "incorrect", "0", "-1")),
        *((value, "unknown") for value in ("unknown", "undecided")),
        *((value, None) for value in (None, "", "A", "85", 85, 12, -3, float("nan"), [1], "perhaps")),
    ],
)
def test_what_another_verifier_said(said: Any, verdict: str | None) -> None:
    assert other_verdict(said) == verdict


def test_values_that_are_no_verdict_are_not_counted(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    theirs = [True, "pass", None, 85, 85, "fail"]
    rows = [{"response": "\\boxed{4}", "answer": "4", "theirs": one} for one in theirs]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = distill("verify", file, "--out", out, "--compare", "theirs")
    assert "'theirs' agrees on 2 of 3 rows (66.7%)\n" in done.out
    assert "       3  no verdict there (None, 85): not counted\n" in done.out
    done = distill("verify", file, "--out", out, "--compare", "answer")
    refused(done, "no value of 'answer' is a verdict (row 1: '4')")
    assert "or a score from 0 to 1" in done.err


MIXED = (
    {"kind": "countdown", "numbers": [3, 7, 12], "target": 33, "response": "<answer>3*7+12</answer>"},
    {"kind": "choice", "options": ["Rome", "Paris"], "answer": "B", "response": "It is Paris."},
    {"kind": "algebra", "answer": "4", "response": "\\boxed{4}"},
    {"answer": r"\int_0^1 2x\,dx", "response": r"\boxed{\int_0^1 2 x dx}"},
    {"kind": "flaws", "response": "I'm sorry, but I can't help with that."},
    {"kind": "number", "answer": 10, "tolerance": 0.2, "response": "It is 9.9."},
)


def test_each_row_is_judged_by_its_kind(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in MIXED))
    done = distill("verify", file, "--out", out)
    assert done.err.splitlines()[0] == "judged by their column 'kind': 2 math, 1 countdown, 1 choice, 1 flaws, 1 number"
    assert [row["verdict"] for row in read_rows(out)] == [*["correct"] * 4, "wrong", "correct"]
    refused(distill("verify", file, "--out", out, "--kind", "math"), "row 1 has no 'answer'")
    file.write_text(json.dumps(MIXED[1] | {"kind": "code"}) + "\n")
    done = distill("verify", file, "--out", out)
    refused(done, "row 1 has no tests")
    assert "Its column 'kind' says code; --kind overrides it." in done.err
    assert distill("verify", file, "--out", out, "--kind", "choice").code == 0
    file.write_text(json.dumps(MIXED[0]) + "\n")
    assert "--answer-key target" not in distill("verify", file, "--out", out, "--kind", "math").err


def test_programs_and_formulas_in_one_file(distill: Any, tmp_path: Path) -> None:
    if why := absent():
        pytest.skip(why)
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    code = {
        "kind": "code",
        "test_list": ["assert f(1) == 2"],
        "response": "```python\ndef f(x):\n    return x + 1\n```",
    }
    rows = [*MIXED, code, {**code, "test_list": ["assert f(1) == 3"]}] * 20
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert distill("verify", file, "--out", out, "--workers", "2", "accept.repetition=true").code == 0
    found = read_rows(out)
    assert [row["verdict"] for row in found] == [*["correct"] * 4, "wrong", "correct", "correct", "wrong"] * 20
    assert {"flaw" in row for row in found if row.get("kind") == "flaws"} == {False}
