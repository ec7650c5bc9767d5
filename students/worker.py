"""One of several processes that train together: `python -m students.worker STUDENT_FOLDER`, started by `agent.py`."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from distill import models
from distill.folders import write_folder
from distill.notices import hearing
from students.batches import in_steps
from students.job import LAUNCH, TRAINED, Job, note_failure, read_job
from students.train import OnLog

PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: the first of them may be checking rows, or gathering a large student."""


def take_part(folder: Path, on_step: OnLog) -> None:
    """Train with the other processes; the first writes `trained/` and the metrics, and calls `on_step`.

    Raises:
        Refused, DistillError: as `students.train.fit`.
    """
    with _together() as first:
        if _agreed((folder / TRAINED).is_dir()):
            return
        job, rows = read_job(folder)
        _train(job, rows, folder, on_step if first else lambda _: None)


def dismiss() -> None:
    """Tell the other processes of a launcher that nothing is left to train."""
    with _together():
        _agreed(True)


def _train(job: Job, rows: Any, folder: Path, on_step: OnLog) -> None:
    from students import parts
    from students.methods import load_student
    from students.train import build_trainer, fit

    recipe, layout = job.recipe, job.layout
    source = models.of_student(recipe.student)
    tokenizer = models.tokenizer(source)
    models.keep_freed_memory()
    parts.read_once(layout, can_be_sent=recipe.train.method != "qlora" and not job.new_tokens)
    model = load_student(source, recipe.student.dtype, recipe.train, parted=layout.sharding != "none")
    if recipe.train.rows_per_batch is not None:
        rows = in_steps(rows, recipe.train, tokenizer.pad_token_id, recipe.seed, job.in_order, layout.replicas)
    trainer = build_trainer(
        model,
        tokenizer,
        rows,
        recipe.train,
        recipe.seed,
        folder / "checkpoints",
        on_step,
        job.in_order,
        new_tokens=job.new_tokens,
        layout=layout,
    )
    fit(trainer, recipe.train.attn_implementation)
    if trainer.is_world_process_zero():
        write_folder(folder / TRAINED, lambda at: parts.save_trained(trainer, tokenizer, at))
    else:
        parts.save_trained(trainer, tokenizer, folder)


@contextmanager
def _together() -> Iterator[bool]:
    """In the process group of all; tells whether this is the first. A group that others have made is left to them."""
    import torch
    import torch.distributed as dist

    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    ours = not dist.is_initialized()
    if ours:
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        dist.barrier()
        yield dist.get_rank() == 0
        dist.barrier()
    finally:
        if ours:
            dist.destroy_process_group()


def _agreed(what: bool) -> bool:
    """What the first process says: a shared disk may show others another picture for a while."""
    import torch.distributed as dist

    said = [what]
    dist.broadcast_object_list(said, src=0)
    return said[0]


class _Notices(logging.Handler):
    """What is said in this process, for who has started it."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.INFO)
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        extra = {name: record.__dict__[name] for name in ("phase", "counted") if name in record.__dict__}
        with self.path.open("a", encoding="utf-8") as f:
            f.write(json.dumps({"notice": record.getMessage(), "extra": extra}) + "\n")


def main(folder: Path) -> None:
    """The whole life of a process; a failure is noted before it ends."""
    from students.stage import Metrics

    rank = int(os.environ["RANK"])
    on_step: OnLog = lambda _: None  # noqa: E731
    if rank == 0:
        on_step = Metrics(folder / "metrics.jsonl", lambda _: None).note
    try:
        with hearing(_Notices(folder / LAUNCH / "notices.jsonl")) if rank == 0 else nullcontext():
            take_part(folder, on_step)
    except BaseException as e:
        note_failure(folder, rank, e)
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
