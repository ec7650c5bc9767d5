"""An adaptive harvest over answers that are known already, for the benchmarks that simulate one."""

import random
from collections import Counter
from collections.abc import Callable

from distill.recipe import Harvest
from distill.records import Problem, Sampling, Trace
from teachers.adaptive import AdaptivePlan
from teachers.base import Request

Answers = Callable[[str], tuple[bool, int, int]]
"""From a sample's id: is it accepted, its completion tokens, its prompt tokens."""


def follow(
    problems: list[Problem], spec: Harvest, answers: Answers, at_once: int, rng: random.Random
) -> tuple[AdaptivePlan, Counter[str]]:
    """Follow the plan to its end, answers arriving in random order; returns it and the samples asked for by problem."""
    plan = AdaptivePlan(problems, spec, lambda p, j: Request(f"{p.id}/{j}", p, [], Sampling(seed=j)))
    under_way: list[Request] = []
    asked: Counter[str] = Counter()
    while True:
        under_way += plan.take(at_once - len(under_way))
        if not under_way:
            return plan, asked
        request = under_way.pop(rng.randrange(len(under_way)))
        accepted, tokens, prompt = answers(request.id)
        made = Trace(
            id=request.id, problem_id=request.problem.id, request="", reasoning="", response="", finish_reason="stop",
            prompt_tokens=prompt, completion_tokens=tokens, model="", sampling=request.sampling,
        )  # fmt: skip
        plan.note(made, accepted)
        asked[request.problem.id] += 1
