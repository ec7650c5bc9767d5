"""The training stage: a curated set in; adapter, merged checkpoint and metrics out.

student/
  adapter/        what PEFT loads
  merged/         an ordinary checkpoint with tokenizer and chat template; what is evaluated and served
  metrics.jsonl   one line an optimiser step
  first_rows.json the first rows as training sees them, split by the loss mask
  counts.json     what came of it, written once all else is there
  checkpoints/    only while training runs, as are launch/ and trained/ of several devices (`students.job`)
"""

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import Refused
from distill.files import read_json, write_json
from distill.folders import write_folder
from distill.model_limits import context_of, refuse_shifting_positions
from distill.notices import doing
from distill.recipe import Recipe, Train
from distill.records import Problem
from distill.suitable import refuse_no_student
from students.batches import StepRows, in_steps
from students.check import Checked, check, coloured
from students.devices import Layout, described, refuse_tied_parts, refuse_without_room, started_by_launcher
from students.divergence import own_answers, reference
from students.job import LAUNCH, TRAINED, Job
from students.known import batch_told, epochs_of, epochs_told, rank_told
from students.merge import held_out_prompts, merge
from students.methods import load_student, loaded_as_trained, refuse_without_bitsandbytes, save_adapter
from students.metrics import read_metrics
from students.pack import PackedRow, pack
from students.probe import probed
from students.rates import rate_of, refuse_strange_rate
from students.savings import refuse_savings_that_do_not_work_here
from students.small import refuse_long_traces
from students.vocabulary import refuse_tokens_without_embedding

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

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
    refuse_no_student(source)
    tokenizer = models.tokenizer(source)
    config = models.config(source)
    context = context_of(config, source.name)
    if recipe.train.max_length > context:
        raise Refused(
            f"train.max_length={recipe.train.max_length} exceeds the context of '{source.name}', {context} tokens.",
            "Lower it, or choose a student with a longer context.",
        )
    refuse_shifting_positions(config, source.name, recipe.train.max_length)
    with doing("renders and checks the curated set"):
        stops = models.known_stops(source)
        checked = check(load_from_disk(curated), tokenizer, recipe.train, stops)
    written = (max(row.input_ids) for row in checked.rows)
    refuse_tokens_without_embedding(written, tokenizer, config.get_text_config().vocab_size)
    checked = replace(checked, learns_end=checked.end not in stops)
    refuse_savings_that_do_not_work_here(recipe.train)
    parameters = models.parameter_count(config)
    refuse_strange_rate(recipe.train, parameters)
    refuse_long_traces(recipe.train, parameters, len(checked.rows), checked.tokens / len(checked.rows))
    if recipe.train.method == "qlora":
        refuse_without_bitsandbytes()
    layout = refuse_without_room(config, recipe.train, _bytes_per_weight(recipe))
    refuse_tied_parts(layout, config, checked.learns_end)
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
    from students.worker import dismiss

    done = folder / "counts.json"
    checked, tokenizer = gate(recipe, curated)
    for note in checked.notes:
        logger.info("train: %s", note)
    folder.mkdir(exist_ok=True)
    write_json(folder / "first_rows.json", [coloured(row, tokenizer) for row in checked.rows[:3]])
    if done.exists() and sizes(folder) == read_json(done)["files"]:
        _remove_scaffold(folder)
        if started_by_launcher():
            dismiss()
        return read_json(done)["counts"]  # killed between the last save and the seal
    models.keep_freed_memory()
    source = models.of_student(recipe.student)
    rate, reason = rate_of(recipe.train, models.parameter_count(models.config(source)), len(checked.rows))
    logger.info("train: learning rate %g (%s)", rate, reason)
    for line in _compared(recipe, checked, source):
        logger.info("train: %s", line)
    taken = {"learning_rate": rate, "num_train_epochs": epochs_of(recipe.train, len(checked.rows))}
    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update=taken)})
    layout = refuse_without_room(models.config(source), recipe.train, _bytes_per_weight(recipe))
    trained, told = _trained(recipe, checked, tokenizer, layout, folder, on_step)
    if recipe.train.method != "full":
        write_folder(folder / "adapter", partial(save_adapter, trained))
    prompts = held_out_prompts(recipe, held_out, checked.rows, tokenizer)
    with (
        doing("merges the student and measures what that costs"),
        reference(trained, own_answers(trained, tokenizer, prompts, recipe.seed), folder) as before,
    ):
        whole = None if recipe.train.method == "qlora" else trained
        del trained  # makes room for the base that a QLoRA adapter is merged into
        cost = merge(whole, before, source, recipe.student.dtype, recipe.train, tokenizer, checked.thinks, folder)
    chosen = {**taken, "learning_rate_because": reason}
    layout_told = {"devices": layout.devices, "sharding": layout.sharding, "sequence_parallel": layout.sequence}
    counts = {**checked.counts(), **told, **cost, **chosen, **layout_told}
    write_json(done, {"counts": counts, "files": sizes(folder)})
    _remove_scaffold(folder)
    return counts


