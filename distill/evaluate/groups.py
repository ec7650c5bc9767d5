"""Accuracy and differences by level and subject, where problems tell theirs."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from distill.evaluate.answers import Method, Sampled
from distill.evaluate.paired import paired_difference
from distill.evaluate.sets import GROUPED
from distill.evaluate.statistics import accuracy

MOST_GROUPS = 60
"""Values of a key beyond which it sorts nothing."""

NONE = "none"
"""The group of problems that do not tell."""


def groups(sampled: Sampled, method: Method) -> dict[str, dict[str, dict[str, Any]]]:
    """Key -> value -> count of problems, accuracy and its interval; a key that no problem tells is left out."""

    def told(rows: list[int]) -> dict[str, Any]:
        part = sampled.of(rows)
        found = accuracy(part.scores, part.k, method.confidence, part.clusters(method))
        return {"n": len(rows), "accuracy": found.mean, "low": found.low, "high": found.high}

    return _each(sampled, told)


def group_differences(before: Sampled, after: Sampled, method: Method) -> dict[str, dict[str, dict[str, Any]]]:
    """The same of the paired difference of two models. Many intervals: one in twenty misses its truth by chance."""

    def told(rows: list[int]) -> dict[str, Any]:
        part, other = before.of(rows), after.of(rows)
        found = paired_difference(part.scores, other.scores, part.k, method.confidence, part.clusters(method))
        return {"n": len(rows), **asdict(found)}

    return _each(before, told)


def _each(sampled: Sampled, told: Callable[[list[int]], dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    found = {key: _by_value(sampled, key) for key in GROUPED if any(key in p.known for p in sampled.problems)}
    return {
        key: {value: told(rows) for value, rows in by_value.items()}
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
    if isinstance(value, str):
        return " ".join(value.split()) or NONE
    return str(int(value)) if value == value // 1 else repr(value)  # whole numbers as such, and no two as one


def _order(label: str) -> tuple[bool, float, str]:
    try:
        return label == NONE, float(label), ""
    except ValueError:
        return label == NONE, float("inf"), label
