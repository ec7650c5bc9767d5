"""Which traces teach: the steps in their order, each with its count in the funnel."""

import random
import re
from collections import Counter
from dataclasses import dataclass

from distill.errors import Refused
from distill.recipe import Curate
from distill.records import Problem, Trace, Verdict, derived_seed


@dataclass(frozen=True)
class Candidate:
    """A trace with its problem and verdict."""

    problem: Problem
    trace: Trace
    verdict: Verdict


@dataclass(frozen=True)
class Step:
    """One step of the funnel: what it is and how many traces and problems were left after it."""

    name: str
    traces: int
    problems: int


def select(
    candidates: list[Candidate], held_out: list[Problem], spec: Curate, seed: int
) -> tuple[list[Candidate], list[Step]]:
    """Run the funnel. The result is the same, row by row, for the same candidates and seed.

    Raises:
        Refused: a step leaves nothing.
    """
    funnel: list[Step] = []

    def keep(name: str, kept: list[Candidate]) -> list[Candidate]:
        funnel.append(Step(name, len(kept), len({c.problem.id for c in kept})))
        if not kept:
            raise Refused(_nothing_left(funnel, candidates), "Nothing was trained; the traces are kept.")
        return kept

    rows = keep("sampled", sorted(candidates, key=lambda c: c.trace.id))
    rows = keep(f"verdict: {spec.require_verdict}", [c for c in rows if _accepted(c, spec)])
    rows = keep("finished", [c for c in rows if c.trace.finish_reason == "stop"])
    if any(c.verdict.flaw for c in rows):
        rows = keep("accepted by harvest.accept", [c for c in rows if c.verdict.flaw is None])
    if spec.require_reasoning:
        rows = keep("has reasoning", [c for c in rows if c.trace.reasoning])
    if spec.decontaminate:
        evaluated = {asked(p) for p in held_out}
        rows = keep("not in the evaluation", [c for c in rows if asked(c.problem) not in evaluated])
    if spec.deduplicate:
        rows = keep("not a duplicate", _without_duplicates(rows))
    rows = keep(f"{spec.select}, at most {spec.traces_per_problem or 'all'} a problem", _per_problem(rows, spec, seed))
    if spec.max_rows is not None and len(rows) > spec.max_rows:
        rows = keep(f"at most {spec.max_rows} rows", random.Random(seed).sample(rows, spec.max_rows))
    return random.Random(seed).sample(rows, len(rows)), funnel


def asked(problem: Problem) -> str:
    """What two problems that ask the same have in common. Puzzles are drawn with punctuation and spaces: all counts."""
    return problem.question if problem.kind == "reasoning_gym" else normalised(problem.question)


def normalised(question: str) -> str:
    """Lower case, LaTeX spacing, white space and punctuation gone; digits, letters and operators stay.

    Numbers side by side stay apart: `1 11` is not `11 1`.
    """
    text = re.sub(r"\\(?:left|right|,|;|!|\s)", "", question.lower())
    text = re.sub(r"(?<=\d)\s+(?=\d)", "^", text)
    return re.sub(r"[^\w+\-*/=<>^%]", "", text)


def _accepted(candidate: Candidate, spec: Curate) -> bool:
    accepted = {
        "correct": ("correct",),
        "correct_or_unknown": ("correct", "unknown"),
        "any_i_accept_wrong_traces": ("correct", "unknown", "wrong"),
    }[spec.require_verdict]
    return candidate.verdict.verdict in accepted


def _without_duplicates(rows: list[Candidate]) -> list[Candidate]:
    """The first of equal traces; and of problems that ask the same, the first one's traces."""
    first_asked: dict[str, str] = {}
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for c in rows:
        question = asked(c.problem)
        key = (question, c.trace.reasoning, c.trace.response)
        if first_asked.setdefault(question, c.problem.id) == c.problem.id and key not in seen:
            seen.add(key)
            kept.append(c)
    return kept


def _per_problem(rows: list[Candidate], spec: Curate, seed: int) -> list[Candidate]:
    order = {
        "shortest": lambda c: (c.trace.completion_tokens, c.trace.id),
        "longest": lambda c: (-c.trace.completion_tokens, c.trace.id),
        "random": lambda c: (derived_seed(seed, c.trace.id), c.trace.id),
        "all": lambda c: (0, c.trace.id),
    }[spec.select]
    taken: Counter[str] = Counter()
    kept = []
    for c in sorted(rows, key=order):
        if spec.traces_per_problem is None or taken[c.problem.id] < spec.traces_per_problem:
            taken[c.problem.id] += 1
            kept.append(c)
    return sorted(kept, key=lambda c: c.trace.id)


def _nothing_left(funnel: list[Step], candidates: list[Candidate]) -> str:
    if len(funnel) > 1 and funnel[-1].name.startswith("verdict"):
        reasons = Counter(f"{c.verdict.verdict}: {c.verdict.reason}" for c in candidates).most_common(3)
        told = ", ".join(f"{n} x {reason}" for reason, n in reasons)
        return f"all {funnel[0].traces} traces were rejected ({told})"
    return f"no trace is left after the step '{funnel[-1].name}' of {len(candidates)} sampled"
