"""Which of the problems that are left are as hard as is asked for, and what becomes of the others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distill.curate.problems.difficulty import (
    Band,
    between,
    failed_by_panel,
    in_band,
    length_between,
    refuse_single_guesses,
)
from distill.curate.steps.problems import Tried, number
from distill.errors import Refused
from distill.recipe_difficulty import Difficulty, PassRate, Range
from distill.records import Problem
from distill.wording import counted, setting, verb

EASY, HARD = "too easy", "too hard"
FITS = ""
"""What is said of a problem that is as hard as asked for; None where it cannot be told."""

Said = list[str | None]
"""Of each problem."""


class Fitting(NamedTuple):
    """What the step finds."""

    kept: set[str]
    """Ids of problems."""
    note: str
    """How many problems are what, by each key."""
    hint: str
    """What to do where none is kept; empty where all could be told."""


def fitting(problems: Sequence[Problem], counts: Tried, lengths: Mapping[str, list[int]], spec: Difficulty) -> Fitting:
    """The problems that are as hard as is asked for.

    `lengths` has the tokens of each problem's finished traces.

    Raises:
        Refused: what is asked for is known of none of them, or comes from one guess of one model.
    """
    found = _by_key(problems, counts, lengths, spec)
    for said in found.values():
        if problems and all(told is None for told in said) and not spec.keep_undecided:
            raise Refused(
                "how hard the problems are cannot be told of any of them.",
                f"Sample more, {verb().known}, or set {setting('curate.difficulty.keep_undecided', 'true')}.",
            )
    taken = (FITS, None) if spec.keep_undecided else (FITS,)
    kept = {p.id for p, *said in zip(problems, *found.values(), strict=True) if all(told in taken for told in said)}
    return Fitting(kept, "; ".join(filter(None, (_told(name, said) for name, said in found.items()))), _hint(found))


def _by_key(
    problems: Sequence[Problem], counts: Tried, lengths: Mapping[str, list[int]], spec: Difficulty
) -> dict[str, Said]:
    """What each key that is set says of the problems."""
    found: dict[str, Said] = {}
    if spec.pass_rate is not None:
        found["pass_rate"] = _by_pass_rate(problems, counts, spec.pass_rate, spec.accept_a_single_guess)
    if spec.panel:
        found["panel"] = _by_panel(problems, spec)
    for name, limits in spec.known.items():
        values = [number(p, name) for p in problems]
        fits = [between(value, limits.least, limits.most) for value in values]
        found[f"known.{name}"] = [_beside(f, v, limits, "below", "above") for f, v in zip(fits, values, strict=True)]
    if spec.tokens is not None:
        found["tokens"] = [_by_length(lengths.get(p.id, []), spec.tokens) for p in problems]
    return found


def _by_pass_rate(problems: Sequence[Problem], counts: Tried, spec: PassRate, single: bool) -> Said:
    if not single:
        refuse_single_guesses(counts.sampled[p.id] for p in problems)
    band = Band(spec.low, spec.high, spec.of)
    found: Said = []
    for problem in problems:
        correct, sampled = counts.of(problem.id)
        fits = in_band(band, correct, sampled, spec.certainty, accept_a_single_guess=single)
        easy = correct * spec.of > spec.high * sampled
        found.append(None if fits is None else FITS if fits else EASY if easy else HARD)
    return found


def _by_panel(problems: Sequence[Problem], spec: Difficulty) -> Said:
    """A column with rates between 0 and 1 tells of several answers of its model, also where all or none were right; a
    number below 0, as some sets write for a model that was not asked, tells nothing."""
    rates = {name: [_rate(p, name) for p in problems] for name in spec.panel}
    several = {name for name, of_each in rates.items() if any(rate is not None and 0 < rate < 1 for rate in of_each)}
    single = spec.accept_a_single_guess or bool(several)
    found: Said = []
    for at in range(len(problems)):
        given = {name: of_each[at] for name, of_each in rates.items()}
        attempts = {name: [] if rate is None else [rate > 0] for name, rate in given.items()}
        fails = failed_by_panel(attempts, spec.panel_fails, single)
        found.append(None if fails is None else FITS if fails else EASY)
    return found


def _rate(problem: Problem, name: str) -> float | None:
    rate = number(problem, name)
    return None if rate is None or rate < 0 else rate


def _by_length(tokens: Sequence[int], limits: Range) -> str | None:
    median = sorted(tokens)[(len(tokens) - 1) // 2] if tokens else None
    return _beside(length_between(tokens, limits.least, limits.most), median, limits, "too short", "too long")


def _beside(fits: bool | None, value: float | None, limits: Range, below: str, above: str) -> str | None:
    if fits is None or value is None:
        return None
    return FITS if fits else below if limits.least is not None and value < limits.least else above


def _told(name: str, said: Said) -> str:
    """Such as `pass_rate: 300 too easy, 20 too hard, 7 undecided`; empty where all problems fit."""
    others = Counter("undecided" if told is None else told for told in said if told != FITS)
    return f"{name}: {', '.join(f'{n:,} {what}' for what, n in sorted(others.items()))}" if others else ""


def _hint(found: Mapping[str, Said]) -> str:
    undecided = {name: said.count(None) for name, said in found.items() if None in said}
    if not undecided:
        return ""
    name, most = max(undecided.items(), key=lambda one: one[1])
    why = "of too few samples for such a band" if name == "pass_rate" else "as nothing is known of them"
    said = f"Of {counted(len(found[name]), 'problem')} {most:,} are undecided by {name}, {why}."
    more = "Sample more, or keep them" if name == "pass_rate" else "Keep them"
    return f"{said} {more}: {setting('curate.difficulty.keep_undecided', 'true')}."
