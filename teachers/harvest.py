"""Sample every training problem and judge what comes back: `traces/samples.jsonl` and `verdicts.jsonl`."""

import asyncio
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.files import Log
from distill.recipe import (
    EndpointTeacher,
    Harvest,
    LocalTeacher,
    Price,
    Problems,
    ProgramTeacher,
    Recipe,
    ReplayTeacher,
    TracesProblems,
    VLLMTeacher,
)
from distill.recipe import Teacher as TeacherSpec
from distill.records import Problem, Sampling, Trace, derived_seed
from distill.verify import configure
from teachers.adaptive import AdaptivePlan
from teachers.base import Request, Teacher, TeacherError
from teachers.budget import Spent
from teachers.earlier import Earlier
from teachers.endpoint import Endpoint
from teachers.judge import second_instance
from teachers.ledger import Ledger, OnProgress
from teachers.local import LocalModel
from teachers.program import CountdownProgram
from teachers.replay import Replay
from teachers.sampler import InOrder, follow
from teachers.vllm import VLLM

logger = logging.getLogger(__name__)

FEWER_COLLECTIONS = 20_000
"""New objects, net, before Python looks for garbage among them; its own default is 700."""


def build_teacher(spec: TeacherSpec, problems: Problems, folder: Path, cut_loops: bool = True) -> Teacher:
    """The teacher that a recipe names; a server of ours keeps its log in `folder`.

    Models are found now and loaded at the first request.
    """
    match spec:
        case LocalTeacher():
            return LocalModel.from_recipe(spec, cut_loops)
        case EndpointTeacher():
            return Endpoint(spec, cut_loops)
        case VLLMTeacher():
            return VLLM(spec, folder / "vllm.log", cut_loops)
        case ProgramTeacher():
            return CountdownProgram(spec)
        case ReplayTeacher():
            assert isinstance(problems, TracesProblems)  # the recipe has seen to it
            return Replay(problems)


def price_of(spec: TeacherSpec) -> Price | None:
    return spec.price if isinstance(spec, EndpointTeacher | VLLMTeacher) else None


def requests_for(problems: list[Problem], harvest: Harvest, seed: int) -> Iterator[Request]:
    """The requests of a harvest, one after another: first samples of all training problems, then second ones, ..."""
    most = max((most_samples(p, harvest) for p in problems if not p.held_out), default=0)
    for index in range(most):
        for problem in problems:
            if not problem.held_out and index < most_samples(problem, harvest):
                yield request_for(problem, index, harvest, seed)


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
        TeacherError: the teacher or the judge failed; what they had answered before is on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    teacher = build_teacher(recipe.teacher, recipe.problems, folder, recipe.harvest.cut_loops)
    samples, verdicts = Log(folder / "samples.jsonl"), Log(folder / "verdicts.jsonl")
    earlier = Earlier(folder, recipe.harvest.cut_loops)
    if samples.torn or verdicts.torn:
        logger.info("harvest: a torn last line (%d bytes) was dropped", samples.torn + verdicts.torn)
    configure(recipe.verify)
    training = [p for p in problems if not p.held_out]
    wanted = sum(most_samples(p, recipe.harvest) for p in training)
    ledger = Ledger(verdicts, {p.id: p for p in training}, wanted, on_progress, recipe.harvest.accept)
    plan = _plan(recipe, training, samples, ledger, teacher)
    with _collector_spared():
        failures = asyncio.run(_sample_all(teacher, plan, samples, ledger, recipe.harvest.allow_unanswered, earlier))
    judged = {}
    if recipe.verify.judge is not None:
        judged = {"judge": second_instance(recipe.verify.judge, ledger.problems, folder, recipe.seed, on_progress)}
    counts, price = ledger.counts(), price_of(recipe.teacher)
    spent = Spent(counts["prompt_tokens"], counts["completion_tokens"])
    return {
        **counts,
        **({"cost": (plan.budget.spent if isinstance(plan, AdaptivePlan) else spent).cost(price)} if price else {}),
        **({"band": plan.sides()} if isinstance(plan, AdaptivePlan) and recipe.harvest.band else {}),
        **judged,
        "unit": "words" if isinstance(recipe.teacher, ProgramTeacher) else "tokens",
        "unanswered": [str(e) for e in failures[:100]],
        "adopted": earlier.used,
        "torn_bytes": samples.torn + verdicts.torn,
    }


@contextmanager
def _collector_spared() -> Iterator[None]:
    """Until the harvest ends, garbage is looked for less often, and not in what is in memory by now.

    A full collection would look at a million objects of 200,000 problems, which all live to the end, and every other
    at those of the requests under way: a third of all time together.
    """
    if gc.get_freeze_count():  # somebody else's, not ours to thaw
        yield
        return
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(FEWER_COLLECTIONS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _plan(
    recipe: Recipe, training: list[Problem], samples: Log, ledger: Ledger, teacher: Teacher
) -> AdaptivePlan | InOrder:
    """What is asked for, given what earlier attempts have brought."""
    if not recipe.harvest.is_adaptive():
        held = {trace.request for trace, _ in ledger.resume(samples)}
        todo = requests_for(training, recipe.harvest, recipe.seed)
        return InOrder(r for r in todo if r.digest(teacher.name) not in held)

    def request(problem: Problem, index: int) -> Request:
        return request_for(problem, index, recipe.harvest, recipe.seed)

    plan = AdaptivePlan(training, recipe.harvest, request, most_samples, price_of(recipe.teacher))
    for trace, accepted in ledger.resume(samples):
        plan.note(trace, accepted)
    plan.refuse_if_too_poor()
    return plan


async def _sample_all(
    teacher: Teacher,
    plan: AdaptivePlan | InOrder,
    samples: Log,
    ledger: Ledger,
    allow_unanswered: int,
    earlier: Earlier,
) -> list[TeacherError]:
    def learn(traces: list[Trace]) -> None:
        for trace, accepted in ledger.judge(traces):
            if isinstance(plan, AdaptivePlan):
                plan.note(trace, accepted)

    try:
        return await follow(teacher, plan, samples, learn, allow_unanswered, earlier)
    finally:
        await teacher.close()
