"""The funnel: what each step of the curation left over, as counts, text and picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from distill.curate.selections.pool import Bools, Ints
from distill.errors import Refused
from distill.wording import counted, verb

BAR = 40
"""Characters of the longest bar."""


@dataclass(frozen=True)
class Step:
    """One step of the funnel: what it is, and how many traces and problems were left after it."""

    name: str
    traces: int
    problems: int
    note: str = ""
    """What else is to be known: a wish that was not fulfilled."""


@dataclass
class Funnel:
    """The traces that are left, and the steps that left them."""

    problems: Sequence[str]
    """The problem of every trace."""
    rows: Ints
    """The traces that are left, by their numbers."""
    steps: list[Step] = field(default_factory=list)
    advice: str = ""
    """What to do where a step leaves nothing."""

    def keep(self, name: str, kept: Bools | Ints, note: str = "", hint: str = "") -> None:
        """Go on with the rows that are `kept` (one truth value for each row that is left, or their numbers).

        Raises:
            Refused: that leaves none; `hint` tells what it was.
        """
        self.rows = self.rows[kept] if kept.dtype == np.bool_ else kept.astype(np.int64)
        self.steps.append(Step(name, len(self.rows), len({self.problems[row] for row in self.rows}), note))
        if not len(self.rows):
            raise Refused(
                f"no trace is left after the step '{name}' of {counted(self.steps[0].traces, 'sampled one')}.",
                "\n".join(filter(None, (hint, self.advice or verb().ended))),
            )

    def remark(self, note: str) -> None:
        """Add to what the last step has to tell."""
        last = self.steps[-1]
        self.steps[-1] = replace(last, note="; ".join(filter(None, (last.note, note))))

    def first_of_problems(self) -> dict[str, int]:
        """The problems that are left, each with the first of its rows."""
        found: dict[str, int] = {}
        for row in self.rows.tolist():
            found.setdefault(self.problems[row], row)
        return found


def as_text(steps: Sequence[Step]) -> str:
    """A line a step with a bar, for a terminal or a card."""
    width = max(len(step.name) for step in steps)
    most = max(step.traces for step in steps) or 1
    lines = []
    for step in steps:
        bar = "█" * max(1, round(BAR * step.traces / most)) if step.traces else ""
        note = f" ({step.note})" if step.note else ""
        traces = f"{step.traces:>9,} {'trace' if step.traces == 1 else 'traces':<6}"
        problems = f"{step.problems:>7,} {'problem' if step.problems == 1 else 'problems':<8}"
        lines.append(f"{step.name:<{width}}  {traces} of {problems}  {bar}{note}")
    return "\n".join(lines)
