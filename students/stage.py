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
import math
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import DistillError, Refused
from distill.files import read_json, write_json
from distill.folders import write_folder
from distill.recipe import Recipe
from students.check import Checked, check, coloured
from students.devices import Layout, described, layout_of, refuse_tied_parts, share, started_by_launcher
from students.job import LAUNCH, TRAINED, Job
from students.methods import load_student, loaded_as_trained, merged_of, refuse_without_bitsandbytes
from students.pack import PackedRow, pack
from students.plan import memory_plan, refuse_without_memory
from students.rates import rate_of, refuse_strange_rate

if TYPE_CHECKING:
    import torch
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

    source = models.resolve(recipe.student.model, recipe.student.revision)
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
    plan = memory_plan(config, recipe.train, _bytes_per_weight(recipe))
    layout = layout_of(recipe.train, plan)
    refuse_without_memory(share(plan, layout), recipe.train)
    refuse_tied_parts(layout, config, checked.learns_end)
    return checked, tokenizer


def layout_for(recipe: Recipe) -> Layout:
    """On how many devices a recipe's student trains here, and how they share the work.

    Raises:
        Refused: as `students.devices.layout_of`.
    """
    config = models.config(models.resolve(recipe.student.model, recipe.student.revision))
    return layout_of(recipe.train, memory_plan(config, recipe.train, _bytes_per_weight(recipe)))


def train_student(recipe: Recipe, curated: Path, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train, merge and save the student; goes on from the last checkpoint. Returns the counts.

    Raises:
        Refused: the gate's reasons, or packing that does not isolate.
        DistillError: the loss became no number.
    """
    from students.launch import train_on_many
    from students.train import build_trainer, fit
    from students.worker import dismiss

    done = folder / "counts.json"
    checked, tokenizer = gate(recipe, curated)
    folder.mkdir(exist_ok=True)
    write_json(folder / "first_rows.json", [coloured(row, tokenizer) for row in checked.rows[:3]])
    if done.exists() and _sizes(folder) == read_json(done)["files"]:
        _remove_scaffold(folder)
        if started_by_launcher():
            dismiss()
        return read_json(done)["counts"]  # killed between the last save and the seal
    in_order = recipe.curate.order != "random"
    packed = pack(checked.rows, recipe.train.max_length, tokenizer.pad_token_id, recipe.seed, in_order)
    models.keep_freed_memory()
    source = models.resolve(recipe.student.model, recipe.student.revision)
    rate, reason = rate_of(recipe.train, models.parameter_count(models.config(source)), len(checked.rows))
    train = recipe.train.model_copy(update={"learning_rate": rate})
    logger.info("train: learning rate %g (%s)", rate, reason)
    new_tokens = [checked.end] if checked.learns_end else []
    layout = layout_for(recipe)
    metrics = Metrics(folder / "metrics.jsonl", on_step)
    if layout.devices > 1:
        logger.info("train: %s", described(layout))
        job = Job(recipe.model_copy(update={"train": train}), layout, in_order, new_tokens)
        on_many = train_on_many(job, packed, folder, metrics)
        metrics = Metrics(folder / "metrics.jsonl", on_step)
        trained = loaded_as_trained(on_many, source, recipe.student.dtype, train, parted=layout.sharding != "none")
    else:
        trained = fit(
            build_trainer(
                load_student(source, recipe.student.dtype, train),
                tokenizer,
                packed,
                train,
                recipe.seed,
                folder / "checkpoints",
                metrics.note,
                in_order,
                new_tokens=new_tokens,
            )
        )
    if train.method != "full":
        write_folder(folder / "adapter", lambda at: trained.save_pretrained(at))
    before = log_probs(trained, packed[0])
    merged = merged_of(trained, folder / "adapter", source, recipe.student.dtype, train)
    divergence = save(merged, before, tokenizer, packed[0], folder)
    counts = {
        **checked.counts(),
        "packed_rows": len(packed),
        "packing_efficiency": round(checked.tokens / (len(packed) * recipe.train.max_length), 4),
        "steps": metrics.last.get("step", 0),
        "stopped_early": metrics.last.get("step", 0) < metrics.last.get("of", 0),
        "final_loss": metrics.last.get("loss"),
        "final_token_accuracy": metrics.last.get("mean_token_accuracy"),
        "merge_kl": divergence,
        "learning_rate": rate,
        "learning_rate_because": reason,
        "devices": layout.devices,
        "sharding": layout.sharding,
    }
    write_json(done, {"counts": counts, "files": _sizes(folder)})
    _remove_scaffold(folder)
    return counts


def _remove_scaffold(folder: Path) -> None:
    """What only a training that goes on needs."""
    for part in ("checkpoints", LAUNCH, TRAINED):
        shutil.rmtree(folder / part, ignore_errors=True)


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of the saved student."""
    saved = [p for part in ("adapter", "merged") for p in (folder / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(saved)}


def save(
    merged: "PreTrainedModel",
    before: "torch.Tensor",
    tokenizer: "PreTrainedTokenizerBase",
    sample: PackedRow,
    folder: Path,
) -> float:
    """Write the merged checkpoint, whole or not at all.

    Returns mean KL(trained || merged) in nats over the tokens of a packed row, of which `before` has the log
    probabilities of the model as it was trained: what merging cost, and rounding to the checkpoint's dtype.

    Raises:
        DistillError: the outputs are no numbers.
    """
    after = log_probs(merged, sample)
    merged.generation_config.eos_token_id = _stop_tokens(merged, tokenizer)
    merged.generation_config.pad_token_id = tokenizer.pad_token_id

    def write(at: Path) -> None:
        merged.save_pretrained(at)
        tokenizer.save_pretrained(at)

    divergence = float((before.exp() * (before - after)).sum(-1).mean())
    if not math.isfinite(divergence):
        raise DistillError(
            "the trained student's outputs are no numbers: its last steps have diverged.", "Lower train.learning_rate."
        )
    write_folder(folder / "merged", write)
    return divergence


def log_probs(model: Any, row: PackedRow, tokens: int = 128) -> "torch.Tensor":
    """Of the first tokens of a packed row, shape (tokens, vocabulary), in float32."""
    import torch

    model.eval()
    at = {"device": model.device}
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor([row.input_ids[:tokens]], **at),
            position_ids=torch.tensor([row.position_ids[:tokens]], **at),
            use_cache=False,
        ).logits
    return logits[0].float().log_softmax(-1)


def _stop_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The turn's end first, then what the model stopped at before: what a server must stop at."""
    before = model.generation_config.eos_token_id
    others = before if isinstance(before, list) else [before]
    return list(dict.fromkeys([tokenizer.eos_token_id, *(t for t in others if t is not None)]))


def _bytes_per_weight(recipe: Recipe) -> int:
    return int(models.compute_dtype(recipe.student.dtype)[0].itemsize)


class Metrics:
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
