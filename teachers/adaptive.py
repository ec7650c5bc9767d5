"""Which sample is worth asking for next: adaptive rejection sampling.

A problem is sampled until enough of its traces are accepted, until its next sample is too unlikely to be, or up to its
cap. Requests go first to where the next accepted trace is cheapest. Decisions depend on the samples alone, taken in
the order of the log, so a run that goes on after a kill decides as if nothing had happened.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from distill.recipe import Harvest
from distill.records import Problem, Trace
from teachers.bands import decide
from teachers.base import Request
from teachers.posterior import UNKNOWN, Beta, fit

FIRST_FIT = 64
"""Samples before the prior is fitted for the first time; again whenever they have doubled."""

PROMPT_ROOM = 400
"""Tokens of chat template and instructions around a question, before the first answer tells."""


@dataclass
class _Progress:
    """One problem."""

    problem: Problem
    place: int
    """In the order of the problems, which decides between equals."""
    done: int = 0
    """Bit i is set once sample i has come back."""
    in_flight: dict[int, int] = field(default_factory=dict)
    """Index -> tokens set aside for it."""
    prompt_tokens: int = 0
    """As its answers told; 0 before the first."""
    accepted: int = 0
    tokens: int = 0
    given_up: bool = False
    """A request failed for good: no more of it in this attempt."""

    @property
    def sampled(self) -> int:
        return self.done.bit_count()

    def next_index(self) -> int:
        """The first that was neither sampled nor asked for; a gap is one that failed in an earlier attempt."""
        return next(i for i in count() if not self.done >> i & 1 and i not in self.in_flight)


class AdaptivePlan:
    """Hands out requests and learns from the traces that come back."""

    def __init__(
        self,
        problems: list[Problem],
        spec: Harvest,
        request: Callable[[Problem, int], Request],
        most: Callable[[Problem, Harvest], int] = lambda _, spec: spec.samples_per_problem,
    ) -> None:
        """`request` makes the sample of a problem with an index; a problem can have so many as `most` says."""
        self.spec = spec
        self.prior: Beta = UNKNOWN
        self.tokens = 0
        """Spent so far, prompts included."""
        self._request = request
        self._most = most
        self._samples = 0
        self._reserved = 0
        """Tokens set aside for what is under way."""
        self._all = {p.id: _Progress(p, place) for place, p in enumerate(problems)}
        self._queue: list[tuple[float, int, str]] = []
        self._requeue()

    def take(self, most: int) -> list[Request]:
        """Up to `most` further requests; none when nothing is worth asking for now."""
        taken: list[Request] = []
        while len(taken) < most and self._queue:
            _, _, key = heappop(self._queue)
            progress = self._all[key]
            if not self._wanted(progress):
                continue
            longest = self._longest(progress)
            if not self._affords(longest):
                if self._reserved:  # may be affordable once what is under way has come back shorter
                    self._enqueue(progress)
                    break
                continue
            index = progress.next_index()
            taken.append(self._request(progress.problem, index))
            progress.in_flight[index] = longest
            self._reserved += longest
            self._enqueue(progress)
        return taken

    def failed(self, request: Request) -> None:
        """A request got no answer; its problem rests for this attempt."""
        progress = self._all[request.problem.id]
        self._reserved -= progress.in_flight.pop(int(request.id.rsplit("/", 1)[1]), 0)
        progress.given_up = True

    def note(self, trace: Trace, accepted: bool) -> None:
        """Learn from a trace, new or from the log of an earlier attempt."""
        progress = self._all[trace.problem_id]
        index = int(trace.id.rsplit("/", 1)[1])
        self._reserved -= progress.in_flight.pop(index, 0)
        progress.prompt_tokens = max(progress.prompt_tokens, trace.prompt_tokens)
        progress.done |= 1 << index
        progress.accepted += accepted
        progress.tokens += trace.completion_tokens
        self.tokens += trace.prompt_tokens + trace.completion_tokens
        self._samples += 1
        if self._samples >= FIRST_FIT and self._samples.bit_count() == 1:
            self.prior = fit(Counter((p.accepted, p.sampled) for p in self._all.values()))
            self._requeue()
        else:
            self._enqueue(progress)

    def sides(self) -> dict[str, float]:
        """Problems below, inside and above the band or undecided, and how many of them all samples would expectedly
        have put elsewhere."""
        if self.spec.band is None:
            return {}
        found = [decide(self.spec.band, p.accepted, p.sampled, self.prior) for p in self._all.values()]
        told = Counter("undecided" if d is None else d.side for d in found)
        differing = sum(d.chance_of_error for d in found if d is not None)
        return {**{s: told[s] for s in ("below", "inside", "above", "undecided")}, "expected_to_differ": differing}

    def _wanted(self, progress: _Progress) -> bool:
        """Is another sample of this problem worth its tokens, given what is under way?"""
        target = self.spec.accepted_per_problem or self.spec.samples_per_problem
        asked = progress.sampled + len(progress.in_flight)
        if progress.given_up or asked >= self._most(progress.problem, self.spec):
            return False
        if self.spec.band is not None:
            under_way = len(progress.in_flight)
            return under_way == 0 and decide(self.spec.band, progress.accepted, progress.sampled, self.prior) is None
        if progress.accepted + len(progress.in_flight) >= target:
            return False  # what is under way may suffice
        return self._chance(progress) >= self.spec.min_chance

    def _chance(self, progress: _Progress) -> float:
        return self.prior.after(progress.accepted, progress.sampled).mean

    def _cost(self, progress: _Progress) -> float:
        """Expected tokens for the next accepted trace; a problem's own mean length counts as one more sample's."""
        usual = max(1.0, self.tokens / max(1, self._samples))
        return (progress.tokens + usual) / (progress.sampled + 1) / max(self._chance(progress), 1e-9)

    def _longest(self, progress: _Progress) -> int:
        """Tokens that a sample can cost; a prompt that was never sent counts as a token a character."""
        return self.spec.max_tokens + (progress.prompt_tokens or len(progress.problem.question) + PROMPT_ROOM)

    def _affords(self, longest: int) -> bool:
        """Would the budget hold though this request and all that are under way were as long as they can be?"""
        budget = self.spec.max_total_tokens
        return budget is None or self.tokens + self._reserved + longest <= budget

    def _enqueue(self, progress: _Progress) -> None:
        if self._wanted(progress):
            heappush(self._queue, (self._cost(progress), progress.place, progress.problem.id))

    def _requeue(self) -> None:
        self._queue = []
        for progress in self._all.values():
            self._enqueue(progress)
