"""What is known of the problems that are left: how often they were solved, and their domains."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.curate.problems.clusters import NONE, clusters
from distill.curate.traces.columns import VERDICTS, Columns
from distill.errors import Refused
from distill.files import user_path
from distill.recipe_difficulty import Domains
from distill.records import Problem
from distill.wording import key, setting, verb


@dataclass(frozen=True)
class Tried:
    """How often a problem was tried, over all its traces that were judged."""

    correct: Counter[str]
    sampled: Counter[str]
    all_of: Counter[str]
    """With those that are `unknown`."""

    def of(self, problem: str) -> tuple[int, int]:
        return self.correct[problem], self.sampled[problem]

    def rate(self, problem: str) -> float:
        """Share of correct ones; 0 where none was judged."""
        correct, sampled = self.of(problem)
        return correct / sampled if sampled else 0.0


def tried(columns: Columns) -> Tried:
    """Counts by the problem's id; traces that are `unknown` count as none."""
    verdict = columns["verdict"]
    correct, sampled = Counter[str](), Counter[str]()
    for row in np.flatnonzero(verdict != VERDICTS.index("unknown")).tolist():
        sampled[columns.problems[row]] += 1
        correct[columns.problems[row]] += int(verdict[row] == VERDICTS.index("correct"))
    return Tried(correct, sampled, Counter(columns.problems))


def number(problem: Problem, key: str) -> float | None:
    """A number that is known of a problem, as `5` or `Level 5` tells it."""
    value = problem.known.get(key)
    if isinstance(value, str):
        digits = value.rpartition(" ")[2]
        return float(digits) if digits.replace(".", "", 1).isdigit() and digits.isascii() else None
    return value


def _label(value: float | str) -> str:
    """The name of a domain; a code that is a whole number is none with a point."""
    return value if isinstance(value, str) else f"{value:g}"


DOMAINS = ("domain", "subject", "type", "topic", "problem_type")
"""Columns that tell a problem's domain, where no key names another."""

_OF_ANSWERS = ("has_answer_extracted", "no_answer_extracted", "converted_proof")
"""What `problem_type` tells in OpenMathReasoning."""


def _known_domain(problem: Problem) -> str:
    told = (problem.known[name] for name in DOMAINS if name in problem.known)
    return next((_label(value) for value in told if value not in _OF_ANSWERS), "")


Ask = Callable[[Sequence[Problem]], Mapping[str, str | None]]
"""Asks a model for the domains of problems; the answers by their ids, None where it gave none."""


def domains_of(problems: Sequence[Problem], spec: Domains | None, ask: Ask | None, seed: int) -> dict[str, str]:
    """The domain of each problem by its id.

    Raises:
        Refused: nothing is known, nothing tells the problems apart, or nobody is there to be asked.
    """
    if spec is None:
        return {p.id: _known_domain(p) for p in problems}
    if spec.by == "judge":
        if ask is None:
            raise Refused(f"{key('curate.domains.by')}=judge asks a model, which a run of a recipe does.")
        judged = ask(problems)
        return {p.id: judged.get(p.id) or "none" for p in problems}
    if spec.by == "known":
        if not any(spec.key in p.known for p in problems):
            raise Refused(
                f"no problem has a '{spec.key}'.", f"Set {setting('curate.domains.by', 'clusters')}, or {verb().known}."
            )
        return {p.id: _label(p.known.get(spec.key, "none")) for p in problems}
    folder = None if spec.embedding is None else Path(user_path(spec.embedding))
    labels = clusters([p.question for p in problems], min(spec.clusters, len(problems)), seed, folder)
    return {p.id: "none" if label == NONE else f"cluster {label}" for p, label in zip(problems, labels, strict=True)}
