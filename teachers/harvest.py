"""Sample every training problem and judge what comes back: `traces/samples.jsonl` and `verdicts.jsonl`."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distill.files import Log
from distill.recipe import (
    EndpointTeacher,
    Harvest,
    LocalTeacher,
    Problems,
    ProgramTeacher,
    Recipe,
    ReplayTeacher,
    TracesProblems,
    VLLMTeacher,
)
from distill.recipe import Teacher as TeacherSpec
from distill.records import Problem, Sampling, Trace, Verdict, derived_seed
from distill.verify import judge_trace
from distill.verify.math import comparer
from teachers.adaptive import AdaptivePlan
from teachers.base import Request, Teacher, TeacherError
from teachers.earlier import Earlier
from teachers.endpoint import Endpoint
from teachers.local import LocalModel
from teachers.program import CountdownProgram
from teachers.replay import Replay
from teachers.sampler import InOrder, follow
from teachers.vllm import VLLM

logger = logging.getLogger(__name__)

OnProgress = Callable[[int, int, dict[str, int]], None]
"""Called with samples on disk, samples wanted, and counts (correct, wrong, unknown)."""


def build_teacher(spec: TeacherSpec, problems: Problems, folder: Path, cut_loops: bool = True) -> Teacher:
    """The teacher that a recipe names; a server of ours keeps its log in `folder`.

    Models are found now and loaded at the first request.
    """
    match spec:
        case LocalTeacher():
            return LocalModel.from_recipe(spec)
        case EndpointTeacher():
            return Endpoint(spec, cut_loops)
        case VLLMTeacher():
            return VLLM(spec, folder / "vllm.log", cut_loops)
        case ProgramTeacher():
            return CountdownProgram(spec)
        case ReplayTeacher():
            assert isinstance(problems, TracesProblems)  # the recipe has seen to it
            return Replay(problems)


def requests_for(problems: list[Problem], harvest: Harvest, seed: int) -> list[Request]:
    """All requests of a harvest; each sample's seed depends on its problem and index alone."""
    return [
        request_for(problem, index, harvest, seed)
        for index in range(harvest.samples_per_problem)
        for problem in problems
        if not problem.held_out and index < most_samples(problem, harvest)
    ]


def most_samples(problem: Problem, harvest: Harvest) -> int:
    """Samples that a problem can have: what the recipe allows, of published traces no more than there are."""
    places = problem.data.get("traces")
    return harvest.samples_per_problem if places is None else min(harvest.samples_per_problem, len(places))


def request_for(problem: Problem, index: int, harvest: Harvest, seed: int) -> Request:
    """One sample of a problem; its seed depends on the problem and the index alone."""
    return Request(
        id=f"{problem.id}/{index}",
        problem=problem,
        messages=harvest.prompt.messages(problem.question),
        sampling=Sampling(
            temperature=harvest.temperature,
            top_p=harvest.top_p,
            max_tokens=harvest.max_tokens,
            seed=derived_seed(seed, problem.id, index),
        ),
    )


