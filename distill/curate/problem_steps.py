"""Difficulty and domains of the problems that are left."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.curate.clusters import NONE, clusters
from distill.curate.columns import VERDICTS, Columns
from distill.curate.difficulty import (
    Band,
    between,
    failed_by_panel,
    in_band,
    length_between,
    refuse_single_guesses,
)
from distill.errors import Refused
from distill.files import user_path
from distill.recipe_difficulty import Difficulty, Domains, PassRate
from distill.records import Problem
from distill.wording import key, setting, verb


@dataclass(frozen=True)
class Tried:
    """How often a problem was tried, over all its traces that were judged."""

    correct: Counter[str]
    sampled: Counter[str]

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
    return Tried(correct, sampled)


def fitting(problems: Sequence[Problem], counts: Tried, lengths: Mapping[str, list[int]], spec: Difficulty) -> set[str]:
    """Ids of the problems that are as hard as is asked for.

    `lengths` has the tokens of each problem's finished traces.

    Raises:
        Refused: what is asked for is known of none of them, or comes from one guess of one model.
    """
    found: list[list[bool | None]] = []
    if spec.pass_rate is not None:
        found.append(_by_pass_rate(problems, counts, spec.pass_rate, spec.accept_a_single_guess))
    if spec.panel:
        found.append([_by_panel(p, spec) for p in problems])
    for name, limits in spec.known.items():
        values = [_number(p, name) for p in problems]
        found.append([between(value, limits.least, limits.most) for value in values])
    if spec.tokens is not None:
        least, most = spec.tokens.least, spec.tokens.most
        found.append([length_between(lengths.get(p.id, []), _whole(least), _whole(most)) for p in problems])
    for answers in found:
        if problems and all(told is None for told in answers) and not spec.keep_undecided:
            raise Refused(
                "how hard the problems are cannot be told of any of them.",
                f"Sample more, {verb().known}, or set {setting('curate.difficulty.keep_undecided', 'true')}.",
            )
    taken = (True, None) if spec.keep_undecided else (True,)
    return {p.id for p, *answers in zip(problems, *found, strict=True) if all(told in taken for told in answers)}


def _by_pass_rate(problems: Sequence[Problem], counts: Tried, spec: PassRate, single: bool) -> list[bool | None]:
    if not single:
        refuse_single_guesses(counts.sampled[p.id] for p in problems)
    band = Band(spec.low, spec.high, spec.of)
    return [in_band(band, *counts.of(p.id), spec.certainty, accept_a_single_guess=single) for p in problems]


def _by_panel(problem: Problem, spec: Difficulty) -> bool | None:
    rates = {name: _number(problem, name) for name in spec.panel}
    attempts = {name: [] if rate is None else [rate > 0] for name, rate in rates.items()}
    return failed_by_panel(attempts, spec.panel_fails, spec.accept_a_single_guess)


def _number(problem: Problem, key: str) -> float | None:
    """A number that is known of a problem, as `5` or `Level 5` tells it."""
    value = problem.known.get(key)
    if isinstance(value, str):
        digits = value.rpartition(" ")[2]
        return float(digits) if digits.replace(".", "", 1).isdigit() and digits.isascii() else None
    return value


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _label(value: float | str) -> str:
    """The name of a domain; a code that is a whole number is none with a point."""
    return value if isinstance(value, str) else f"{value:g}"


Ask = Callable[[Sequence[Problem]], Mapping[str, str | None]]
"""Asks a model for the domains of problems; the answers by their ids, None where it gave none."""


def domains_of(problems: Sequence[Problem], spec: Domains | None, ask: Ask | None, seed: int) -> dict[str, str]:
    """The domain of each problem by its id.

    Raises:
        Refused: nothing is known, nothing tells the problems apart, or nobody is there to be asked.
    """
    if spec is None:
        return {p.id: _label(p.known.get("domain", p.known.get("subject", p.known.get("type", "")))) for p in problems}
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
