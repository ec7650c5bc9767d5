"""What a user writes: one YAML file, its sections in the order of the journey.

Every key is typed, frozen and documented by the string under it. Reading a file, overrides and
error messages are in `recipe_file.py`; nothing here touches the disk.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distill.recipe_base import Count, ModelName, Section
from distill.recipe_curate import Curate
from distill.recipe_harvest import Accept, Band, Harvest
from distill.recipe_judge import Judge
from distill.recipe_problems import (
    CountdownProblems,
    FileProblems,
    GymDataset,
    GymProblems,
    HubProblems,
    Problems,
    TableProblems,
    TracesProblems,
)
from distill.recipe_prompts import Prompt
from distill.recipe_teachers import (
    EndpointTeacher,
    LocalTeacher,
    Price,
    ProgramTeacher,
    ReplayTeacher,
    Teacher,
    VLLMTeacher,
)
from distill.recipe_verify import CodeLimits, MathRules, Verify

__all__ = [
    "Accept",
    "Band",
    "CodeLimits",
    "CountdownProblems",
    "Curate",
    "EndpointTeacher",
    "FileProblems",
    "GymDataset",
    "GymProblems",
    "Harvest",
    "HubProblems",
    "Judge",
    "LocalTeacher",
    "MathRules",
    "Price",
    "Problems",
    "ProgramTeacher",
    "Prompt",
    "Recipe",
    "ReplayTeacher",
    "TableProblems",
    "Teacher",
    "TracesProblems",
    "VLLMTeacher",
    "Verify",
]


class Student(Section):
    """Who learns."""

    model: ModelName
    """Hub id, local folder, `*.gguf` path, or `package:IMPORT_NAME/FILE.gguf`."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    prompt: Prompt | None = None
    """What the student is asked, in training and evaluation; null takes the teacher's prompt, without its examples."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the frozen weights; auto is bfloat16, or float32 where the processor has no bfloat16 arithmetic."""


class Train(Section):
    """Supervised fine-tuning: LoRA, QLoRA, or all weights. Names are those of TRL and PEFT."""

    method: Literal["lora", "qlora", "full"] = "lora"
    """What is trained: an adapter, one on a model of 4 bits (NF4, double quantisation), or all weights."""
    learning_rate: float | None = Field(None, gt=0, le=10)
    """Peak; null takes what is known for method, size and rows, and says so."""
    accept_learning_rate: bool = False
    """Train with a rate that is far from what is known for this size; otherwise it is refused."""
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """Shape of the schedule after the warm-up."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the steps over which the rate rises from 0."""
    num_train_epochs: float = Field(2, gt=0, le=10**4)
    """Passes over the curated set."""
    stop_at_token_accuracy: float | None = Field(None, gt=0, lt=1)
    """End once the tokens of a whole pass are predicted this well: small sets want many passes (arXiv 2602.11149)."""
    max_length: int = Field(2048, ge=16, le=10**8)
    """Longest row in tokens, prompt and trace. A longer one is refused, never cut."""
    drop_long_rows: bool = False
    """True leaves rows longer than max_length out and counts them, instead of refusing the run."""
    packed_rows_per_batch: Count = 8
    """Packed rows of max_length tokens in one optimiser step, over all devices."""
    per_device_train_batch_size: Count = 1
    """Packed rows in one forward pass on one device."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """AdamW's decoupled decay."""
    max_grad_norm: float = Field(1.0, gt=0, le=10**6)
    """Gradients are scaled down to this norm."""
    lora_r: int = Field(32, ge=1, le=10**5)
    """Rank. About: adapter parameters should not be fewer than the tokens in the loss."""
    lora_alpha: int = Field(32, ge=1, le=10**6)
    """Scale: the update counts lora_alpha / lora_r."""
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before the adapter."""
    lora_target_modules: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = "all-linear"
    """Which layers get an adapter; all-linear leaves out the output layer only."""
    use_dora: bool = False
    """Train magnitude and direction of the weights apart (DoRA); slower, and at low ranks often better."""
    use_rslora: bool = False
    """Scale by lora_alpha / sqrt(lora_r) instead."""
    merge_into: Literal["clean", "quantised"] = "clean"
    """With qlora: merge the adapter into the base of 16 bits, or into that of 4 bits which it has seen, made dense."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    save_steps: Count = 50
    """Optimiser steps between checkpoints that a killed run goes on from."""

    @model_validator(mode="after")
    def _method(self) -> "Train":
        adapters = ("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora")
        defaults = {name: Train.model_fields[name].default for name in adapters}
        changed = [name for name in adapters if getattr(self, name) != defaults[name]]
        if self.method == "full" and changed:
            raise ValueError(f"{changed[0]} is about an adapter, and train.method=full trains all weights")
        if self.method != "qlora" and self.merge_into != "clean":
            raise ValueError("merge_into is about train.method=qlora, which alone has two bases to merge into")
        return self

    @model_validator(mode="after")
    def _batch(self) -> "Train":
        if self.packed_rows_per_batch % self.per_device_train_batch_size:
            raise ValueError(
                f"packed_rows_per_batch={self.packed_rows_per_batch} is not a multiple of "
                f"per_device_train_batch_size={self.per_device_train_batch_size}"
            )
        return self


