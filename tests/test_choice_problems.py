"""Multiple-choice rows become questions with letters, the same with the same seed, and numbers get their tolerance."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from distill.errors import Refused
from distill.evaluate.gold import refuse_broken_gold
from distill.problems import make_problems, read_problems, write_problems
from distill.recipe import FileProblems
from distill.records import Problem
from distill.verify import judge, stated


def problems(tmp_path: Path, rows: list[dict[str, Any]], seed: int = 0, **fields: Any) -> list[Problem]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = FileProblems.model_validate(
        {"source": "file", "path": str(path), "held_out": 1, "layout": "choice", **fields}
    )
    return make_problems(spec, seed)


def gpqa(n: int) -> list[dict[str, Any]]:
    def others(i: int) -> dict[str, str]:
        return {f"Incorrect Answer {k}": f"{i + k}" for k in (1, 2, 3)}

    return [{"Question": f"Which is {i}?", "Correct Answer": f"{i}", **others(i)} for i in range(n)]


def test_gpqa_is_shuffled_by_the_seed(tmp_path: Path) -> None:
    found = problems(tmp_path, gpqa(200))
    letters = Counter(p.answer for p in found)
    assert set(letters) == set("ABCD")
    assert min(letters.values()) > 30
    for p in found:
        gold = p.question.split()[2].rstrip("?")
        assert p.data["options"]["ABCD".index(p.answer)] == gold
        assert f"({p.answer}) {gold}" in p.question.splitlines()
        assert judge(p.kind, f"The answer is {gold}.", p.answer, p.data).verdict == "correct"
        assert judge(p.kind, stated(p), p.answer, p.data).verdict == "correct"
    refuse_broken_gold(found)
    assert problems(tmp_path, gpqa(200)) == found
    assert {p.question: p.answer for p in problems(tmp_path, gpqa(200), seed=1)} != {
        p.question: p.answer for p in found
    }
    alone = problems(tmp_path, gpqa(200)[:50])
    assert {p.question for p in alone} <= {p.question for p in found}, "the order does not depend on other rows"
    write_problems(tmp_path / "problems.parquet", found)
    assert read_problems(tmp_path / "problems.parquet") == found


@pytest.mark.parametrize("answer", [1, "B", "b", "(B)", "two"])
@pytest.mark.parametrize(("key", "wrap"), [("choices", list), ("options", list), ("choices", lambda x: {"text": x})])
def test_mmlu_keeps_its_order(tmp_path: Path, answer: Any, key: str, wrap: Any) -> None:
    rows = [{"question": f"Which {i}?", key: wrap(["one", "two", "three"]), "answer": answer} for i in range(3)]
    for p in problems(tmp_path, rows):
        assert (p.kind, p.answer, p.data) == ("choice", "B", {"options": ["one", "two", "three"]})
        assert p.question.endswith("\n\n(A) one\n(B) two\n(C) three")


def test_a_whole_number_is_an_index_and_the_same_as_text_is_a_text(tmp_path: Path) -> None:
    rows = [{"question": f"Which {i}?", "choices": ["3", "2", "1", "0"], "answer": 1} for i in range(3)]
    assert {p.answer for p in problems(tmp_path, rows)} == {"B"}
    texts = [row | {"answer": "1"} for row in rows]
    assert {p.answer for p in problems(tmp_path, texts)} == {"C"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "Which?", "choices": ["x", "y"], "answer": 2}, "none of its options"),
        ({"question": "Which?", "choices": ["x", "y"], "answer": "z"}, "none of its options"),
        ({"question": "Which?", "choices": ["x", "y"], "answer": True}, "none of its options"),
        ({"question": "Which?", "choices": ["x", "y"]}, "none of its options"),
        ({"question": "Which?", "choices": ["x", "x"], "answer": 0}, "different options"),
        ({"question": "Which?", "choices": ["x"], "answer": 0}, "different options"),
        ({"question": "Which?", "choices": "xy", "answer": 0}, "different options"),
        ({"question": "Which?", "answer": "A"}, "there are: answer, question"),
        ({"question": "", "choices": ["x", "y"], "answer": 0}, "no question"),
        ({"Question": "Which?", "Correct Answer": "x"}, "different options"),
    ],
)
def test_rows_that_are_no_choice_are_refused(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match="row 1") as caught:
        problems(tmp_path, [row] * 3)
    assert said in str(caught.value)


def test_letters_without_options_need_no_layout(tmp_path: Path) -> None:
    rows = [{"question": f"(A) x (B) y? {i}", "answer": "B"} for i in range(3)]
    found = problems(tmp_path, rows, layout="plain", kind="choice")
    assert {(p.kind, p.answer) for p in found} == {("choice", "B")}
    assert judge("choice", "The answer is (B).", "B", found[0].data).verdict == "correct"


def test_numbers_have_the_tolerance_of_the_recipe_or_of_their_row(tmp_path: Path) -> None:
    rows = [
        {"question": "How far? 1", "answer": "9.81"},
        {"question": "How far? 2", "answer": "9.81", "tolerance": 0.5},
    ]
    found = problems(tmp_path, rows, layout="plain", kind="number", digits=2)
    data = {p.question: p.data for p in found}
    assert data == {"How far? 1": {"digits": 2}, "How far? 2": {"tolerance": 0.5, "digits": 2}}
    assert judge("number", "#### 9.8 m/s²", "9.81", data["How far? 1"]).verdict == "correct"
    assert judge("number", "#### 10", "9.81", data["How far? 1"]).verdict == "wrong"
    assert judge("number", "#### 10", "9.81", data["How far? 2"]).verdict == "correct"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layout": "plain", "tolerance": 1.0}, "tolerance is for kind=number"),
        ({"kind": "math"}, "layout=choice is judged by its letters"),
        ({"layout": "plain", "kind": "number", "digits": 0}, "greater than or equal to 1"),
        ({"layout": "plain", "kind": "number", "tolerance": -1.0}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        problems(tmp_path, gpqa(3), **fields)
