"""Made answers with verdicts, for tests of figures: no model, no verifier."""

from typing import Any

from distill.evaluate.answers import Ending, Method, Pair, SetResult
from distill.records import FinishReason, Problem, Sampling, Trace, Verdict, VerdictName

RIGHT = "1"
"""What a correct answer says."""


def problem(name: str, kind: str = "math", **known: float | str) -> Problem:
    return Problem(id=name, question=name, answer=RIGHT, kind=kind, known=known, source="t", held_out=True)


def trace(name: str, index: int = 0, finish: FinishReason = "stop", **fields: Any) -> Trace:
    said: dict[str, Any] = {"reasoning": "", "response": "x", "completion_tokens": 5, "model": "m"}
    return Trace(
        id=f"{name}/{index}",
        problem_id=name,
        request=f"{name}/{index}",
        finish_reason=finish,
        prompt_tokens=1,
        sampling=Sampling(),
        **(said | fields),
    )


def answer(
    name: str,
    index: int = 0,
    verdict: VerdictName = "correct",
    extracted: str | None = RIGHT,
    finish: FinishReason = "stop",
    **fields: Any,
) -> Pair:
    ended = Ending.of(trace(name, index, finish, **fields))
    return ended, Verdict(trace_id=ended.id, verdict=verdict, extracted=extracted, reason="r", kind="math")


def answers(name: str, said: str) -> list[Pair]:
    """A sample a character: the answer that it gives, `1` being correct and `-` none."""
    return [
        answer(name, i, "correct" if one == RIGHT else "wrong", None if one == "-" else one)
        for i, one in enumerate(said)
    ]


def set_of(by_model: dict[str, dict[str, str]], method: Method | None = None, **known: dict[str, Any]) -> SetResult:
    """A set from what every model said to every problem, see `answers`; `known` is told by problem."""
    names = list(next(iter(by_model.values())))
    rows = {who: [pair for name in names for pair in answers(name, said[name])] for who, said in by_model.items()}
    k = len(next(iter(next(iter(by_model.values())).values())))
    protocol = {"n": len(names), "k": k, "confidence": 0.95}
    return SetResult([problem(name, **known.get(name, {})) for name in names], rows, protocol, method or Method())
