"""What the figures are made from: the answers of several models to the same problems, k each, with their verdicts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from distill.errors import Refused
from distill.evaluate.looping import is_looping
from distill.evaluate.majority import Ties
from distill.evaluate.statistics import Clusters
from distill.records import FinishReason, Problem, Trace, Verdict
from distill.verify import OF_ANSWERS
from distill.wording import key, verb

Resampled = Literal["problems", "problems_and_samples"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended and what it cost. Its text stays on disk: those of a large set are more than a memory."""

    id: str
    problem_id: str
    finish_reason: FinishReason
    completion_tokens: int
    counted: bool
    """False where the tokens are an estimate."""
    looping: bool
    """See `is_looping`."""

    @classmethod
    def of(cls, trace: Trace) -> "Ending":
        return cls(
            trace.id,
            trace.problem_id,
            trace.finish_reason,
            trace.completion_tokens,
            trace.counted,
            is_looping(trace),
        )


Pair = tuple[Ending, Verdict]

HINT = "The same command samples what is missing; a file that was edited by hand is best deleted."

SHOWN = 3
"""Ids that an error names."""


@dataclass(frozen=True)
class Method:
    """How uncertainty is told, and ties of votes are broken."""

    confidence: float = 0.95
    """Of every interval."""
    seed: int = 0
    """Of the bootstrap, and of what is drawn where all cases are too many."""
    bootstrap: Resampled = "problems"
    """What the bootstrap draws with replacement."""
    ties: Ties = "first"
    """To whom a tied vote goes, see `majority`."""
    cluster_by: str | None = None
    """A key of `Problem.known`: problems with the same value go together; None: all are independent."""


@dataclass(frozen=True)
class SetResult:
    """One evaluation set: its problems, and what every model answered."""

    problems: list[Problem]
    answers: dict[str, list[Pair]]
    """Answers with their verdicts by model, `base` first, in any order; their ids are `<problem id>/<sample index>`."""
    protocol: dict[str, Any]
    """All that the figures depend on besides the models, with `k`."""
    method: Method = Method()
    warnings: tuple[str, ...] = ()
    """What the sampling found amiss."""


@dataclass(frozen=True)
class Sampled:
    """The answers of one model, in the order of the problems and, in each, of the samples."""

    problems: list[Problem]
    endings: list[list[Ending]]
    verdicts: list[list[Verdict]]
    k: int

    @property
    def correct(self) -> list[int]:
        """Correct samples of every problem."""
        return [sum(v.verdict == "correct" for v in verdicts) for verdicts in self.verdicts]

    @property
    def scores(self) -> list[float]:
        """Share of correct samples of every problem."""
        return [c / self.k for c in self.correct]

    def clusters(self, method: Method) -> Clusters | None:
        """The cluster of every problem, where they are asked for; one that tells none is its own."""
        if method.cluster_by is None:
            return None
        return [(p.known[method.cluster_by],) if method.cluster_by in p.known else p.id for p in self.problems]

    def of(self, rows: Iterable[int]) -> "Sampled":
        """The same for some of the problems, by their places."""
        at = list(rows)
        problems, endings = [self.problems[i] for i in at], [self.endings[i] for i in at]
        return Sampled(problems, endings, [self.verdicts[i] for i in at], self.k)


def in_order(who: str, pairs: list[Pair], problems: list[Problem], k: int) -> Sampled:
    """A model's answers by problem and sample, whatever order they were written in.

    Raises:
        Refused: an id twice, an answer to no problem of the set or with another's verdict, or not k answers to each.
    """
    found: dict[str, list[Pair]] = {p.id: [] for p in problems}
    _refuse_some(who, "answers that stand twice", _repeated(t.id for t, _ in pairs))
    _refuse_some(
        who, "answers to problems that are not in the set", [t.id for t, _ in pairs if t.problem_id not in found]
    )
    _refuse_some(who, "answers beside the verdict on another", [t.id for t, v in pairs if v.trace_id != t.id])
    for pair in pairs:
        found[pair[0].problem_id].append(pair)
    wrong = [f"{name} ({len(rows)})" for name, rows in found.items() if len(rows) != k]
    _refuse_some(who, f"problems that have not {k} answer{'s' if k > 1 else ''} each", wrong)
    rows = [sorted(found[p.id], key=lambda pair: _index(pair[0])) for p in problems]
    return Sampled(problems, [[t for t, _ in row] for row in rows], [[v for _, v in row] for row in rows], k)


def refuse_broken_set(problems: list[Problem], cluster_by: str | None = None) -> None:
    """
    Raises:
        Refused: no problem, an id twice, a problem whose gold answer is missing where the verdict needs one, or nothing
            to cluster by.
    """
    if not problems:
        raise Refused("there is no held-out problem to evaluate on.")
    _refuse_some("the set", "problems that stand twice", _repeated(p.id for p in problems))
    bare = [p.id for p in problems if p.kind in OF_ANSWERS and not p.answer.strip()]
    _refuse_some("the set", "problems without a gold answer, which nothing can match", bare)
    found = {p.known.get(cluster_by) for p in problems} if cluster_by is not None else set()
    if len(found) == 1:
        told = "no problem has one" if None in found else "all problems have the same"
        raise Refused(
            f"{key('evaluate.cluster_by')} is '{cluster_by}', and {told}.",
            f"{verb().known.capitalize()}; null takes problems for independent.",
        )


def _index(answer: Ending) -> tuple[int, str]:
    """The place of a sample among those of its problem, by the end of its id."""
    last = answer.id.rpartition("/")[2]
    return (int(last) if last.isdecimal() else 0), answer.id


def _repeated(ids: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in ids if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _refuse_some(who: str, what: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise Refused(f"{who} has {what}: {', '.join(names[:SHOWN])}{more}.", HINT)
