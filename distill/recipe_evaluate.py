"""The section `evaluate`: what the student gained, on which problems, and by which engine its answers are sampled."""

import difflib
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from distill.recipe_base import Count, Section
from distill.recipe_problems import Rows
from distill.recipe_prompts import Prompt
from distill.recipe_teachers import BaseUrl, EndpointOptions, OfEndpoint, OfVLLM, VLLMOptions

HELD_OUT = "held_out"
"""The set of a recipe's own held-out problems."""

KNOWN_SETS = ("math500", "aime24", "aime25", "amc23", "gsm8k", "gpqa", "livecodebench", "humaneval", "mbpp")
"""Sets with a definition of their own: `distill.evaluate.known_sets`."""

SETTINGS = ("samples_per_problem", "temperature", "top_p", "max_tokens", "dtype", "prompt")
"""Keys that a preset sets, and that win over it where they are given."""

_FILE = (".jsonl", ".json", ".jsonl.gz", ".parquet")
_OURS = (".json", ".log", ".jinja")
"""Names of files that an evaluation writes beside the folders of its sets end so."""
_HUB = re.compile(r"(?P<hub_id>[\w.-]+/[\w.-]+)(?:\[(?P<config>[\w.-]+)\])?(?::(?P<split>[\w.-]+))?")

Samples = Annotated[int, Field(ge=1, le=10**6)]


class LocalEngine(Section):
    """transformers, in this process; `evaluate.batch_size` says how many requests are sampled together."""

    kind: Literal["local"] = "local"
    """transformers, here."""


class VLLMEngine(VLLMOptions, OfVLLM):
    """`vllm serve`, one server at a time: its memory is free before the next model is loaded.

    Keys are those of a teacher; null leaves them to vLLM, but max_model_len, which is then the longest prompt with
    max_tokens.
    """

    adapter: bool = False
    """Serve the base once, with the student's adapter beside it, and load no merged checkpoint; not with QLoRA, DoRA
    and train.method=full."""


class Asked(Section):
    """What a server calls a model."""

    model: str = Field(min_length=1)
    """Name in requests."""
    base_urls: Annotated[list[BaseUrl], Field(min_length=1)] | None = None
    """Where this one is served; null takes the engine's base_urls."""


def _by_name(given: Any) -> Any:
    return {"model": given} if isinstance(given, str) else given


class EndpointEngine(EndpointOptions, OfEndpoint):
    """OpenAI-compatible servers that run already and serve base and student."""

    models: dict[
        Literal["base", "sft", "student"],
        Annotated[Asked, BeforeValidator(_by_name, json_schema_input_type=str | Asked)],
    ] = Field({})
    """Who is called how there: `{base: Qwen/Qwen2.5-1.5B, student: mine}`."""


def _by_kind(given: Any) -> Any:
    return {"kind": given} if isinstance(given, str) else given


Engine = Annotated[
    Annotated[LocalEngine | VLLMEngine | EndpointEngine, Field(discriminator="kind")],
    BeforeValidator(_by_kind, json_schema_input_type=str | LocalEngine | VLLMEngine | EndpointEngine),
]


class EvaluationSet(Rows):
    """One set of problems. A bare word is a name (`held_out`, `math500`), a file, or `owner/name[config]:split`.

    Without `id_key`, a column `id`, `unique_id`, `problem_id` or `task_id` is one if it names each row apart; without
    `known_keys`, `level`, `subject`, `domain` and `type` are, where rows have them: accuracy is told by them.
    """

    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """What it is called, in figures and as a folder. One of the known sets has its own definition (columns, prompt,
    verifier), from the hub or with its rows in `path`. null takes the name of the file or of the repository."""
    path: str | None = None
    """A `.jsonl` or `.parquet` file, relative to the working directory."""
    hub_id: str | None = None
    """Such as `openai/gsm8k`."""
    config: str | None = None
    """Configuration of the data set on the hub; null for its default."""
    revision: str | None = None
    """Commit or tag on the hub; null takes the newest, which another day may be another."""
    split: str = "test"
    """Split on the hub."""
    count: Count | None = None
    """Problems, drawn with the run's seed; null takes all."""
    samples_per_problem: Samples | None = None
    """k for this set; null takes that of the section."""
    prompt: Prompt | None = None
    """What is asked; null takes that of the section."""

    @model_validator(mode="after")
    def _one_place(self) -> "EvaluationSet":
        if self.path is not None and self.hub_id is not None:
            raise ValueError("name one place: path or hub_id")
        if self.path is None and self.hub_id is None and self.name not in (HELD_OUT, *KNOWN_SETS):
            raise ValueError(f"name a path or a hub_id, or one of {', '.join((HELD_OUT, *KNOWN_SETS))}")
        ours = {*Rows.model_fields, "hub_id", "config", "split"} - {"licence"}
        if self.name in (HELD_OUT, *KNOWN_SETS) and (given := sorted(self.model_fields_set & ours)):
            changed = [key for key in given if getattr(self, key) != type(self).model_fields[key].default]
            if changed:
                raise ValueError(f"{changed[0]} is given by the definition of {self.name}; give the set another name")
        if self.name == HELD_OUT and (self.path is not None or self.count is not None):
            raise ValueError(f"{HELD_OUT} are the problems that the recipe holds out: path and count are not for it")
        if self.called().endswith(_OURS):
            raise ValueError(f"a set cannot be called '{self.called()}', as files beside it are; give it another name")
        return self

    def called(self) -> str:
        """Its name, given or not; that of the recipe's own problems is no other's."""
        if self.name is not None:
            return self.name
        last = (self.path or self.hub_id or "").rpartition("/")[2]
        stem = next((last.removesuffix(end) for end in reversed(_FILE) if last.endswith(end)), last)
        found = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-") or "problems"
        return found if found != HELD_OUT else f"{HELD_OUT}.{'hub' if self.path is None else 'file'}"


