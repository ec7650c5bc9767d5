"""The verb that walks a curve of test-time scaling: its figures, its chart, what it refuses, and where it goes on."""

import fcntl
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import tiny
from commands import refused
from test_kill import Server

from distill.files import Log
from distill.problems import make_problems, read_problems, write_problems
from distill.recipe import Recipe
from distill.records import Trace, Verdict
from distill.run import Run
from distill.scale_verb import spread
from distill.scaling.chart import chart_of
from distill.scaling.forced import Forced
from distill.scaling.forced_answers import REJECTED


def test_several_values_behind_one_option() -> None:
    words = "m --problems a.jsonl b.jsonl --budgets 512 auto temperature=0.6 --waits 0 2 --out x prompt.preset=boxed"
    assert spread(words.split(), {"--out", "--problems", "--budgets", "--waits"}) == (
        "--problems a.jsonl --problems b.jsonl --budgets 512 --budgets auto --waits 0 --waits 2 --out x "
        "m temperature=0.6 prompt.preset=boxed".split()
    )


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text(
        "".join(json.dumps({"question": f"What is {i} plus {i}?", "answer": 2 * i}) + "\n" for i in range(5))
    )
    return path


SMALL = ("dtype=float32", "answer_tokens=6", "batch_size=8")


def walk(distill: Any, model: Path, sums: Path, out: Path, *words: str | int) -> dict[str, Any]:
    outcome = distill("scale", model, "--problems", sums, "--out", out, *words, *SMALL)
    assert outcome.code == 0, outcome.err
    assert "performance" in outcome.out
    curve: dict[str, Any] = json.loads((out / "curve.json").read_text())
    return curve


