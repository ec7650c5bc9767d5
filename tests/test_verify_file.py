"""`distill verify`: many rows, several processes, conventions, another verifier beside ours."""

import fcntl
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from commands import refused
from isolation import absent
from stub_server import DONE, StubServer, answer, opening, piece, status

from distill.errors import Refused
from distill.files import read_rows
from distill.verify import files, judge
from distill.verify.algebra.rules import Rules
from distill.verify.files import verify_file
from distill.verify.pool import BATCH, Row, judge_all
from teachers import judge_file, servers

PAIRS = (
    (r"\boxed{0.5}", r"\frac12"),
    (r"\boxed{2}", r"\frac12"),
    ("The answer is 50%.", "0.5"),
    (r"\boxed{\int_0^1 2x\,dx}", "1"),
    (r"\boxed{9^{9^{9^9}}}", "-3"),
    ("no idea", "3"),
)
LATE = Row("math", r"\boxed{\int_0^1 \frac{x^{17}\sin(x^3)}{1+e^{x^2}} dx}", "3", {})


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_judge_as_one_does_and_in_order(workers: int) -> None:
    rows = [Row("math", *PAIRS[i % len(PAIRS)], {}) for i in range(3 * BATCH + 5)]
    assert list(judge_all(rows, workers)) == [judge(*row) for row in rows]


def test_a_row_that_takes_too_long_costs_itself_alone() -> None:
    rows = [Row("math", rf"\boxed{{{i}}}", "7", {}) for i in range(20)]
    found = list(judge_all([*rows[:7], LATE, *rows[7:]], 1))
    assert found.pop(7)[::2] == ("unknown", "time-out")
    assert [f.verdict for f in found] == ["correct" if i == 7 else "wrong" for i in range(20)]


def test_no_rows_and_one_that_stops_in_between() -> None:
    assert list(judge_all([], 2)) == []
    judged = judge_all((Row("math", r"\boxed{1}", "1", {}) for _ in range(10_000)), 2)
    assert next(judged).verdict == "correct"
    judged.close()


def test_conventions_reach_the_processes() -> None:
    rows = [Row("math", r"\boxed{50\%}", "50", {})]
    assert [f.verdict for f in judge_all(rows, 1)] == ["correct"]
    assert [f.verdict for f in judge_all(rows, 1, Rules(percent="hundredth"))] == ["wrong"]


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


def test_a_judge_behind_the_rules(distill: Any, tmp_path: Path) -> None:
    """Asked in both orders about what is undecided alone; asked again, it costs nothing."""
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"question": "279 in base 5?", "response": "\\boxed{279}", "answer": "2104_5"},
        {"question": "1 + 1?", "response": "\\boxed{2}", "answer": "2"},
        {"question": "1 + 1?", "response": "\\boxed{3}", "answer": "2"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with StubServer(lambda *_: answer("SAME")) as server:
        judge_keys = (
            f"verify.judge.base_urls=[{server.url}]",
            "verify.judge.model=wise",
            "verify.judge.when=[unknown]",
        )
        done = distill("verify", file, "--out", out, *judge_keys)
        assert done.code == 0, done.err
        asked = len(server.bodies)
        again = distill("verify", file, "--out", out, *judge_keys)
        assert len(server.bodies) == asked == 2
    assert done.out == again.out
    assert "wise was asked about 1: 1 correct, 0 wrong, 0 undecided" in done.out
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["verdict"], row["by"]) for row in told] == [
        ("correct", "judge"),
        ("correct", "rules"),
        ("wrong", "rules"),
    ]


UNDECIDED = {"question": "279 in base 5?", "response": "\\boxed{279}", "answer": "2104_5"}


def test_replies_of_a_judge_that_are_of_no_use_are_counted(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(UNDECIDED) + "\n")
    cut = [opening(), piece("length", content="Let me think"), DONE]
    for script, said, reason in (
        (cut, "2 of 2 replies were cut at 16 tokens: raise verify.judge.max_tokens", "a reply was cut"),
        (answer("It depends."), "2 of 2 replies were neither SAME, DIFFERENT nor UNSURE", "a reply is no verdict"),
        (answer("UNSURE"), "0 wrong, 1 undecided", "the judge is unsure"),
    ):
        with StubServer(lambda *_, script=script: script) as server:
            model = f"verify.judge.model={reason.replace(' ', '-')}"
            done = distill("verify", file, "--out", out, f"verify.judge.base_urls=[{server.url}]", model)
        assert said in done.out
        assert json.loads(out.read_text())["reason"].endswith(f"; {reason}")


