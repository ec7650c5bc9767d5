"""Published files as `distill select` takes them: whose verdict counts.

A verdict is of one text: the same answer is written in every layout, one of two answers is judged, and the other never
gets its verdict.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from published import ANSWER, MARKED, QUESTION, TAGGED, THOUGHT, chat, reasons_of, rows_of
from trace_files import COLUMNS, written

from distill.curate.traces import engines
from distill.curate.traces.engines import measure
from distill.curate.traces.published_traces import PublishedTraces
from distill.judged_text import judged_digest
from distill.published import reader_for
from distill.published_rows import PublishedRow
from distill.verify.turn import turn_of

LAYOUTS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "tags": ({"question": QUESTION, "response": TAGGED}, "response", None),
    "tags without the first": ({"question": QUESTION, "response": TAGGED.removeprefix("<think>")}, "response", None),
    "a stop token": ({"question": QUESTION, "response": f"{TAGGED}<|im_end|>\n"}, "response", None),
    "apart": ({"question": QUESTION, "reasoning": THOUGHT, "response": f"{ANSWER}\n"}, "response", "reasoning"),
    "apart, not named": ({"question": QUESTION, "thinking": THOUGHT, "response": ANSWER}, "response", None),
    "s1K": ({"question": QUESTION, "thinking_trajectories": [THOUGHT], "attempt": ANSWER}, "attempt", None),
    "OpenThoughts": ({"messages": chat(MARKED)}, "messages", None),
    "marks in a column": ({"question": QUESTION, "response": MARKED}, "response", None),
    "chat": ({"messages": chat(TAGGED)}, "messages", None),
    "chat with a field": ({"messages": chat(ANSWER, reasoning_content=THOUGHT)}, "messages", None),
    "LIMO": ({"question": QUESTION, "solution": TAGGED, "answer": "33"}, "solution", None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_who_judges_and_who_selects_mean_the_same_text(layout: str) -> None:
    row, response, reasoning = LAYOUTS[layout]
    found = reader_for(row.keys(), COLUMNS, "x")(row)
    assert isinstance(found, PublishedRow)
    assert [t.reasoning for t in found.traces] == [THOUGHT]
    of_verify = judged_digest(turn_of(row, response, reasoning).response)
    assert of_verify == judged_digest(found.traces[0].response) == judged_digest(ANSWER)
    assert of_verify != judged_digest(ANSWER.replace("33", "34"))


def test_a_verdict_on_one_column_is_none_of_another(tmp_path: Path, distill: Any) -> None:
    right, wrong = r"It is \boxed{33}.", r"It is \boxed{34}."
    rows = [{"question": f"{n}. {QUESTION}", "a": right, "b": wrong, "answer": "33"} for n in range(5)]
    rows.append({"question": f"5. {QUESTION}", "a": wrong, "b": wrong, "answer": "33"})
    file, judged = written(tmp_path / "two.jsonl", rows), tmp_path / "judged.jsonl"
    assert distill("verify", file, "--response-key", "a", "--out", judged).code == 0
    of_a = measure(PublishedTraces((judged,), COLUMNS.model_copy(update={"response_key": "a"})))
    assert of_a["verdict"].tolist() == [0, 0, 0, 0, 0, 1]
    ended = distill(
        "select", judged, "--response-key", "b", "select=all", "near_duplicates=null", "--out", tmp_path / "o"
    )
    assert (ended.code, (tmp_path / "o").exists()) == (2, False)
    assert "5 x unknown: verdict of another text, 1 x wrong" in ended.err, "the last is the same text"
    assert "--verify" in ended.err
    keys = ("--response-key", "b", "require_verdict=any_i_accept_wrong_traces", "near_duplicates=null", "select=all")
    assert distill("select", judged, *keys, "--out", tmp_path / "o").code == 0
    assert Counter(row["verdict"] for row in rows_of(tmp_path / "o")) == {"unknown": 5, "wrong": 1}


def test_a_verdict_of_the_row_counts_where_it_has_one_answer(tmp_path: Path) -> None:
    one = {"problem": QUESTION, "generations": [TAGGED], "verdict": "correct", "reason": "checked"}
    other = f"{TAGGED} Or not?"
    assert reasons_of(tmp_path, [one]) == {"correct: checked": 1}
    assert reasons_of(tmp_path, [one | {"generations": [TAGGED, other]}]) == {"unknown: verdict of another text": 2}
    assert reasons_of(tmp_path, [one | {"generations": [TAGGED, ""]}]) == {"unknown: verdict of another text": 1}
    told = one | {"generations": [other, TAGGED], "verdict_of": judged_digest(ANSWER)}
    assert reasons_of(tmp_path, [told]) == {"correct: checked": 1, "unknown: verdict of another text": 1}
    named = {"question": QUESTION, "response": TAGGED, "other": TAGGED, "verdict": "correct", "reason": ""}
    assert reasons_of(tmp_path, [named]) == {"correct: ": 1}
    assert reasons_of(tmp_path, [named], response_key="response") == {"correct: ": 1}
    assert reasons_of(tmp_path, [named], response_key="other") == {"unknown: verdict of another text": 1}


def test_a_sound_form_is_no_right_answer(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "rows.jsonl", [{"question": QUESTION, "response": TAGGED}])
    judged = tmp_path / "judged.jsonl"
    assert distill("verify", file, "--kind", "flaws", "--out", judged).code == 0
    assert measure(PublishedTraces((judged,), COLUMNS)).reasons == {"unknown: its form alone was judged": 1}


def test_the_verdicts_of_openr1(tmp_path: Path, distill: Any) -> None:
    """One a generation, whatever is left out between them; of another length they are nobody's."""
    texts = [f"<think>\n{n}\n</think>\n\n\\boxed{{{n}}}" for n in range(5)]
    row = {"problem": QUESTION, "generations": [texts[0], "", *texts[2:]]}
    row |= {
        "correctness_math_verify": [True, True, False, False, None],
        "correctness_llama": [None, None, True, None, None],
    }
    rows = [row, {"problem": f"{QUESTION}?", "generations": texts[:2], "correctness_math_verify": [True]}]
    file = written(tmp_path / "r1.jsonl", rows)
    keys = ("select=all", "require_verdict=any_i_accept_wrong_traces", "traces_per_problem=null", "deduplicate=false")
    told = distill("select", file, *keys, "--out", tmp_path / "o")
    assert (told.code, "left out in rows: 1 x no response" in told.out) == (0, True)
    mine = {"verdict": "unknown", "reason": "open", "verdict_of": judged_digest(texts[2])}
    assert reasons_of(tmp_path, [row | mine])["unknown: open"] == 1, "what is there counts, and of the others theirs"
    assert reasons_of(tmp_path, [row | mine])["correct: told by its file"] == 1
    found = {row["completion"][8]: (row["verdict"], row["verdict_by"]) for row in rows_of(tmp_path / "o")[::-1]}
    math, llama, nobody = "correctness_math_verify", "correctness_llama", ("unknown", "nobody")
    expected = {"0": ("correct", math), "2": ("correct", llama), "3": ("wrong", math), "4": nobody}
    assert {key: found[key] for key in "234"} == {key: expected[key] for key in "234"}
    by = Counter((row["question"], row["verdict"], row["verdict_by"]) for row in rows_of(tmp_path / "o"))
    assert by[QUESTION, *expected["0"]] == 1
    assert by[f"{QUESTION}?", *nobody] == 2


