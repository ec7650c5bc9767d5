"""Data sets of reasoning_gym and verdicts on them, for the tests."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from distill.gym_problems import draw
from distill.recipe import GymProblems
from distill.records import Problem
from distill.verify import judge, limit_time
from distill.verify.gym import Scorer
from distill.verify.gym_rules import REFUSED

factory = pytest.importorskip("reasoning_gym.factory", reason="the extra `gym` is not installed")
NAMES = sorted(factory.DATASETS.keys() - REFUSED)

MAKER = Scorer()


def spec(*datasets: Any, **fields: Any) -> GymProblems:
    return GymProblems.model_validate({"source": "reasoning_gym", "datasets": list(datasets), **fields})


@cache
def problems_of(name: str) -> list[Problem]:
    """Two training problems and one held out."""
    return draw(spec(name, count=2, held_out=1), 3, MAKER)


def verdict(problem: Problem, text: str) -> str:
    return judge(problem.kind, f"So it is\n<answer>{text}</answer>", problem.answer, problem.data).verdict


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    yield
    limit_time(5.0)
