"""The answers of one model to one set, and their verdicts: on disk as they come, nothing twice."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from distill.evaluate.answers import Ending, Pair
from distill.evaluate.protocols import Protocol
from distill.evaluate.sets import ProblemSet
from distill.evaluate.stored import logs
from distill.files import Log
from distill.records import Problem, Sampling, Trace, Verdict, derived_seed
from distill.verify import judge_trace
from teachers.base import Request, Teacher
from teachers.sampler import sample

OnProgress = Callable[[str, int, int, Mapping[str, int]], None]
"""Called with who is evaluated, answers with a verdict, answers wanted, and how many have which verdict."""


def requests_for(problems: Sequence[Problem], protocol: Protocol, seed: int, k: int) -> list[Request]:
    """First samples of all problems, then second ones, ...; a sample's seed depends on nothing but seed, problem and
    index, so every model is asked alike, and more samples later leave the first as they are."""
    messages = [protocol.prompt.messages(p.question) for p in problems]
    return [
        Request(
            id=f"{p.id}/{index}",
            problem=p,
            messages=asked,
            sampling=Sampling(
                temperature=protocol.temperature,
                top_p=protocol.top_p,
                max_tokens=protocol.max_tokens,
                seed=derived_seed(seed, "evaluate", p.id, index),
            ),
        )
        for index in range(k)
        for p, asked in zip(problems, messages, strict=True)
    ]


class Answers:
    """What one model has answered to one set so far."""

    def __init__(self, who: str, asked: ProblemSet, folder: Path, on_progress: OnProgress) -> None:
        self.name = asked.name
        self._called = who if asked.name == "held_out" else f"{who} on {asked.name}"
        self._samples, self._verdicts = map(Log, logs(folder, asked.name, who))
        self._problems = {p.id: p for p in asked.problems}
        self._on_progress = on_progress
        self._held = {t.id for t in self._samples.each(Trace)}
        self._verdicts.leave_out(Verdict, lambda v: v.trace_id not in self._held)  # somebody deleted the answer
        self._judged = {v.trace_id: v for v in self._verdicts.each(Verdict)}
        self._counts: Counter[str] = Counter()

    def lacks(self, requests: Sequence[Request]) -> int:
        """How many of them have no answer yet."""
        return sum(request.id not in self._held for request in requests)

    async def sample(self, teacher: Teacher, requests: Sequence[Request]) -> None:
        """Ask what has no answer yet, judge what has no verdict yet.

        Raises:
            TeacherError: a request got no answer; all others are on disk.
        """
        wanted = self.judge(requests)
        if self.lacks(requests):
            await sample(teacher, requests, self._samples, lambda traces: self._arrived(traces, wanted))

    def judge(self, requests: Sequence[Request]) -> set[str]:
        """Judge what has an answer and no verdict yet; returns the ids of all."""
        wanted = {request.id for request in requests}
        self._counts = Counter(v.verdict for v in self._judged.values() if v.trace_id in wanted)
        self._arrived([t for t in self._samples.each(Trace) if t.id in wanted], wanted)
        return wanted

    def _arrived(self, traces: Sequence[Trace], wanted: set[str]) -> None:
        fresh = [t for t in traces if t.id not in self._judged]
        verdicts = [judge_trace(t, self._problems[t.problem_id]) for t in fresh]
        self._verdicts.append(verdicts)
        self._judged.update({v.trace_id: v for v in verdicts})
        self._held.update(t.id for t in traces)
        self._counts.update(v.verdict for v in verdicts if v.trace_id in wanted)
        self._on_progress(self._called, self._counts.total(), len(wanted), self._counts)

    def pairs(self, k: int) -> list[Pair]:
        """How the first k answers of every problem ended, with their verdicts."""
        wanted = {f"{problem}/{index}" for problem in self._problems for index in range(k)}
        return [(Ending.of(t), self._judged[t.id]) for t in self._samples.each(Trace) if t.id in wanted]
