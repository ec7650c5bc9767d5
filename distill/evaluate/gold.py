"""Is every gold answer one that a model could give? Looked at before anything is sampled."""

from collections.abc import Sequence

from distill.errors import Refused
from distill.evaluate.answers import refuse_broken_set
from distill.records import Problem
from distill.verify import KINDS, judge, stated


def refuse_broken_gold(problems: Sequence[Problem]) -> None:
    """Every gold answer must verify as equal to itself, a canonical program pass its tests (kinds without one are
    skipped).

    Raises:
        Refused: naming the first that does not, or an unknown kind; no problem at all, an id twice.
    """
    refuse_broken_set(list(problems))
    for p in problems:
        if p.kind not in KINDS:
            raise Refused(f"problem {p.id} is of the unknown kind '{p.kind}'.")
        if p.answer:
            found = judge(p.kind, stated(p), p.answer, p.data)
            if found.verdict != "correct":
                shown = p.answer if len(p.answer) <= 80 else f"{p.answer[:77]}..."
                raise Refused(
                    f"the gold answer {shown!r} of problem {p.id} does not verify as equal to itself ({found.reason}).",
                    "Every model would fail it. Mend the answer or leave the problem out.",
                )
