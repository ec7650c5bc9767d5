"""Two optimiser steps at the fullest rows before the run: the real peak in the place of the predicted one.

They are the trainer's own steps on the model that will be trained. Afterwards all is as before, bit for bit: weights
(kept in a file meanwhile, not in the memory that is measured), random numbers, metrics; no optimiser is left.
"""

import logging
import random
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from distill.recipe import Train
from students.batches import StepRows
from students.fit import advice
from students.pack import PackedRow, collate
from students.plan import MemoryPlan, available_memory, gib, memory_plan
from students.render import IGNORED

if TYPE_CHECKING:
    from trl import SFTTrainer

logger = logging.getLogger(__name__)

SHARE = 0.6
"""On a CPU, where a probe costs minutes, it is made only if more of what is free is predicted to be needed."""

MICRO_BATCHES = 2
"""Forward passes in a step: from the second on gradients are held beside activations."""


def wanted(train: Train, plan: MemoryPlan) -> bool:
    """Is a probe worth its time? On a GPU it takes seconds, and nothing else can be done on it meanwhile."""
    if train.probe != "auto":
        return train.probe == "always"
    free, what = available_memory()
    return what == "GPU memory" or plan.total > SHARE * free


def probed(
    trainer: "SFTTrainer", packed: list[PackedRow] | StepRows, train: Train, config: Any, bytes_per_weight: int
) -> dict[str, int]:
    """Bytes at the peak, for the run's counts: as predicted, and of two real steps where they are worth their time.

    Not where training goes on from a checkpoint, nor where several processes train: each has its own share then, and
    the first step tells as early.

    Raises:
        Refused: the memory does not suffice; with what would help.
    """
    plan = memory_plan(config, train, bytes_per_weight)
    found = {"memory_predicted": plan.total}
    goes_on = any(Path(trainer.args.output_dir).glob("checkpoint-*"))
    if goes_on or trainer.accelerator.num_processes > 1 or not wanted(train, plan):
        return found
    free = available_memory()[0]
    peak = probe(trainer, packed, train, plan, lambda: advice(config, train, bytes_per_weight, free))
    return found | {"memory_probed": peak}


def probe(
    trainer: "SFTTrainer", packed: list[PackedRow] | StepRows, train: Train, plan: MemoryPlan, hint: Callable[[], str]
) -> int:
    """The peak of two real steps in bytes: what the process held on a CPU, what PyTorch reserved on a GPU.

    Raises:
        Refused: the memory does not suffice, with `hint`.
    """
    import torch

    try:
        with _undone(trainer), _peak(trainer.model.device) as peak:
            _two_steps(trainer, _fullest(packed, train.per_device_train_batch_size))
    except (torch.OutOfMemoryError, MemoryError) as e:
        raise _too_large(plan, hint) from e
    except RuntimeError as e:
        if "can't allocate memory" not in str(e):  # what PyTorch's allocator for processors says; it has no class
            raise
        raise _too_large(plan, hint) from e
    found = peak[0]
    logger.info("train: two steps at full rows held %s, %s were predicted", gib(found), gib(plan.total))
    return found


def _too_large(plan: MemoryPlan, hint: Callable[[], str]) -> Refused:
    return Refused(
        f"two steps at full rows do not fit: {gib(plan.total)} were predicted, and the memory did not suffice.", hint()
    )


def _fullest(packed: list[PackedRow] | StepRows, rows: int) -> list[dict[str, Any]]:
    """The packed rows with the most positions in the loss; all are of one length."""
    if isinstance(packed, StepRows):
        packed = packed.fullest(rows)
    by_loss = sorted(packed, key=lambda row: row.labels.count(IGNORED))[:rows]
    chosen = [by_loss[i % len(by_loss)] for i in range(rows)]
    return [{k: v for k, v in asdict(row).items() if k != "trace_ids"} for row in chosen]


def _two_steps(trainer: "SFTTrainer", rows: list[dict[str, Any]]) -> None:
    import torch

    if trainer.args.gradient_checkpointing:  # as Trainer.train does first
        trainer.model.gradient_checkpointing_enable()
    model = trainer.accelerator.prepare_model(trainer.model)  # its forward under autocast
    optimizer = trainer.create_optimizer()
    batch = trainer._prepare_inputs(collate(rows))
    inside = (batch["labels"][:, 1:] != IGNORED).sum()
    for _ in range(2):
        for _ in range(min(MICRO_BATCHES, trainer.args.gradient_accumulation_steps)):
            trainer.training_step(model, dict(batch), inside)
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], trainer.args.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()


@contextmanager
def _undone(trainer: "SFTTrainer") -> Iterator[None]:
    """Whatever happens within has not happened afterwards."""
    import torch

    model, kept = trainer.model, Path(trainer.args.output_dir) / "before_probe.pt"
    kept.parent.mkdir(parents=True, exist_ok=True)
    torch.save({name: p.detach() for name, p in model.named_parameters() if p.requires_grad}, kept)
    metrics, seen = {mode: dict(found) for mode, found in trainer._metrics.items()}, trainer._total_train_tokens
    # accelerate leaves a forward pass under autocast and a mark on the model, at which it would not prepare it again
    numbers, training, fields = random.getstate(), model.training, dict(model.__dict__)
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        trainer.optimizer = None
        trainer.accelerator.free_memory()
        model.__dict__.clear()
        model.__dict__.update(fields)
        model.zero_grad(set_to_none=True)
        _restore(model, kept)
        for mode, found in metrics.items():
            trainer._metrics[mode].clear()
            trainer._metrics[mode].update(found)
        trainer._total_train_tokens = seen
        trainer.forget_speed()
        random.setstate(numbers)
        model.train(training)


def _restore(model: Any, kept: Path) -> None:
    import torch

    before = torch.load(kept, map_location="cpu", mmap=True, weights_only=True)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in before:
                parameter.copy_(before[name])
    del before
    kept.unlink()


@contextmanager
def _peak(device: Any) -> Iterator[list[int]]:
    """The peak of what runs within, in bytes, as the only element of the list once it is over."""
    import torch

    found: list[int] = []
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        free, whole = torch.cuda.mem_get_info(device)
        beside = whole - free - torch.cuda.memory_reserved(device)
        yield found
        found.append(torch.cuda.max_memory_reserved(device) + beside)
        return
    reset_process_peak()
    yield found
    found.append(process_peak())


def reset_process_peak() -> None:
    """Let Linux count the process' peak anew; elsewhere, and where a container forbids it, it is that of its life."""
    with suppress(FileNotFoundError, PermissionError):
        Path("/proc/self/clear_refs").write_text("5")


def process_peak() -> int:
    """The most bytes that this process held at once."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