class Evaluate(Section):
    """Base and student on the held-out problems, same protocol, side by side."""

    samples_per_problem: int = Field(1, ge=1, le=10**6)
    """k: answers sampled for each problem."""
    temperature: float = Field(0.0, ge=0, le=10)
    """0 is greedy; R1's protocol is 0.6."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus; 1 means off."""
    max_tokens: Count = 1024
    """Longest answer in tokens; one cut here counts as wrong, and the share of them is printed."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Requests sampled together."""
    confidence: float = Field(0.95, gt=0.5, le=0.9999)
    """Of the intervals."""

    @model_validator(mode="after")
    def _greedy(self) -> "Evaluate":
        if self.temperature == 0 and self.samples_per_problem > 1:
            raise ValueError("samples_per_problem > 1 at temperature 0 samples the same answer again and again")
        return self


class Publish(Section):
    """Where the student goes. Nothing leaves the machine unless hub_id is set."""

    hub_id: str | None = Field(None, pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository on the Hugging Face Hub; null only writes the folder `published/`. The token is read from HF_TOKEN."""
    private: bool = True
    """Create the repository as private."""
    merged: bool = True
    """Publish the merged checkpoint; false publishes the adapter alone."""
    licence: str | None = None
    """Licence named in the card; null leaves it out."""


class Recipe(Section):
    """The whole journey."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """Names the run: it lives in `runs/<name>`."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Of everything random in the run."""
    problems: Problems
    """Where problems come from, and how many are held out."""
    teacher: Teacher
    """Who thinks."""
    harvest: Harvest = Harvest()
    """How traces are sampled."""
    verify: Verify = Verify()
    """How answers are judged."""
    curate: Curate = Curate()
    """Which of the traces teach."""
    student: Student
    """Who is taught."""
    train: Train = Train()
    """How it is taught."""
    evaluate: Evaluate = Evaluate()
    """What it gained."""
    publish: Publish = Publish()
    """Where it goes."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if isinstance(self.teacher, ProgramTeacher) and not isinstance(self.problems, CountdownProblems):
            raise ValueError("teacher.kind=program knows Countdown only; set problems.source=countdown")
        if isinstance(self.teacher, ReplayTeacher) and not isinstance(self.problems, TracesProblems):
            raise ValueError("teacher.kind=replay gives published traces; set problems.source=traces")
        sampled = not isinstance(self.teacher, ProgramTeacher | ReplayTeacher)
        if sampled and self.harvest.temperature == 0 and self.harvest.samples_per_problem > 1:
            raise ValueError(
                "harvest.samples_per_problem > 1 at harvest.temperature=0 pays for the same answer again and again"
            )
        if self.train.method == "full" and not self.publish.merged:
            raise ValueError("publish.merged=false publishes the adapter, and train.method=full makes none")
        price = getattr(self.teacher, "price", None)
        if self.harvest.max_cost is not None and price is None:
            raise ValueError("harvest.max_cost needs teacher.price, which a teacher of kind endpoint or vllm can have")
        dearest = self.harvest.max_tokens * price.completion / 1e6 if price else 0.0
        if self.harvest.max_cost is not None and self.harvest.max_cost < dearest:
            raise ValueError(
                f"harvest.max_cost={self.harvest.max_cost:g} does not pay for one answer of "
                f"harvest.max_tokens={self.harvest.max_tokens}, which can cost {dearest:g}"
            )
        per_problem, samples = self.curate.traces_per_problem, self.harvest.samples_per_problem
        accepted = self.harvest.accepted_per_problem
        if accepted is not None and accepted > samples:
            raise ValueError(
                f"harvest.accepted_per_problem={accepted} is more than harvest.samples_per_problem={samples}, "
                "the most that are sampled"
            )
        if self.curate.select != "openthoughts" and per_problem is not None and per_problem > samples:
            raise ValueError(
                f"curate.traces_per_problem={per_problem} is more than harvest.samples_per_problem={samples}"
            )
        return self

    def student_prompt(self) -> Prompt:
        """What the student is asked, in training and in evaluation alike."""
        return self.student.prompt or self.harvest.prompt.without_examples()