def _set_by_word(given: Any) -> Any:
    """A file by its ending, a set of the hub by its slash, else a name."""
    if not isinstance(given, str):
        return given
    if given.endswith(_FILE):
        return {"path": given}
    if given in (HELD_OUT, *KNOWN_SETS):
        return {"name": given}
    if found := _HUB.fullmatch(given):
        return {key: value for key, value in found.groupdict().items() if value is not None}
    near = difflib.get_close_matches(given, (HELD_OUT, *KNOWN_SETS), n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join((HELD_OUT, *KNOWN_SETS))}"
    raise ValueError(f"'{given}' is no file (.jsonl, .parquet), no owner/name on the hub and no known set; {hint}")


SetByWord = Annotated[EvaluationSet, BeforeValidator(_set_by_word, json_schema_input_type=str | EvaluationSet)]

Preset = Literal["r1", "s1", "limo", "lighteval", "greedy"]


class Evaluate(Section):
    """Base and student on the same problems, same protocol, side by side."""

    preset: Preset | None = None
    """A protocol as published: docs/evaluation.md tells what each sets. Keys that are given beside it win."""
    sets: Annotated[list[SetByWord], Field(min_length=1)] = Field([EvaluationSet(name=HELD_OUT)])
    """What is asked: `held_out`, known sets by name, files, sets of the hub."""
    engine: Engine = LocalEngine()
    """Where answers are sampled: `local`, `vllm`, or `endpoint`; a bare word takes all defaults."""
    teacher: bool = False
    """Ask the recipe's teacher the same problems, with the same protocol, by its own engine."""
    samples_per_problem: Samples | None = None
    """k: answers sampled for each problem; null takes the preset's for the set, without one 1."""
    temperature: float | None = Field(None, ge=0, le=10)
    """0 is greedy; null takes the preset's, without one 0."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Nucleus; 1 means off; null takes the preset's, without one 1."""
    max_tokens: Count | None = None
    """Longest answer in tokens; one cut here counts as wrong, and the share of them is printed. null takes the
    preset's, without one 1024."""
    prompt: Prompt | None = None
    """What is asked; null asks a recipe's models as the student was trained, sets of programs by their own
    instruction, and a model without a recipe by the preset's instruction, or the set's."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = None
    """Of the weights while answers are sampled; null takes the preset's, without one student.dtype."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Requests sampled together by engine local."""
    confidence: float = Field(0.95, gt=0.5, le=0.9999)
    """Of the intervals."""
    bootstrap: Literal["problems", "problems_and_samples"] = "problems"
    """What the bootstrap intervals draw with replacement; samples of each drawn problem as well makes them wider."""
    ties: Literal["first", "shared"] = "first"
    """Of votes, in maj@k of all samples: to the answer that was sampled first, or their expected value."""
    cluster_by: str | None = None
    """What is known of problems (`problems.known_keys`) that go together, such as questions on one text: errors and
    tests are those of whole groups. Null takes problems for independent."""
    until_interval: float | None = Field(None, gt=0, lt=1)
    """Stop sampling a set once the interval of the difference between student and base (of one model: of its accuracy)
    reaches no further than this to either side, 0.05 for 5 points; looked at after an eighth, a quarter, a half and all
    of the samples, each look with a level that makes all of them hold together. null samples all."""

    @model_validator(mode="after")
    def _fits(self) -> "Evaluate":
        called = [one.called() for one in self.sets]
        if twice := next((name for name in called if called.count(name) > 1), None):
            raise ValueError(f"two sets are called '{twice}'; give one of them another name")
        several = (self.samples_per_problem or 1) > 1
        if several and self.preset is None and not self.temperature:
            raise ValueError(
                "several samples of a problem at temperature 0 are the same answer again and again; set temperature, "
                "or take a preset such as r1"
            )
        if isinstance(self.engine, EndpointEngine) and not self.engine.models:
            raise ValueError("engine.models must tell under which names the endpoint serves base and student")
        return self
