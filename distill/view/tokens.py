"""A trace as training renders it, token by token, each in the loss or not."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import Refused
from distill.files import user_path
from distill.records import Trace, joined
from distill.report.check_page import Shown, tokens_of

if TYPE_CHECKING:
    from distill.models import ModelSource
    from distill.recipe import Recipe
    from students.render import Row

MOST = 20_000
"""Tokens on a page."""


@dataclass(frozen=True)
class Rendered:
    """What training makes of a trace."""

    tokens: list[Shown]
    """The first `MOST` of them."""
    count: int
    in_loss: int
    tokenizer: str
    """Whose it is."""


class Rendering:
    """Renders the traces of a run with the tokenizer of its student, which is loaded when the first one is asked for.

    Nothing is fetched from anywhere: the merged student's tokenizer counts, else that of a base on this machine.
    """

    def __init__(self, run: Path) -> None:
        self.run = run

    def render(self, question: str, trace: Trace) -> Rendered:
        """
        Raises:
            Refused: no tokenizer is at hand, or training would refuse the trace, with its reason.
        """
        from distill import models
        from distill.chat_template import turn_of
        from students.render import IGNORED, render

        tokenizer = models.tokenizer(self._source)
        messages = self._recipe.student_prompt().messages(question)
        turn = turn_of(tokenizer, self._source.name)
        row = render(tokenizer, turn, trace.id, messages, joined(trace.reasoning, trace.response))
        shown = tokens_of(_head(row), tokenizer)
        in_loss = len(row) - Counter(row.labels)[IGNORED]
        return Rendered(shown, len(row), in_loss, self._source.name)

    @cached_property
    def _recipe(self) -> "Recipe":
        from distill.recipe_file import load

        return load(str(self.run / "recipe.yaml"))

    @cached_property
    def _source(self) -> "ModelSource":
        from distill import models

        merged, student = self.run / "student" / "merged", self._recipe.student
        if (merged / "tokenizer_config.json").is_file():  # its weights may have been moved away
            return models.ModelSource("the merged student", str(merged))
        if student.model.startswith(models.PACKAGE) or user_path(student.model).exists():
            return models.of_student(student)
        at = _cached(student.model, student.revision)
        return models.of_student(student.model_copy(update={"model": str(at), "revision": None}))


def _head(row: "Row") -> "Row":
    return type(row)(row.trace_id, row.input_ids[:MOST], row.labels[:MOST])


def _cached(name: str, revision: str | None) -> Path:
    """Folder of a hub model in the cache of this machine.

    Raises:
        Refused: it is not there.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError as e:  # it was a folder when the run began
        raise Refused(f"the student's model '{name}' is not there any more.") from e
    if not isinstance(found, str):
        raise Refused(
            f"the tokenizer of '{name}' is not on this machine, and none is fetched.",
            "`distill check RECIPE` does that.",
        )
    return Path(found).parent
