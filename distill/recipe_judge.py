"""A language model as second instance, where the rules of `verify` do not decide."""

from typing import Annotated, Literal

from pydantic import Field

from distill.recipe_base import Count
from distill.recipe_teachers import EndpointTeacher


class DomainJudge(EndpointTeacher):
    """A language model behind an endpoint that names fields of mathematics; the keys are those of a teacher."""

    kind: Literal["endpoint"] = "endpoint"
    """A server that runs already."""
    max_tokens: Count = 512
    """Longest reply in tokens: a sentence and a code. A model that thinks before it replies needs thousands."""
    allow_unanswered: int = Field(0, ge=0, le=10**9)
    """Requests that may end without a reply; their problems have no domain."""


class Judge(EndpointTeacher):
    """A language model behind an endpoint as second instance; the keys of an endpoint are those of a teacher."""

    kind: Literal["endpoint"] = "endpoint"
    """A server that runs already."""
    when: Annotated[list[Literal["unknown", "wrong"]], Field(min_length=1)] = Field(["unknown"])
    """Verdicts of the rules that it may revise. Never the `wrong` of two plain numbers or two letters that differ."""
    max_tokens: Count = 16
    """Longest reply in tokens: one word. A model that thinks before it replies needs thousands."""
    allow_unanswered: int = Field(0, ge=0, le=10**9)
    """Requests that may end without a reply; their answers keep the verdict of the rules."""
