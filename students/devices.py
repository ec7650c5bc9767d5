"""How many devices train a student, and does each hold a copy of it or a part? Chosen by plan, told with its reason.

A copy each (DDP) moves only gradients between devices and is the fastest wherever it fits. FSDP2 parts weights,
gradients and moments, and gathers one decoder layer at a time.
"""

import os
from dataclasses import dataclass
from typing import Any, Literal

from distill.errors import Refused
from distill.notices import doing
from distill.recipe import Train
from students import plan as planning
from students.plan import MemoryPlan, gib, memory_plan, told


@dataclass(frozen=True)
class Layout:
    """Who trains."""

    devices: int
    """Processes, one a device, over all machines."""
    sharding: Literal["none", "fsdp2"]
    """Does each hold all weights, or a part of them?"""
    because: str
    """Why so, for people."""

    @property
    def parts(self) -> int:
        """Into how many parts the weights are cut."""
        return 1 if self.sharding == "none" else self.devices


ALONE = Layout(1, "none", "one device")


def started_by_launcher() -> int | None:
    """How many processes a launcher (torchrun, accelerate, Ray Train) has started, of which this is one; else None."""
    wanted = int(os.environ.get("WORLD_SIZE", "1"))
    return wanted if "RANK" in os.environ and wanted > 1 else None


def is_follower() -> bool:
    """Is this one of a launcher's processes, and not the first? That one alone holds the run."""
    return started_by_launcher() is not None and os.environ["RANK"] != "0"


def layout_of(train: Train, plan: MemoryPlan) -> Layout:
    """The devices for a plan of the whole student on one of them.

    Raises:
        Refused: fewer devices than asked for, or a batch that they cannot divide.
    """
    devices = _count(train)
    _refuse_uneven_batch(train, devices)
    if devices == 1:
        if train.sharding == "fsdp2":
            raise Refused(
                "train.sharding=fsdp2 parts the weights among several devices, and there is one.",
                "Leave train.sharding at auto, or train where there are more GPUs.",
            )
        return ALONE
    if train.sharding != "auto":
        return Layout(devices, train.sharding, "set in the recipe")
    free, what = memory_of_one(devices)
    if plan.total <= free:
        return Layout(devices, "none", f"the student needs {gib(plan.total)}, and each has {gib(free)} of {what}")
    return Layout(devices, "fsdp2", f"one student needs {gib(plan.total)}, and each has {gib(free)} of {what}")


def memory_of_one(devices: int) -> tuple[int, str]:
    """Free bytes for each process, and of what: processes on a CPU share one memory."""
    import torch

    free, what = planning.available_memory()
    return (free, what) if torch.cuda.is_available() else (free // devices, what)


def refuse_without_room(config: Any, train: Train, bytes_per_weight: int) -> Layout:
    """The devices that train, after a look at whether what each of them holds fits.

    Raises:
        Refused: it does not, with what would help; or as `layout_of`.
    """
    from students.fit import advice

    with doing("simulates a step to know its memory"):
        plan = memory_plan(config, train, bytes_per_weight)
    layout = layout_of(train, plan)
    needed, (free, what) = share(config, train, bytes_per_weight, layout), memory_of_one(layout.devices)
    if needed <= free:
        return layout
    each = f" on each of {layout.devices} devices" if layout.devices > 1 else ""
    raise Refused(
        f"the student needs about {gib(needed)} to train{each} ({told(plan)}), and {gib(free)} of {what} are free.",
        advice(config, train, bytes_per_weight, free, cards=layout.parts),
    )


def share(config: Any, train: Train, bytes_per_weight: int, layout: Layout) -> int:
    """Bytes at the peak on one device: of parted weights its part, and of a batch all of its own."""
    from students.fit import on_one_of

    return on_one_of(config, train, bytes_per_weight, None, layout.parts)[0]


def refuse_tied_parts(layout: Layout, config: Any, learns_end: bool) -> None:
    """
    Raises:
        Refused: FSDP2 would have to part a table of embeddings that is the output layer too, and is trained in part.
    """
    if layout.sharding == "fsdp2" and learns_end and config.get_text_config().tie_word_embeddings:
        raise Refused(
            "FSDP2 cannot part this student: its end-of-turn token is new to it, so that its embedding is trained, and "
            "the table of embeddings is tied to the output layer.",
            "Set train.sharding=none, or start from the instruct version of the model.",
        )


def described(layout: Layout) -> str:
    """One line for people."""
    if layout.devices == 1:
        return layout.because
    how = {"none": "a copy of the student on each (DDP)", "fsdp2": "each with a part of the weights (FSDP2)"}
    return f"{layout.devices} devices, {how[layout.sharding]}: {layout.because}"


def _count(train: Train) -> int:
    import torch

    started, gpus = started_by_launcher(), torch.cuda.device_count()
    if started is not None:
        if train.devices not in ("auto", started):
            raise Refused(
                f"train.devices={train.devices}, and the launcher has started {started} processes.",
                "Leave train.devices at auto under a launcher.",
            )
        return started
    if train.devices == "auto":
        return max(1, gpus)
    if gpus and train.devices > gpus:
        raise Refused(
            f"train.devices={train.devices}, and this machine has {gpus} GPU{'s' if gpus > 1 else ''}.",
            "Lower it, or start on several machines as docs/many-gpus.md says.",
        )
    return train.devices


def _refuse_uneven_batch(train: Train, devices: int) -> None:
    """
    Raises:
        Refused: the packed rows of an optimiser step cannot be dealt out evenly.
    """
    each = train.per_device_train_batch_size
    wanted = train.packed_rows_per_batch
    if train.rows_per_batch is not None or wanted % (devices * each) == 0:
        return
    up = -(-wanted // (devices * each)) * devices * each
    fitting = max(n for n in range(1, devices + 1) if wanted % (n * each) == 0)
    raise Refused(
        f"train.packed_rows_per_batch={wanted} cannot be dealt out to {devices} devices with "
        f"train.per_device_train_batch_size={each}.",
        f"train.packed_rows_per_batch={up} would fit, or train.devices={fitting}.",
    )
