"""The training stage: a curated set in; adapter, merged checkpoint and metrics out.

student/
  adapter/        what PEFT loads
  merged/         an ordinary checkpoint with tokenizer and chat template; what is evaluated and served
  metrics.jsonl   one line an optimiser step
  first_rows.json the first rows as training sees them, split by the loss mask
  counts.json     what came of it, written once all else is there
  checkpoints/    only while training runs
"""

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import Refused
from distill.files import read_json, write_json
from distill.folders import write_folder
from distill.recipe import Recipe
from distill.records import Problem
from students.check import Checked, check, coloured
from students.divergence import own_answers, reference
from students.merge import held_out_prompts, merge
from students.methods import load_student, refuse_without_bitsandbytes
from students.pack import pack
from students.plan import memory_plan, refuse_without_memory
from students.rates import rate_of, refuse_strange_rate

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

OnStep = Callable[[dict[str, Any]], None]
"""Called after each optimiser step with what `students.train.OnLog` gets."""


def gate(recipe: Recipe, curated: Path) -> tuple[Checked, "PreTrainedTokenizerBase"]:
    """All that is looked at before training: template, mask, stop token, length, memory.

    Raises:
        Refused: training would go wrong silently, or cannot fit.
    """
    from datasets import load_from_disk

    source = models.of_student(recipe.student)
    tokenizer = models.tokenizer(source)
    config = models.config(source)
    context = config.get_text_config().max_position_embeddings
    if recipe.train.max_length > context:
        raise Refused(
            f"train.max_length={recipe.train.max_length} exceeds the context of '{source.name}', {context} tokens.",
            "Lower it, or choose a student with a longer context.",
        )
    checked = check(load_from_disk(curated), tokenizer, recipe.train)
    checked = replace(checked, learns_end=checked.end not in models.known_stops(source))
    refuse_strange_rate(recipe.train, models.parameter_count(config))
    if recipe.train.method == "qlora":
        refuse_without_bitsandbytes()
    refuse_without_memory(memory_plan(config, recipe.train, _bytes_per_weight(recipe)), recipe.train)
    return checked, tokenizer


def train_student(
    recipe: Recipe, curated: Path, folder: Path, on_step: OnStep, held_out: Sequence[Problem] = ()
) -> dict[str, Any]:
    """Train, merge and save the student; goes on from the last checkpoint. Returns the counts.

    On the problems `held_out` it is measured what merging cost; without them, on the prompts of the curated set.

    Raises:
        Refused: the gate's reasons, or packing that does not isolate.
        DistillError: the loss or the trained student's outputs are no numbers.
    """
    from students.train import build_trainer, fit

    done = folder / "counts.json"
    checked, tokenizer = gate(recipe, curated)
    folder.mkdir(exist_ok=True)
    write_json(folder / "first_rows.json", [coloured(row, tokenizer) for row in checked.rows[:3]])
    if done.exists() and _sizes(folder) == read_json(done)["files"]:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return read_json(done)["counts"]  # killed between the last save and the seal
    in_order = recipe.curate.order != "random"
    packed = pack(checked.rows, recipe.train.max_length, tokenizer.pad_token_id, recipe.seed, in_order)
    models.keep_freed_memory()
    source = models.of_student(recipe.student)
    rate, reason = rate_of(recipe.train, models.parameter_count(models.config(source)), len(checked.rows))
    train = recipe.train.model_copy(update={"learning_rate": rate})
    logger.info("train: learning rate %g (%s)", rate, reason)
    model = load_student(source, recipe.student.dtype, train)
    metrics = _Metrics(folder / "metrics.jsonl", on_step)
    checkpoints = folder / "checkpoints"
    trainer = build_trainer(
        model,
        tokenizer,
        packed,
        train,
        recipe.seed,
        checkpoints,
        metrics.note,
        in_order,
        new_tokens=[checked.end] if checked.learns_end else [],
    )
    trained = fit(trainer)
    if train.method != "full":
        write_folder(folder / "adapter", trained.save_pretrained)
    prompts = held_out_prompts(recipe, held_out, checked.rows, tokenizer)
    with reference(trained, own_answers(trained, tokenizer, prompts, recipe.seed), folder) as before:
        whole = None if train.method == "qlora" else trained
        del trainer, trained  # makes room for the base that a QLoRA adapter is merged into
        cost = merge(whole, before, source, recipe.student.dtype, train, tokenizer, checked.thinks, folder)
    counts = {
        **checked.counts(),
        "packed_rows": len(packed),
        "packing_efficiency": round(checked.tokens / (len(packed) * recipe.train.max_length), 4),
        "steps": metrics.last.get("step", 0),
        "stopped_early": metrics.last.get("step", 0) < metrics.last.get("of", 0),
        "final_loss": metrics.last.get("loss"),
        "final_token_accuracy": metrics.last.get("mean_token_accuracy"),
        **cost,
        "learning_rate": rate,
        "learning_rate_because": reason,
    }
    write_json(done, {"counts": counts, "files": _sizes(folder)})
    shutil.rmtree(checkpoints, ignore_errors=True)
    return counts


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of the saved student."""
    saved = [p for part in ("adapter", "merged") for p in (folder / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(saved)}


def _bytes_per_weight(recipe: Recipe) -> int:
    return int(models.compute_dtype(recipe.student.dtype)[0].itemsize)


class _Metrics:
    """Appends a line a step; steps that are done again after a kill replace their earlier lines when read."""

    def __init__(self, path: Path, on_step: OnStep) -> None:
        self.path = path
        self.on_step = on_step
        self.last: dict[str, Any] = {}
        self._before = "\n" if path.exists() and not path.read_bytes().endswith(b"\n") else ""
        if path.exists():
            self.last = read_metrics(path)[-1] if read_metrics(path) else {}

    def note(self, line: dict[str, Any]) -> None:
        kept = ("step", "of", "epoch", "loss", "learning_rate", "grad_norm", "mean_token_accuracy")
        self.last = {key: line[key] for key in kept if key in line}
        with self.path.open("a", encoding="utf-8") as f:
            f.write(self._before + json.dumps(self.last) + "\n")
        self._before = ""
        self.on_step(self.last)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics by step; the last line of a step counts, a torn or damaged one does not."""
    steps: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, TypeError, KeyError):
            entry = json.loads(line)
            steps[int(entry["step"])] = entry
    return [steps[step] for step in sorted(steps)]
