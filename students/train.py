"""Fine-tuning: TRL's SFTTrainer under a thin layer that owns what goes wrong silently.

Rows arrive rendered, masked and packed (`render.py`, `pack.py`), so TRL prepares nothing. Before the
first step the isolation of packed rows is measured on the very model that will be trained.
"""

import json
import logging
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import DistillError, Refused
from distill.files import write_json
from distill.recipe import Train
from students.attention import attention, attention_for, two_rows
from students.batches import StepRows
from students.devices import ALONE, Layout
from students.methods import adapter_config
from students.pack import PackedRow, collate
from students.savings import uses_liger

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

logger = logging.getLogger(__name__)

COMPLETE = "complete"
"""Written into a checkpoint folder once everything else in it is on disk."""

OnLog = Callable[[dict[str, Any]], None]
"""Called after each optimiser step with step, of, loss, learning_rate, grad_norm, mean_token_accuracy,
tokens_per_second, teraflops, and on cards of which the peak is known mfu."""


@dataclass(frozen=True)
class Schedule:
    """Steps and batches, derived from the recipe and what is trained on."""

    accumulation: int
    steps: int
    warmup_steps: int
    in_one_pass: int
    """Steps in which each row is seen once."""


def schedule(train: Train, packed: "int | StepRows", replicas: int = 1) -> Schedule:
    """How many optimiser steps the recipe means for so many packed rows, or for steps that are dealt out already."""
    at_once = train.per_device_train_batch_size * replicas
    if not isinstance(packed, int):
        steps, once = len(packed.steps), packed.steps.in_one_pass
        return Schedule(packed.steps.per_step // at_once, steps, math.ceil(steps * train.warmup_ratio), once)
    accumulation = max(1, train.packed_rows_per_batch // at_once)
    once = math.ceil(math.ceil(packed / at_once) / accumulation)
    assert train.num_train_epochs is not None, "rows decide: students.known.epochs_of"
    steps = max(1, math.ceil(once * train.num_train_epochs))
    return Schedule(accumulation, steps, math.ceil(steps * train.warmup_ratio), once)


def fit(trainer: "SFTTrainer", attn_implementation: str = "auto") -> "PreTrainedModel":
    """Train the adapter; goes on from the newest complete checkpoint in the trainer's output_dir.

    Returns the PEFT model. Same rows, recipe and seed give the same adapter, interrupted or not.

    Raises:
        Refused: packed rows are not isolated from each other in this model.
        DistillError: the loss is not a number.
    """
    with isolated(trainer, attn_implementation):
        return run_trainer(trainer)


@contextmanager
def isolated(trainer: "SFTTrainer", attn_implementation: str) -> Iterator[None]:
    """Packed rows see themselves alone while the block runs.

    Raises:
        Refused: they do not, in this model.
    """
    from students import parts
    from students.sequence import shared

    row = trainer.train_dataset[0]["input_ids"]
    held, same_everywhere = parts.holds_weights(trainer), not trainer.is_fsdp_enabled
    with trainer.compute_loss_context_manager():
        tried = row if held and same_everywhere else None
        name, why = attention_for(trainer.model, attn_implementation, tried, _compute_dtype(trainer))
        if held:
            _refuse_leaky_packing(trainer.model, row, name)
    logger.info("train: attention %s (%s)", name, why)
    with attention(trainer.model, *shared(trainer.sequence, name, why)):
        yield


def run_trainer(trainer: "Trainer") -> "PreTrainedModel":
    """Train from the newest complete checkpoint in the trainer's output_dir, or from the start."""
    with trainer.accelerator.main_process_first():  # which removes what is torn
        newest = newest_checkpoint(Path(trainer.args.output_dir))
    if newest:
        _refuse_other_parts(newest, trainer.is_fsdp_enabled)
        logger.info("goes on from step %s", newest.name.removeprefix("checkpoint-"))
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    return trainer.model.eval()


def _refuse_other_parts(checkpoint: Path, parted: bool) -> None:
    """
    Raises:
        Refused: one of FSDP2 where each device holds all weights, or the other way round.
    """
    if any(checkpoint.glob("pytorch_model_fsdp*")) != parted:
        raise Refused(
            f"{checkpoint} was written {'without' if parted else 'by'} FSDP2, and train.sharding would go on "
            f"{'with' if parted else 'without'} it.",
            f"Set train.sharding={'none' if parted else 'fsdp2'}, or remove {checkpoint.parent} to begin again.",
        )


def build_trainer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    packed: "list[PackedRow] | StepRows | Dataset",
    train: Train,
    seed: int,
    checkpoints: Path,
    on_log: OnLog,
    in_order: bool = False,
    new_tokens: Sequence[int] = (),
    layout: Layout = ALONE,
) -> "SFTTrainer":
    """The TRL trainer for packed rows, with our callback and nothing prepared by TRL itself.

    `in_order` it takes them as they come, in every epoch alike. Of `new_tokens` the embeddings are trained too: a base
    model has hardly seen the end of a turn, and with its embedding frozen it would never write it.
    """
    from transformers.trainer_callback import PrinterCallback

    from students.deal import dataset_of, filled
    from students.operations import operations_of
    from students.sequence import sequence_of
    from students.trainer import LabelledTokensTrainer

    replicas = layout.replicas
    if isinstance(packed, StepRows):
        rows, fill, planned = packed.dataset(), 0, schedule(train, packed, replicas)
        train, in_order = train.model_copy(update={"num_train_epochs": 1.0}), True  # all passes lie behind each other
    else:
        rows = dataset_of(packed) if isinstance(packed, list) else packed
        fill, planned = len(packed) if layout.devices > 1 else 0, schedule(train, len(packed), replicas)
    text = model.config.get_text_config()
    routing = {key: value for key, value in text.to_dict().items() if key == "router_aux_loss_coef"}
    trainer = LabelledTokensTrainer(
        model=model,
        args=_arguments(model, train, planned, seed, checkpoints, in_order, layout),
        train_dataset=filled(rows, replicas * train.per_device_train_batch_size) if fill else rows,
        data_collator=collate,
        processing_class=tokenizer,
        peft_config=adapter_config(train, model, new_tokens),
        callbacks=[checkpoint_callback(on_log, train.stop_at_token_accuracy, planned.in_one_pass)],
    )
    text.update(routing)  # what TRL has set there is not what the student is saved with
    for parameter in model.parameters():  # TRL trains QLoRA's adapters in bfloat16, where late small steps are lost
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    trainer.rows, trainer.operations = fill or None, operations_of(model.config, train)
    trainer.sequence = sequence_of(layout.sequence)
    trainer.remove_callback(PrinterCallback)  # prints every log line to stdout
    return trainer


def _compute_dtype(trainer: "SFTTrainer") -> "torch.dtype":
    """Of queries and keys: autocast's, or that of the weights."""
    import torch

    if trainer.args.bf16:
        return torch.bfloat16
    return torch.float16 if trainer.args.fp16 else trainer.model.dtype


def newest_checkpoint(checkpoints: Path) -> Path | None:
    """The last checkpoint that was written to its end; torn and damaged ones are removed."""
    complete = []
    for folder in checkpoints.glob("checkpoint-*"):
        if _is_complete(folder):
            complete.append(folder)
        elif folder.is_dir():
            if (folder / COMPLETE).is_file():  # what a kill tore has no mark
                logger.warning("%s was damaged after it was written: it is left out", folder.name)
            shutil.rmtree(folder)
    return max(complete, key=lambda p: int(p.name.rsplit("-", 1)[1]), default=None)


def _arguments(
    model: "PreTrainedModel", train: Train, plan: Schedule, seed: int, checkpoints: Path, in_order: bool, layout: Layout
) -> "SFTConfig":
    import torch
    from trl import SFTConfig

    from students import parts

    on_gpu = torch.cuda.is_available()
    compute = models.compute_dtype()[0] if train.method == "full" else model.dtype
    settings: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": train.lr_scheduler_type,
        "lr_scheduler_kwargs": None if train.min_lr_ratio is None else {"min_lr_rate": train.min_lr_ratio},
        "warmup_steps": plan.warmup_steps,
        "num_train_epochs": train.num_train_epochs,
        "per_device_train_batch_size": train.per_device_train_batch_size,
        "gradient_accumulation_steps": plan.accumulation,
        "weight_decay": train.weight_decay,
        "adam_beta1": train.adam_beta1,
        "adam_beta2": train.adam_beta2,
        "adam_epsilon": train.adam_epsilon,
        "max_grad_norm": train.max_grad_norm,
        "gradient_checkpointing": train.gradient_checkpointing and layout.sharding == "none",
        "activation_offloading": train.activation_offloading,
        "optim": train.optim,
        "use_liger_kernel": uses_liger(train, model.config.get_text_config().model_type),
        "torch_compile": train.torch_compile,
        "router_aux_loss_coef": 0.0,  # no router is trained (`experts`), and who generates would be asked for it
        "bf16": compute == torch.bfloat16,
        "fp16": compute == torch.float16,
        "use_cpu": not on_gpu,
        "seed": seed,
        "data_seed": seed,
        "train_sampling_strategy": "sequential" if in_order else "random",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_steps": train.save_steps,
        "save_total_limit": 2,
        "save_strategy": "steps",
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "max_length": None,
        "packing": False,
        "dataloader_pin_memory": on_gpu,
        "dataloader_drop_last": layout.sequence > 1,  # nothing is left over, which accelerate counts by other rows
    }
    return parts.settle(SFTConfig(**settings | parts.arguments(layout, train.gradient_checkpointing)), layout)


