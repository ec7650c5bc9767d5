"""Which sample is worth asking for next: adaptive rejection sampling.

A problem is sampled until enough of its traces are accepted, until its next sample is too unlikely to be, or up to its
cap; the harvest ends with the last problem, or once enough problems are covered. Requests go first to where the next
accepted trace is cheapest. Decisions depend on the samples alone, taken in the order of the log, so a run that goes on
after a kill decides as if nothing had happened.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from distill.errors import Refused
from distill.recipe import Harvest, Price
from distill.records import Problem, Trace
from teachers.bands import decide
from teachers.base import Request
from teachers.budget import NOTHING, Budget, Spent, longest_sample, spent_on
from teachers.known import features
from teachers.pass_rates import PassRates
from teachers.posterior import Beta

FIRST_FIT = 64
"""Samples before pass rates are fitted for the first time; again whenever they have doubled."""


@dataclass(slots=True)
class _Progress:
    """One problem."""

    problem: Problem
    place: int
    """In the order of the problems, which decides between equals."""
    done: int = 0
    """Bit i is set once sample i has come back."""
    in_flight: dict[int, Spent] = field(default_factory=dict)
    """Index -> tokens set aside for it."""
    longest: Spent = NOTHING
    """What a sample of it can cost; the prompt as its answers told, once they have."""
    accepted: int = 0
    spent: Spent = NOTHING
    given_up: bool = False
    """A request failed for good: no more of it in this attempt."""
    queued_at: float | None = None
    """The cost of its entry in the queue that counts; older ones are passed over."""
    soon: float = 0.0
    """Chance that what is under way covers it."""

    @property
    def sampled(self) -> int:
        return self.done.bit_count()

    def next_index(self) -> int:
        """The first that was neither sampled nor asked for; a gap is one that failed in an earlier attempt."""
        taken = self.done | sum(1 << i for i in self.in_flight)
        return (~taken & (taken + 1)).bit_length() - 1  # the lowest bit that is not set


class AdaptivePlan:
    """Hands out requests and learns from the traces that come back."""

    def __init__(
        self,
        problems: list[Problem],
        spec: Harvest,
        request: Callable[[Problem, int], Request],
        most: Callable[[Problem, Harvest], int] = lambda _, spec: spec.samples_per_problem,
        price: Price | None = None,
    ) -> None:
        """`request` makes the sample of a problem with an index; a problem can have so many as `most` says."""
        self.spec = spec
        self.budget = Budget(spec, price)
        self.covered = 0
        """Problems with as many accepted traces as are wanted."""
        self._price = price
        self._request = request
        self._most = most
        self._target = spec.accepted_per_problem or spec.samples_per_problem
        self._samples = 0
        self._expected = 0.0
        """Problems that what is under way is expected to cover."""
        self._rates = PassRates(features(problems))
        self._fitted = False
        self._all = {p.id: _Progress(p, place, longest=longest_sample(p, spec)) for place, p in enumerate(problems)}
        self._queue: list[tuple[float, int, int, str]] = []
        """Cost, samples that it has or will have, place, id."""
        self._requeue()

    def take(self, most: int) -> list[Request]:
        """Up to `most` further requests; none when nothing is worth asking for now."""
        taken: list[Request] = []
        while len(taken) < most and self._queue and not self._suffices():
            cost, _, _, key = heappop(self._queue)
            progress = self._all[key]
            if cost != progress.queued_at or not self._wanted(progress):
                continue  # an entry from before its last answer
            progress.queued_at = None
            longest = progress.longest
            if not self.budget.affords(longest):
                if self.budget.could_afford(longest):  # once what is under way has come back shorter
                    self._enqueue(progress)
                    break
                continue
            index = progress.next_index()
            taken.append(self._request(progress.problem, index))
            progress.in_flight[index] = longest
            self.budget.reserved += longest
            self._look_ahead(progress)
            self._enqueue(progress)
        return taken

    def refuse_if_too_poor(self) -> None:
        """
        Raises:
            Refused: the budget pays for no sample of any problem.
        """
        fits = [self.budget.could_afford(p.longest) for p in self._all.values() if self._wanted(p)]
        if fits and not any(fits) and not self._samples:
            least = min((p.longest for p in self._all.values()), key=lambda one: one.cost(self._price))
            cost = f" ({least.cost(self._price):.3g} at teacher.price)" if self._price else ""
            raise Refused(
                f"harvest.max_total_tokens or harvest.max_cost pays for no answer: the shortest prompt and "
                f"harvest.max_tokens={self.spec.max_tokens} come to {least.tokens:,} tokens{cost}.",
                "Raise the budget, or lower harvest.max_tokens.",
            )

    def failed(self, request: Request) -> None:
        """A request got no answer; its problem rests for this attempt."""
        progress = self._all[request.problem.id]
        self._returned(progress, request.id)
        progress.given_up = True

    def note(self, trace: Trace, accepted: bool) -> None:
        """Learn from a trace, new or from the log of an earlier attempt."""
        progress = self._all[trace.problem_id]
        used = spent_on(trace, progress.longest)
        progress.longest = Spent(trace.prompt_tokens or progress.longest.prompt, progress.longest.completion)
        progress.done |= 1 << int(trace.id.rsplit("/", 1)[1])
        progress.spent += used
        self.budget.spent += used
        progress.accepted += accepted
        self.covered += accepted and progress.accepted == self._target
        if progress.accepted >= self._target:
            progress.spent = NOTHING  # only what is still asked for has a cost to remember
        self._returned(progress, trace.id)
        self._samples += 1
        if self._samples >= FIRST_FIT and self._samples.bit_count() == 1:
            self._fit()
            self._requeue()
        else:
            self._enqueue(progress)

    def sides(self) -> dict[str, float]:
        """Problems below, inside and above the band or undecided, and how many of them all samples would expectedly
        have put elsewhere."""
        if self.spec.band is None:
            return {}
        found = [decide(self.spec.band, p.accepted, p.sampled, self._rates[p.place]) for p in self._all.values()]
        told = Counter("undecided" if d is None else d.side for d in found)
        differing = sum(d.chance_of_error for d in found if d is not None)
        return {**{s: told[s] for s in ("below", "inside", "above", "undecided")}, "expected_to_differ": differing}

    def _wanted(self, progress: _Progress) -> bool:
        """Is another sample of this problem worth its tokens, given what is under way?"""
        under_way = len(progress.in_flight)
        if progress.given_up or progress.sampled + under_way >= self._most(progress.problem, self.spec):
            return False
        if self.spec.band is not None:
            rates = self._rates[progress.place]
            return under_way == 0 and decide(self.spec.band, progress.accepted, progress.sampled, rates) is None
        if progress.accepted + under_way >= self._target:
            return False  # what is under way may suffice
        left = self._most(progress.problem, self.spec) - progress.sampled
        if self.spec.covered_problems is not None and progress.accepted + left < self._target:
            return False  # it can no longer be covered
        return self._rate(progress).mean >= self.spec.min_chance or not (self._fitted or progress.sampled)

    def _suffices(self) -> bool:
        """Are as many problems covered as are wanted, or will they be by what is under way?"""
        wanted = self.spec.covered_problems
        return wanted is not None and self.covered + max(0.0, self._expected) >= wanted

    def _look_ahead(self, progress: _Progress) -> None:
        """Count what is under way for a problem into what is expected."""
        if self.spec.covered_problems is None:
            return
        self._expected -= progress.soon
        missing = self._target - progress.accepted
        enough = 0 < missing <= len(progress.in_flight)
        progress.soon = self._rate(progress).chance_of_all(missing) if enough else 0.0
        self._expected += progress.soon

    def _returned(self, progress: _Progress, sample: str) -> None:
        self.budget.reserved -= progress.in_flight.pop(int(sample.rsplit("/", 1)[1]), NOTHING)
        if not progress.in_flight:
            progress.in_flight.clear()  # an emptied dict keeps its table
        self._look_ahead(progress)

    def _rate(self, progress: _Progress) -> Beta:
        return self._rates[progress.place].after(progress.accepted, progress.sampled)

    def _cost(self, progress: _Progress) -> float:
        """Expected cost of the next accepted trace, or of covering the problem where problems are counted; its own mean
        cost counts as one more sample's."""
        usual = max(1e-12, self.budget.spent.cost(self._price) / max(1, self._samples))
        one = (progress.spent.cost(self._price) + usual) / (progress.sampled + 1) / self._rate(progress).mean
        missing = self._target - progress.accepted - len(progress.in_flight)
        return one * missing if self.spec.covered_problems else one

    def _fit(self) -> None:
        everyone = self._all.values()
        self._fitted = True
        self._rates.fit(
            np.array([p.accepted for p in everyone], dtype=float), np.array([p.sampled for p in everyone], dtype=float)
        )
        for progress in everyone:
            if progress.in_flight:
                self._look_ahead(progress)

    def _enqueue(self, progress: _Progress) -> None:
        progress.queued_at = self._cost(progress) if self._wanted(progress) else None
        if progress.queued_at is not None:
            had = progress.sampled + len(progress.in_flight)  # of equals, first one of each
            heappush(self._queue, (progress.queued_at, had, progress.place, progress.problem.id))

    def _requeue(self) -> None:
        self._queue = []
        for progress in self._all.values():
            self._enqueue(progress)
