"""Rows of different lengths into packed rows of one fixed length, none cut, none seeing another.

Isolation comes from the positions: each row starts again at 0, and transformers builds a
block-diagonal causal mask from that. One constant shape also spares a CPU with AMX from compiling a
kernel for every new length.
"""

import bisect
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from students.attention import borders
from students.render import IGNORED, Row


@dataclass(frozen=True)
class PackedRow:
    """Rows side by side, filled up with padding to the fixed length T."""

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    """0 at the start of each row and of the padding."""
    trace_ids: list[str]
    """Which traces lie in it, in order."""


OPEN = 8
"""Packed rows that are not full yet, where the order counts: a row may come so many packed rows too early."""


def pack(rows: list[Row], length: int, pad_token_id: int, seed: int, in_order: bool = False) -> list[PackedRow]:
    """Best-fit-decreasing packing, shuffled with the seed; `in_order` the rows stay nearly as they came (a curriculum).

    Each row must be no longer than `length`.
    """
    bins = _in_order(rows, length) if in_order else _tight(rows, length, seed)
    return [lay_out(members, length, pad_token_id) for members in bins]


def _in_order(rows: list[Row], length: int) -> list[list[Row]]:
    """Each row into the first of the last few packed rows that has room for it."""
    bins: list[list[Row]] = []
    room: list[int] = []
    for row in rows:
        at = next((at for at in range(max(0, len(bins) - OPEN), len(bins)) if room[at] >= len(row)), len(bins))
        if at == len(bins):
            bins.append([])
            room.append(length)
        bins[at].append(row)
        room[at] -= len(row)
    return bins


def _tight(rows: list[Row], length: int, seed: int) -> list[list[Row]]:
    shuffled = random.Random(seed).sample(rows, len(rows))
    bins = [[shuffled[i] for i in inside] for inside in best_fit(list(map(len, shuffled)), length)]
    random.Random(seed + 1).shuffle(bins)
    return bins


def best_fit(lengths: Sequence[int], space: int) -> list[list[int]]:
    """Best-fit-decreasing: the longest first, each into the bin that it fills best. Returns what lies in each bin."""
    bins: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (room left, number of the bin), sorted
    for item in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        at = bisect.bisect_left(rooms, (lengths[item], -1))
        if at < len(rooms):
            room, number = rooms.pop(at)
        else:
            room, number = space, len(bins)
            bins.append([])
        bins[number].append(item)
        bisect.insort(rooms, (room - lengths[item], number))
    return bins


def lay_out(members: list[Row], length: int, pad_token_id: int) -> PackedRow:
    """Rows side by side, and padding behind them up to `length`, which is a row of its own."""
    padding = length - sum(len(row) for row in members)
    return PackedRow(
        input_ids=[t for row in members for t in row.input_ids] + [pad_token_id] * padding,
        labels=[t for row in members for t in row.labels] + [IGNORED] * padding,
        position_ids=[p for row in members for p in range(len(row))] + list(range(padding)),
        trace_ids=[row.trace_id for row in members],
    )


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Packed rows to tensors of shape (B, T), with the borders of their rows. Positions and borders isolate them."""
    import torch

    skipped = {"skipped": all(row["skipped"] for row in rows)} if "skipped" in rows[0] else {}
    batch = {key: torch.tensor([row[key] for row in rows]) for key in ("input_ids", "labels", "position_ids")}
    return batch | borders(batch["position_ids"]) | skipped
