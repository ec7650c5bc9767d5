"""How answers are sampled: the protocols that others have published, and what is left of one where keys are given.

r1          DeepSeek-R1 (arXiv 2501.12948): T 0.6, top-p 0.95, 32,768 tokens, the mean of k answers; k as its version in
            Nature has it, 64 where only its README speaks
s1          s1 (arXiv 2501.19393): greedy, float32, 32,768 tokens, the question alone; without budget forcing
limo        LIMO (arXiv 2502.03387): greedy from 50 problems on, fewer with 4 answers at T 0.6; 32,768 tokens. Its
            top-p is not known to us and stays 1
lighteval   how open-r1 reproduces R1-Distill with lighteval: as r1, with fewer answers and lighteval's instructions
greedy      one greedy answer; the token limit stays the recipe's
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from distill.errors import Refused
from distill.evaluate.known_sets import CHOICE, MATHS
from distill.evaluate.sets import ProblemSet
from distill.recipe_evaluate import HELD_OUT, SETTINGS, Evaluate
from distill.recipe_prompts import PRESETS as PROMPTS
from distill.recipe_prompts import Prompt
from distill.wording import key

DEFAULTS: dict[str, Any] = {"samples_per_problem": 1, "temperature": 0.0, "top_p": 1.0, "max_tokens": 1024}
"""Where neither a key nor a preset says more."""

SMALL = 50
"""LIMO samples sets with fewer problems several times."""

_LIGHTEVAL_MATHS = Prompt(
    user="Solve the following math problem efficiently and clearly.  The last line of your response should be of the "
    "following format: 'Therefore, the final answer is: $\\boxed{ANSWER}$. I hope it is correct' (without quotes) "
    "where ANSWER is just the final number or expression that solves the problem. Think step by step before "
    "answering.\n\n{question}"
)
_R1_SAMPLES = {"aime24": 64, "aime25": 64, "gpqa": 64, "math500": 16, "livecodebench": 8}
_LIGHTEVAL_SAMPLES = {"aime24": 64, "aime25": 64, "math500": 4, "gpqa": 8, "livecodebench": 16}


def _r1(name: str, _: int) -> dict[str, Any]:
    return {
        "samples_per_problem": _R1_SAMPLES.get(name, 64),
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 32768,
    }


def _s1(_: str, __: int) -> dict[str, Any]:
    return {"samples_per_problem": 1, "temperature": 0.0, "top_p": 1.0, "max_tokens": 32768, "dtype": "float32"}


def _limo(_: str, problems: int) -> dict[str, Any]:
    greedy = problems >= SMALL
    return {
        "samples_per_problem": 1 if greedy else 4,
        "temperature": 0.0 if greedy else 0.6,
        "top_p": 1.0,
        "max_tokens": 32768,
    }


def _lighteval(name: str, problems: int) -> dict[str, Any]:
    return _r1(name, problems) | {"samples_per_problem": _LIGHTEVAL_SAMPLES.get(name, 1)}


def _greedy(_: str, __: int) -> dict[str, Any]:
    return {"samples_per_problem": 1, "temperature": 0.0, "top_p": 1.0}


PRESETS: Mapping[str, Callable[[str, int], dict[str, Any]]] = {
    "r1": _r1,
    "s1": _s1,
    "limo": _limo,
    "lighteval": _lighteval,
    "greedy": _greedy,
}
"""From the name of a set and how many problems it has to what the preset sets."""

INSTRUCTIONS: Mapping[str, Mapping[str, Prompt]] = {
    "r1": {"math": MATHS, "number": MATHS},
    "s1": {"math": Prompt(), "number": Prompt(), "choice": Prompt()},
    "limo": dict.fromkeys(("math", "number", "choice"), Prompt(system=PROMPTS["qwen_math"]["system"])),
    "lighteval": {"math": _LIGHTEVAL_MATHS, "number": _LIGHTEVAL_MATHS, "choice": CHOICE},
}
"""What each preset asks, by the kind of problems. Prompt() is the question alone."""


@dataclass(frozen=True)
class Protocol:
    """How one set is asked."""

    samples_per_problem: int
    temperature: float
    top_p: float
    max_tokens: int
    dtype: str
    prompt: Prompt
    preset: str | None = None
    preset_sets: dict[str, Any] = field(default_factory=dict)
    """All that the preset says of this set."""
    overridden: dict[str, Any] = field(default_factory=dict)
    """What of that a key, or the student's own prompt, has taken the place of: with the value that counts."""

    def told(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "k": self.samples_per_problem,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "prompt": self.prompt.model_dump(),
            "preset": self.preset,
            "preset_sets": self.preset_sets,
            "preset_overridden": self.overridden,
        }


def protocol_of(spec: Evaluate, asked: ProblemSet, dtype: str, trained_on: Prompt | None = None) -> Protocol:
    """The protocol of one set: keys of the set before keys of the section, before the preset, before defaults.

    `trained_on` is the prompt that a recipe's student was trained with; it goes before the preset's instruction, but
    for sets of programs beside the recipe's own problems.

    Raises:
        Refused: several greedy answers, which would all be the same.
    """
    published = PRESETS[spec.preset](asked.name, len(asked.problems)) if spec.preset else {}
    instruction = INSTRUCTIONS.get(spec.preset or "", {}).get(asked.kind)
    preset = published | ({"prompt": instruction} if instruction is not None else {})
    given = {key: value for key in SETTINGS if (value := getattr(spec, key)) is not None}
    of_set = {"samples_per_problem": asked.spec.samples_per_problem, "prompt": asked.spec.prompt}
    given |= {key: value for key, value in of_set.items() if value is not None}
    if trained_on is not None and (asked.name == HELD_OUT or asked.kind != "code"):
        given.setdefault("prompt", trained_on)
    own = asked.definition.prompt if asked.definition else _generic(asked.kind)
    found = {"dtype": dtype, "prompt": own, **DEFAULTS} | preset | given
    if found["temperature"] == 0 and found["samples_per_problem"] > 1:
        raise Refused(
            f"{asked.name}: {found['samples_per_problem']} samples at temperature 0 are one answer again and again.",
            f"Set {key('evaluate.temperature')}, or {key('evaluate.samples_per_problem')}=1.",
        )
    changed = {key: _plain(found[key]) for key in SETTINGS if key in preset and preset[key] != found[key]}
    told = {key: _plain(value) for key, value in preset.items()}
    return Protocol(**found, preset=spec.preset, preset_sets=told, overridden=changed)


def lines_of(protocol: Protocol, name: str) -> list[str]:
    """What a preset sets for a set, and what was given beside it, for a reader."""
    if protocol.preset is None:
        return []
    sets = ", ".join(f"{key} {_shown(value)}" for key, value in protocol.preset_sets.items())
    lines = [f"{name}: preset {protocol.preset} sets {sets}"]
    if protocol.overridden:
        changed = ", ".join(f"{key} {_shown(value)}" for key, value in protocol.overridden.items())
        lines.append(f"{name}: given beside the preset, and counts: {changed}")
    return lines


def _generic(kind: str) -> Prompt:
    return {"choice": CHOICE, "code": Prompt(), "math": MATHS, "number": MATHS}.get(kind, Prompt())


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, Prompt) else value


def _shown(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{value:g}" if isinstance(value, float) else str(value)
    words = [f"{key} {value[key]!r}" for key in ("system", "user") if value[key] is not None]
    return f"({', '.join(words)})" if value["user"] != "{question}" or value["system"] else "the question alone"
