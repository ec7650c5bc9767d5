"""What the page of a run is made of: axes, lines, histograms, draws, texts and numbers."""

import re
from pathlib import Path

import pytest
from made_runs import protocol

from distill.errors import DistillError
from distill.files import Log, write_json
from distill.problems import each_problem, read_problems, write_problems
from distill.records import Problem, Verdict
from distill.report import told
from distill.report.budgets import budgets
from distill.report.charts import POINTS, Line, line_chart, smoothed, thinned
from distill.report.reading import Draw, verdicts
from distill.report.spread import edges_of, pass_rate_chart
from distill.report.svg import Scale, rounded_up, ticks


def test_the_curve_of_budgets_is_shown_where_there_is_one(tmp_path: Path) -> None:
    assert budgets(tmp_path) == []
    points = [{"accuracy": 0.1 * i, "low": 0.0, "high": 0.9, "thinking_tokens": 2**i * 100} for i in range(1, 4)]
    metrics = {"control": 1.0, "scaling": 10.0, "scaling_low": 8.0, "scaling_high": 12.0, "performance": 0.3}
    curve = {
        "method": "budget-forcing",
        "points": points,
        "metrics": metrics,
        "protocol": protocol(9, 1) | {"model": "m"},
    }
    (tmp_path / "scaling").mkdir()
    write_json(tmp_path / "scaling" / "curve.json", curve)
    (found,) = budgets(tmp_path)
    assert "800 tokens 30.0" in found.chart
    assert "scaling +10.0 points" in found.metrics
    for damaged in ("{}", '{"points": []}', "[1]", '{"points": [{"accuracy": "x"}]}', "{"):
        (tmp_path / "scaling" / "curve.json").write_text(damaged)
        with pytest.raises(DistillError, match=r"curve\.json is damaged"):
            budgets(tmp_path)


def test_a_verdict_of_a_judge_takes_the_place_of_the_rules(tmp_path: Path) -> None:
    first = Verdict(trace_id="a/0", verdict="wrong", extracted="1", reason="not equal", kind="math")
    Log(tmp_path / "v").append(
        [first, first.model_copy(update={"verdict": "correct", "reason": "same", "by": "judge"})]
    )
    assert verdicts(tmp_path / "v")["a/0"].why == "correct: same"


def test_a_draw_depends_on_names_alone() -> None:
    names = [f"p{i}" for i in range(500)]
    forth, back = Draw[str](5), Draw[str](5)
    for name in names:
        forth.offer(name, name)
    for name in reversed(names):
        back.offer(name, name)
    assert forth.drawn() == back.drawn()
    assert forth.seen == 500
    assert forth.drawn() != names[:5]


def test_axes_have_round_ticks_that_span_what_is_shown() -> None:
    for high in (0.003, 0.7, 1, 8.2, 99, 12345, 4e6):
        end = rounded_up(high)
        assert end >= high
        assert end <= 2.01 * high
        assert 2 <= len(ticks(0, end)) <= 6
        scale = Scale(0, end, 10, 200)
        assert [scale.at(0), scale.at(end), scale.at(2 * end)] == [10, 200, 200]
    assert Scale(1, 64, 0, 6, True).ticks(10) == [1, 2, 4, 8, 16, 32, 64]
    assert Scale(1e-5, 1, 0, 5, True).at(1e-3) == pytest.approx(2)


def test_there_is_no_half_step() -> None:
    drawn = line_chart([Line("student", [(1, 0.5), (2, 0.4), (3, 0.3)])], "step", "loss")
    assert re.findall(r'y="165.0" class="tick"[^>]*>([^<]+)', drawn) == ["1", "2", "3"]


def test_one_trace_of_a_million_tokens_leaves_room_for_the_rest() -> None:
    import numpy as np

    edges = edges_of(np.array([*range(100, 1100), 10**6], dtype=float))
    assert edges[-1] < 1300


def test_pass_rates_of_none_and_all_stand_apart() -> None:
    chart = str(pass_rate_chart({"b": 1, "c": 4}, {"a": 4, "b": 4, "c": 4, "d": 1}))
    assert "none 50.0 %, some 25.0 %, all 25.0 %" in chart


def test_long_lines_keep_their_peaks() -> None:
    points = [(float(i), 1.0) for i in range(100_000)]
    points[54_321] = (54_321.0, 99.0)
    thin = thinned(points)
    assert len(thin) <= 2 * POINTS
    assert (54_321.0, 99.0) in thin
    assert [x for x, _ in thin] == sorted(x for x, _ in thin)
    assert smoothed([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], 3) == [(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)]


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0"), (250, "250"), (1024, "1,024"), (1500, "1.5k"), (2e6, "2M"), (0.05, "0.05"), (2e-5, "2e−5"), (-3, "−3")],
)
def test_numbers_on_axes(number: float, written: str) -> None:
    assert told.compact(number) == written


def test_shown_texts_say_what_was_left_out() -> None:
    text = "a" * 5000 + "b" * 5000
    assert told.shown(text).startswith("a" * told.LONGEST)
    assert told.shown(text).endswith("b" * told.LONGEST_END)
    assert f"{10_000 - told.LONGEST - told.LONGEST_END:,} characters" in told.shown(text)
    assert told.shown("é\n\tx") == "é\n\tx"
    assert told.in_line("one\n\n two  three" * 40).endswith("…")
    assert len(told.in_line("x" * 10**6)) == 110


def test_problems_are_read_one_after_another(tmp_path: Path) -> None:
    problem = Problem(id="a", question="q", answer="1", kind="math", known={"level": 3.0}, source="s")
    write_problems(tmp_path / "p.parquet", [problem, problem.model_copy(update={"id": "b"})])
    stream = each_problem(tmp_path / "p.parquet")
    assert next(stream) == problem
    assert [p.id for p in read_problems(tmp_path / "p.parquet")] == ["a", "b"]
