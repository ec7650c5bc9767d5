"""On which GPUs would a student train, by each method? From the plan alone: predicted, not measured."""

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from distill.recipe import Train
from students.plan import MemoryPlan, memory_plan

GIB = 2**30

GPUS = (
    (12, "RTX 3060"),
    (16, "RTX 4060 Ti"),
    (24, "RTX 4090"),
    (32, "RTX 5090"),
    (48, "L40S"),
    (80, "H100"),
    (141, "H200"),
)
"""GiB of memory, and a card that has so much."""

COUNTS = (1, 2, 4, 8)
"""GPUs of one machine; over several of them weights, gradients and moments are parted (FSDP2, ZeRO-3)."""

USABLE = 0.92
"""Of a card's memory: the rest goes to its context, to fragments, and to what is gathered for a layer."""

METHODS: tuple[str, ...] = get_args(Train.model_fields["method"].annotation)


class Fit(NamedTuple):
    """What one method would take."""

    method: str
    plan: MemoryPlan
    gib: int | None
    """Memory of the smallest card that is enough; None where eight of the largest are too small."""
    cards: int
    """How many of them."""


def fits(config: Any, train: Train, bytes_per_weight: int) -> list[Fit]:
    """Each method with the fewest, then the smallest cards on which rows of `max_length` fit."""
    found = []
    for method in METHODS:
        other = {"method": method, "merge_into": "auto"} | ({} if method != "full" else _without_adapter())
        plan = memory_plan(config, train.model_copy(update=other), bytes_per_weight)
        found.append(Fit(method, plan, *smallest(plan)))
    return found


def smallest(plan: MemoryPlan, cards: Sequence[tuple[int, str]] = GPUS) -> tuple[int | None, int]:
    """GiB of the smallest card of which the fewest are enough, and how many of them."""
    for count in COUNTS:
        held = (plan.weights + plan.adapter) / count + plan.activations + plan.logits
        for gib, _ in cards:
            if held <= USABLE * gib * GIB:
                return gib, count
    return None, COUNTS[-1]


def _without_adapter() -> dict[str, Any]:
    names = ("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora")
    return {name: Train.model_fields[name].default for name in names}
