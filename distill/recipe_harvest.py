"""The section `harvest`: how traces are sampled, and which count."""

from typing import Literal

from pydantic import Field, model_validator

from distill.recipe_base import Count, Section
from distill.recipe_prompts import Prompt


class Band(Section):
    """Which problems are neither too hard nor too easy for the teacher; samples stop once that is decided."""

    low: int = Field(1, ge=0, le=10**6)
    """Fewest accepted answers of a problem inside the band."""
    high: int = Field(3, ge=0, le=10**6)
    """Most accepted answers of a problem inside the band."""
    of: int = Field(32, ge=1, le=10**6)
    """Samples that low and high refer to. LIMO keeps problems solved 1 to 3 times of 32."""
    confidence: float = Field(0.95, gt=0.5, le=1)
    """Stop once all samples would agree with this chance; 1 stops only when they could do nothing else."""

    @model_validator(mode="after")
    def _order(self) -> "Band":
        if not self.low <= self.high < self.of:
            raise ValueError(f"low={self.low}, high={self.high} and of={self.of} must rise: low <= high < of")
        return self


Language = Literal[
    "ar", "cs", "de", "el", "en", "es", "fa", "fr", "he", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ro", "ru",
    "sv", "th", "tr", "uk", "vi", "zh"
]  # fmt: skip


class Accept(Section):
    """What an answer must be, beyond correct and whole, to be accepted: what is not counts as a miss."""

    language: Language | None = None
    """Of reasoning and response, formulas and code aside; mixing is rejected. null takes any."""
    max_tokens: Count | None = None
    """Longest accepted answer in tokens, such as what the student's context holds; null takes any that ended."""
    min_tokens: Count | None = None
    """Shortest accepted answer in tokens; null takes any."""
    reasoning: bool = False
    """Only answers that think before they respond (`<think>...</think>`)."""
    format: bool = True
    """At most one block of thinking, closed, an answer after it, no marks of chat templates in the text. False takes
    what would teach a student to write them."""
    repetition: bool = True
    """No stretch six times in a row over 2,000 characters, and at most half of the text word for word as before."""
    leak: bool = True
    """No answer quoted from a hint or a reference, no refusal, no "as an AI", no error message saved as text."""

    @model_validator(mode="after")
    def _order(self) -> "Accept":
        if self.min_tokens and self.max_tokens and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens={self.min_tokens} is more than max_tokens={self.max_tokens}")
        return self


class Harvest(Section):
    """How traces are sampled from the teacher."""

    samples_per_problem: int = Field(1, ge=1, le=10**6)
    """Answers sampled for each training problem; the most, where accepted_per_problem is set."""
    accepted_per_problem: Count | None = None
    """Stop sampling a problem once so many of its answers are accepted; null samples all."""
    covered_problems: Count | None = None
    """Stop once so many problems have their accepted_per_problem; which ones is decided by what they cost."""
    min_chance: float = Field(0.0, ge=0, lt=1)
    """Give a problem up once the chance that its next answer is accepted is below this; 0 never does."""
    band: Band | None = None
    """Estimate how hard each problem is for the teacher, instead of accepted_per_problem; null does not."""
    max_total_tokens: int | None = Field(None, ge=1, le=10**15)
    """Tokens that the teacher may spend in all, prompts included, never more; null sets no limit. Requests go first to
    where the next accepted trace is cheapest; each under way counts at max_tokens until it is back. Attempts that broke
    off, and answers of earlier recipes that this one has no use for, are not in it."""
    max_cost: float | None = Field(None, gt=0, le=10**12)
    """Money that the teacher may cost in all, never more, at teacher.price and in its currency; null sets no limit."""
    temperature: float = Field(0.6, ge=0, le=10)
    """0 is greedy: every sample of a problem would be the same."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Nucleus; 1 means off."""
    allow_unanswered: int = Field(0, ge=0, le=10**9)
    """Requests that may end without an answer, such as questions longer than the teacher's context."""
    max_tokens: Count = 4096
    """Longest answer in tokens, reasoning included. An answer cut here is never correct."""
    cut_loops: bool = True
    """Cut an answer once it repeats a stretch six times over 2,000 characters; it is never trained on."""
    accept: Accept = Accept()
    """Which correct answers count."""
    prompt: Prompt = Prompt()
    """What the teacher is asked."""

    @model_validator(mode="after")
    def _band(self) -> "Harvest":
        if self.band is not None and self.accepted_per_problem is not None:
            raise ValueError("band and accepted_per_problem ask for two things at once; set one of them")
        if self.band is not None and self.samples_per_problem != self.band.of:
            raise ValueError(
                f"harvest.band.of={self.band.of} needs harvest.samples_per_problem={self.band.of}, "
                f"not {self.samples_per_problem}"
            )
        return self

    @model_validator(mode="after")
    def _acceptable(self) -> "Harvest":
        if self.accept.min_tokens is not None and self.accept.min_tokens > self.max_tokens:
            raise ValueError(
                f"accept.min_tokens={self.accept.min_tokens} is more than max_tokens={self.max_tokens}: no answer "
                "could be accepted"
            )
        if self.band is not None and self.min_chance:
            raise ValueError("band decides itself when a problem needs no more samples; leave min_chance out")
        return self

    @model_validator(mode="after")
    def _covered(self) -> "Harvest":
        if self.covered_problems is not None and self.accepted_per_problem is None:
            raise ValueError("covered_problems needs accepted_per_problem, which says when a problem is covered")
        return self

    @model_validator(mode="after")
    def _budget(self) -> "Harvest":
        if self.max_total_tokens is not None and self.max_total_tokens < self.max_tokens:
            raise ValueError(
                f"max_total_tokens={self.max_total_tokens} does not pay for one answer of max_tokens={self.max_tokens}"
            )
        return self

    def is_adaptive(self) -> bool:
        """Does what is sampled next depend on what came back?"""
        decides = self.accepted_per_problem, self.band, self.max_total_tokens, self.max_cost
        return self.min_chance > 0 or any(key is not None for key in decides)
