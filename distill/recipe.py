"""What a user writes: one YAML file, its sections in the order of the journey.

Every key is typed, frozen and documented by the string under it. Reading a file, overrides and
error messages are in `recipe_file.py`; nothing here touches the disk.
"""

import keyword
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from distill.recipe_base import JsonObject, ModelName, Section
from distill.recipe_curate import Curate
from distill.recipe_evaluate import Evaluate
from distill.recipe_harvest import Accept, Band, Harvest
from distill.recipe_judge import Judge
from distill.recipe_on_policy import OnPolicy, Scoring
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
from distill.recipe_publish import Publish
from distill.recipe_teachers import (
    EndpointTeacher,
    LocalTeacher,
    Price,
    ProgramTeacher,
    ReplayTeacher,
    Teacher,
    VLLMTeacher,
)
from distill.recipe_track import Track
from distill.recipe_train import Train
from distill.recipe_verify import CodeLimits, MathRules, Verify

__all__ = [
    "Accept",
    "Band",
    "CodeLimits",
    "CountdownProblems",
    "Curate",
    "EndpointTeacher",
    "Evaluate",
    "FileProblems",
    "GymDataset",
    "GymProblems",
    "Harvest",
    "HubProblems",
    "Judge",
    "LocalTeacher",
    "MathRules",
    "OnPolicy",
    "Price",
    "Problems",
    "ProgramTeacher",
    "Prompt",
    "Publish",
    "Recipe",
    "ReplayTeacher",
    "TableProblems",
    "Teacher",
    "TracesProblems",
    "Track",
    "Train",
    "VLLMTeacher",
    "Verify",
]


def _template_settings(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no name of a variable, or one that every server sets itself."""
    for name in value:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is no name of a variable")
        if name in ("messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token"):
            raise ValueError(f"{name} is set by the server, at every request")
    return value


TemplateSettings = Annotated[JsonObject, AfterValidator(_template_settings)]
"""Variables of a chat template."""


class Student(Section):
    """Who learns."""

    model: ModelName
    """Hub id, local folder, `*.gguf` path, or `package:IMPORT_NAME/FILE.gguf`."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    prompt: Prompt | None = None
    """What the student is asked, in training and evaluation; null takes the teacher's prompt, without its examples."""
    chat_template: str | None = None
    """A file with a Jinja template, for a base model that has none or another than its own; the same in training,
    evaluation and the checkpoint. null takes the model's."""
    chat_template_kwargs: TemplateSettings = Field(default_factory=dict)
    """Variables of the template, such as enable_thinking: false. They are written into the checkpoint's template, so
    that training, evaluation and every server render alike."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the frozen weights; auto is bfloat16, or float32 where the processor has no bfloat16 arithmetic."""


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
    on_policy: OnPolicy | None = None
    """A second stage on the student's own answers; null goes without."""
    evaluate: Evaluate = Evaluate()
    """What it gained."""
    publish: Publish = Publish()
    """Where it goes."""
    track: Track = Track()
    """Where its figures go besides the run directory."""

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
        if self.on_policy is not None:
            self.on_policy.refuse_unfit(self.on_policy.teacher or self.teacher)
        return self

    def on_policy_teacher(self) -> Scoring:
        """Who judges the student's own answers; only with a section `on_policy`."""
        assert self.on_policy is not None
        teacher = self.on_policy.teacher or self.teacher
        assert not isinstance(teacher, ProgramTeacher | ReplayTeacher)
        return teacher

    def student_prompt(self) -> Prompt:
        """What the student is asked, in training and in evaluation alike."""
        return self.student.prompt or self.harvest.prompt.without_examples()
