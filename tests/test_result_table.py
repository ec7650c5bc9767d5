"""The table at the end of an evaluation, as a terminal of 80 columns shows it."""

import io
import re
import subprocess
import sys

import pytest
from answered import set_of
from rich.console import Console

from distill.console import asked_line, duration
from distill.evaluate.summary import summarise
from distill.evaluate.table import in_words, result_tables

PROTOCOL = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 9, "seed": 0, "engine": "e", "dtype": "d (why)"}
PROTOCOL |= {"template": "sha256 1f", "problems": "2f", "prompt": {"system": "Be brief.", "user": "{question}"}}


def shown(sets: dict[str, dict[str, dict[str, str]]], **known: dict[str, str | float]) -> str:
    results = {name: set_of(by_model, **known) for name, by_model in sets.items()}
    for result in results.values():
        result.protocol.update(PROTOCOL)
    console = Console(file=io.StringIO(), width=80)
    for table in result_tables(summarise(results)):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_one_set() -> None:
    told = shown({"held_out": {"base": {"a": "2", "b": "1"}, "student": {"a": "1", "b": "1"}}})
    assert max(map(len, told.splitlines())) <= 80
    assert "held_out" not in told
    assert "│ student - base (paired) │    +50.0 │" in told
    assert "student - base: p = 1 (exact McNemar test)" in told
    assert "pass@" not in told


@pytest.mark.parametrize(
    ("name", "problems", "told"),
    [
        ("held_out", {"a": "1", "b": "1"}, "2 held-out problems,"),
        ("sums", {"a": "1", "b": "1"}, "2 problems of sums,"),
        ("sums", {"a": "1"}, "1 problem of sums,"),
    ],
)
def test_a_caption_names_its_set(name: str, problems: dict[str, str], told: str) -> None:
    assert told in shown({name: {"model": problems}})


def test_several_sets_and_samples() -> None:
    first = {"base": {"a": "12", "b": "22"}, "student": {"a": "11", "b": "12"}}
    told = shown({"aime24": first, "math500": first})
    assert max(map(len, told.splitlines())) <= 80
    assert "held-out" not in told
    for expected in (
        "2 problems of aime24,",
        "2 problems of math500,",
        "mean of the sets",
        "pass@2",
        "maj@2",
        "sign-flip test",
    ):
        assert expected in told


@pytest.mark.parametrize(
    ("p", "told"), [(1.0, "p = 1"), (0.0312, "p = 0.031"), (0.0002, "p < 1e-3"), (3e-9, "p < 1e-8"), (0.0, "p < 1e-15")]
)
def test_p_values(p: float, told: str) -> None:
    assert in_words(p) == told


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_warning_is_told_once_to_one_reader(elsewhere: bool) -> None:
    """With `2>&1` the box has told it; a stderr of its own gets it as a line."""
    result = set_of({"model": {"a": "2", "b": "1"}})
    result.protocol.update(PROTOCOL)
    summary = summarise({"held_out": result})
    summary["sets"]["held_out"]["warnings"] = ["something is amiss"]
    script = f"from distill.evaluate_verb import show; show({summary!r})"
    stderr = subprocess.PIPE if elsewhere else subprocess.STDOUT
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=stderr, text=True, check=True)
    assert done.stdout.count("something is amiss") == 1
    assert (done.stderr or "").count("warning: something is amiss") == elsewhere


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(42, "42 s"), (185, "3 min 05 s"), (99 * 3600 + 120, "99 h 02 min"), (41_565_240, "11,546 h")],
)
def test_durations(seconds: float, told: str) -> None:
    """Nobody wants the minutes of a year."""
    assert duration(seconds) == told


def test_what_was_asked_is_told_below() -> None:
    told = " ".join(shown({"sums": {"model": {"a": "1"}}}).split())
    assert 'asked: "Be brief."; template sha256 1f, problems sha256 2f' in told
    long = {
        "template": "t",
        "problems": "p",
        "prompt": {"user": f"Begin {'x' * 300} end {{question}}", "examples": [1, 2]},
    }
    line = asked_line(long)
    assert line.startswith('asked: "Begin xx')
    assert "xx ... xx" in line
    assert line.endswith('end {question}", 2 examples; template t, problems sha256 p')
    assert asked_line(long | {"prompt": {"user": "{question}"}}).startswith("asked: the question alone;")


def test_levels_stand_below_each_set() -> None:
    """With the difference of student and base, or one model's interval; of many values is told where they stand."""
    known: dict[str, dict[str, str | float]] = {"a": {"level": 1.0}, "b": {"level": 5.0}, "c": {"level": 5.0}}
    both = {"base": {"a": "1", "b": "2", "c": "2"}, "student": {"a": "1", "b": "1", "c": "2"}}
    told = shown({"math500": both}, **known)
    assert max(map(len, told.splitlines())) <= 80
    assert told.index("student - base (paired)") < told.index("by level")
    assert "│ 1     │        1 │ 100.0 % │ 100.0 % │" in told
    assert "│ 5     │        2 │   0.0 % │  50.0 % │ +50.0 (" in told
    alone = shown({"x": {"model": both["student"]}, "y": {"model": both["student"]}}, **known)
    assert "x, by level" in alone
    assert re.search(r"│ 5     │        2 │  50.0 % │ +9\.5 to 90\.5 │", alone)
    many = {f"p{i}": "1" for i in range(13)}
    crowded = shown({"x": {"model": many}}, **{name: {"subject": name} for name in many})
    assert "by subject: 13 values, in summary.json" in crowded
    assert "by subject │" not in crowded
