"""Which traces teach: the section `curate` of a recipe."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from distill.recipe_base import Count, Section
from distill.recipe_difficulty import Difficulty, Domains
from distill.recipe_quality import Quality, Share
from distill.wording import key

ANSWERS = 16
"""Traces of a problem that `openthoughts` takes (OpenThoughts3)."""

NEAR = 0.8
"""Share of the words that near-duplicates have in common."""

ONE_A_PROBLEM = ("s1", "limo", "small-student")


class S1(Section):
    """How `select: s1` draws (s1, section 2.2)."""

    keep_sources: list[str] = Field(default_factory=list)
    """Every trace of these sources is taken before anything is drawn (in the paper AIME and GPQA)."""
    keep_longer_than: Count | dict[str, Count] | None = None
    """Of `keep_sources` only traces of more tokens: one number for all of them, or some sources with theirs (in the
    paper 5,600 for MATH alone); null takes all."""
    uniform: Share = 0.7
    """Share of the rows up to which domains are drawn uniformly; then `weights` counts."""
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    """Weight of a domain once `uniform` is reached, such as its questions in the benchmarks; empty stays uniform."""

    @model_validator(mode="after")
    def _weighs_something(self) -> "S1":
        if self.weights and not any(self.weights.values()):
            raise ValueError("all weights are 0, so that no domain could be drawn; leave them out to draw uniformly")
        if self.keep_longer_than is not None and not self.keep_sources:
            raise ValueError("keep_longer_than is of keep_sources, which names none")
        limited = self.keep_longer_than if isinstance(self.keep_longer_than, dict) else {}
        if others := sorted({*limited} - {*self.keep_sources}):
            raise ValueError(f"keep_longer_than names '{others[0]}', which keep_sources does not")
        return self

    def least(self, source: str) -> int:
        """Tokens that a trace of a kept source must have more of."""
        limit = self.keep_longer_than
        return (limit.get(source, 0) if isinstance(limit, dict) else limit) or 0


class OpenThoughts(Section):
    """How `select: openthoughts` draws (OpenThoughts3)."""

    sources: Count | Annotated[list[str], Field(min_length=1)] = 2
    """So many sources, those whose traces are longest in the mean; or their names, the best first."""


class Mix(Section):
    """General data beside the reasoning, so that the student does not forget it (DeepSeek-R1: 200k beside 600k)."""

    path: Annotated[str, Field(min_length=1)]
    """Chats, or instructions with answers (jsonl, parquet)."""
    share: Annotated[float, Field(gt=0, lt=1)]
    """Of all rows of the curated set."""
    source: str | None = None
    """What it is called in the rows; null takes the file's name."""
    licence: str = "unknown"
    """Licence of the data, carried to the card."""


class Curate(Section):
    """Which traces teach. Each step can be switched off; each tells in the funnel how many traces it leaves."""

    require_verdict: Literal["correct", "correct_or_unknown", "any_i_accept_wrong_traces"] = "correct"
    """Rejection. At 10^3 rows it is the method; at 10^6 it hardly matters (OpenThoughts3)."""
    judged: bool = True
    """Count the verdicts of verify.judge; false takes the rules' own, whatever the judge said."""
    require_reasoning: bool = False
    """Drop traces that have nothing between `<think>` and `</think>`."""
    deduplicate: bool = True
    """Drop a trace whose text equals another's of the same problem, and problems asked twice."""
    near_duplicates: Annotated[float, Field(ge=0.5, le=1)] | None = NEAR
    """With `deduplicate`: drop problems that share so many words with another, and all numbers; null keeps them."""
    distinct_traces: Share | None = None
    """With `deduplicate`: least share of characters in which two traces of a problem differ; null compares none."""
    decontaminate: bool = True
    """Drop problems that are in the evaluation: the run's held-out problems and `evaluation_sets`."""
    evaluation_sets: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """What no trained problem may hold: `math500`, `aime24`, `gsm8k`, ... , a set on the hub as
    `owner/name[config]:split`, or a file (jsonl, parquet)."""
    drop_changed: bool = False
    """With `decontaminate`: drop also problems of the same pattern as one of the evaluation, with other numbers; false
    keeps them, and tells how many there are."""
    difficulty: Difficulty | None = None
    """Which problems are neither too easy nor too hard; null takes all."""
    domains: Domains | None = None
    """The field of each problem; null takes what is known of it as `domain`, `subject` or `type`."""
    quality: Quality | None = None
    """Which traces are reasoned well enough; null takes all."""
    select: Literal["s1", "limo", "small-student", "openthoughts", "shortest", "longest", "random", "all"] = "shortest"
    """Which of the traces that are left are taken; see docs/curation.md."""
    traces_per_problem: Count | None = 1
    """Most traces taken of one problem; null takes all. `s1`, `limo` and `small-student` take one, `openthoughts` 16
    unless this is set."""
    rows: Count | None = None
    """How many rows to take; null takes all that `select` leaves."""
    fill: Literal["refuse", "less"] = "refuse"
    """Where fewer than `rows` are left: refuse, with their number, or take those."""
    mix: list[Mix] = Field(default_factory=list)
    """Other data beside the traces, each with its share of all rows. Not judged; questions of the evaluation go."""
    order: Literal["random", "short-first", "easy-first"] = "random"
    """How the rows are put; the others are curricula (Light-R1), easy by the share of correct traces of the problem."""
    engine: Literal["local", "ray"] = "local"
    """Who reads the traces: this machine, or a Ray cluster that sees the same files; the rows are the same."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that read them on this machine."""
    s1: S1 = S1()
    """How `select: s1` draws."""
    openthoughts: OpenThoughts = OpenThoughts()
    """How `select: openthoughts` draws."""

    @model_validator(mode="before")
    @classmethod
    def _answers_of_openthoughts(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("select") == "openthoughts":
            return {"traces_per_problem": ANSWERS, **given}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> "Curate":
        if self.select == "s1" and self.rows is None:
            raise ValueError(
                f"{key('curate.select')}=s1 fills up to a number of rows; set {key('curate.rows')} (s1K has 1000)"
            )
        if self.select != "s1" and self.s1 != S1():
            raise ValueError(f"{key('curate.s1')} says how select=s1 draws, and this is select={self.select}")
        if self.select != "openthoughts" and self.openthoughts != OpenThoughts():
            own = key("curate.openthoughts")
            raise ValueError(f"{own} says how select=openthoughts draws, and this is select={self.select}")
        if self.select in ONE_A_PROBLEM and self.traces_per_problem not in (None, 1):
            raise ValueError(
                f"{key('curate.select')}={self.select} takes one trace a problem; traces_per_problem is for others"
            )
        if sum(part.share for part in self.mix) >= 1:
            raise ValueError(f"the shares in {key('curate.mix')} are all of the rows or more; the traces need some too")
        return self

    @model_validator(mode="after")
    def _says_nothing_of_what_is_switched_off(self) -> "Curate":
        off = f"{key('curate.decontaminate')}=false"
        if self.evaluation_sets and not self.decontaminate:
            raise ValueError(f"{key('curate.evaluation_sets')} are named, and {off} looks for none of them")
        if self.drop_changed and not self.decontaminate:
            raise ValueError(
                f"{key('curate.drop_changed')}=true drops what is like the evaluation, and {off} looks for none"
            )
        if not self.deduplicate and (self.distinct_traces is not None or self.near_duplicates not in (None, NEAR)):
            raise ValueError(
                f"{key('curate.near_duplicates')} and {key('curate.distinct_traces')} say how much may be alike, and"
                f" {key('curate.deduplicate')}=false compares nothing"
            )
        return self
