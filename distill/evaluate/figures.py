"""The figures of one model on one set of problems."""

from collections import Counter
from statistics import median
from typing import Any

from distill.evaluate.answers import Ending, Method, Sampled
from distill.evaluate.bootstrap import bootstrap, hierarchical
from distill.evaluate.groups import groups
from distill.evaluate.majority import majority_at
from distill.evaluate.pass_at_k import curve_points, pass_at_k
from distill.evaluate.statistics import Clusters, Estimate, accuracy, sampling_error, standard_error
from distill.evaluate.votes import VOTING, right_votes, votes_of


def figures(sampled: Sampled, method: Method) -> dict[str, Any]:
    """All figures of a model, as they stand in `summary.json`.

    An answer whose verdict is `unknown` counts as not correct, and is counted. `maj_at` is empty where a problem is of
    a kind whose answers cannot be counted.
    """
    clusters = sampled.clusters(method)
    mean = accuracy(sampled.scores, sampled.k, method.confidence, clusters)
    low, high = bootstrapped(sampled, method)
    return {
        "n": len(sampled.problems),
        "k": sampled.k,
        "accuracy": mean.mean,
        "low": mean.low,
        "high": mean.high,
        "bootstrap": {"low": low, "high": high},
        "standard_error": standard_error(sampled.scores, clusters),
        "standard_error_samples": sampling_error(sampled.scores, sampled.k),
        **_curves(sampled, method, clusters),
        **_endings([ending for row in sampled.endings for ending in row]),
        **_verdicts(sampled),
        "groups": groups(sampled, method),
    }


def bootstrapped(sampled: Sampled, method: Method, minus: Sampled | None = None) -> tuple[float, float]:
    """The bootstrap interval of the accuracy, or of how much it is above another model's."""
    others = None if minus is None else minus.scores
    if method.bootstrap == "problems_and_samples":
        clusters = sampled.clusters(method)
        return hierarchical(sampled.scores, sampled.k, method.confidence, method.seed, others, clusters)
    values = sampled.scores if others is None else [a - b for a, b in zip(sampled.scores, others, strict=True)]
    return bootstrap(values, method.confidence, method.seed, sampled.clusters(method))


def _curves(sampled: Sampled, method: Method, clusters: Clusters | None) -> dict[str, Any]:
    """pass@k and maj@k at every power of two and at k, each k drawn from the samples in all ways."""
    points = curve_points(sampled.k)
    passes = [[pass_at_k(sampled.k, c, k) for c in sampled.correct] for k in points]
    curves = {"pass_at": passes, "maj_at": _majorities(sampled, points, method)}
    return {
        name: {
            str(k): _told(accuracy(scores, sampled.k // k, method.confidence, clusters))
            for k, scores in zip(points, rows, strict=False)
        }
        for name, rows in curves.items()
    }


def _told(found: Estimate) -> dict[str, float]:
    return {"value": found.mean, "low": found.low, "high": found.high}


def _majorities(sampled: Sampled, points: list[int], method: Method) -> list[list[float]]:
    """maj@k of every problem (points x problems); none where answers cannot be counted."""
    if any(p.kind not in VOTING for p in sampled.problems):
        return []
    rows = []
    for problem, verdicts in zip(sampled.problems, sampled.verdicts, strict=True):
        votes = votes_of(problem, verdicts)
        rows.append(majority_at(votes, right_votes(votes, verdicts), points, method.ties, method.seed))
    return [list(column) for column in zip(*rows, strict=True)]


def _endings(answers: list[Ending]) -> dict[str, Any]:
    """How answers ended, and how long they were."""
    tokens = [answer.completion_tokens for answer in answers]
    reasons = Counter(answer.finish_reason for answer in answers)
    return {
        "finished": reasons["stop"] / len(answers),
        "truncated": reasons["length"] / len(answers),
        "looping": sum(answer.looping for answer in answers) / len(answers),
        "mean_tokens": sum(tokens) / len(tokens),
        "median_tokens": median(tokens),
        "tokens": sum(tokens),
        "tokens_estimated": sum(not answer.counted for answer in answers),
    }


def _verdicts(sampled: Sampled) -> dict[str, Any]:
    verdicts = [verdict for row in sampled.verdicts for verdict in row]
    return {
        "unknown": sum(v.verdict == "unknown" for v in verdicts),
        "reasons": dict(Counter(f"{v.verdict}: {v.reason}" for v in verdicts).most_common()),
    }
