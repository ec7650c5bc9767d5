"""What `distill scale` takes, and the evaluations that a method makes of it."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from distill.errors import Refused
from distill.recipe_base import Count, JsonObject, Section
from distill.recipe_prompts import Prompt
from distill.recipe_verify import Verify
from distill.scaling.forced import FINAL, WAIT, Limits

Method = Literal["budget-forcing", "token", "step", "class", "rejection", "sampling"]

TOKENS_A_STEP = 100
"""What a step may have at most, where the control of step instructions is measured (s1, appendix E.1)."""

LAST_STEP = "\n0 steps left"
"""Where thinking in steps is ended by force; steps are counted down."""

CLASSES = {
    "short": "Answer after a short amount of thinking. Do not spend excessive time double-checking your work.",
    "long": "Answer after a long amount of thinking. If you feel like you are finished early, spend the extra time "
    "trying to double-check your work until you are absolutely sure that you have the correct answer.",
}
"""Instructions of class-conditional control, as the code of s1 has them."""


class Scale(Section):
    """How answers are sampled and judged."""

    count: Count | None = None
    """Problems, drawn with the seed; null takes all."""
    samples_per_problem: int = Field(1, ge=1, le=10**5)
    """k: answers for each problem."""
    temperature: float | None = Field(None, ge=0, le=10)
    """0 is greedy; null takes 0, for rejection and sampling 1, as published."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus; 1 means off."""
    answer_tokens: Count = 1024
    """Longest answer behind the thinking, in tokens."""
    max_thinking: Count | None = None
    """Most thinking tokens of methods that only ask for a length (token, step, class, sampling); null takes what the
    context leaves beside the prompt and the answer."""
    force: bool = False
    """Methods token and step: end the thinking by force as well, at the tokens asked for, or at the last step."""
    tries: Count = 64
    """Method rejection: samples of a problem at most, until one fits the budget."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Of everything random."""
    confidence: float = Field(0.95, gt=0.5, le=0.9999)
    """Of the intervals."""
    format: Literal["think", "s1"] = "think"
    """How the model marks its thinking: `<think>` and `</think>`, or as the models of s1."""
    wait_text: str = Field(WAIT, min_length=1)
    """What stands in place of an end that is left out."""
    answer_prefix: str = FINAL
    """What the answer begins with where the thinking was cut; such as `<answer>` where the verifier reads tags."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the weights; auto is bfloat16, or float32 where the processor has no bfloat16 arithmetic."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Prefixes continued together, engine local."""
    prompt: Prompt = Prompt()
    """What is asked."""
    problems: JsonObject = Field({})
    """Columns of the problem files, by the keys of a recipe's section problems: layout, question_key, ..."""
    verify: Verify = Verify()
    """How answers are judged."""
    vllm: JsonObject = Field({})
    """Engine vllm: keys of a teacher of kind vllm."""
    endpoint: JsonObject = Field({})
    """Engine endpoint: keys of a teacher of kind endpoint, such as model (its name there) and api_key_env."""

    @model_validator(mode="after")
    def _greedy(self) -> "Scale":
        if self.temperature == 0 and self.samples_per_problem > 1:
            raise ValueError(
                "several samples of a problem at temperature 0 are the same answer again and again; set temperature"
            )
        return self


@dataclass(frozen=True)
class Setting:
    """One evaluation: a point of the curve."""

    label: str
    """Names it in tables and files."""
    limits: Limits
    budget: int
    """What was asked for: tokens; of method step steps."""
    instruction: str = ""
    """Put behind the question."""
    least: str = ""
    """Label of the evaluation whose thinking this must exceed, for Control."""
    below: str = ""
    """Label of the one that it must not exceed."""
    most: int | None = None
    """Thinking tokens that it must not exceed."""
    tries: int = 0
    in_curve: bool = True
    """False for an evaluation that others are only compared with."""


