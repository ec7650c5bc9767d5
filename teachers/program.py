"""The Countdown searcher as a teacher."""

import random

from distill.recipe import ProgramTeacher
from teachers.base import Completion, Request, TeacherError
from teachers.countdown import Strategy, think


class CountdownProgram:
    """Answers Countdown problems by search; deterministic in the sample's seed."""

    concurrency = 64

    def __init__(self, spec: ProgramTeacher) -> None:
        self.spec = spec
        self.name = f"countdown-search {spec.strategy} budget={spec.budget} beam={spec.beam_size}"

    async def answer(self, request: Request) -> Completion:
        data = request.problem.data
        if "numbers" not in data or "target" not in data:
            raise TeacherError(
                f"problem {request.problem.id} is no Countdown problem, the program teacher knows no other."
            )
        thoughts, expression = think(
            data["numbers"],
            data["target"],
            self._strategy(request.sampling.seed),
            self.spec.budget,
            self.spec.beam_size,
        )
        answer = f"<answer>{expression}</answer>" if expression else "I found no solution."
        text = f"<think>\n{thoughts}\n</think>\n\n{answer}"
        # a program has no tokens; its words are the unit that budgets and reports count
        return Completion(text, "stop", prompt_tokens=0, completion_tokens=len(text.split()))

    async def close(self) -> None:
        return None

    def _strategy(self, seed: int) -> Strategy:
        if self.spec.strategy == "mixed":
            return random.Random(seed).choice(("dfs", "bfs"))
        return self.spec.strategy
