"""A teacher is anything that answers a request: one asynchronous method."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from distill.errors import DistillError, Refused
from distill.records import FinishReason, Problem, Sampling, ToldSampling, digest

CHARACTERS_PER_TOKEN = 4
"""On average, where nobody tells the tokens of a text; what is estimated with it is marked so."""


@dataclass(frozen=True)
class Request:
    """What is asked of a teacher."""

    id: str
    """`<problem id>/<sample index>`."""
    problem: Problem
    """For program teachers, which read its data; models see the messages only."""
    messages: list[dict[str, str]]
    """Chat messages, OpenAI style."""
    sampling: Sampling

    def digest(self, model: str) -> str:
        """Identity of the sample: same model, messages and sampling give the same digest."""
        return digest([model, self.messages, self.sampling.model_dump()])


@dataclass(frozen=True)
class Completion:
    """What came back."""

    text: str
    """What was sampled after the prompt, special tokens left out. Empty for an error."""
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    reasoning: str | None = None
    """Reasoning that came in a field of its own; None where it stands in the text, between think tags."""
    counted: bool = True
    """False where the server told no usage and the tokens are estimated from the pieces of its stream."""
    sampling: ToldSampling | None = None
    """What is known of how it was sampled, where that was not as it was asked for; null where it was."""


class TeacherError(DistillError):
    """A request that failed for good. It is never a trace."""


class TeacherRefused(TeacherError):
    """The teacher will answer no request of this kind (wrong key, model or parameters): to go on would be in vain."""


@contextmanager
def in_section(section: str, who: str = "") -> Iterator[None]:
    """Name the keys of an endpoint in what it raises as they are called in this section of a recipe.

    Raises:
        Refused, TeacherError: what was raised within, beginning with `who`.
    """

    def named(said: str) -> str:
        return said.replace("teacher.", f"{section}.").replace("harvest.", f"{section}.")

    try:
        yield
    except Refused as e:
        raise Refused(who + named(str(e)), named(e.hint)) from e
    except TeacherError as e:
        raise TeacherError(who + named(str(e)), named(e.hint)) from e


class Teacher(Protocol):
    """Answers requests; many at a time."""

    name: str
    """Who answers, as it stands in the traces: changes when the answers would."""
    concurrency: int
    """Requests worth having under way at once."""

    async def answer(self, request: Request) -> Completion:
        """Sample one answer.

        Raises:
            TeacherError: no answer could be had to this request.
            TeacherRefused: none can be had to any.
        """
        ...

    async def close(self) -> None:
        """Free what the teacher holds (memory, processes, connections)."""
        ...
