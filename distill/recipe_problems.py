"""The section `problems`: where problems come from."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distill.recipe_base import Count, JsonObject, Section


class CountdownProblems(Section):
    """Generated arithmetic puzzles: reach a target from given numbers, each used once."""

    source: Literal["countdown"]
    """Generated here."""
    count: Count = 1000
    """Training problems."""
    held_out: Count = 200
    """Problems that only the evaluation sees; their targets and number sets occur in no training problem."""
    numbers: int = Field(3, ge=2, le=6)
    """Numbers given in each problem."""
    max_number: int = Field(20, ge=2, le=10**6)
    """Numbers are drawn from 1 to this."""
    min_target: int = Field(10, ge=1, le=10**6)
    """Smallest target."""
    max_target: int = Field(99, ge=2, le=10**6)
    """Largest target."""

    @model_validator(mode="after")
    def _targets(self) -> "CountdownProblems":
        if self.max_target - self.min_target < 9:
            raise ValueError(
                f"min_target={self.min_target} and max_target={self.max_target} leave fewer than 10 targets, "
                "too few to hold any out"
            )
        return self


WITH_TESTS = frozenset(("humaneval", "mbpp", "apps", "livecodebench"))
"""Layouts whose rows hold tests for a program."""


class FromTable(Section):
    """What a section begins with whose problems are rows."""

    source: Literal["file", "hub"]
    """Where the rows lie."""


class Rows(Section):
    """Which columns of a row hold what, and what judges the answers."""

    layout: Literal["plain", "gsm8k", "choice", "humaneval", "mbpp", "apps", "livecodebench"] = "plain"
    """`gsm8k`: the gold answer is what follows `####`; `plain`: the answer column as it is; `choice`: options, as in
    GPQA (Correct Answer, Incorrect Answer 1 to 3, shuffled with the run's seed) or MMLU (choices, answer). The others
    have tests in columns of their own, for `kind: code`; the answer column, a program, may be absent there."""
    question_key: str = "question"
    """Column that holds the task."""
    answer_key: str = "answer"
    """Column that holds the gold answer."""
    id_key: str | None = None
    """Column that holds a unique id; null numbers the rows."""
    known_keys: tuple[str, ...] = Field((), strict=False)
    """Columns that tell beforehand how hard a problem is: level, subject, a worked solution, another model's pass rate.
    An adaptive harvest learns from them where the next accepted trace is cheapest."""
    options_key: str = "choices"
    """Column that holds the options of layout=choice: a list, or a mapping with such a list under `text`."""
    kind: Literal["math", "choice", "number", "code"] | None = None
    """Which verifier judges the answers; null takes choice for layout=choice, code for those with
    tests, else math."""
    tolerance: float | None = Field(None, ge=0)
    """kind=number: how far an answer may be off. A column `tolerance` of a row goes before, as with the next two."""
    relative_tolerance: float | None = Field(None, ge=0)
    """kind=number: the same as a share of the gold answer."""
    digits: int | None = Field(None, ge=1, le=100)
    """kind=number: significant digits that must agree. Without any of the three numbers must be equal."""
    licence: str = "unknown"
    """Licence of the data, carried to the cards."""

    @model_validator(mode="after")
    def _columns(self) -> Self:
        if self.question_key == self.answer_key:
            raise ValueError(f"question_key and answer_key both name '{self.answer_key}'")
        limits = [key for key in ("tolerance", "relative_tolerance", "digits") if getattr(self, key) is not None]
        if limits and self.kind != "number":
            raise ValueError(f"{limits[0]} is for kind=number; this is kind={self.verifier()}")
        if self.layout == "choice" and self.kind not in (None, "choice"):
            raise ValueError(f"layout=choice is judged by its letters; kind={self.kind} would read none")
        if self.kind is not None and (self.kind == "code") != (self.layout in WITH_TESTS):
            raise ValueError(
                f"layout={self.layout} does not go with kind={self.kind}: "
                "humaneval, mbpp, apps and livecodebench hold tests for kind=code"
            )
        return self

    def verifier(self) -> str:
        """The kind of the problems."""
        return self.kind or ("choice" if self.layout == "choice" else "code" if self.layout in WITH_TESTS else "math")


class TableProblems(Rows, FromTable):
    """Problems from rows with a question and an answer."""

    count: Count | None = None
    """Training problems, drawn with the run's seed; null takes all that are not held out."""
    held_out: Count = 200
    """Problems that only the evaluation sees, drawn with the run's seed."""


class FileProblems(TableProblems):
    """Problems from a jsonl or parquet file."""

    source: Literal["file"]
    """Rows of a file."""
    path: str
    """A `.jsonl` or `.parquet` file, relative to the working directory."""
    held_out_path: str | None = None
    """Take the held-out problems from this file instead (same layout); null takes them from `path`."""


class HubProblems(TableProblems):
    """Problems from a data set on the Hugging Face Hub."""

    source: Literal["hub"]
    """Rows of a data set on the hub."""
    hub_id: str
    """Such as `openai/gsm8k`."""
    config: str | None = None
    """Configuration of the data set, such as `main`; null for its default."""
    revision: str | None = None
    """Commit or tag; null takes the newest, which another day may be another."""
    split: str = "train"
    """Split that the training problems come from."""
    held_out_split: str | None = None
    """Split that the held-out problems come from; null takes them from `split`."""


class TracesProblems(Section):
    """The questions of traces that others published, for `teacher.kind: replay` or for a teacher of your own.

    Known layouts: OpenThoughts, OpenR1-Math-220k, Mixture-of-Thoughts, s1K, LIMO, Bespoke-Stratos, Sky-T1, and
    `question` with `response`. They are recognised by their columns; the keys below are for others, and where two
    readings are possible.
    """

    source: Literal["traces"]
    """Published traces."""
    path: str | None = None
    """A `.jsonl` or `.parquet` file, relative to the working directory; or hub_id."""
    hub_id: str | None = None
    """Such as `open-r1/OpenR1-Math-220k`; or path."""
    config: str | None = None
    """Configuration of the data set on the hub; null for its default."""
    revision: str | None = None
    """Commit or tag; null takes the newest, which another day may be another."""
    split: str = "train"
    """Split on the hub."""
    question_key: str | None = None
    """Column that holds the question."""
    answer_key: str | None = None
    """Column that holds the gold answer, or a reference solution whose last box is the answer."""
    thinking_key: str | None = None
    """Column that holds the reasoning, where it stands apart."""
    response_key: str | None = None
    """Column that holds what follows the reasoning, or both."""
    known_keys: tuple[str, ...] = Field((), strict=False)
    """Columns that tell beforehand how hard a problem is, or what it is about, beside domain, subject, type, level,
    difficulty and pass_rate, which are looked for by themselves."""
    kind: Literal["math"] = "math"
    """Which verifier judges the answers. Without a gold answer the verdict is `unknown`."""
    count: Count | None = None
    """Training problems, drawn with the run's seed; null takes all that are not held out."""
    held_out: Count = 200
    """Problems with a gold answer that only the evaluation sees, drawn with the run's seed."""
    held_out_from: Annotated[FileProblems | HubProblems, Field(discriminator="source")] | None = None
    """Take the evaluation's problems from there instead (as many as its own `held_out` says)."""
    licence: str = "unknown"
    """Licence of the data, carried to the cards."""

    @model_validator(mode="after")
    def _one_place(self) -> "TracesProblems":
        if (self.path is None) == (self.hub_id is None):
            raise ValueError("name one place: path or hub_id")
        return self


class GymDataset(Section):
    """One data set of reasoning_gym, as in its own composite configurations; a bare name takes all defaults."""

    name: str = Field(min_length=1)
    """Such as `chain_sum`: what `reasoning_gym.create_dataset` takes."""
    weight: float = Field(1.0, gt=0, le=10**6)
    """Share of the problems, relative to the other data sets."""
    config: JsonObject = Field({})
    """Settings of the data set, under its own names. Its `seed` and `size` come from the recipe."""

    @field_validator("config")
    @classmethod
    def _not_ours(cls, config: dict[str, Any]) -> dict[str, Any]:
        for key, ours in (("seed", "seed"), ("size", "problems.count and problems.held_out")):
            if key in config:
                raise ValueError(f"set {ours} instead of '{key}'")
        return config


def _named(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


class GymProblems(Section):
    """Problems that data sets of reasoning_gym generate and score. Needs `pip install 'distill[gym]'`."""

    source: Literal["reasoning_gym"]
    """Generated here."""
    datasets: list[Annotated[GymDataset, BeforeValidator(_named, json_schema_input_type=str | GymDataset)]] = Field(
        min_length=1
    )
    """Names, or mappings with name, weight and config. Problems are drawn from them with the run's seed."""
    count: Count = 1000
    """Training problems."""
    held_out: Count = 200
    """Problems that only the evaluation sees; none has the question of a training problem."""
    min_score: float = Field(1.0, gt=0, le=1)
    """Smallest score of reasoning_gym's own scorer that is `correct`; less takes answers that are partly wrong."""


Problems = Annotated[
    CountdownProblems | FileProblems | HubProblems | TracesProblems | GymProblems, Field(discriminator="source")
]
