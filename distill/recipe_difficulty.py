"""Which problems teach: difficulty and domains in the section `curate` of a recipe."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distill.recipe_base import Count, Section
from distill.recipe_judge import DomainJudge

Number = Annotated[float, Field(allow_inf_nan=False)]


class PassRate(Section):
    """Problems that are solved so often, by the traces of the pool: those of the student, where it sampled them."""

    low: int = Field(1, ge=0, le=10**6)
    """Fewest correct traces of a problem, of `of`."""
    high: int = Field(3, ge=0, le=10**6)
    """Most correct traces of a problem, of `of`."""
    of: int = Field(32, ge=1, le=10**6)
    """Samples that low and high refer to; LIMO keeps 1 to 3 of 32. Other numbers of samples are scaled to it."""
    certainty: float | None = Field(None, gt=0.5, lt=1)
    """Keep where the pass rate lies in the band with this chance; null goes by the counts."""

    @model_validator(mode="after")
    def _order(self) -> "PassRate":
        if not self.low <= self.high <= self.of or (self.low == 0 and self.high == self.of):
            raise ValueError(f"low={self.low}, high={self.high} of={self.of} is no band that leaves anything out")
        return self


class Range(Section):
    """From least to most, both included; null is no limit."""

    least: Number | None = None
    """Smallest value that is kept."""
    most: Number | None = None
    """Largest value that is kept."""

    @model_validator(mode="after")
    def _order(self) -> "Range":
        if self.least is None and self.most is None:
            raise ValueError("a range needs least or most")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least={self.least:g} is more than most={self.most:g}")
        return self


class Difficulty(Section):
    """Which problems are neither too easy nor too hard; what is set must all hold."""

    pass_rate: PassRate | None = None
    """By the share of correct traces."""
    panel: list[str] = Field(default_factory=list)
    """What is known of a problem (`problems.known_keys`): a column a model, its pass rate or 0 and 1; all fail (s1)."""
    panel_fails: Literal["all", "any"] = "all"
    """Must all models of the panel fail, or is one enough?"""
    known: dict[str, Range] = Field(default_factory=dict)
    """Ranges of numbers that are known of a problem, such as its level."""
    tokens: Range | None = None
    """Range of the median length of a problem's finished traces (OpenThoughts3)."""
    keep_undecided: bool = False
    """Keep problems of which too little is known."""
    accept_a_single_guess: bool = False
    """One answer of one model says little: without this it is not taken for a measure of difficulty."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> "Difficulty":
        if self.pass_rate is None and not self.panel and not self.known and self.tokens is None:
            raise ValueError("set pass_rate, panel, known or tokens, or leave the section out")
        return self


class Domains(Section):
    """The field of each problem, which `select: s1` draws from."""

    by: Literal["known", "clusters", "judge"]
    """What the problems' source tells (`key`), clusters of like texts, or a language model (`judge`)."""
    key: str = "subject"
    """Of what is known of a problem."""
    clusters: Count = 50
    """How many, by TF-IDF or `embedding`."""
    embedding: str | None = None
    """Folder with static embeddings (model2vec); null takes TF-IDF."""
    judge: DomainJudge | None = None
    """The model that names a domain of the MSC for each problem, once."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Domains":
        if (self.by == "judge") != (self.judge is not None):
            raise ValueError("domains by a judge need the section judge, others have none")
        return self
