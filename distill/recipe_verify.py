"""The section `verify`: how answers are judged."""

from typing import Literal

from pydantic import Field

from distill.recipe_base import Section
from distill.recipe_judge import Judge


class CodeLimits(Section):
    """How programs that a model wrote are run."""

    sandbox: Literal["bubblewrap", "none-i-accept-the-risk"] = "bubblewrap"
    """Isolation; a machine that cannot give it refuses to run them. The other value runs them with your own rights."""
    cpu_seconds: float = Field(10.0, gt=0, le=3600)
    """Processor time: for all calls of a function together, or for each input of a program."""
    memory_mib: int = Field(1024, ge=64, le=10**6)
    """Address space of a program, in MiB."""


class MathRules(Section):
    """On what projects differ; the values are those of `distill.verify.algebra.rules`."""

    percent: Literal["either", "hundredth", "sign"] = "either"
    """`50\\%` is the same as 0.5 and 50, as 0.5 only, or as 50 only."""
    units: Literal["optional", "required", "ignored"] = "optional"
    """A unit may be missing on one side; must be there where the gold answer has one; is not looked at. Where both
    have one they must measure the same, except for `ignored`."""
    order: Literal["free", "kept"] = "free"
    """Order of a list without brackets and of a set; that of tuples is always kept."""
    lowest_terms: bool = False
    """A fraction that can be reduced is wrong."""
    relative_tolerance: float = Field(0.0, ge=0, lt=1)
    """Numbers that differ by no more than this share of the gold answer are the same; 0 compares exactly."""


class Verify(Section):
    """How an answer is judged; the verifier itself is the one of the problem's kind."""

    timeout_seconds: float | None = Field(None, gt=0, le=10**6)
    """Longest computing time for one verdict, past which it is `unknown`, never `wrong`; null gives mathematics 0.8
    seconds and puzzles 5. Programs have limits of their own."""
    math: MathRules = MathRules()
    """Conventions for mathematical answers."""
    code: CodeLimits = CodeLimits()
    """Programs."""
    judge: Judge | None = None
    """Asked after the harvest about answers that the rules do not decide; null asks nobody."""