def _compared(recipe: Recipe, checked: Checked, source: models.ModelSource) -> list[str]:
    """Rank, epochs and batch beside what is known for so many rows and tokens."""
    train, rows = recipe.train, len(checked.rows)
    whole = train.lora_target_modules == "all-linear"
    adapter = models.adapter_size(models.config(source), train.lora_r) if train.method != "full" and whole else None
    lines = [] if adapter is None else [rank_told(train, adapter, checked.tokens_in_loss)]
    return [*lines, epochs_told(train, rows), batch_told(train, checked.tokens // rows)]


def _trained(
    recipe: Recipe,
    checked: Checked,
    tokenizer: "PreTrainedTokenizerBase",
    layout: Layout,
    folder: Path,
    on_step: OnStep,
) -> tuple["PreTrainedModel", dict[str, Any]]:
    """The student after all steps, and what the counts tell of them."""
    from students.launch import train_on_many
    from students.train import build_trainer, isolated, run_trainer

    train, in_order = recipe.train, recipe.curate.order != "random"
    source, dtype = models.of_student(recipe.student), recipe.student.dtype
    new_tokens = [checked.end] if checked.learns_end else []
    with doing("packs the rows"):
        packed = _packed(recipe, checked, tokenizer.pad_token_id, in_order, layout)
    metrics = Metrics(folder / "metrics.jsonl", on_step)
    memory: dict[str, int] = {}
    if layout.devices > 1:
        logger.info("train: %s", described(layout))
        on_many = train_on_many(Job(recipe, layout, in_order, new_tokens), packed, folder, metrics)
        metrics = Metrics(folder / "metrics.jsonl", on_step)
        trained = loaded_as_trained(on_many, source, dtype, train, parted=layout.sharding != "none")
    else:
        model, at = load_student(source, dtype, train), folder / "checkpoints"
        settings = (train, recipe.seed, at, metrics.note, in_order, new_tokens)
        trainer = build_trainer(model, tokenizer, packed, *settings)
        with isolated(trainer, train.attn_implementation):
            with doing("tries two steps at full rows, where the memory is in question"):
                memory = probed(trainer, packed, train, models.config(source), _bytes_per_weight(recipe))
            trained = run_trainer(trainer)
    return trained, {**_told(packed, checked, train), **_last(metrics), **memory}


def _packed(recipe: Recipe, checked: Checked, pad: int, in_order: bool, layout: Layout) -> list[PackedRow] | StepRows:
    """Rows as training takes them: filled up to one length, or dealt out in steps of so many traces."""
    train, seed = recipe.train, recipe.seed
    if train.rows_per_batch is None:
        return pack(checked.rows, train.max_length, pad, seed, in_order)
    return in_steps(checked.rows, train, pad, seed, in_order, layout.replicas)


def _told(packed: list[PackedRow] | StepRows, checked: Checked, train: Train) -> dict[str, Any]:
    count = packed.packed_rows if isinstance(packed, StepRows) else len(packed)
    return {"packed_rows": count, "packing_efficiency": round(checked.tokens / (count * train.max_length), 4)}


def _last(metrics: "Metrics") -> dict[str, Any]:
    last = metrics.last
    return {
        "steps": last.get("step", 0),
        "stopped_early": last.get("step", 0) < last.get("of", 0),
        "final_loss": last.get("loss"),
        "final_token_accuracy": last.get("mean_token_accuracy"),
    }


def _remove_scaffold(folder: Path) -> None:
    """What only a training that goes on needs."""
    for part in ("checkpoints", LAUNCH, TRAINED):
        shutil.rmtree(folder / part, ignore_errors=True)


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of the saved student."""
    saved = [p for part in ("adapter", "merged") for p in (folder / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(saved)}


def _bytes_per_weight(recipe: Recipe) -> int:
    return int(models.compute_dtype(recipe.student.dtype)[0].itemsize)


TOLD = (
    *("epoch", "loss", "learning_rate", "grad_norm", "mean_token_accuracy"),
    *("tokens_per_second", "teraflops", "mfu"),
)
"""Of each step, in `metrics.jsonl`."""


class Metrics:
    """Appends a line a step; steps that are done again after a kill replace their earlier lines when read."""

    def __init__(self, path: Path, on_step: OnStep, told: Sequence[str] = TOLD) -> None:
        self.path = path
        self.on_step = on_step
        self.told = ("step", "of", *told)
        self.first: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self._before = "\n" if path.exists() and not path.read_bytes().endswith(b"\n") else ""
        if path.exists() and (lines := read_metrics(path)):
            self.first, self.last = lines[0], lines[-1]

    def note(self, line: dict[str, Any]) -> None:
        self.last = {key: line[key] for key in self.told if key in line}
        self.first = self.first or self.last
        with self.path.open("a", encoding="utf-8") as f:
            f.write(self._before + json.dumps(self.last) + "\n")
        self._before = ""
        self.on_step(self.last)
