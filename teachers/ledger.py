"""What a harvest knows of its traces: a verdict for each, and the counts. The traces themselves stay on disk."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from distill.files import Log
from distill.recipe import Accept
from distill.records import Problem, Trace, Verdict
from distill.verify import judge_trace

OnProgress = Callable[[int, int, dict[str, int]], None]
"""Called with samples on disk, samples wanted, and counts (correct, wrong, unknown; accepted and tokens)."""

NEW, ASKED, SOLVED = range(3)
"""What is known of a problem."""

AT_ONCE = 1000
"""Traces of an earlier attempt that are judged before their verdicts are written."""


class Ledger:
    """Judges traces as they come, once each, and counts; holds nothing that grows with their number."""

    def __init__(
        self, verdicts: Log, problems: dict[str, Problem], wanted: int, on_progress: OnProgress, accept: Accept
    ) -> None:
        self._accept = accept
        self._log = verdicts
        self.problems = problems
        self._wanted = wanted
        self._on_progress = on_progress
        self._state = dict.fromkeys(problems, NEW)
        self._verdicts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()

    def resume(self, samples: Log) -> Iterator[tuple[Trace, bool]]:
        """The traces of earlier attempts, each with whether it is accepted; judges those that were not yet.

        Verdicts on answers that are no longer there are lost: others will come under the same names.
        """
        known = {
            v.trace_id: (sys.intern(v.verdict), _reason(v), v.accepted)
            for v in self._log.each(Verdict)
            if v.by == "rules"  # a judge speaks when the plan has ended: it must not change what is asked
        }
        fresh: list[Trace] = []
        left = set(known)
        for trace in samples.each(Trace):
            left.discard(trace.id)
            if trace.id in known:
                self._count(trace, *known[trace.id])
                yield trace, known[trace.id][2]
            else:
                fresh.append(trace)
            if len(fresh) == AT_ONCE:
                yield from self.judge(fresh)
                fresh = []
        yield from self.judge(fresh)
        if left:  # somebody deleted the answers
            self._log.leave_out(Verdict, lambda v: v.trace_id in left)

    def judge(self, traces: list[Trace]) -> list[tuple[Trace, bool]]:
        """Judge new traces and write their verdicts; returns each with whether it is accepted."""
        judged = [(t, judge_trace(t, self.problems[t.problem_id], self._accept)) for t in traces]
        self._log.append(v for _, v in judged)
        for trace, verdict in judged:
            self._count(trace, verdict.verdict, _reason(verdict), verdict.accepted)
        told = {name: self._sums[name] for name in ("accepted", "prompt_tokens", "completion_tokens")}
        self._on_progress(self._verdicts.total(), self._wanted, {**self._verdicts, **told})
        return [(trace, verdict.accepted) for trace, verdict in judged]

    def counts(self) -> dict[str, Any]:
        """Figures of the harvest so far."""
        return {
            "samples": self._verdicts.total(),
            "problems": sum(state != NEW for state in self._state.values()),
            "problems_solved": sum(state == SOLVED for state in self._state.values()),
            **{name: self._verdicts[name] for name in ("correct", "wrong", "unknown")},
            "accepted": self._sums["accepted"],
            "reasons": dict(sorted(self._reasons.items(), key=lambda item: (-item[1], item[0]))),
            **{name: self._sums[name] for name in ("truncated", "looping", "prompt_tokens", "completion_tokens")},
            "estimated_tokens": self._sums["estimated_tokens"],
        }

    def _count(self, trace: Trace, verdict: str, reason: str, accepted: bool) -> None:
        if accepted:
            self._state[trace.problem_id] = SOLVED
        elif self._state[trace.problem_id] == NEW:
            self._state[trace.problem_id] = ASKED
        self._verdicts[verdict] += 1
        self._reasons[reason] += 1
        self._sums["accepted"] += accepted
        self._sums["truncated"] += trace.finish_reason == "length"
        self._sums["looping"] += trace.finish_reason == "loop"
        self._sums["prompt_tokens"] += trace.prompt_tokens
        self._sums["completion_tokens"] += trace.completion_tokens
        self._sums["estimated_tokens"] += 0 if trace.counted else trace.completion_tokens


def _reason(verdict: Verdict) -> str:
    """Verdict and reason in words that group well."""
    rejected = verdict.verdict == "correct" and verdict.flaw is not None
    return sys.intern(f"not accepted: {verdict.flaw}" if rejected else f"{verdict.verdict}: {verdict.reason}")