def test_a_judge_that_cannot_be_reached_is_told_at_once(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(UNDECIDED) + "\n")
    begun = monotonic()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    done = distill("verify", file, "--out", out, f"verify.judge.base_urls=[{url}]", "verify.judge.model=m")
    assert monotonic() - begun < 10
    assert done.code == 1
    assert f"error: the judge cannot be reached: {url} (" in done.err
    assert json.loads(out.read_text())["verdict"] == "unknown"


def test_what_comes_of_a_judge_is_told_as_it_comes(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_file, "TELL_EVERY", -1.0)
    monkeypatch.setattr(servers, "FIRST_REST", 0.02)
    monkeypatch.setattr(servers, "WORTH_TELLING", 0.0)
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps(UNDECIDED) + "\n")
    with StubServer(lambda _, number: status(500, "busy") if number == 0 else answer("SAME")) as server:
        keys = f"verify.judge.base_urls=[{server.url}]", "verify.judge.model=m", "verify.judge.concurrency=1"
        told = distill("verify", file, "--out", out, *keys).err
    assert f"{server.url} rests for 0 s (" in told
    assert f"0 of 2 replies of m at {server.url}" in told
    assert f"1 of 2 replies of m at {server.url}" in told


def test_kinds_that_no_judge_is_asked_about_need_no_question(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    row = {"numbers": [1, 2], "target": 3, "response": "<answer>1+2</answer>", "answer": "3"}
    file.write_text(json.dumps(row) + "\n")
    keys = "verify.judge.base_urls=[http://localhost:1/v1]", "verify.judge.model=m"
    done = distill("verify", file, "--out", out, "--kind", "countdown", *keys)
    assert "m was asked about 0" in done.out
    done = distill("verify", file, "--out", out, *keys)
    refused(done, "row 1 has no question")
    assert "question, problem, prompt, instruction" in done.err


def test_a_judge_sees_options_and_gold_as_they_are_judged(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    asked = [{"role": "user", "content": "Capital?"}]
    row = {"prompt": asked, "response": "the big one", "answer": "0", "A": "Paris", "B": "Lyon"}
    file.write_text(json.dumps(row) + "\n")
    with StubServer(lambda *_: answer("SAME")) as server:
        judge_keys = (
            f"verify.judge.base_urls=[{server.url}]",
            "verify.judge.model=m",
            "verify.judge.when=[unknown,wrong]",
        )
        assert distill("verify", file, "--out", out, "--kind", "choice", *judge_keys).code == 0
        shown = server.bodies[0]["messages"][-1]["content"]
    assert '"A"' in shown
    assert '"Capital?"' in shown
    assert '"0"' not in shown


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
        "flaw": None,
    }


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


def test_what_is_no_text_is_refused_and_settings_that_do_nothing(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": [{"role": "user", "content": "5"}], "answer": "5"}) + "\n")
    refused(distill("verify", file, "--out", out), "'response' is a list, not a text")
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


def test_what_ends_before_its_first_row_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 3)
    monkeypatch.setattr(files, "judge_all", lambda *_: iter([]))  # no verdict comes
    with pytest.raises(RuntimeError):
        verify_file(file, out)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("chat", "verdict"),
    [
        ([{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "\\boxed{4}"}], "correct"),
        ([{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "\\boxed{5}"}], "wrong"),
        ([{"role": "assistant", "content": "5"}, {"role": "assistant", "content": "<think>5</think>4"}], "correct"),
        ({"role": "assistant", "content": [{"type": "text", "text": "\\boxed{4}"}]}, "correct"),
        ([{"role": "assistant", "content": None, "reasoning_content": "\\boxed{4}"}], "wrong"),
    ],
)
def test_a_chat_is_judged_by_its_last_answer(distill: Any, tmp_path: Path, chat: Any, verdict: str) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"messages": chat, "answer": "4"}) + "\n")
    assert distill("verify", file, "--out", out, "--response-key", "messages").code == 0
    found = json.loads(out.read_text())
    assert (found["messages"], found["verdict"]) == (chat, verdict)


@pytest.mark.parametrize("value", [["\\boxed{4}", "\\boxed{5}"], {"n": 1, "text": "\\boxed{4}"}])
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
    with pytest.raises(ValueError, match="no kind 'maths'; kinds: math, choice, number"):
        judge("maths", "4", "4", {})


def test_the_time_for_comparing_is_a_setting() -> None:
    row = Row("math", r"\boxed{\int_0^1 e^{x^2} dx}", r"\int_0^1 e^{x^2} + 0 dx", {})
    assert [f.reason for f in judge_all([row], 1, seconds=0.001)] == ["time-out"]
    assert [f.reason for f in judge_all([row], 1, seconds=20)] == ["equal by math-verify"]


