"""Metrics on published curves, the law of coverage, the best of k, and the verb that walks a curve."""

import fcntl
import importlib.util
import itertools
import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tiny
from commands import refused
from test_kill import Server

from distill.errors import Refused
from distill.files import Log
from distill.problems import make_problems, read_problems, write_problems
from distill.recipe import Recipe
from distill.records import Trace, Verdict
from distill.run import Run
from distill.scale_verb import spread
from distill.scaling.chart import chart_of
from distill.scaling.coverage import best_of, coverage, fit, places
from distill.scaling.forced import Forced
from distill.scaling.forced_answers import REJECTED
from distill.scaling.metrics import (
    Point,
    control,
    performance,
    scaling,
    scaling_interval,
    scaling_per_thousand,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def published() -> Any:
    """The curves of s1, as `benchmarks/s1_metrics.py` holds them."""
    spec = importlib.util.spec_from_file_location("s1_metrics", ROOT / "benchmarks/s1_metrics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_metrics_of_s1s_figure_1(published: Any) -> None:
    """Table 3: control 100, scaling 15, performance 56.7, of five evaluations; the figure has seven."""
    figure = published.FIGURE_1
    assert control(figure) == 1.0
    assert round(scaling(figure) or 0) == round(scaling(figure[:5]) or 0) == 15
    assert performance(figure) == pytest.approx(0.567, abs=5e-4)
    assert scaling_per_thousand(figure) == pytest.approx(8.68, abs=0.01), "which is not what is printed"


def test_metrics_of_rejection_sampling(published: Any) -> None:
    """Table 3: scaling -35, performance 40.0. The slope is that of the five last points, the best is the first."""
    assert round(scaling(published.FIGURE_6[1:]) or 0) == -35
    assert performance(published.FIGURE_6) == pytest.approx(0.4)


def test_metrics_of_class_conditional_control(published: Any) -> None:
    """Table 14: 8,033 tokens with the short prompt, 9,651 with the long one, 6,109 with none; 9 and 11 of 30."""
    asked = published.TABLE_14
    assert control(asked) == 0.5
    assert round(scaling(asked) or 0) == 25
    assert performance(asked) == pytest.approx(0.367, abs=5e-4)
    assert scaling_per_thousand(asked) == pytest.approx(4.12, abs=0.01)


def test_control_counts_evaluations_that_keep_their_limit() -> None:
    """Appendix E.1: token instructions of 1,024 and 2,048 were not kept, that of 16,384 was."""
    thought = [(7939, 1024), (7158, 2048), (7500, 16384)]
    assert control([Point(n, 0.3, most=most) for n, most in thought]) == pytest.approx(1 / 3)
    assert control([Point(100, 0.3, least=100), Point(99, 0.3, least=100), Point(1, 0.3)]) == 0.5
    assert control([Point(10, 0.3)]) is None


def test_metrics_of_toy_curves() -> None:
    line = [Point(100 * 2**i, 0.1 * i) for i in range(5)]
    assert scaling(line) == pytest.approx(10)
    assert scaling([Point(100, 0.2), Point(100, 0.4), Point(200, 0.5)]) == pytest.approx(20), "no slope in place"
    assert scaling([Point(100, 0.2), Point(100, 0.4)]) is None
    assert scaling([Point(0, 0.2), Point(100, 0.4)]) is None
    assert scaling_per_thousand([Point(0, 0.2), Point(500, 0.4)]) == pytest.approx(40)


def test_interval_of_scaling_covers() -> None:
    """Of 100 made data sets with a slope of 10 points a doubling, about 95 have it in their interval."""
    rng = np.random.default_rng(0)
    inside = 0
    for number in range(100):
        chance = np.clip(rng.uniform(-0.2, 0.4, 60) + 0.1 * np.arange(4)[:, None], 0, 1)
        truth = [Point(2.0**i, float(row.mean())) for i, row in enumerate(chance)]
        right = (rng.random((4, 60)) < chance).astype(float)
        interval = scaling_interval(right, np.repeat([[1.0], [2], [4], [8]], 60, axis=1), 0.95, number)
        assert interval is not None
        inside += interval[0] <= (scaling(truth) or 0) <= interval[1]
    assert inside >= 87, "a 95 % interval misses so often once in a thousand times"


def test_the_law_finds_its_own_parameters() -> None:
    for a, b in ((-1.2, -0.4), (-3.0, -0.15), (-0.1, -0.8)):
        law = fit([(k, float(np.exp(a * k**b))) for k in places(10_000)])
        assert (law.a, law.b) == pytest.approx((a, b), rel=1e-6)
        assert law.error < 1e-9


def test_the_law_of_sampled_problems() -> None:
    """Problems whose chance of success is Beta(0.3, 2): coverage at 1,000 from 100 samples each, within 3 points.

    That is a truth that the law only comes near to; E[1 - (1 - p)^k] is known exactly.
    """
    rng = np.random.default_rng(1)
    chance = rng.beta(0.3, 2.0, 400)
    counts = [(100, int(rng.binomial(100, p))) for p in chance]
    law = fit([(k, coverage(counts, k)) for k in places(100)])
    assert law.error < 0.03
    assert law.b < 0 < -law.a
    assert law.at(1000) == pytest.approx(float(np.mean(1 - (1 - chance) ** 1000)), abs=0.06)


def test_the_law_through_published_coverage() -> None:
    """Large Language Monkeys, SWE-bench Lite: 15.9 % with one sample, 29.62 with five, 56 with 250."""
    law = fit([(1, 0.159), (5, 0.2962), (250, 0.56)])
    assert law.error < 0.03
    assert law.at(10_000) < 1


def test_no_law_through_too_little() -> None:
    with pytest.raises(Refused, match="three points"):
        fit([(1, 0.0), (2, 0.5), (4, 1.0)])


def test_coverage_as_published() -> None:
    assert coverage([(10, 3)], 1) == pytest.approx(0.3)
    assert coverage([(10, 3)], 5) == pytest.approx(0.916667, abs=1e-6)
    assert coverage([(10_000, 1), (10, 8)], 3) == pytest.approx((3 / 10_000 + 1) / 2)


def test_best_of_k_is_the_mean_over_all_draws() -> None:
    rng = random.Random(0)
    for _ in range(20):
        scores = [rng.choice([1.0, 2.0, 3.0, 5.0]) for _ in range(6)]
        correct = [rng.random() < 0.5 for _ in scores]
        for n in range(1, 7):
            drawn = []
            for some in itertools.combinations(range(6), n):
                top = [i for i in some if scores[i] == max(scores[j] for j in some)]
                drawn.append(sum(correct[i] for i in top) / len(top))
            assert best_of(scores, correct, n) == pytest.approx(sum(drawn) / len(drawn))
            assert best_of([float(c) for c in correct], correct, n) == pytest.approx(coverage([(6, sum(correct))], n))
    with pytest.raises(Refused, match="at least 3"):
        best_of([1, 2], [True, False], 3)


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
    assert [p["label"] for p in curve["points"]][::2] == ["budget-8-waits-1", "budget-16-waits-1", "budget-32-waits-1"]
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
