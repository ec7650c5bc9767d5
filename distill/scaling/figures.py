"""From answers to the points of a curve, its three metrics, and what many samples together are worth."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from distill.errors import Refused
from distill.evaluate.majority import majority_at
from distill.evaluate.pass_at_k import curve_points
from distill.evaluate.statistics import accuracy
from distill.evaluate.votes import VOTING, right_votes, votes_of
from distill.records import Problem, Trace, Verdict, derived_seed
from distill.scaling.coverage import Law, best_of, coverage, fit, places
from distill.scaling.forced import Forced
from distill.scaling.forced_answers import GAVE_NONE, REJECTED
from distill.scaling.metrics import (
    Point,
    control,
    performance,
    scaling,
    scaling_interval,
    scaling_per_thousand,
)
from distill.scaling.settings import Method, Scale, Setting


class Answer(NamedTuple):
    """One forced answer."""

    trace: Trace
    verdict: Verdict
    forced: Forced


class Scores(NamedTuple):
    """Of one evaluation, a problem each."""

    accuracy: list[float]
    thinking: list[float]
    """Mean thinking tokens of the answers that there are; 0 where none is."""


def summary(
    method: Method, planned: list[Setting], answers: dict[str, list[Answer]], problems: list[Problem], spec: Scale
) -> dict[str, Any]:
    """Points in the order of their thinking, metrics, and for method sampling the curves over k."""
    scores = {label: _scores(rows, problems) for label, rows in answers.items()}
    points = {s.label: _point(s, answers[s.label], scores[s.label], spec) for s in planned}
    # Points with the same thinking stand as they were asked for, the smaller first; `planned` has the largest first.
    shown = sorted(
        (s for s in planned if s.in_curve),
        key=lambda s: (points[s.label]["thinking_tokens"], s.budget, s.limits.waits),
    )
    aside = [points[s.label] for s in planned if not s.in_curve]
    return {
        "method": method,
        "points": [points[s.label] for s in shown],
        **({"compared_with": aside} if aside else {}),
        "metrics": _metrics(shown, points, scores, spec),
        **({"samples": over_k(answers[planned[0].label], problems, spec)} if method == "sampling" else {}),
    }


def _scores(rows: Sequence[Answer], problems: list[Problem]) -> Scores:
    by: dict[str, list[Answer]] = {p.id: [] for p in problems}
    for row in rows:
        by[row.trace.problem_id].append(row)
    thought = [[a.forced.thinking_tokens for a in by[p.id] if a.forced.ended != "rejected"] for p in problems]
    right = [[a.verdict.verdict == "correct" for a in by[p.id]] for p in problems]
    return Scores([sum(one) / len(one) for one in right], [sum(one) / len(one) if one else 0.0 for one in thought])


def _point(setting: Setting, rows: list[Answer], scores: Scores, spec: Scale) -> dict[str, Any]:
    estimate = accuracy(scores.accuracy, spec.samples_per_problem, spec.confidence)
    forced = [row.forced for row in rows]
    thought = [one.thinking_tokens for one in forced if one.ended != "rejected"]
    reasons = Counter(row.verdict.reason for row in rows)
    return {
        "label": setting.label,
        "budget": setting.budget,
        "waits": setting.limits.waits,
        "n": len(scores.accuracy),
        "accuracy": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "thinking_tokens": sum(thought) / len(thought) if thought else 0.0,
        "tokens": sum(row.trace.completion_tokens for row in rows) / len(rows),
        "cut": sum(one.ended == "cut" for one in forced) / len(rows),
        "extended": sum(one.waits for one in forced) / len(rows),
        "within": None if setting.most is None else sum(n <= setting.most for n in thought) / len(rows),
        "finished": sum(row.trace.finish_reason == "stop" for row in rows) / len(rows),
        "no_answer": reasons[GAVE_NONE] + reasons[REJECTED],
        "unknown": sum(row.verdict.verdict == "unknown" for row in rows),
        "inexact": sum(not one.exact for one in forced),
    }


def _metrics(
    shown: list[Setting], told: dict[str, dict[str, Any]], scores: dict[str, Scores], spec: Scale
) -> dict[str, Any]:
    points = [_limited(s, told) for s in shown]
    seed = derived_seed(spec.seed, "scaling")
    parts = [np.array([getattr(scores[s.label], part) for s in shown]) for part in ("accuracy", "thinking")]
    interval = scaling_interval(parts[0], parts[1], spec.confidence, seed)
    return {
        "control": control(points),
        "scaling": scaling(points),
        "scaling_low": interval[0] if interval else None,
        "scaling_high": interval[1] if interval else None,
        "scaling_per_1000": scaling_per_thousand(points),
        "performance": performance(points),
        "n": len(points),
    }


def _limited(setting: Setting, told: dict[str, dict[str, Any]]) -> Point:
    own = told[setting.label]
    least = told[setting.least]["thinking_tokens"] if setting.least else None
    most = told[setting.below]["thinking_tokens"] if setting.below else setting.most
    return Point(own["thinking_tokens"], own["accuracy"], least, most)


def over_k(rows: list[Answer], problems: list[Problem], spec: Scale) -> dict[str, Any]:
    """Coverage, majority and the best of k at every power of two, from the samples of one evaluation.

    Coverage and the best of k are exact over all draws of k samples; so is the majority of up to 256 samples, and of
    more it is drawn with a seed. The best is the answer with the shortest thinking of those that ended by themselves.
    """
    by: dict[str, list[Answer]] = {p.id: [] for p in problems}
    for row in sorted(rows, key=lambda row: int(row.trace.id.rpartition("/")[2])):
        by[row.trace.problem_id].append(row)
    counts = [(len(some), sum(a.verdict.verdict == "correct" for a in some)) for some in by.values()]
    points = curve_points(spec.samples_per_problem)
    votes = all(p.kind in VOTING for p in problems)
    return {
        "k": points,
        "coverage": [coverage(counts, k) for k in points],
        "law": _law(counts, spec.samples_per_problem),
        "majority": _majority(by, problems, points, spec.seed) if votes else None,
        "shortest": [float(np.mean([_shortest(some, k) for some in by.values()])) for k in points],
    }


def _law(counts: list[tuple[int, int]], most: int) -> dict[str, Any] | None:
    """The law of coverage; None where there are too few points for one."""
    try:
        law: Law = fit([(k, coverage(counts, k)) for k in places(most)])
    except Refused:
        return None
    return {"a": law.a, "b": law.b, "error": law.error, "points": law.points}


def _majority(by: dict[str, list[Answer]], problems: list[Problem], points: list[int], seed: int) -> list[float]:
    curves = []
    for problem in problems:
        verdicts = [answer.verdict for answer in by[problem.id]]
        votes = votes_of(problem, verdicts)
        right = right_votes(votes, verdicts)
        curves.append(majority_at(votes, right, points, seed=derived_seed(seed, "majority", problem.id)))
    return [float(value) for value in np.mean(curves, axis=0)]


def _shortest(answers: list[Answer], k: int) -> float:
    """Thinking that was cut counts as longer than any other."""
    length = [a.forced.thinking_tokens + (10**9 if a.forced.ended == "cut" else 0) for a in answers]
    return best_of([-n for n in length], [a.verdict.verdict == "correct" for a in answers], k)
