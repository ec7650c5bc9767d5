"""Many rows, several processes: the verdicts of one, in order, and a late row costs itself alone."""

import pytest

from distill.verify import judge
from distill.verify.algebra.rules import Rules
from distill.verify.pool import BATCH, Row, judge_all

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


def test_the_time_for_comparing_is_a_setting() -> None:
    row = Row("math", r"\boxed{\int_0^1 e^{x^2} dx}", r"\int_0^1 e^{x^2} + 0 dx", {})
    assert [f.reason for f in judge_all([row], 1, seconds=0.001)] == ["time-out"]
    assert [f.reason for f in judge_all([row], 1, seconds=20)] == ["equal by math-verify"]