def _many(path: Path, rows: int) -> None:
    lines = (json.dumps({"response": rf"\boxed{{{i}}}", "answer": str(i), "n": i}) for i in range(rows))
    path.write_text("".join(line + "\n" for line in lines))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_a_kill_the_same_command_goes_on(number: int, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 60_000)
    command = [sys.executable, "-m", "distill", "verify", str(file), "--out", str(out)]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
    )
    partial = tmp_path / ".out.jsonl.partial"
    while not partial.exists() or partial.stat().st_size < 100_000:
        assert child.poll() is None
        sleep(0.02)
    child.send_signal(number)
    assert child.wait(60) != 0
    told = child.stderr.read().decode()  # type: ignore[union-attr]
    assert told.count("interrupted") == (number == signal.SIGINT), told
    assert not out.exists()
    written = partial.stat().st_size
    with partial.open("ab") as f:
        f.write(b'{"response": "torn')
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    done = int(re.match(r"goes on behind row ([\d,]+) of 60,000", again.stderr)[1].replace(",", ""))  # type: ignore[index]
    assert written / 200 < done < 60_000
    rows = read_rows(out)
    assert [row["n"] for row in rows] == list(range(60_000))
    assert {row["verdict"] for row in rows} == {"correct"}
    assert again.stdout.startswith("60,000 correct (100.0%)")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "rows.jsonl"]


def _ended_early(file: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a call that was killed behind its second row leaves it."""
    with monkeypatch.context() as patched:
        patched.setattr(files, "judge_all", lambda rows, *_: (judge(*row) for row in islice(rows, 2)))
        with pytest.raises(RuntimeError):
            verify_file(file, out)


def test_it_says_where_it_goes_on_or_why_it_does_not(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 4)
    _ended_early(file, out, monkeypatch)
    assert distill("verify", file, "--out", out, "--workers", "2").err.splitlines() == ["goes on behind row 2 of 4"]
    assert distill("verify", file, "--out", out).err == ""
    _ended_early(file, out, monkeypatch)
    told = distill("verify", file, "--out", out, "verify.math.percent=hundredth").err
    assert told == "starts over: the settings have changed\n"
    _ended_early(file, out, monkeypatch)
    _many(file, 5)
    assert distill("verify", file, "--out", out).err == "starts over: the file has changed\n"


def test_an_output_may_be_packed(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl.gz"
    file.write_text(json.dumps({"question": "5?", "response": "\\boxed{279}", "answer": "2104_5"}) + "\n")
    assert distill("verify", file, "--out", out).code == 0
    assert json.loads(gzip.decompress(out.read_bytes()))["verdict"] == "unknown"
    with StubServer(lambda *_: answer("SAME")) as server:
        judge_keys = f"verify.judge.base_urls=[{server.url}]", "verify.judge.model=m"
        assert "1 correct (100.0%)" in distill("verify", file, "--out", out, *judge_keys).out
    assert json.loads(gzip.decompress(out.read_bytes()))["by"] == "judge"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl.gz", "out.jsonl.gz.judge", "rows.jsonl"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("some rows.csv", 'response,answer\n"It is\n\\boxed{1}",1\n'),
        ("rows.tsv", "response\tanswer\n\\boxed{1}\t1\n"),
        ("rows.json", '\n[\n {"response": "1", "answer": "1"}\n]\n'),
        ("rows.jsonl.gz", '[{"response": "1", "answer": "1"}]'),
    ],
)
def test_other_tables_are_refused_with_what_converts_them(
    distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    done = distill("verify", name, "--out", "out.jsonl")
    refused(done, "which is not taken")
    command = done.err.partition("One JSON object a line: python")[2]
    subprocess.run(f"{sys.executable}{command}", shell=True, check=True)
    assert "1 correct" in distill("verify", "rows.jsonl", "--out", "out.jsonl").out


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


def test_a_second_file_and_a_folder_that_is_not_there(distill: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    _many(file, 1)
    refused(distill("verify", file, file, "--out", tmp_path / "out.jsonl"), "one file is judged at a time")
    refused(distill("verify", file, "--out", tmp_path / "none" / "out.jsonl"), "there is no folder")
    refused(distill("verify", file, "--out", tmp_path / "out.jsonl.zst"), "rows are written as JSON")
    done = distill("verify", file, "--output", "x")
    refused(done, "No such option")
    assert "See distill verify --help." in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_what_other_settings_left_is_judged_again(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 3)
    partial, mark = tmp_path / ".out.jsonl.partial", tmp_path / ".out.jsonl.of"
    partial.write_text(json.dumps({"n": 0, "verdict": "wrong", "extracted": "7", "reason": "another number"}) + "\n")
    mark.write_text("of another file")
    verify_file(file, out)
    assert [row["verdict"] for row in read_rows(out)] == ["correct"] * 3


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    _many(file, 3)
    with (tmp_path / ".out.jsonl.partial").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="another process"):
            verify_file(file, out)
    assert not out.exists()
