"""The section `verify`: how answers are judged."""

from typing import Literal

from pydantic import Field

from distill.recipe_base import Section


class CodeLimits(Section):
    """How programs that a model wrote are run."""

    sandbox: Literal["bubblewrap", "none-i-accept-the-risk"] = "bubblewrap"
    """Isolation; a machine that cannot give it refuses to run them. The other value runs them with your own rights."""
    cpu_seconds: float = Field(10.0, gt=0, le=3600)
    """Processor time: for all calls of a function together, or for each input of a program."""
    memory_mib: int = Field(1024, ge=64, le=10**6)
    """Address space of a program, in MiB."""


class Verify(Section):
    """How an answer is judged; the verifier itself is the one of the problem's kind."""

    timeout_seconds: float = Field(5.0, gt=0, le=10**6)
    """Longest time for one verdict; past it it is `unknown`, never `wrong`. Programs have limits of their own."""
    code: CodeLimits = CodeLimits()
    """Programs."""
