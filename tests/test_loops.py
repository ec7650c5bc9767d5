"""Loops are found soon and healthy traces are never cut, on thousands of real ones."""

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from distill.countdown_problems import countdown_problems
from distill.recipe import CountdownProblems
from distill.verify.loops import CHECK_EVERY, MIN_REPEATS, MIN_SPAN, LoopWatch, find_loop
from teachers.countdown import think

START = "Let me think about the sum of the digits of this number, and then about its remainder. "


def cut_at(text: str, step: int = 5) -> int | None:
    """Characters read when the watch cuts a text that comes in pieces."""
    watch = LoopWatch()
    return next((i + step for i in range(0, len(text), step) if watch.feed(text[i : i + step])), None)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("period", [1, 3, 42, 300, 1900])
def test_a_loop_is_cut_soon(period: int) -> None:
    stretch = "".join(random.Random(period).choices("abc, 0123\n", k=period))
    cut = cut_at(START * 3 + stretch * 40_000)
    assert cut is not None
    assert cut <= 3 * len(START) + max(MIN_SPAN, MIN_REPEATS * period) + CHECK_EVERY + 5


def test_the_loop_is_described() -> None:
    loop = find_loop(START + "Wait, no. " * 500)
    assert loop is not None
    assert loop.period == 10
    assert 5000 <= loop.span <= 5010


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{i}. {i} + {i} = {2 * i}\n" for i in range(3000)),  # form repeats, numbers do not
        START + "-" * 1500 + "\n" + START,
        "| 0 | 0 | 0 |\n" * 120,
        ("x" * 1000 + "y") * 5,
    ],
)
def test_repetition_is_not_yet_a_loop(text: str) -> None:
    assert cut_at(text) is None


def test_a_loop_that_ended_is_not_cut_afterwards() -> None:
    assert find_loop("no " * 1000 + START * 2) is None


def test_no_s1k_trace_is_cut(data: Path) -> None:
    table = pq.read_table(data / "s1k_5rows.parquet").to_pylist()
    texts = [value for row in table for value in row.values() if isinstance(value, str)]
    assert sum(map(len, texts)) > 50_000
    assert [text for text in texts if cut_at(text)] == []


def test_of_500_traces_of_r1_distill_one_is_cut(data: Path) -> None:
    """Row 287 goes round in six paragraphs of 848 characters until its thinking ends, 5,181 characters long."""
    cuts = {i: cut_at(row["response"]) for i, row in enumerate(rows(data / "r1_distill_traces_500.jsonl"))}
    assert {i for i, cut in cuts.items() if cut} == {287}


def test_no_healthy_solution_is_cut(data: Path) -> None:
    """2,000 correct GSM8K solutions of models, one after the other, and each alone."""
    found = [
        row[key]["solution"]
        for row in rows(data / "gsm8k_model_solutions.jsonl")
        for key in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
        if row[key]["is_correct"]
    ]
    healthy = found[:2000]
    assert len(healthy) == 2000
    assert cut_at("\n".join(healthy)) is None
    assert [text for text in healthy if cut_at(text)] == []


@pytest.mark.parametrize("strategy", ["dfs", "bfs"])
@pytest.mark.parametrize("numbers", [3, 4, 6])
def test_no_search_is_cut(strategy: str, numbers: int) -> None:
    spec = CountdownProblems(source="countdown", count=60, held_out=10, numbers=numbers, max_number=30)
    for problem in countdown_problems(spec, 0):
        thoughts, _ = think(problem.data["numbers"], problem.data["target"], strategy, 2000, 20)
        assert cut_at(thoughts) is None
