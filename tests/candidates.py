"""Traces in memory with their verdicts, and what a curation takes of them."""

from typing import NamedTuple

from distill.curate.steps.problems import Ask
from distill.curate.steps.select import Outside, Selection, select
from distill.curate.traces.columns import measured
from distill.curate.traces.sources import Judged, Read
from distill.recipe import Curate
from distill.records import Problem, Sampling, Trace, Verdict


class Candidate(NamedTuple):
    problem: Problem
    trace: Trace
    verdict: Verdict


def candidate(
    problem: str,
    index: int,
    verdict: str = "correct",
    text: str = "",
    tokens: int = 10,
    question: str = "",
    finish: str = "stop",
) -> Candidate:
    trace_id = f"{problem}/{index}"
    return Candidate(
        Problem(id=problem, question=question or f"Question {problem}?", answer="", kind="math", source="test"),
        Trace(
            id=trace_id,
            problem_id=problem,
            request=trace_id,
            reasoning="",
            response=text or f"answer {trace_id}",
            finish_reason=finish,  # type: ignore[arg-type]
            prompt_tokens=1,
            completion_tokens=tokens,
            model="m",
            sampling=Sampling(),
        ),
        Verdict(trace_id=trace_id, verdict=verdict, extracted=None, reason="why", kind="math"),  # type: ignore[arg-type]
    )


def selected(
    candidates: list[Candidate], held_out: list[Problem], seed: int = 0, ask: Ask | None = None, **spec: object
) -> Selection:
    reads = [
        Read(
            at,
            c.problem,
            c.trace,
            Judged(c.verdict.verdict, c.verdict.flaw is not None, c.verdict.reason, "rules", "math"),
        )
        for at, c in enumerate(candidates)
    ]
    outside = Outside(held_out, ask=ask, read=lambda places: (reads[place] for place in places))
    return select(measured(reads), Curate(**spec), seed, outside)  # type: ignore[arg-type]


def chosen(candidates: list[Candidate], seed: int = 0, **spec: object) -> list[str]:
    return [candidates[row].trace.id for row in selected(candidates, [], seed, **spec).rows]
