"""Accuracy by level and subject, where problems tell theirs."""

from collections import defaultdict
from typing import Any

from distill.evaluate.answers import Method, Sampled
from distill.evaluate.statistics import accuracy

GROUPED = ("level", "subject", "domain", "type")
"""Keys of `Problem.known` that sort problems; data sets name subjects in three ways."""

MOST_GROUPS = 60
"""Values of a key beyond which it sorts nothing."""

NONE = "none"
"""The group of problems that do not tell."""


def groups(sampled: Sampled, method: Method) -> dict[str, dict[str, dict[str, Any]]]:
    """Key -> value -> count of problems, accuracy and its interval; a key that no problem tells is left out."""
    found = {key: _by_value(sampled, key) for key in GROUPED if any(key in p.known for p in sampled.problems)}
    return {
        key: {value: _figures(sampled.of(rows), method) for value, rows in by_value.items()}
        for key, by_value in found.items()
        if len(by_value) <= MOST_GROUPS
    }


def _by_value(sampled: Sampled, key: str) -> dict[str, list[int]]:
    """Places of the problems by value: numbers in their order, then words, those that tell none last."""
    rows: dict[str, list[int]] = defaultdict(list)
    for at, problem in enumerate(sampled.problems):
        rows[_label(problem.known.get(key))].append(at)
    return {value: rows[value] for value in sorted(rows, key=_order)}


def _label(value: float | str | None) -> str:
    if value is None:
        return NONE
    return f"{value:g}" if isinstance(value, int | float) else " ".join(value.split()) or NONE


def _order(label: str) -> tuple[bool, float, str]:
    try:
        return label == NONE, float(label), ""
    except ValueError:
        return label == NONE, float("inf"), label


def _figures(sampled: Sampled, method: Method) -> dict[str, Any]:
    found = accuracy(sampled.scores, sampled.k, method.confidence)
    return {"n": len(sampled.problems), "accuracy": found.mean, "low": found.low, "high": found.high}
