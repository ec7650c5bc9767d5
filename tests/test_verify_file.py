"""`distill verify`: many rows, several processes, conventions, another verifier beside ours."""

import gzip
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from commands import refused
from isolation import absent
from test_verify_pool import PAIRS

from distill.files import read_rows
from distill.judged_text import judged_digest
from distill.verify import judge


def test_what_it_tells_and_where_another_verifier_differs(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [{"response": r, "answer": a, "theirs": i % 2} for i, (r, a) in enumerate(PAIRS)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = distill("verify", file, "--out", out, "--workers", "2", "--compare", "theirs")
    assert done.code == 0
    assert "3 correct (50.0%), 2 wrong (33.3%), 1 unknown (16.7%)" in done.out
    assert "'theirs' agrees on 1 of 6 rows" in done.out
    assert "row 1: correct (equal), 'theirs' says wrong; gold '\\\\frac12', answer '0.5'" in done.out
    verdicts = [json.loads(line)["verdict"] for line in out.read_text().splitlines()]
    assert verdicts == [judge("math", *pair, {}).verdict for pair in PAIRS]


def test_rules_on_the_command_line(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": r"\boxed{\frac{2}{4}}", "answer": "0.5"}) + "\n")
    assert "1 correct" in distill("verify", file, "--out", out).out
    assert "1 wrong" in distill("verify", file, "--out", out, "verify.math.lowest_terms=true").out
    refused(distill("verify", file, "--out", out, "verify.math.percent=maybe"), "input should be 'either'")
    refused(distill("verify", file, "--out", out, "verify.math.lowest_term=1"), "did you mean 'lowest_terms'?")
    refused(distill("verify", file, "--out", out, "--kind", "sum"), "--kind=sum is unknown")
    refused(distill("verify", file, "--out", out, "--compare", "theirs"), "has no 'theirs'")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_options_and_tolerances_come_from_the_rows(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": "It is 9.9.", "answer": 10, "tolerance": 0.2}) + "\n")
    assert "1 correct" in distill("verify", file, "--out", out, "--kind", "number").out
    file.write_text(json.dumps({"response": "The answer is (B).", "answer": "B", "choices": ["x", "y"]}) + "\n")
    assert "1 correct" in distill("verify", file, "--out", out, "--kind", "choice").out


LOOP = "Let me check that again. " * 200
TURNS = (
    ("<think>\nTwo and two.\n</think>\n\nIt is \\boxed{4}.", None),
    (f"<think>\n{LOOP}\n</think>\n\nIt is \\boxed{{4}}.", "loops"),
    ("<think>\nTwo and two.\nIt is \\boxed{4}.", "thinking never closes"),
    ("I'm sorry, but I can't help with that.", "refuses"),
    ("As the hint says, it is \\boxed{4}.", "quotes a hint"),
)


def test_flaws_alone_and_beside_verdicts(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text("".join(json.dumps({"response": turn}) + "\n" for turn, _ in TURNS))
    done = distill("verify", file, "--out", out, "--kind", "flaws")
    assert done.out.startswith("1 no flaw (20.0%), 4 flawed (80.0%)\n")
    assert "1  flawed   loops" in done.out
    assert "correct" not in done.out
    flaws = [json.loads(line)["reason"] for line in out.read_text().splitlines()]
    assert flaws == [flaw or "no flaw" for _, flaw in TURNS]

    file.write_text("".join(json.dumps({"response": turn, "answer": "4"}) + "\n" for turn, _ in TURNS))
    done = distill("verify", file, "--out", out, "accept.repetition=true", "--workers", "2")
    assert "2 correct answers have a flaw" in done.out
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["flaw"] for row in rows] == [flaw for _, flaw in TURNS]
    assert [row["verdict"] for row in rows] == ["correct", "correct", "wrong", "wrong", "correct"]


def test_languages_and_hints_that_the_question_gives(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    german = "Wir rechnen die Summe der beiden Zahlen aus und erhalten damit das gesuchte Ergebnis der Aufgabe. " * 4
    rows = [
        {"response": german},
        {"response": "As the hint says, it is 4.", "question": "What is 2 + 2? Hint: count."},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    distill("verify", file, "--out", out, "--kind", "flaws", "accept.language=en")
    assert [json.loads(line)["verdict"] for line in out.read_text().splitlines()] == ["wrong", "correct"]


def test_entries_of_reasoning_gym(distill: Any, tmp_path: Path) -> None:
    reasoning_gym = pytest.importorskip("reasoning_gym", reason="reasoning_gym is not installed (the extra 'gym')")
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    entries = list(reasoning_gym.create_dataset("leg_counting", seed=3, size=4))
    rows = [{**e, "response": f"<answer>{e['answer'] if i % 2 else 'none'}</answer>"} for i, e in enumerate(entries)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert distill("verify", file, "--out", out, "--kind", "reasoning_gym", "--workers", "2").code == 0
    assert [json.loads(line)["verdict"] for line in out.read_text().splitlines()] == ["wrong", "correct"] * 2
    file.write_text(json.dumps({"response": "4", "answer": "4"}) + "\n")
    refused(distill("verify", file, "--out", out, "--kind", "reasoning_gym"), "names its source_dataset")


def test_files_larger_than_what_is_held(distill: Any, tmp_path: Path) -> None:
    """Parquet in several groups of rows, and a bad row at the end that is found before any verdict."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file, out = tmp_path / "rows.parquet", tmp_path / "out.jsonl"
    table = pa.table({"response": [rf"\boxed{{{i}}}" for i in range(1000)], "answer": ["7"] * 1000})
    pq.write_table(table, file, row_group_size=100)
    assert "1 correct (0.1%), 999 wrong (99.9%)" in distill("verify", file, "--out", out).out
    bad = tmp_path / "bad.jsonl"
    bad.write_text((json.dumps({"response": "7", "answer": "7"}) + "\n") * 500 + json.dumps({"response": "7"}) + "\n")
    held = out.read_bytes()
    refused(distill("verify", bad, "--out", out), "row 501 has no 'answer'")
    assert out.read_bytes() == held


def test_what_the_page_about_verdicts_shows(distill: Any, tmp_path: Path) -> None:
    """Its Python lines give what stands behind them, and its command with settings of a recipe runs."""
    page = (Path(__file__).parents[1] / "docs" / "verdicts.md").read_text()
    block = page.partition("```python\n")[2].partition("```")[0]
    shown = [line.partition("#") for line in block.splitlines() if "#" in line]
    assert [repr(eval(code, {"judge": judge})) for code, _, _ in shown] == [said.strip() for _, _, said in shown]
    file, out = tmp_path / "traces.jsonl", tmp_path / "judged.jsonl"
    file.write_text(json.dumps({"response": r"<think>\nHalf.\n</think>\n\n\boxed{50\%}", "answer": "50"}) + "\n")
    settings = next(line for line in page.splitlines() if "accept.language" in line and "distill" in line).split()[5:]
    assert distill("verify", file, "--out", out, *settings).code == 0
    assert json.loads(out.read_text()) | {"response": ""} == {
        "response": "",
        "answer": "50",
        "verdict": "wrong",
        "extracted": r"50\%",
        "reason": "another value",
        "verdict_of": judged_digest(r"<think>\n</think>\n\n\boxed{50\%}"),
        "flaw": None,
    }


GPQA = {"Correct Answer": "Paris\n", **{f"Incorrect Answer {n}": t for n, t in enumerate(("Rome", "Oslo", "Bonn"), 1)}}
GPQA_SAID = (
    ("The answer is Paris.", "correct"),
    ("The answer is Oslo.", "wrong"),
    ("The answer is (B) Paris.", "correct"),
    ("The answer is (C) Rome.", "wrong"),
    ("The answer is (A).", "unknown"),
    ("D", "unknown"),
)


@pytest.mark.parametrize(
    ("kind", "row", "verdict"),
    [
        ("choice", {"choices": ["1", "2", "3"], "answer": 1, "response": "The answer is B."}, "correct"),
        ("choice", {"choices": ["1", "2", "3"], "answer": 1, "response": "The answer is A."}, "wrong"),
        (
            "choice",
            {"choices": {"label": ["A", "B"], "text": ["Paris", "London"]}, "answer": "B", "response": "London"},
            "correct",
        ),
        ("choice", {"answer": "A, C", "response": "A and C"}, "correct"),
        ("choice", {"answer": ["A", "C"], "response": "A and C"}, "correct"),
        ("choice", {"answer": [0, "Rome"], "options": ["Paris", "London", "Rome"], "response": "A and C"}, "correct"),
        ("choice", {"answer": [0, "Rome"], "options": ["Paris", "London", "Rome"], "response": "A and B"}, "wrong"),
        ("choice", {"answer": "B", "options": '["Paris", "London"]', "response": "London"}, "correct"),
        ("choice", {"answer": "B", "options": '{"A": "Paris", "B": "London"}', "response": "Paris"}, "wrong"),
        ("choice", {"answer": "B", "A": "Paris", "B": "London", "C": None, "response": "London"}, "correct"),
        ("choice", {"answer": "B", "A": "Paris", "B": "London", "response": "Paris"}, "wrong"),
        ("choice", {"answer": "1", "endings": ["runs", "sits"], "response": "B"}, "correct"),
        ("choice", {"answer": "1", "endings": ["0", "1", "2"], "response": "B"}, "correct"),
        ("choice", {"answer": "1", "options": ["1", "2", "3"], "response": "A"}, "correct"),
        ("choice", {"answer": "7", "options": ["1", "2", "3"], "response": "A"}, "unknown"),
        ("choice", {"answer": 1.0, "choices": ["runs", "sits"], "response": "B"}, "correct"),
        ("choice", {"answer": True, "choices": ["runs", "sits"], "response": "B"}, "unknown"),
        ("choice", {"answer": 11, "choices": [f"number {i}" for i in range(12)], "response": "B"}, "unknown"),
        *(("choice", {**GPQA, "response": response}, verdict) for response, verdict in GPQA_SAID),
        ("choice", {**GPQA, "answer": "B", "A": "Rome", "B": "Paris", "response": "B"}, "correct"),
        ("math", {"answer": ["5"], "response": "\\boxed{5}"}, "correct"),
        ("math", {"answer": [5], "response": "\\boxed{6}"}, "wrong"),
        ("math", {"answer": ["5", "6"], "response": "\\boxed{5}"}, "unknown"),
        ("math", {"answer": [[5]], "response": "\\boxed{5}"}, "unknown"),
        ("math", {"answer": float("nan"), "response": "\\boxed{5}"}, "unknown"),
        ("math", {"answer": "5", "response": float("nan")}, "wrong"),
        ("math", {"answer": "2500 g", "response": "The answer is 2500 kg."}, "wrong"),
        ("math", {"answer": "2500 g", "response": "\\boxed{2.5} kg"}, "correct"),
        ("math", {"answer": "5", "response": "So x is at least 5."}, "unknown"),
        ("math", {"answer": "5", "response": "It is not \\boxed{5}"}, "wrong"),
        ("math", {"answer": "5", "response": "\\boxed{5}\n\nFinal answer: 6"}, "wrong"),
        ("math", {"answer": "4\\pi", "response": "The area is 4π."}, "correct"),
        ("math", {"answer": "4", "response": "The answer is 4<|im_end|>\n"}, "correct"),
        (
            "countdown",
            {"numbers": ["2", "10", 7.0], "target": "56", "response": "<answer>(10-2)*7</answer>"},
            "correct",
        ),
        ("countdown", {"nums": "[2, 10, 7]", "target": 56.0, "response": "<answer>(10-2)*7 = 56</answer>"}, "correct"),
        ("countdown", {"nums": [1, 2], "target": 0.5, "response": "<answer>1/2</answer>"}, "correct"),
        ("countdown", {"nums": [1, 2], "target": 0.5, "response": "<answer>2/1</answer>"}, "wrong"),
        ("countdown", {"nums": [1, "b"], "target": 3, "response": "<answer>1+2</answer>"}, "unknown"),
        ("countdown", {"nums": [8, 2], "target": 4, "response": "<answer>8/2 = 16/4</answer>"}, "wrong"),
        ("choice", {"answer": "B", "response": "B</s>"}, "correct"),
        ("countdown", {"numbers": [1, 2, 3], "target": 9, "response": "<answer>(1+2)*٣</answer>"}, "wrong"),
    ],
)
def test_rows_of_many_layouts(distill: Any, tmp_path: Path, kind: str, row: dict[str, Any], verdict: str) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(row) + "\n")
    assert distill("verify", file, "--out", out, "--kind", kind).code == 0
    assert json.loads(out.read_text())["verdict"] == verdict


@pytest.mark.parametrize(
    ("said", "verdict", "reason"),
    [
        *((end, "correct", "same text") for end in ("stop", "STOP", "eos", "end_turn", "", None, {"type": "stop"})),
        *((end, "wrong", "cut at max_tokens") for end in ("length", "max_tokens", "MAX_TOKENS", {"type": "length"})),
        *((end, "wrong", "withheld by the server") for end in ("content_filter", "SAFETY", "refusal")),
        *((end, "wrong", "ended without an answer") for end in ("abort", "tool_calls", "tool_use", "error")),
        ("finished", "unknown", "finish_reason 'finished' is not known"),
        (3, "unknown", "finish_reason '3' is not known"),
    ],
)
def test_how_an_answer_ended(distill: Any, tmp_path: Path, said: Any, verdict: str, reason: str) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": "\\boxed{4}", "answer": "4", "finish_reason": said}) + "\n")
    assert distill("verify", file, "--out", out).code == 0
    found = json.loads(out.read_text())
    assert found["verdict"] == verdict
    assert found["reason"] == reason


def test_completions_keep_their_indentation(distill: Any, tmp_path: Path) -> None:
    if why := absent():
        pytest.skip(why)
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    row = {
        "response": "    total = a\n    return total + b\n",
        "prompt": 'def add(a, b):\n    """Sum of both."""\n',
        "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
        "entry_point": "add",
    }
    file.write_text(json.dumps(row) + "\n")
    assert distill("verify", file, "--out", out, "--kind", "code").code == 0
    assert json.loads(out.read_text())["verdict"] == "correct"


@pytest.mark.parametrize(
    "tests",
    [
        {"test_list": json.dumps(["assert add(1, 2) == 3", "assert add(0, 0) == 0"])},
        {"test": "assert add(1, 2) == 3\nassert add(0, 0) == 0\n"},
        {"test": "ZERO = 0\nassert add(1, 2) == 3\nassert add(ZERO, 0) == 0", "entry_point": "add", "prompt": ""},
    ],
)
def test_tests_as_one_text(distill: Any, tmp_path: Path, tests: dict[str, str]) -> None:
    if why := absent():
        pytest.skip(why)
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    responses = ("```python\ndef add(a, b):\n    return a + b\n```", "```python\ndef add(a, b):\n    return a\n```")
    file.write_text("".join(json.dumps({"response": response, **tests}) + "\n" for response in responses))
    assert distill("verify", file, "--out", out, "--kind", "code").code == 0
    assert [row["verdict"] for row in read_rows(out)] == ["correct", "wrong"]


def test_what_is_no_text_is_refused_and_settings_that_do_nothing(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": [{"role": "user", "content": "5"}], "answer": "5"}) + "\n")
    refused(distill("verify", file, "--out", out), "'response' is a chat that has no assistant turn")
    file.write_text(json.dumps({"response": True, "answer": "5"}) + "\n")
    refused(distill("verify", file, "--out", out), "'response' is a truth value, not a text")
    file.write_text(json.dumps({"response": "5", "answer": "5"}) + "\n")
    refused(distill("verify", file, "--out", out, "accept.max_tokens=10"), "need the counts of a harvest")
    refused(
        distill("verify", file, "--out", out, "verify.judge.base_urls=[http://localhost:1/v1]", "verify.judge.model=m"),
        "row 1 has no question",
    )
    assert not out.exists()
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"response": ["5"], "answer": ["5"], "image": [b"x"]}), tmp_path / "rows.parquet")
    refused(distill("verify", tmp_path / "rows.parquet", "--out", out), "'image' holds bytes")


def test_dates_and_decimals_of_a_table_become_text(distill: Any, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file, out = tmp_path / "rows.parquet", tmp_path / "out.jsonl"
    row = {
        "response": "\\boxed{1.5}",
        "answer": Decimal("1.50"),
        "when": datetime(2024, 1, 2, 3, 4, 5),
        "day": date(2024, 1, 2),
        "took": timedelta(seconds=90),
        "deep": [{"at": time(1, 2), "cost": Decimal("0.10")}],
    }
    pq.write_table(pa.Table.from_pylist([row]), file)
    assert distill("verify", file, "--out", out).code == 0
    found = json.loads(out.read_text())
    assert {key: found[key] for key in row if key != "response"} == {
        "answer": "1.50",
        "when": "2024-01-02T03:04:05",
        "day": "2024-01-02",
        "took": "0:01:30",
        "deep": [{"at": "01:02:00", "cost": "0.10"}],
    }
    assert found["verdict"] == "correct"
    pq.write_table(pa.Table.from_pylist([row | {"image": {"bytes": b"x"}}]), file)
    refused(distill("verify", file, "--out", out), "row 1: 'image' holds bytes")


def test_reasoning_in_a_column_of_its_own(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"cot": f"<think>\n{LOOP}\n</think>", "response": "\\boxed{4}", "answer": "4"},
        {"cot": "It is \\boxed{4}.", "response": "", "answer": "4"},
        {"cot": None, "response": "\\boxed{4}", "answer": "4"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = "verify", file, "--out", out, "accept.repetition=true", "--reasoning-key"
    assert distill(*command, "cot").code == 0
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["verdict"], row["flaw"]) for row in found] == [
        ("correct", "loops"), ("wrong", "no answer after the thinking"), ("correct", None)
    ]  # fmt: skip
    assert found[1]["reason"] == "nothing after the thinking"
    refused(distill(*command, "thoughts"), "has no 'thoughts'")


def test_halves_of_characters_and_packed_files(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl.gz", tmp_path / "out.jsonl"
    row = {"response": "so \ud83d it is \\boxed{5}", "answer": "5", "note": "\udc00", "other": 1}
    file.write_bytes(gzip.compress(f"{json.dumps(row)}\n".encode()))
    assert distill("verify", file, "--out", out).code == 0
    found = json.loads(out.read_text())
    assert {key: found[key] for key in row} == row
    assert found["verdict"] == "correct"
    file.write_bytes(gzip.compress(f"{json.dumps(row)}\n".encode())[:40])
    refused(distill("verify", file, "--out", out), "ended before the end-of-stream")
    refused(distill("verify", file, "--out", tmp_path / ("x" * 300)), "File name too long")
    refused(distill("verify", file, "--out", out, "--workers", "1000"), "less than or equal to 256")
    assert json.loads(out.read_text()) == found


def test_conventions_of_one_command_do_not_reach_the_next(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": "\\boxed{50\\%}", "answer": "50"}) + "\n")
    assert distill("verify", file, "--out", out, "verify.math.percent=hundredth").code == 0
    assert judge("math", "\\boxed{50\\%}", "50", {}).verdict == "correct"


def test_in_python_golds_may_be_numbers_and_responses_missing() -> None:
    assert judge("math", r"\boxed{\frac12}", 0.5).verdict == "correct"
    assert judge("number", "It is 10.", 10, {}).verdict == "correct"
    assert judge("math", None, "4")[::2] == ("wrong", "empty response")
    assert judge("math", 5, 5, {}).verdict == "correct"
    assert judge("number", 0, 0).verdict == "correct"
    for kind, gold in (("math", None), ("math", True), ("choice", None), ("number", float("nan"))):
        assert judge(kind, "1", gold, {})[::2] == ("unknown", "gold answer is no text or number")
    assert (
        judge("countdown", "<answer>3*7+12</answer>", None, {"numbers": [3, 7, 12], "target": 33}).verdict == "correct"
    )
    with pytest.raises(ValueError, match="no kind 'maths'; kinds: math, choice, number"):
        judge("maths", "4", "4", {})


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ({"response": "4", "final_answer": "4"}, "Name it with --answer-key final_answer."),
        ({"response": "4", "Answer": "4", "ID": 7}, "Name it with --answer-key Answer."),
        ({"response": "4", "solution": "4", "gold": "4"}, "Name it with --answer-key."),
        ({"response": "4"}, "Name it with --answer-key."),
        ({"model_output": "4", "answer": "4"}, "Name it with --response-key model_output."),
        ({"output": "4", "completion": "4", "answer": "4"}, "Name it with --response-key."),
    ],
)
def test_a_missing_column_is_suggested_where_one_alone_has_a_usual_name(
    distill: Any, tmp_path: Path, row: dict[str, Any], hint: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n")
    done = distill("verify", file, "--out", tmp_path / "out.jsonl")
    refused(done, "row 1 has no")
    assert done.err.endswith(f"  {hint}\n")