def harvest(recipe: Recipe, problems: list[Problem], folder: Path, on_progress: OnProgress) -> dict[str, Any]:
    """Sample and judge until every request has a trace and every trace a verdict. Returns the counts.

    What earlier recipes have paid for lies beside `folder` and is not asked again (`Earlier`), so that a larger
    harvest pays for what is new only.

    Raises:
        TeacherError: the teacher failed; what it had answered before is on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    teacher = build_teacher(recipe.teacher, recipe.problems, folder, recipe.harvest.cut_loops)
    samples, verdicts = Log(folder / "samples.jsonl"), Log(folder / "verdicts.jsonl")
    wanted = requests_for(problems, recipe.harvest, recipe.seed)
    earlier = Earlier(folder)
    if samples.torn or verdicts.torn:
        logger.info("harvest: a torn last line (%d bytes) was dropped", samples.torn + verdicts.torn)
    comparer.timeout_seconds = recipe.verify.timeout_seconds
    ledger = _Ledger(verdicts, {p.id: p for p in problems}, len(wanted), on_progress)
    ledger.judge(samples.read(Trace))
    plan = _plan(recipe, problems, wanted, samples, teacher)
    failures = asyncio.run(_sample_all(teacher, plan, samples, ledger, recipe.harvest.allow_unanswered, earlier))
    return {
        **_counts(recipe, samples.read(Trace), ledger),
        "unanswered": [str(e) for e in failures[:100]],
        "adopted": earlier.used,
        "torn_bytes": samples.torn + verdicts.torn,
    }


def _plan(
    recipe: Recipe, problems: list[Problem], wanted: list[Request], samples: Log, teacher: Teacher
) -> AdaptivePlan | InOrder:
    if recipe.harvest.is_adaptive():
        training = [p for p in problems if not p.held_out]
        return AdaptivePlan(
            training, recipe.harvest, lambda p, i: request_for(p, i, recipe.harvest, recipe.seed), most_samples
        )
    held = {trace.request for trace in samples.read(Trace)}
    return InOrder([r for r in wanted if r.digest(teacher.name) not in held])


async def _sample_all(
    teacher: Teacher,
    plan: AdaptivePlan | InOrder,
    samples: Log,
    ledger: "_Ledger",
    allow_unanswered: int,
    earlier: Earlier,
) -> list[TeacherError]:
    def learn(traces: list[Trace]) -> None:
        ledger.judge(traces)
        if isinstance(plan, AdaptivePlan):
            for trace in traces:
                plan.note(trace, ledger.verdicts[trace.id].verdict == "correct")

    try:
        if isinstance(plan, AdaptivePlan):
            learn(samples.read(Trace))  # of an earlier attempt
        return await follow(teacher, plan, samples, learn, allow_unanswered, earlier)
    finally:
        await teacher.close()


class _Ledger:
    """Verdicts as they come: judged once, written in lines of their own."""

    def __init__(self, log: Log, problems: dict[str, Problem], wanted: int, on_progress: OnProgress) -> None:
        self.log = log
        self.problems = problems
        self.wanted = wanted
        self.on_progress = on_progress
        self.verdicts = {v.trace_id: v for v in log.read(Verdict)}
        self.counts: Counter[str] = Counter(v.verdict for v in self.verdicts.values())

    def judge(self, traces: list[Trace]) -> None:
        """Judge the traces that have no verdict yet and append theirs."""
        fresh = [judge_trace(t, self.problems[t.problem_id]) for t in traces if t.id not in self.verdicts]
        self.log.append(fresh)
        self.verdicts.update({v.trace_id: v for v in fresh})
        self.counts.update(v.verdict for v in fresh)
        self.on_progress(len(self.verdicts), self.wanted, self.counts)


def _counts(recipe: Recipe, traces: list[Trace], ledger: _Ledger) -> dict[str, Any]:
    verdicts = list(ledger.verdicts.values())
    correct = {t.problem_id for t in traces if ledger.verdicts[t.id].verdict == "correct"}
    return {
        "samples": len(traces),
        "problems": len({t.problem_id for t in traces}),
        "problems_solved": len(correct),
        **{name: sum(v.verdict == name for v in verdicts) for name in ("correct", "wrong", "unknown")},
        "reasons": dict(Counter(f"{v.verdict}: {v.reason}" for v in verdicts).most_common()),
        "truncated": sum(t.finish_reason == "length" for t in traces),
        "looping": sum(t.finish_reason == "loop" for t in traces),
        "unit": "words" if isinstance(recipe.teacher, ProgramTeacher) else "tokens",
        "prompt_tokens": sum(t.prompt_tokens for t in traces),
        "completion_tokens": sum(t.completion_tokens for t in traces),
        "estimated_tokens": sum(t.completion_tokens for t in traces if not t.counted),
    }