def sums(count: int) -> list[dict[str, Any]]:
    """Sums with a right and a wrong generation each, and a verdict that says the contrary."""
    texts = "<think>\n{0} and {0}\n</think>\n\nIt is \\boxed{{{1}}}."
    return [
        {
            "problem": f"What is {n} plus {n}, and why is it so?",
            "answer": str(2 * n),
            "generations": [texts.format(n, 2 * n), texts.format(n, 7777)],
            "correctness_math_verify": [False, True],
            "uuid": f"u{n}",
        }
        for n in range(count)
    ]


SUMS = ("select=random", "rows=20", "near_duplicates=null", "--verify")


def test_judged_as_it_is_read_by_one_process_or_several(
    tmp_path: Path, distill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "sums.jsonl", [*sums(30), {**sums(31)[30], "answer": None}])
    assert distill("select", file, *SUMS, "--out", tmp_path / "a").code == 0
    rows = rows_of(tmp_path / "a")
    assert len(rows) == 20
    assert {(row["verdict"], row["verdict_by"], row["verdict_kind"]) for row in rows} == {("correct", "rules", "math")}
    assert all(row["completion"].endswith(f"{{{row['answer']}}}.") for row in rows)
    assert {row["row_id"]: row["row"] for row in rows} == {f"u{row['row'] - 1}": row["row"] for row in rows}
    assert "x wrong, 2 x unknown: no gold answer)" in (tmp_path / "a" / "funnel.txt").read_text()
    monkeypatch.setattr(engines, "SHARD", 2000)
    assert distill("select", file, *SUMS, "workers=2", "--out", tmp_path / "b").code == 0
    assert rows_of(tmp_path / "b") == rows


@pytest.mark.parametrize(
    ("kind", "gold", "right", "wrong"),
    [
        ("choice", {"answer": 1, "options": ["red", "green", "blue"]}, "It is (B).", "It is (C)."),
        ("choice", {"answer": "B", "A": "red", "B": "green", "C": "blue"}, "green", "blue"),
        ("number", {"answer": 10.0, "tolerance": 0.5}, "About 9.8.", "About 9.3."),
    ],
)
def test_other_kinds_by_their_columns(
    tmp_path: Path, distill: Any, kind: str, gold: dict[str, Any], right: str, wrong: str
) -> None:
    rows = [{"question": QUESTION, "response": said, **gold} for said in (right, wrong)]
    file = written(tmp_path / "rows.jsonl", rows)
    keys = ("--verify", "--kind", kind, "select=all", "traces_per_problem=null")
    assert distill("select", file, *keys, "--out", tmp_path / "o").code == 0
    assert [row["completion"] for row in rows_of(tmp_path / "o")] == [right]
    refused = distill("select", file, "--verify", "--kind", "poem", "--out", tmp_path / "p")
    assert (refused.code, "--kind=poem" in refused.err) == (2, True)
    refused = distill("select", file, "--kind", kind, "--out", tmp_path / "p")
    assert (refused.code, "--verify" in refused.err) == (2, True)


def test_what_nobody_has_judged_names_the_way(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "rows.jsonl", [{"question": QUESTION, "response": TAGGED}])
    told = distill("select", file, "--out", tmp_path / "o").err
    assert "all 1 traces were rejected (1 x unknown: not judged)." in told
    assert "--verify" in told
    assert "require_verdict=correct_or_unknown" in told
    assert "trained" not in told
    told = distill("select", file, "--out", tmp_path / "o", "--verify").err
    assert "1 x unknown: no gold answer" in told
    assert "--verify" not in told
    keys = ("require_verdict=correct_or_unknown", "difficulty.tokens.least=9999")
    assert "trained" not in distill("select", file, "--out", tmp_path / "o", *keys).err
