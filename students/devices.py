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
    sequence: int = 1
    """So many neighbours by rank share each packed row (`students.sequence`)."""

    @property
    def parts(self) -> int:
        """Into how many parts the weights are cut."""
        return 1 if self.sharding == "none" else self.devices

    @property
    def replicas(self) -> int:
        """Devices, or groups of them, that have packed rows of their own."""
        return self.devices // self.sequence


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
    _refuse_uneven_groups(train, devices)
    _refuse_uneven_batch(train, devices)
    if devices == 1:
        if train.sharding == "fsdp2":
            raise Refused(
                "train.sharding=fsdp2 parts the weights among several devices, and there is one.",
                "Leave train.sharding at auto, or train where there are more GPUs.",
            )
        return ALONE
    if train.sharding != "auto":
        return Layout(devices, train.sharding, "set in the recipe", train.sequence_parallel)
    free, what = memory_of_one(devices)
    if plan.total <= free:
        because = f"the student needs {gib(plan.total)}, and each has {gib(free)} of {what}"
        return Layout(devices, "none", because, train.sequence_parallel)
    because = f"one student needs {gib(plan.total)}, and each has {gib(free)} of {what}"
    return Layout(devices, "fsdp2", because, train.sequence_parallel)


def memory_of_one(devices: int) -> tuple[int, str]:
    """Free bytes for each process, and of what: processes on a CPU share one memory."""
    import torch

    free, what = planning.available_memory()
    return (free, what) if torch.cuda.is_available() else (free // devices, what)


def refuse_without_room(config: Any, train: Train, bytes_per_weight: int) -> Layout:
    """The devices that train, after a look at whether what each of them holds fits.

    Raises:
        Refused: it does not, with what would help; or as `layout_of` and `refuse_uneven_pieces`.
    """
    from students.fit import advice

    refuse_uneven_pieces(train.sequence_parallel, train.max_length, config)
    with doing("simulates a step to know its memory"):
        plan = memory_plan(config, train, bytes_per_weight)
    layout = layout_of(train, plan)
    needed, (free, what) = share(config, train, bytes_per_weight, layout), memory_of_one(layout.devices)
    if needed <= free:
        return layout
    each = f" on each of {layout.devices} devices" if layout.devices > 1 else ""
    raise Refused(
        f"the student needs about {gib(needed)} to train{each} ({told(plan)}), and {gib(free)} of {what} are free.",
        advice(config, train, bytes_per_weight, free, cards=layout.devices),
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


def refuse_uneven_pieces(size: int, length: int, config: Any) -> None:
    """
    Raises:
        Refused: packed rows of `length` tokens, or the heads of the model, cannot be dealt out to `size` devices.
    """
    heads = config.get_text_config().num_attention_heads
    if heads % size:
        fitting = ", ".join(str(n) for n in range(2, heads + 1) if heads % n == 0)
        raise Refused(
            f"train.sequence_parallel={size} deals the heads of attention out to {size} devices, and this model has "
            f"{heads}.",
            f"Set it to one of {fitting}, or to 1.",
        )
    if length % size:
        raise Refused(
            f"train.sequence_parallel={size} cuts packed rows of train.max_length={length} tokens into {size} "
            "pieces of one length.",
            f"Set train.max_length={length - length % size + size}.",
        )


def described(layout: Layout) -> str:
    """One line for people."""
    if layout.devices == 1:
        return layout.because
    how = {"none": "a copy of the student on each (DDP)", "fsdp2": "each with a part of the weights (FSDP2)"}
    shared = f", {layout.sequence} of them to a row" if layout.sequence > 1 else ""
    return f"{layout.devices} devices{shared}, {how[layout.sharding]}: {layout.because}"


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


def _refuse_uneven_groups(train: Train, devices: int) -> None:
    """
    Raises:
        Refused: the devices cannot be put in groups of those that share a row.
    """
    if devices % train.sequence_parallel:
        there = "there is one" if devices == 1 else f"{devices} train"
        raise Refused(
            f"train.sequence_parallel={train.sequence_parallel} lets so many devices share each row, and {there}.",
            "Set it to a number that divides the devices, or to 1.",
        )


def _refuse_uneven_batch(train: Train, devices: int) -> None:
    """
    Raises:
        Refused: the packed rows of an optimiser step cannot be dealt out evenly.
    """
    each, shared = train.per_device_train_batch_size, train.sequence_parallel
    devices //= shared
    wanted = train.packed_rows_per_batch
    if train.rows_per_batch is not None or wanted % (devices * each) == 0:
        return
    up = -(-wanted // (devices * each)) * devices * each
    fitting = max(n for n in range(1, devices + 1) if wanted % (n * each) == 0)
    raise Refused(
        f"train.packed_rows_per_batch={wanted} cannot be dealt out to {devices} "
        f"{'devices' if shared == 1 else f'groups of {shared} devices'} with "
        f"train.per_device_train_batch_size={each}.",
        f"train.packed_rows_per_batch={up} would fit, or train.devices={fitting * shared}.",
    )
