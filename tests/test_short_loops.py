"""Answers that were cut in a short loop are told; searches, tables, enumerations and programs never are."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from answered import answer

from distill.countdown_problems import countdown_problems
from distill.evaluate.short_loops import is_short_loop
from distill.recipe import CountdownProblems
from teachers.countdown import think

START = "Let us look at the sums of these numbers.\n"
ROUND = ["6*8=48 +11=69 -11=37 no", "11+8=19 -11=9 no", "11-8=3 *11=33 no"]
SLIP = "11+8=19 -11=8 no"


def cuts(text: str, step: int = 7) -> Iterator[str]:
    """The text cut at many places."""
    return (text[:end] for end in range(60, len(text) + step, step))


@pytest.mark.parametrize(
    "text",
    [
        START + "2 * 2 = 4, " * 12 + "2 * 2",
        START + "1 + " * 60,
        START + "no " * 50,
        START + "Wait, that is not right. Let me compute the product once more. " * 4,
        START + "\n".join(ROUND * 4) + "\n6*8=",
        START + "\n".join([*ROUND, *ROUND, ROUND[0], SLIP, ROUND[2], *ROUND]) + "\n6*",
        START + "".join(f"{i}. 9 + 3 = 12\n" for i in range(1, 9)) + "9. 9",
    ],
)
def test_an_answer_that_was_cut_in_a_loop(text: str) -> None:
    assert is_short_loop(text)
    assert answer("p", response=text, finish="length")[0].looping
    assert not answer("p", response=text, finish="stop")[0].looping, "what ended by itself is not judged by so little"
    assert not is_short_loop(START + text + "\nSo this leads nowhere. I try another way, with 7.\n" + START)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{i}. {i} + {i} = {2 * i}\n" for i in range(1, 60)),
        "".join(f"{i} + 11 = {i + 11}, " for i in range(60)),
        "| a | b | a and b |\n|---|---|---|\n" + "| 0 | 0 | 0 |\n" * 30,
        "[" + "0.0, " * 200,
        "flags = [" + "True, " * 80,
        "-" * 400 + "\n" + "+---" * 100,
        "".join(f"Case {i}:\nthe number is even\nso it is no prime\nwe go on\n" for i in range(20)),
        "\\[\n2\n\\]\n" + "".join(f"\\[\n{i} \\times {i + 1}\n\\]\n\n" for i in range(20)),
        "".join(f"    def test_{i}(self):\n        self.assertTrue(f({i}))\n\n" for i in range(20)),
        START + "\n".join(ROUND * 2),
    ],
)
def test_what_repeats_its_form_is_no_loop(text: str) -> None:
    assert [cut for cut in cuts(text) if is_short_loop(cut)] == []


@pytest.mark.parametrize("numbers", [3, 4, 5])
def test_no_honest_search_is_a_loop(numbers: int) -> None:
    """They meet the same numbers again by other ways, and then say the same lines."""
    spec = CountdownProblems(source="countdown", count=20, held_out=1, numbers=numbers, max_number=9, max_target=99)
    for problem in countdown_problems(spec, seed=3):
        for strategy in ("dfs", "bfs"):
            text, _ = think(problem.data["numbers"], problem.data["target"], strategy, 200)  # type: ignore[arg-type]
            assert not any(map(is_short_loop, cuts(text, max(40, len(text) // 60))))


def test_no_healthy_trace_is_a_loop_wherever_it_is_cut(data: Path) -> None:
    """A draw of those that `benchmarks/short_loops.py` looks at; trace 287 of R1 does loop."""
    lines = (data / "r1_distill_traces_500.jsonl").read_text().splitlines()
    texts = {i: json.loads(lines[i])["response"] for i in (*range(0, 500, 12), 118, 287, 314)}
    found = {i for i, text in texts.items() if any(map(is_short_loop, cuts(text, max(40, len(text) // 60))))}
    assert found <= {287}
