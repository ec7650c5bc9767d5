"""The trained student as one checkpoint, and what merging has cost.

Whether an adapter of QLoRA comes nearer to what was trained in the clean base of 16 bits, or in the one of 4 bits that
it has seen, is not known beforehand (unslothai/unsloth-zoo#810): both are measured.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import DistillError
from distill.folders import write_folder
from distill.recipe import Recipe, Train
from distill.records import Problem
from students.divergence import Divergence, Reference
from students.methods import merged_of
from students.render import Row, serving_prompt
from students.serving import set_generation

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NO_NUMBERS = "the trained student's outputs are no numbers: its last steps have diverged."


def held_out_prompts(
    recipe: Recipe, held_out: Sequence[Problem], rows: Sequence[Row], tokenizer: "PreTrainedTokenizerBase"
) -> list[list[int]]:
    """Prompts of problems that nobody has trained on, as a server renders them; where there are none, those of rows."""
    asked = [recipe.student_prompt().messages(problem.question) for problem in held_out]
    texts = [serving_prompt(tokenizer, messages, recipe.student.model) for messages in asked]
    ids: list[list[int]] = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    longest = recipe.train.max_length
    fitting = [prompt for prompt in ids if len(prompt) <= longest]
    return fitting or [row.input_ids[: next(i for i, label in enumerate(row.labels) if label >= 0)] for row in rows]


def merge(
    trained: "PreTrainedModel | None",
    before: Reference,
    source: models.ModelSource,
    dtype: str,
    train: Train,
    tokenizer: "PreTrainedTokenizerBase",
    thinks: bool,
    folder: Path,
    rate_key: str = "train.learning_rate",
) -> dict[str, Any]:
    """Write `merged/`, and return what merging cost against `before`, the outputs of the student as it was trained.

    QLoRA merges `adapter/` into a base that it loads itself, and needs no `trained`; `train.merge_into=auto` keeps the
    nearer one of both.

    Raises:
        DistillError: the outputs are no numbers.
    """
    found: dict[str, Divergence] = {}
    for into in ("clean", "quantised") if train.method == "qlora" else ("",):
        merged = merged_of(trained, folder / "adapter", source, dtype, train, into)
        found[into] = before.against(merged)
        if not math.isfinite(found[into].mean):
            raise DistillError(NO_NUMBERS, f"Lower {rate_key}.")
        if into == train.merge_into or (train.merge_into == "auto" and found[into].mean <= min(_means(found))):
            kept = into
            set_generation(merged, tokenizer, thinks)
            save(merged, tokenizer, folder)
        del merged
    told = {"merge_kl": found[kept].mean, "merge": found[kept].counts()}
    bases = {f"merge_into_{into}": one.counts() for into, one in found.items() if into}
    return told | bases | ({"merged_into": kept} if kept else {})


def _means(found: dict[str, Divergence]) -> list[float]:
    return [one.mean for one in found.values()]


def save(merged: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
    """Write the merged checkpoint with its tokenizer and chat template, whole or not at all."""

    def write(at: Path) -> None:
        merged.save_pretrained(at)
        tokenizer.save_pretrained(at)

    write_folder(folder / "merged", write)
