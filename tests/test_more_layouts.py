"""Sets that many distil from, by their columns alone: AceReason, Nemotron, DeepMath, OpenMathReasoning, dolphin-r1."""

from pathlib import Path
from typing import Any

import pytest
from published import QUESTION, TAGGED, THOUGHT, rows_of
from trace_files import written

USER = [{"role": "user", "content": QUESTION}]
TOLD = [{"role": "system", "content": "Think."}, *USER]
FINAL = "It is \\boxed{33}."
WHOLE = f"<think>\n{THOUGHT}\n</think>\n\n{FINAL}"
DEEP = {f"r1_solution_{n}": f"{THOUGHT}{'!' * n}\n</think>\n\n{FINAL}" for n in (1, 2, 3)}
OPEN = {"expected_answer": "33", "generation_model": "R1", "problem_source": "aops", "generated_solution": WHOLE}
SETS: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
    ({"category": "math", "source": "numina", "input": QUESTION, "output": WHOLE}, 1, {"source": "numina"}),
    ({"input": USER, "output": WHOLE, "generator": "R1", "license": "mit"}, 1, {"teacher": "R1", "licence": "mit"}),
    ({"input": TOLD, "output": WHOLE}, 1, {"messages": [TOLD[0], *USER]}),
    ({"question": QUESTION, "final_answer": "33", "topic": "Algebra"} | DEEP, 3, {"answer": "33"}),
    ({"problem": QUESTION, "problem_type": "has_answer_extracted"} | OPEN, 1, {"source": "aops", "teacher": "R1"}),
    ({"messages": USER, "reasoning": THOUGHT, "answer": FINAL, "model": "R1"}, 1, {"answer": "", "teacher": "R1"}),
    ({"Question": QUESTION, "Complex_CoT": THOUGHT, "Response": FINAL}, 1, {"question": QUESTION}),
]
ALL = ["require_verdict=correct_or_unknown", "select=all", "traces_per_problem=null"]


@pytest.mark.parametrize(("row", "traces", "fields"), SETS)
def test_sets_are_known_by_their_columns(
    tmp_path: Path, distill: Any, row: dict[str, Any], traces: int, fields: dict[str, Any]
) -> None:
    done = distill("select", written(tmp_path / "r.jsonl", [row]), *ALL, "--out", tmp_path / "o")
    assert done.code == 0, done.err
    found = rows_of(tmp_path / "o")
    assert len(found) == traces
    for kept in found:
        assert kept["messages"][-1] == USER[0]
        assert (THOUGHT in kept["completion"], kept["completion"].endswith(f"</think>\n\n{FINAL}")) == (True, True)
        assert kept | fields == kept


def test_an_instruction_with_its_input_is_another_layout(tmp_path: Path, distill: Any) -> None:
    file = written(tmp_path / "r.jsonl", [{"instruction": "Add.", "input": "3 and 5", "output": "8"}])
    done = distill("select", file, *ALL, "--out", tmp_path / "o")
    assert (done.code, "of no layout that is known" in done.err) == (2, True)


def test_a_question_may_be_a_list_of_turns_that_a_key_names(tmp_path: Path, distill: Any) -> None:
    several = [*USER, {"role": "assistant", "content": "33"}, *USER]
    file = written(tmp_path / "r.jsonl", [{"asked": turns, "said": TAGGED} for turns in (USER, several)])
    keys = ["--question-key", "asked", "--response-key", "said"]
    done = distill("select", file, *keys, *ALL, "--out", tmp_path / "o")
    assert (done.code, "1 of 2 rows left out: 1 x several turns" in done.out) == (0, True)
    assert [row["question"] for row in rows_of(tmp_path / "o")] == [QUESTION]


def test_domains_by_topic_and_problem_type(tmp_path: Path, distill: Any) -> None:
    told: list[dict[str, Any]] = [{"topic": "Algebra"}, {"problem_type": "Geometry"}]
    told += [{"problem_type": "has_answer_extracted"}, {"subject": "Logic", "topic": "Algebra"}]
    rows = [{"question": f"{n}. {QUESTION}", "response": TAGGED} | one for n, one in enumerate(told)]
    keys = ["select=s1", "rows=4", "near_duplicates=null", "require_verdict=correct_or_unknown"]
    assert distill("select", written(tmp_path / "r.jsonl", rows), *keys, "--out", tmp_path / "o").code == 0
    why = {row["question"][0]: row["selected_because"].split(",")[0] for row in rows_of(tmp_path / "o")}
    assert why == {"0": "domain Algebra", "1": "domain Geometry", "2": "any domain", "3": "domain Logic"}


def test_a_length_for_one_kept_source_alone(tmp_path: Path, distill: Any) -> None:
    lengths = [("aime", 5), ("math", 9000), ("math", 50), ("gpqa", 70)]
    rows = [
        {
            "question": f"{n}. {QUESTION}",
            "response": TAGGED,
            "source": source,
            "num_tokens": tokens,
            "verdict": "correct",
        }
        for n, (source, tokens) in enumerate(lengths)
    ]
    keys = ["select=s1", "rows=4", "near_duplicates=null", "require_verdict=correct_or_unknown"]
    keys += ["s1.keep_sources=[aime, math]"]
    file = written(tmp_path / "r.jsonl", rows)
    assert distill("select", file, *keys, "s1.keep_longer_than={math: 5600}", "--out", tmp_path / "o").code == 0
    kept = {row["question"][0] for row in rows_of(tmp_path / "o") if "before the draw" in row["selected_because"]}
    assert kept == {"0", "1"}
    said = distill("select", file, *keys, "s1.keep_longer_than={gpqa: 5600}", "--out", tmp_path / "p")
    assert (said.code, "names 'gpqa', which keep_sources does not" in said.err) == (2, True)
