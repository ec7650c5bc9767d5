"""Is this answer right? One function a kind of problem; three verdicts, each with its reason.

>>> from distill.verify import judge
>>> judge("math", r"so it is \\boxed{0.5}", "1/2", {})
Judgement(verdict='correct', extracted='0.5', reason='equal numbers')
"""

from collections.abc import Callable

from distill.finish_reasons import ended
from distill.recipe import Accept, Verify
from distill.records import CONTROL_TOKEN, FinishReason, Problem, Trace, Verdict
from distill.verify import choice_unordered, code, countdown, form, gym, math, number, second_reader, two_answers
from distill.verify.algebra.rules import Rules
from distill.verify.form import flaw
from distill.verify.judgement import Judgement, unknown, wrong
from distill.verify.worker import COMPARING_SECONDS

Judge = Callable[[str, str, dict], Judgement]

KINDS: dict[str, Judge] = {
    "math": math.judge,
    "choice": choice_unordered.judge,
    "number": number.judge,
    "countdown": countdown.judge,
    "code": code.judge,
    "reasoning_gym": gym.judge,
    "flaws": form.judge,
}
"""Kind of problem -> what judges a response to it, given the gold answer and the problem's data."""


OF_ANSWERS = ("math", "choice", "number")
"""Kinds that look at the gold answer itself; that of the others stands in the problem's data, or is none."""


def limit_time(seconds: float | None) -> None:
    """Longest computing time for one verdict, past which it is `unknown`; None leaves each kind its own."""
    second_reader.comparer.timeout_seconds = seconds or COMPARING_SECONDS
    gym.scorer.timeout_seconds = seconds or gym.SCORING_SECONDS


def configure(settings: Verify) -> None:
    """Limits and isolation as a recipe has them."""
    limit_time(settings.timeout_seconds)
    two_answers.rules = Rules(**settings.math.model_dump())
    code.runner.configure(settings.code)


def stated(problem: Problem) -> str:
    """A response that gives the problem's gold answer, in the form that its verifier looks for first."""
    if problem.kind == "code":
        return f"```python\n{problem.answer}\n```"
    return f"<answer>{problem.answer}</answer>" if problem.kind == "reasoning_gym" else f"\\boxed{{{problem.answer}}}"


UNFINISHED: dict[FinishReason, str] = {
    "length": "cut at max_tokens",
    "loop": "cut in a loop",
    "filter": "withheld by the server",
    "error": "ended without an answer",
}
"""Finish reasons of answers that are not whole, in words."""

NOTHING_SAID, NOTHING_THOUGHT = "empty response", "nothing after the thinking"
"""Why an answer that holds nothing is wrong."""


def judge(
    kind: str,
    response: str | int | float | None,
    answer: str | int | float | None,
    data: dict | None = None,
    finish_reason: str = "stop",
    thought: bool = False,
) -> Judgement:
    """Judge a response (what follows the reasoning, if the model `thought`); none at all is an empty one.

    An answer that was cut, or that is empty, is `wrong` whatever it holds: it is not complete.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind '{kind}'; kinds: {', '.join(KINDS)}")
    end = ended(finish_reason)
    if end is None:
        return unknown(None, f"finish_reason '{finish_reason[:40]}' is not known")
    if end in UNFINISHED:
        return wrong(None, UNFINISHED[end])
    said = "" if response is None or response != response else str(response)
    if not said.strip():
        return wrong(None, NOTHING_THOUGHT if thought else NOTHING_SAID)
    is_gold = isinstance(answer, str | int | float) and not isinstance(answer, bool) and answer == answer
    if kind in OF_ANSWERS and not is_gold:
        return unknown(None, "gold answer is no text or number")
    return KINDS[kind](said, str(answer) if is_gold else "", data or {})


def judge_trace(trace: Trace, problem: Problem, accept: Accept | None = None) -> Verdict:
    """The verdict on one trace of a problem; whatever it is, it may have a flaw that `accept` does not allow."""
    if CONTROL_TOKEN.search(trace.reasoning) or CONTROL_TOKEN.search(trace.response):
        return Verdict(trace_id=trace.id, kind=problem.kind, **wrong(None, "holds tokens of a chat template")._asdict())
    thought = bool(trace.reasoning)
    found = judge(problem.kind, trace.response, problem.answer, problem.data, trace.finish_reason, thought)
    amiss = flaw(trace, accept, problem.question) if accept is not None else None
    return Verdict(trace_id=trace.id, kind=problem.kind, flaw=amiss, **found._asdict())