def settings(
    method: Method, budgets: list[int | None], waits: list[int], spec: Scale, room: int | None
) -> list[Setting]:
    """The evaluations of a method, the longest first: what it thought serves the shorter ones too.

    `room` is what the context leaves for thinking, None where it is not known; a budget None means all of it.

    Raises:
        Refused: budgets that do not go with the method or into the context, none at all, twice the same.
    """
    if min(waits) < 0:
        raise Refused(f"--waits {min(waits)}: an end is left out 0 times or more.")
    if waits != [0] and method != "budget-forcing":
        raise Refused(f"--waits goes with --method budget-forcing, not with {method}.")
    if budgets and method == "class":
        raise Refused("--budgets does not go with --method class, which asks for short and long thinking.")
    given = [_room(room) if budget is None else budget for budget in budgets]
    if not given and method not in ("class", "sampling"):
        raise Refused(f"--method {method} needs --budgets.", "Such as --budgets 512 1024 2048.")
    if twice := next((b for b in given if given.count(b) > 1), next((w for w in waits if waits.count(w) > 1), None)):
        raise Refused(f"{twice} is given twice.")
    if method == "sampling" and len(given) > 1:
        raise Refused("--method sampling takes one budget: its curves are over the samples.", "One command for each.")
    if (method in ("budget-forcing", "rejection", "sampling") and given) or (method == "token" and spec.force):
        _refuse_beyond(max(given), room)
    return _BY_METHOD[method](sorted(given, reverse=True), sorted(waits, reverse=True), spec, room)


def _room(room: int | None) -> int:
    if room is None:
        raise Refused(
            "the context of the served model is not known here.", "Give numbers to --budgets, or max_thinking."
        )
    return room


def _refuse_beyond(budget: int, room: int | None) -> None:
    if room is not None and budget > room:
        raise Refused(
            f"--budgets {budget} exceeds what the context leaves beside the longest prompt and the answer: {room}.",
            "Lower it or answer_tokens; `auto` takes what is left.",
        )


def _most(spec: Scale, room: int | None) -> int:
    """Where thinking that is only asked to be short is cut."""
    if spec.max_thinking is not None:
        _refuse_beyond(spec.max_thinking, room)
        return spec.max_thinking
    return _room(room)


def _forcing(budgets: list[int], waits: list[int], spec: Scale, room: int | None) -> list[Setting]:
    def one(budget: int, n: int) -> Setting:
        label = f"budget-{budget}" + (f"-waits-{n}" if waits != [0] else "")
        return Setting(label, Limits(budget, spec.answer_tokens, n), budget, most=budget)

    return [one(budget, n) for budget in budgets for n in waits]


def _token(budgets: list[int], waits: list[int], spec: Scale, room: int | None) -> list[Setting]:
    def one(budget: int) -> Setting:
        limits = Limits(budget if spec.force else _most(spec, room), spec.answer_tokens)
        words = f"\n\nThink for up to {budget} tokens."
        return Setting(f"tokens-{budget}{_forced(spec)}", limits, budget, words, most=budget)

    return [one(budget) for budget in budgets]


def _step(budgets: list[int], waits: list[int], spec: Scale, room: int | None) -> list[Setting]:
    def one(steps: int) -> Setting:
        limits = Limits(_most(spec, room), spec.answer_tokens, stop_at=LAST_STEP if spec.force else "")
        words, most = f"\n\nThink for up to {steps} steps.", TOKENS_A_STEP * steps
        return Setting(f"steps-{steps}{_forced(spec)}", limits, steps, words, most=most)

    return [one(steps) for steps in budgets]


def _class(budgets: list[int], waits: list[int], spec: Scale, room: int | None) -> list[Setting]:
    most = _most(spec, room)
    limits = Limits(most, spec.answer_tokens)
    return [
        Setting("unasked", limits, most, in_curve=False),
        Setting("short", limits, most, f"\n\n{CLASSES['short']}", below="unasked"),
        Setting("long", limits, most, f"\n\n{CLASSES['long']}", least="unasked"),
    ]


def _rejection(budgets: list[int], waits: list[int], spec: Scale, room: int | None) -> list[Setting]:
    return [Setting(f"rejection-{b}", Limits(b, spec.answer_tokens), b, most=b, tries=spec.tries) for b in budgets]


def _sampling(budgets: list[int], waits: list[int], spec: Scale, room: int | None) -> list[Setting]:
    given = budgets or [_most(spec, room)]
    return [Setting(f"sampling-{b}", Limits(b, spec.answer_tokens), b, most=b) for b in given]


def _forced(spec: Scale) -> str:
    return "-forced" if spec.force else ""


_BY_METHOD: dict[Method, Any] = {
    "budget-forcing": _forcing,
    "token": _token,
    "step": _step,
    "class": _class,
    "rejection": _rejection,
    "sampling": _sampling,
}
