"""The section `on_policy`: a second stage, in which the teacher judges what the student itself writes."""

from typing import Annotated

from pydantic import Field, model_validator

from distill.recipe_base import Count, ModelName, Section
from distill.recipe_teachers import EndpointTeacher, LocalTeacher, VLLMTeacher

Scoring = Annotated[LocalTeacher | EndpointTeacher | VLLMTeacher, Field(discriminator="kind")]
"""Teachers that can tell how likely they would have written a token."""


class OnPolicy(Section):
    """The student writes, the teacher says token by token how likely it would have written that, and the reverse KL
    between the two falls. Method, rank and merging are those of the section `train`, whose student it goes on from."""

    teacher: Scoring | None = None
    """Who judges: a model of the student's own tokenizer, here or on a server that gives `prompt_logprobs`, as vLLM's
    does; null takes the recipe's teacher."""
    tokenizer: ModelName | None = None
    """Folder or hub id of the judging teacher's tokenizer. An endpoint needs it; null takes the teacher's model."""
    accept_other_template: bool = False
    """Go on where the teacher's chat template would put the same question in other tokens; otherwise it is refused."""
    steps: Count = 150
    """Optimiser steps, each on answers of the student as it is then."""
    samples_per_step: Count = 64
    """Answers that the student writes for a step, one to each problem; problems come round again in another order."""
    max_tokens: Count = 1024
    """Longest answer in tokens. One that is cut here counts as far as it goes; the share of whole ones is told."""
    temperature: float = Field(1.0, gt=0, le=10)
    """Of the student's sampling, and of both distributions that are compared; other than 1 with a local teacher only,
    since servers tell probabilities at 1."""
    top_logprobs: int = Field(20, ge=0, le=10**6)
    """Of a teacher on a server: most likely tokens whose probabilities are asked for at each place. The rest is
    estimated from the token that was written, without bias; more tokens leave less variance. 0 asks for that token
    alone. vLLM's own limit is 20 (`serve_args.max_logprobs`)."""
    learning_rate: float | None = Field(None, gt=0, le=10)
    """Constant; null takes 1e-4 for an adapter and 5e-5 for all weights."""
    per_device_train_batch_size: Count = 8
    """Answers in one forward pass of the training."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Answers sampled together."""
    save_steps: Count = 10
    """Optimiser steps between checkpoints that a killed run goes on from."""

    @model_validator(mode="after")
    def _batch(self) -> "OnPolicy":
        if self.samples_per_step % self.per_device_train_batch_size:
            raise ValueError(
                f"samples_per_step={self.samples_per_step} is not a multiple of "
                f"per_device_train_batch_size={self.per_device_train_batch_size}"
            )
        return self

    def refuse_unfit(self, teacher: Section) -> None:
        """
        Raises:
            ValueError: this teacher tells no probabilities, or not those that are asked for.
        """
        if not isinstance(teacher, LocalTeacher | EndpointTeacher | VLLMTeacher):
            raise ValueError(
                "on_policy needs a teacher that tells how likely it would have written a token, which a program and "
                "published traces cannot; set on_policy.teacher to one of kind local, vllm or endpoint"
            )
        if isinstance(teacher, EndpointTeacher) and self.tokenizer is None:
            raise ValueError(
                "on_policy needs the tokenizer of a teacher of kind endpoint, to compare it with the student's; set "
                "on_policy.tokenizer to its folder or hub id"
            )
        if not isinstance(teacher, LocalTeacher) and self.temperature != 1:
            raise ValueError(
                f"on_policy.temperature={self.temperature:g} needs a teacher of kind local; servers tell probabilities "
                "at temperature 1"
            )
        if isinstance(teacher, VLLMTeacher) and teacher.replicas > 1:
            raise ValueError(
                f"on_policy asks one server, and its teacher has replicas={teacher.replicas}; set on_policy.teacher "
                "with replicas=1, or serve it yourself and name the base_urls of a teacher of kind endpoint"
            )
