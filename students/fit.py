"""On which GPUs would a student train, by each method, and what helps where it does not fit. From the plan alone."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from distill.errors import Refused
from distill.recipe import Train
from students.attention import MASKED, unable_apart
from students.experts import is_mixture
from students.plan import MemoryPlan, beside, device_here, gib, memory_plan

if TYPE_CHECKING:
    from students.simulate import Device

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
"""GB as the maker names it, and a card that has so much."""

COUNTS = (1, 2, 4, 8)
"""GPUs of one machine; over several of them weights, gradients and moments are parted (FSDP2, ZeRO-3)."""

USABLE = 0.97
"""GiB that a card lets a process take, for each GB of its name: an H100 of 80 GB has 79 GiB, an H200 of 141 GB 139."""

GATHERED = 2
"""Layers whose weights are whole at once under FSDP2: the one at work and the next."""

SHORT = 512
"""Tokens; rows shorter than these are not advised."""

TRAINED = 4
"""Bytes of a trained parameter, gradient and moments left out."""

MOMENTS = {"adamw_torch": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2}
"""Bytes of a trained parameter's two moments."""

METHODS: tuple[str, ...] = get_args(Train.model_fields["method"].annotation)


class Fit(NamedTuple):
    """What one method would take."""

    method: str
    plan: MemoryPlan
    """On one GPU, that shares its rows with none."""
    gib: int | None
    """Memory of the smallest card that is enough, in GB as its maker names it; None where eight of the largest are too
    small."""
    cards: int
    """How many of them."""
    each: int
    """Bytes at the peak on each of them."""


def fits(config: Any, train: Train, bytes_per_weight: int) -> list[Fit]:
    """Each method with the fewest, then the smallest cards on which rows of `max_length` fit; those that a simulated
    step refuses are left out."""
    found = []
    for method in METHODS:
        with suppress(Refused):
            found.append(_fit(config, with_method(train, method), bytes_per_weight))
    return found


def with_method(train: Train, method: str) -> Train:
    """The same section with another method, its other keys as they are where they mean something to it."""
    names = ("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora")
    defaults = {name: Train.model_fields[name].default for name in names} if method == "full" else {}
    return train.model_copy(update={"method": method, "merge_into": "auto"} | defaults)


def _fit(config: Any, train: Train, bytes_per_weight: int) -> Fit:
    alone = memory_plan(config, among(train, 1), bytes_per_weight, "cuda")
    return Fit(train.method, alone, *smallest(needs(config, train, bytes_per_weight)))


def among(train: Train, cards: int) -> Train:
    """The same section where so many cards train: rows are shared by none where groups of that size do not come out."""
    return train if cards % train.sequence_parallel == 0 else train.model_copy(update={"sequence_parallel": 1})


def parts_of(train: Train, cards: int) -> int:
    """Into how many parts so many cards may cut the weights."""
    return 1 if train.sharding == "none" else cards


def needs(config: Any, train: Train, bytes_per_weight: int) -> list[tuple[int, int]]:
    """Numbers of GPUs, each with the bytes at the peak on each of them."""
    shared = [(n, among(train, n)) for n in COUNTS]
    return [(n, on_one_of(config, one, bytes_per_weight, "cuda", parts_of(one, n))[0]) for n, one in shared]


def smallest(needs: Sequence[tuple[int, int]]) -> tuple[int | None, int, int]:
    """GB of the smallest card of which the fewest are enough, how many, and bytes on each; `needs` by count."""
    for cards, each in needs:
        for size, _ in GPUS:
            if each <= USABLE * size * GIB:
                return size, cards, each
    return None, *needs[-1]


def on_each(plan: MemoryPlan, train: Train, count: int, device: "Device" = "cuda") -> int:
    """Bytes at the peak on each of `count` devices, weights and what is trained parted between them (FSDP2).

    All that comes and goes counts beside all that is trained: parted, the one that was small beside the other is not.
    """
    if count == 1:
        return plan.total
    state = plan.adapter_parameters * (2 * TRAINED + MOMENTS[train.optim])
    parted = state if train.method == "full" else plan.weights + state
    gathered = GATHERED * plan.layer + plan.root
    if train.method == "full":
        gathered += 2 * plan.layer  # its gradient, whole and in float32 until it is parted
    return round(parted / count) + gathered + plan.passing + beside(device, parted + plan.passing, plan.passing)


