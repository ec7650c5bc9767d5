"""Answers whose thinking is limited, as a teacher that the sampler asks; what was done lies beside each trace."""

from typing import Any

from distill.files import Log
from distill.records import Problem, Trace, Verdict, derived_seed, digest
from distill.scaling.forced import Forced, Limits
from distill.scaling.forcing import Forcing, Thought
from distill.verify import judge_trace
from teachers.base import Completion, Request

GAVE_NONE = "forced to answer, and gave none"
REJECTED = "no sample fits the budget"


class ForcedAnswers:
    """Every answer by one setting: budget forcing, or with `tries` rejection sampling.

    Rejection sampling (s1, section 3.1) samples thinking of at most budget + 1 tokens until one ends by itself within
    the budget. The published code tries for ever; here `tries` bound it, and a problem without a fitting sample has no
    answer.
    """

    def __init__(self, forcing: Forcing, limits: Limits, log: Log, tries: int = 0) -> None:
        told: list[Any] = [vars(limits), forcing.form, forcing.wait, forcing.final, tries]
        self.name = f"{forcing.engine.name} {digest(told, 8)}"
        self.concurrency = forcing.engine.concurrency
        self._forcing, self._limits, self._log, self._tries = forcing, limits, log, tries
        self.forced = {one.trace_id: one for one in log.each(Forced)}

    async def answer(self, request: Request) -> Completion:
        prompt = self._forcing.prompt(request.messages)
        completion, forced = await (self._rejecting if self._tries else self._forcing_once)(request, prompt)
        self._log.append([forced])  # before the trace, which says that the answer is whole
        self.forced[forced.trace_id] = forced
        return completion

    async def close(self) -> None:
        """The engine is others' as well."""

    async def _forcing_once(self, request: Request, prompt: list[int]) -> tuple[Completion, Forced]:
        thought = await self._forcing.think(prompt, self._limits, request.sampling)
        return await self._forcing.answer(request, prompt, thought, self._limits)

    async def _rejecting(self, request: Request, prompt: list[int]) -> tuple[Completion, Forced]:
        limits = Limits(self._limits.budget + 1, self._limits.answer)
        rounds: list[int] = []
        for attempt in range(self._tries):
            own = request.sampling.model_copy(update={"seed": derived_seed(request.sampling.seed, "attempt", attempt)})
            thought = await self._forcing.think(prompt, limits, own)
            rounds += thought.rounds
            if thought.last.reason == "stop" and sum(thought.rounds) <= self._limits.budget:
                fits = Thought(thought.ids, thought.last, 0, tuple(rounds), thought.exact)
                completion, forced = await self._forcing.answer(request, prompt, fits, limits)
                return completion, forced.model_copy(update={"budget": self._limits.budget})
        return self._without_answer(request, len(prompt), tuple(rounds))

    def _without_answer(self, request: Request, prompt: int, rounds: tuple[int, ...]) -> tuple[Completion, Forced]:
        forced = Forced(
            trace_id=request.id,
            budget=self._limits.budget,
            waits=0,
            ended="rejected",
            thinking_tokens=0,
            rounds=rounds,
            answer_tokens=0,
            answered=False,
            exact=True,
        )
        return Completion("", "length", prompt, sum(rounds)), forced


def judged(trace: Trace, problem: Problem, forced: Forced) -> Verdict:
    """The verdict on a forced answer, as of any other, but that our own cut makes no answer `wrong` that is none.

    Where thinking was cut by force and no answer was found behind it (it is empty, or cut as well), or no sample
    fitted, the verdict is `unknown`. Accuracy counts it as not correct, and the curve tells how many there are.
    """
    found = judge_trace(trace, problem)
    by_force = forced.ended in ("cut", "text", "rejected")
    if not by_force or found.verdict != "wrong" or (forced.answered and found.extracted is not None):
        return found
    reason = REJECTED if forced.ended == "rejected" else GAVE_NONE
    return found.model_copy(update={"verdict": "unknown", "extracted": None, "reason": reason})
