"""Metrics of test-time scaling on published curves, the law of coverage, and the best of k."""

import importlib.util
import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.errors import Refused
from distill.scaling.coverage import best_of, coverage, fit, places
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