def checkpoint_callback(
    on_log: OnLog, enough: float | None = None, once: int | None = None, rate_key: str = "train.learning_rate"
) -> "TrainerCallback":
    """Tells each step; `enough` mean token accuracy over a pass of `once` steps ends training, null never does."""
    from accelerate import PartialState
    from transformers import TrainerCallback

    class Progress(TrainerCallback):
        """Tells each step, stops on a loss that is no number and where it is learnt, marks finished checkpoints."""

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs is None or "loss" not in logs:
                return
            if not math.isfinite(float(logs["loss"])):
                raise DistillError(
                    f"the loss is {logs['loss']} at step {state.global_step}.",
                    f"Lower {rate_key}; the last checkpoint is kept.",
                )
            if state.is_world_process_zero:
                passed = {} if once is None else {"epoch": round(state.global_step / once, 4)}
                on_log({"step": state.global_step, "of": state.max_steps, **logs, **passed})
            if enough is not None and once is not None and _is_learnt(state.log_history, enough, once):
                control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            PartialState().wait_for_everyone()  # each process writes files of its own
            if state.is_world_process_zero:
                mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Progress()


def _is_learnt(logs: Sequence[dict[str, Any]], enough: float, once: int) -> bool:
    """Is the mean token accuracy of the last pass, of `once` steps, high enough? Before the first it is not known."""
    seen = [one["mean_token_accuracy"] for one in logs if "mean_token_accuracy" in one][-once:]
    return len(seen) == once and sum(seen) / once >= enough