def advice(
    config: Any,
    train: Train,
    bytes_per_weight: int,
    free: int,
    device: "Device | None" = None,
    cards: int = 1,
    tokens: int = 0,
) -> str:
    """What to change so that the student fits, each step with the peak that it would bring, computed: on one device,
    or on each of several `cards`, that part its weights unless train.sharding says otherwise. What costs nothing but
    time comes first, and what would not lower the peak is left out. `tokens` is the mean length of the rows, 0 where
    it is not known: who makes `max_length` shorter than that loses the data, and is told."""

    def needed(train: Train) -> tuple[int, int]:
        return on_one_of(config, train, bytes_per_weight, device, parts_of(train, cards))

    told: dict[str, str] = {}
    peak, held = needed(train)
    for change in _changes(config, train, cards):
        other, words = changed(train, change)
        lower, least = needed(other)
        if lower > peak:
            continue
        train, peak, held = other, lower, least
        told |= {key: f"{said} ({gib(peak)})" if key in change else said for key, said in words.items()}
        if peak <= free:
            return f"Set {_listed(told)}."
    if held > free:  # known without a look at rows of any length
        tried = f"Not even {_listed(told)} would be enough: " if told else ""
        what = "weights" if train.method == "full" else "weights and adapter"
        what = what if tried else what.capitalize()
        return f"{tried}{what} alone take {gib(held)}. Take a smaller student."
    length, lowest = _longest(train, free, lambda shorter: needed(shorter)[0])
    told |= {"max_length": f"train.max_length={length} ({gib(lowest)})"} if length else {}
    if lowest <= free:
        return f"Set {_listed(told)}.{_lost(length, tokens)}"
    return f"Not even {_listed(told)} would be enough: a smaller student." if told else "Take a smaller student."


def _lost(length: int, tokens: int) -> str:
    """What shorter rows cost where the mean row does not fit into them."""
    if length >= tokens:
        return ""
    return f" But the mean row has {tokens:,} tokens: longer rows than {length:,} cannot be trained on."


def _listed(told: dict[str, str]) -> str:
    return ", and ".join(told.values())


def on_one_of(config: Any, train: Train, bytes_per_weight: int, device: "Device | None", cards: int) -> tuple[int, int]:
    """Bytes at the peak on each of so many cards, and those of them that rows of any length need."""
    where = device or device_here()
    plan = memory_plan(config, train, bytes_per_weight, where, sharded=cards > 1 and train.method == "full")
    return on_each(plan, train, cards, where), (plan.weights + TRAINED * plan.adapter_parameters) // cards


def _changes(config: Any, train: Train, cards: int) -> Iterator[dict[str, Any]]:
    """Changes that need less with rows as long, each to be made on top of the last."""
    if cards > 1 and train.sharding == "none":
        yield {"sharding": "auto"}
    if train.per_device_train_batch_size > 1:
        yield {"per_device_train_batch_size": 1}
    if not train.gradient_checkpointing:
        yield {"gradient_checkpointing": True}
    yield from ({"sequence_parallel": size} for size in _share_more(config, train, cards))
    if train.method == "full":
        yield {"method": "lora"}
    if train.method != "qlora" and not is_mixture(config):
        yield {"method": "qlora"}


def changed(train: Train, change: dict[str, Any]) -> tuple[Train, dict[str, str]]:
    """The section with one key changed, and the words to change it with, by key. A rate for all weights is a tenth of
    what an adapter wants, and is taken back with the method."""
    words = {key: f"train.{key}={str(value).lower()}" for key, value in change.items()}
    if "method" not in change:
        return train.model_copy(update=change), words
    other = with_method(train, change["method"])
    if train.method == "full" and train.learning_rate is not None:
        words = {"learning_rate": "train.learning_rate=null"} | words
        other = other.model_copy(update={"learning_rate": None})
    return other, words


def _share_more(config: Any, train: Train, cards: int) -> list[int]:
    """Numbers of cards that may share a row, more than do; one row must be left for each group of them."""
    if unable_apart(config) or train.attn_implementation == MASKED:
        return []  # attention with a mask is refused there
    heads = config.get_text_config().num_attention_heads
    return [
        size
        for size in range(train.sequence_parallel + 1, cards + 1)
        if cards % size == heads % size == train.max_length % size == 0
        and (train.rows_per_batch is not None or train.packed_rows_per_batch % (cards // size) == 0)
    ]


def _longest(train: Train, free: int, peak: Callable[[Train], int]) -> tuple[int, float]:
    """The longest rows that fit, of half the length, a quarter and so on, with their peak in bytes; the shortest ones
    (of 512 to 1,023 tokens) if none fits, 0 where the rows are as short already.

    Shorter rows need less, so that the halvings are searched and not tried one by one: each is a simulation.
    """
    size = train.sequence_parallel
    halvings = list(takewhile(lambda n: n >= SHORT, ((train.max_length >> i) // size * size for i in count(1))))

    def needed(length: int) -> int:
        return peak(train.model_copy(update={"max_length": length}))

    if not halvings:
        return 0, math.inf
    if (least := needed(halvings[-1])) > free:
        return halvings[-1], least
    first = bisect_left(halvings, True, hi=len(halvings) - 1, key=lambda length: needed(length) <= free)
    return halvings[first], needed(halvings[first])
