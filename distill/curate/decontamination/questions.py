"""Which problems ask the same, and which are in the evaluation?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.text.instructions import without_instructions
from distill.records import Problem

GENERATED = frozenset(("countdown", "reasoning_gym"))
"""Kinds whose problems are made from one pattern: only equal ones are the same, near ones are others."""

AT_ONCE = 4096
"""Questions that are compared in one go."""


class Question(NamedTuple):
    """One of an evaluation."""

    text: str
    where: str
    """The set, and its place there."""

    @property
    def set(self) -> str:
        """Of which it is: what is rare in one tells nothing of another."""
        return self.where.rsplit(", row ", 1)[0] if ", row " in self.where else ""


@dataclass(frozen=True)
class Contaminated:
    """A problem that holds a question of the evaluation, and why that is said."""

    problem_id: str
    where: str
    kind: str
    """`exact`, `near`, or `changed`: the same pattern with other numbers, which is reported and kept."""
    share: float
    """Of the question's weight that is there."""
    question: str
    """Of the evaluation."""
    text: str
    """The piece of the problem that it is."""
    missing: list[str] = field(default_factory=list)
    """What of the question is not in that piece."""
    instead: list[str] = field(default_factory=list)
    """What stands there in its place."""

    @property
    def shown(self) -> str:
        """In a line."""
        return f"{self.kind}, {self.where}: {shortened(self.text)!r}"


def shortened(text: str) -> str:
    """White space as one space each, and no more than fits a line."""
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:97]}..."


def asked(problem: Problem) -> str:
    """What two problems that ask the same have in common. Puzzles are drawn with punctuation and spaces: all counts."""
    return problem.question if problem.kind == "reasoning_gym" else normalised(without_instructions(problem.question))


def normalised(question: str) -> str:
    """Lower case, LaTeX spacing, white space and punctuation gone; digits, letters and operators stay.

    Numbers side by side stay apart: `1 11` is not `11 1`.
    """
    text = re.sub(r"\\(?:left|right|,|;|!|\s)", "", question.lower())
    text = re.sub(r"(?<=\d)\s+(?=\d)", "^", text)
    return re.sub(r"[^\w+\-*/=<>^%]", "", text)


def questions_held_out(problems: Sequence[Problem]) -> list[Question]:
    """Those of the run's own evaluation, but for generated ones, which are compared as wholes."""
    return [Question(p.question, f"held out: {p.id}") for p in problems if p.kind not in GENERATED]


def contaminated(
    problems: Sequence[Problem], held_out: Sequence[Problem], others: Sequence[Question]
) -> list[Contaminated]:
    """The problems that hold a question of the evaluation: of the held-out problems, or of other sets.

    Generated problems are compared as wholes with the held-out ones, and with nothing else; see `decontaminate` for the
    others.
    """
    equal = {asked(p): p.id for p in held_out if p.kind in GENERATED}
    found = {
        p.id: Contaminated(p.id, f"held out: {equal[key]}", "exact", 1.0, p.question, p.question)
        for p in problems
        if p.kind in GENERATED and (key := asked(p)) in equal
    }
    questions = [*questions_held_out(held_out), *others]
    texts = [p for p in problems if p.kind not in GENERATED]
    if questions and texts:
        finder = Decontaminator([q.text for q in questions], [q.set for q in questions])
        for at in range(0, len(texts), AT_ONCE):
            part = texts[at : at + AT_ONCE]
            for flag in finder.flags([p.question for p in part]):
                told = questions[flag.question]
                one = part[flag.row]
                match = flag.match
                held = (one.id, told.where, match.kind, round(match.share, 4), told.text, flag.evidence)
                found.setdefault(one.id, Contaminated(*held, match.missing, match.instead))
    return list(found.values())