def mark_complete(folder: Path) -> None:
    """Make a checkpoint durable: every file synced, then the mark, which tells their sizes."""
    for file in folder.iterdir():
        with file.open("rb") as f:
            os.fsync(f.fileno())
    write_json(folder / COMPLETE, _sizes(folder))


def _is_complete(folder: Path) -> bool:
    """Are all files of a checkpoint there as long as they were? One without its optimizer would train other weights."""
    if not (folder / COMPLETE).is_file() or not folder.name.removeprefix("checkpoint-").isdecimal():
        return False
    try:
        return bool(json.loads((folder / COMPLETE).read_text()) == _sizes(folder))
    except ValueError:
        return False


def _sizes(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_size for p in folder.iterdir() if p.is_file() and p.name != COMPLETE}


def _refuse_leaky_packing(model: "PreTrainedModel", row: list[int], attn: str) -> None:
    """Change one row of a packed pair and look whether the other row's logits move.

    Takes 2 x 8 tokens: enough to see a mask that is not block-diagonal, cheap on any model.
    """
    beside_itself = two_rows(model, row[:8], row[:8], attn)
    beside_another = two_rows(model, [token + 1 for token in row[7::-1]], row[:8], attn)
    leak = (beside_itself - beside_another).abs().max().item()
    if leak > 0.01 * beside_itself.std().item():
        raise Refused(
            f"packed rows see each other in this model: changing one moves the logits of its neighbour by {leak:.3g}.",
            "Its attention ignores restarted positions; the model cannot be trained on packed rows.",
        )
