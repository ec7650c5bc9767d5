"""`distill verify`: many rows, several processes, conventions, another verifier beside ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import refused

from distill.verify import judge
from distill.verify.algebra.rules import Rules
from distill.verify.pool import BATCH, Row, judge_all

PAIRS = (
    (r"\boxed{0.5}", r"\frac12"),
    (r"\boxed{2}", r"\frac12"),
    ("The answer is 50%.", "0.5"),
    (r"\boxed{\int_0^1 2x\,dx}", "1"),
    (r"\boxed{9^{9^{9^9}}}", "3"),
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
    assert "1 wrong" in distill("verify", file, "--out", out, "--rule", "lowest_terms=true").out
    refused(distill("verify", file, "--out", out, "--rule", "percent=maybe"), "input should be 'either'")
    refused(distill("verify", file, "--out", out, "--rule", "lowest=true"), "--rule=lowest is unknown")
    refused(distill("verify", file, "--out", out, "--compare", "theirs"), "has no 'theirs'")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_options_and_tolerances_come_from_the_rows(distill: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"response": "It is 9.9.", "answer": 10, "tolerance": 0.2}) + "\n")
    assert "1 correct" in distill("verify", file, "--out", out, "--kind", "number").out
    file.write_text(json.dumps({"response": "The answer is (B).", "answer": "B", "choices": ["x", "y"]}) + "\n")
    assert "1 correct" in distill("verify", file, "--out", out, "--kind", "choice").out