def test_a_curve_of_budgets(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    curve = walk(distill, tiny_model, sums, tmp_path / "out", "--budgets", 8, 16, 32, "--waits", 0, 1)
    assert [p["label"] for p in curve["points"]] == [f"budget-{b}-waits-{w}" for b in (8, 16, 32) for w in (0, 1)]
    assert curve["metrics"]["control"] == 1.0
    assert curve["metrics"]["n"] == 6
    for point in curve["points"]:
        assert point["thinking_tokens"] <= point["budget"]
        assert point["low"] <= point["accuracy"] <= point["high"]
        traces = Log(tmp_path / "out" / f"{point['label']}.samples.jsonl").read(Trace)
        forced = {one.trace_id: one for one in Log(tmp_path / "out" / f"{point['label']}.forced.jsonl").read(Forced)}
        assert len(traces) == len(forced) == point["n"] == 5
        for t in traces:
            assert t.completion_tokens == sum(forced[t.id].rounds) + forced[t.id].answer_tokens
            assert t.counted
    assert curve["sampled_tokens"] < sum(5 * p["tokens"] for p in curve["points"]), "thinking is shared"
    ElementTree.parse(tmp_path / "out" / "curve.svg")
    more = walk(distill, tiny_model, sums, tmp_path / "out", "--budgets", 8, 24)
    assert more["sampled_tokens"] - curve["sampled_tokens"] <= 5 * 2 * 6, "only answers are new"
    other = distill(
        "scale", tiny_model, "--problems", sums, "--out", tmp_path / "out", "--budgets", 8, "seed=3", *SMALL
    )
    refused(other, "holds a curve that was made otherwise: seed was 0 and is")


@pytest.mark.parametrize(
    ("method", "words", "labels"),
    [
        ("token", ["--budgets", 8, 16, "max_thinking=20"], ["tokens-16", "tokens-8"]),
        ("token", ["--budgets", 8, 16, "force=true"], ["tokens-8-forced", "tokens-16-forced"]),
        ("step", ["--budgets", 1, 2, "max_thinking=20", "force=true"], ["steps-2-forced", "steps-1-forced"]),
        ("class", ["max_thinking=20"], ["short", "long"]),
        ("rejection", ["--budgets", 8, 16, "tries=3"], ["rejection-16", "rejection-8"]),
    ],
)
def test_baselines(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path, method: str, words: list[Any], labels: list[str]
) -> None:
    curve = walk(distill, tiny_model, sums, tmp_path / "out", "--method", method, *words)
    assert sorted(p["label"] for p in curve["points"]) == sorted(labels)
    verdicts = Log(tmp_path / "out" / f"{labels[0]}.verdicts.jsonl").read(Verdict)
    if method == "rejection":
        assert {v.reason for v in verdicts} == {REJECTED}, "a random model thinks on and on"
        assert all(p["no_answer"] == 5 and p["accuracy"] == 0 for p in curve["points"])
    if method == "token" and "force=true" not in words:
        assert curve["metrics"]["control"] == 0.0, "a random model does not do as it is told"
    if method == "class":
        assert curve["compared_with"][0]["label"] == "unasked"


def test_curves_over_samples(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    words = ("--method", "sampling", "--budgets", 8, "samples_per_problem=6")
    told = walk(distill, tiny_model, sums, tmp_path / "out", *words)["samples"]
    assert told["k"] == [1, 2, 4, 6]
    assert all(0 <= c <= 1 for c in told["coverage"] + told["majority"] + told["shortest"])


def test_chart_is_whole_and_escapes() -> None:
    told = {
        "method": "<b>",
        "points": [
            {"waits": 0, "thinking_tokens": n, "accuracy": a, "low": a / 2, "high": min(1, 2 * a), "label": f"<{n}>"}
            for n, a in ((500, 0.1), (1000, 0.3), (2000, 0.5))
        ],
    }
    svg = ElementTree.fromstring(chart_of(told))
    circles = svg.findall(".//{http://www.w3.org/2000/svg}circle")
    xs = [float(c.get("cx") or 0) for c in circles]
    assert xs[2] - xs[1] == pytest.approx(xs[1] - xs[0], abs=0.2), "even in the logarithm"
    assert "<script" not in chart_of(told)
    over_k = {"samples": {"k": [1, 2, 4], "coverage": [0.1, 0.2, 0.3], "majority": None, "shortest": [0.1] * 3}}
    for law in (None, {"a": -2.0, "b": -0.3, "error": 0.01, "points": 3}):
        ElementTree.fromstring(chart_of({"method": "sampling", "samples": {**over_k["samples"], "law": law}}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--budgets", "x"], "--budgets x is no number of tokens"),
        (["--budgets", "600"], "--budgets 600 exceeds what the context leaves"),
        ([], "--method budget-forcing needs --budgets"),
        (["--budgets", "8", "8"], "8 is given twice"),
        (["--method", "token", "--budgets", "8", "--waits", "2"], "--waits goes with --method budget-forcing"),
        (["--budgets", "8", "--waits", "-1"], "--waits -1: an end is left out 0 times or more"),
        (["--method", "sampling", "--budgets", "8", "16"], "--method sampling takes one budget"),
        (["--method", "sampling", "--budgets", "600"], "--budgets 600 exceeds what the context leaves"),
        (["--method", "wishing"], "--method wishing is not known"),
        (["--budgets", "8", "samples_per_problem=2"], "samples_per_problem=2 at temperature 0"),
        (["--budgets", "8", "temprature=1"], "did you mean 'temperature'"),
        (["--budgets", "8", "problems.layout=maths"], "problems.layout"),
        (["--budgets", "8", "problems.count=3"], "problems.count has no meaning here"),
        (["--budgets", "8", "answer_tokens=511"], "leave no room to think"),
        (["--method", "rejection", "--budgets", "8", "temperature=0"], "rejects the same sample"),
        (["--budgets", "8", "--engine", "tensorrt"], "--engine tensorrt is not known"),
    ],
)
def test_refused_before_anything_is_sampled(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    refused(distill("scale", tiny_model, "--problems", sums, "--out", tmp_path / "out", *SMALL, *words), said)
    assert not (tmp_path / "out" / "continuations.jsonl").exists()


def test_a_runs_student(distill: Any, recipe: Recipe, tmp_path: Path) -> None:
    """On the run's held-out problems, asked as the student was trained; the curve lies in the run."""
    run = tmp_path / "run"
    with Run(run, recipe) as held:
        held.begin("train", "f")
        refused(distill("scale", run, "--budgets", 8), "holds no trained student")
        tiny.folder(run / "student" / "merged")
        held.seal("train", "f", {}, 0.0)
        write_problems(run / "problems.parquet", make_problems(recipe.problems, recipe.seed))
    outcome = distill("scale", run, "--budgets", 8, 16, "answer_tokens=6")
    assert outcome.code == 0, outcome.err
    curve = json.loads((run / "scaling" / "curve.json").read_text())
    assert curve["protocol"]["n"] == 12
    assert curve["protocol"]["prompt"]["system"] == "Think in <think>, answer in <answer>."
    assert curve["protocol"]["engine"]["dtype"] == "float32"
    assert len(curve["points"]) == 2


def test_a_model_without_marks_of_thinking_is_told_of(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path
) -> None:
    """`</think>` is letters to its tokenizer; s1's mark, which it has, says nothing."""
    for form, told in (("think", 1), ("s1", 0)):
        words = ("--problems", sums, "--budgets", "4", "--out", tmp_path / form, f"format={form}", "count=1", *SMALL)
        outcome = distill("scale", tiny_model, *words)
        assert outcome.code == 0, outcome.err
        said = json.loads((tmp_path / form / "curve.json").read_text())["warnings"]
        assert len(said) == told
        assert [line for line in outcome.err.splitlines() if line.startswith("warning: ")] == [
            f"warning: {one}" for one in said
        ]


def test_a_part_of_the_problems(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    """Drawn with the seed: the same ones for every curve, in a folder that knows no other."""

    def asked(out: str, *words: str) -> list[str]:
        command = ("scale", tiny_model, "--problems", sums, "--out", tmp_path / out, "--budgets", 8, *SMALL, *words)
        outcome = distill(*command)
        assert outcome.code == 0, outcome.err
        return [p.id for p in read_problems(tmp_path / out / "problems.parquet")]

    everything, two = asked("all"), asked("two", "count=2")
    assert len(two) == 2 < len(everything)
    assert set(two) <= set(everything)
    assert asked("again", "count=2") == two
    refused(distill("scale", tiny_model, "--problems", sums, "--out", tmp_path / "x", "--budgets", 8, "count=99"), "99")


def test_one_command_at_a_time(distill: Any, tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ("scale", tiny_model, "--problems", sums, "--out", tmp_path, "--budgets", 8, *SMALL)
        refused(distill(*command), "is in use by another command")
    refused(distill(*command[:5], sums, *command[6:]), "cannot be written")


def test_what_must_be_named(distill: Any, tiny_model: Path, sums: Path) -> None:
    refused(distill("scale", tiny_model, "--problems", sums, "--budgets", 8), "--out is missing")
    refused(distill("scale", tiny_model, "--out", "x", "--budgets", 8), "--problems is missing")
    refused(distill("scale", "http://127.0.0.1:9/v1", "--budgets", 8), "needs --tokenizer")


WORDS = ["--budgets", "16", "40", "--waits", "0", "2", "temperature=1", *SMALL]


class Died(BaseException):
    """What ends a process."""


def test_it_goes_on_wherever_it_ended(
    distill: Any, tiny_model: Path, sums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended at one writing after another, each time with half a line in the file; nothing is asked twice or lost."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    walk(distill, tiny_model, sums, whole, *WORDS)
    append, left, deaths = Log.append, [0], 0

    def torn(log: Log, records: Any) -> None:
        records = list(records)
        left[0] -= bool(records)
        if records and left[0] <= 0:
            with log.path.open("ab") as f:
                f.write(records[0].model_dump_json().encode()[:-20])
            raise Died
        append(log, records)

    monkeypatch.setattr(Log, "append", torn)
    ended = 1
    while ended != 0:
        left[0], ended = 4 + deaths % 7, 1
        with suppress(Died):
            ended = distill("scale", tiny_model, "--problems", sums, "--out", out, *WORDS).code
        deaths += ended != 0
    assert deaths > 10
    assert read(out) == read(whole)


@pytest.mark.slow  # a process that has loaded everything, and seven runs with one thread each
def test_killed_it_goes_on_to_the_same_curve(tiny_model: Path, sums: Path, tmp_path: Path) -> None:
    server = Server()
    try:
        command = ["scale", str(tiny_model), "--problems", str(sums), *WORDS, "--out"]
        assert server.run([*command, str(tmp_path / "whole")]) == 0
        expected = read(tmp_path / "whole")
        lines = expected["continuations.jsonl"]
        out, kills = tmp_path / "killed", 0
        for number in range(6):
            times = len(lines) * number // 6 + 1
            kill = {"log": str(out / "continuations.jsonl"), "text": "\n", "times": times, "after": 0.002 * number}
            kills += server.run([*command, str(out)], kill) == -9
        assert server.run([*command, str(out)]) == 0
        assert kills >= 3
        assert read(out) == expected
    finally:
        server.process.kill()


def read(folder: Path) -> dict[str, Any]:
    """Everything but the order of lines, and how often the same was told of an answer that was cut off."""
    found: dict[str, Any] = {
        path.name: sorted(set(path.read_text().splitlines()))
        if path.name.endswith("forced.jsonl")
        else sorted(path.read_text().splitlines())
        for path in folder.glob("*.jsonl")
    }
    return {**found, "curve": json.loads((folder / "curve.json").read_text())}
