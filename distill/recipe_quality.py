"""Which traces are reasoned well enough: the section `curate.quality` of a recipe."""

from typing import Annotated

from pydantic import Field, model_validator

from distill.recipe_base import Section
from distill.recipe_difficulty import Range

Share = Annotated[float, Field(ge=0, le=1)]
"""From 0 to 1."""


class Quality(Section):
    """Which traces are reasoned well enough; what is set must all hold (docs/trace-scores.md: what each is worth)."""

    score: Range | None = None
    """Of LIMO's rule score, in which 0 is the mean of the traces that are left and 1 about a standard deviation."""
    best: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Only this share of the traces, those with the highest score."""
    reflections: Range | None = None
    """Of reflections in a thousand words, by oat-zero's keywords."""
    superficial: Share | None = None
    """Largest share of reflections that change nothing or spoil a right answer; costs a verdict for every answer."""
    question_form: bool = False
    """Drop problems by s1's patterns: drawings in `[asy]` (but for AIME's), `![Image]`, `p1.`, numbers in bold."""
    repetition: bool = False
    """Drop traces that loop or repeat most of themselves."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> "Quality":
        if self == Quality.model_construct():
            raise ValueError(
                "set score, best, reflections, superficial, question_form or repetition, or leave the section out"
            )
        return self

    @property
    def reads_texts(self) -> bool:
        """Must the traces be read once more for it?"""
        return self.superficial is not None or self.repetition
