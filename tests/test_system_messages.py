"""System messages of published chats: kept, replaced, left out or told, never dropped without a word."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from published import QUESTION, TAGGED, chat, rows_of
from trace_files import written

from distill.beside_question import MARKED, TOOLS
from distill.problems import make_problems
from distill.recipe_problems import TracesProblems

TOLD = "You have one tool, a pocket calculator."
BLOCKS = [{"type": "text", "text": TOLD}]


def turns_of(tmp_path: Path, distill: Any, row: dict[str, Any], *words: str) -> tuple[list[dict[str, str]], str]:
    file = written(tmp_path / "rows.jsonl", [row | {"verdict": "correct"}])
    done = distill("select", file, *words, "--out", tmp_path / "o")
    assert done.code == 0
    return rows_of(tmp_path / "o")[0]["messages"], done.out


@pytest.mark.parametrize("said", [TOLD, BLOCKS])
@pytest.mark.parametrize("who", ["system", "developer"])
def test_a_system_turn_is_kept_and_told(tmp_path: Path, distill: Any, said: Any, who: str) -> None:
    messages = [{"role": who, "content": said}, *chat(TAGGED)]
    if said is BLOCKS:
        messages[1:] = [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in chat(TAGGED)]
    found, out = turns_of(tmp_path, distill, {"messages": messages})
    assert found == [{"role": "system", "content": TOLD}, {"role": "user", "content": QUESTION}]
    assert "1 with a system message of their own, which is kept" in out


def test_another_system_message_stands_in_its_place_or_none(tmp_path: Path, distill: Any) -> None:
    row = {"messages": [{"role": "system", "content": TOLD}, *chat(TAGGED)]}
    found, out = turns_of(tmp_path, distill, row, "--system", "Think.")
    assert [turn["content"] for turn in found] == ["Think.", QUESTION]
    found, out = turns_of(tmp_path, distill, row, "--drop-system")
    assert [turn["content"] for turn in found] == [QUESTION]
    assert "of their own" not in out
    both = distill("select", tmp_path / "rows.jsonl", "--system", "a", "--drop-system", "--out", tmp_path / "p")
    assert (both.code, "Give one of the two" in both.err) == (2, True)


def test_a_column_is_as_a_turn_and_marks_and_tools_are_told(tmp_path: Path, distill: Any) -> None:
    found, _ = turns_of(tmp_path, distill, {"system": TOLD, "conversations": chat(TAGGED)})
    assert found[0] == {"role": "system", "content": TOLD}
    asked = {"system": "Think in <|begin_of_thought|> marks.", "conversations": chat(TAGGED)}
    found, out = turns_of(tmp_path, distill, asked)
    assert ([turn["role"] for turn in found], f"1 x {MARKED}" in out) == (["user"], True)
    _, out = turns_of(tmp_path, distill, {"tools": [{"name": "sum"}], "messages": chat(TAGGED)})
    assert f"1 x {TOOLS}" in out
    _, out = turns_of(tmp_path, distill, {"tools": [], "messages": chat(TAGGED)})
    assert TOOLS not in out


def test_the_order_of_rows_decides_no_system_message(tmp_path: Path, distill: Any) -> None:
    rows = [
        {"messages": [{"role": "system", "content": said}, *chat(TAGGED)], "verdict": "correct"} for said in ("b", "a")
    ]
    kept = []
    for some in (rows, rows[::-1]):
        file = written(tmp_path / "rows.jsonl", some)
        assert distill("select", file, "--out", tmp_path / "o").code == 0
        kept += [row["messages"] for row in rows_of(tmp_path / "o")]
    assert len(kept) == 2
    assert kept[0] == kept[1]


def test_a_recipe_tells_that_its_own_prompt_stands_there(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "system", "content": TOLD}, *chat(TAGGED)], "answer": "33"},
        {"messages": [{"role": "user", "content": "And 5?"}, *chat(TAGGED)[1:]], "answer": "33"},
    ]
    spec = TracesProblems(source="traces", path=str(written(tmp_path / "rows.jsonl", rows)), held_out=1)
    counts = Counter[str]()
    make_problems(spec, 0, counts)
    assert counts == {"system message, for which that of the recipe's prompt stands": 1}
