"""Optimiser steps that hold so many traces, as published recipes count their batches.

Each pass draws the traces anew and deals them out to steps; the traces of a step are packed among themselves, so which
of them are learnt from together does not depend on how long a packed row is. Steps need unequal numbers of packed rows.
Those with fewer begin with empty ones, which are skipped: the last one of a step is what processes wait for each other
at, and it is always full.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill.recipe import Train
from students.pack import PackedRow, best_fit, lay_out
from students.render import Row

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Steps:
    """Which rows lie in which packed row of which step."""

    slots: list[list[int]]
    """Numbers of the rows in each packed row, step after step; empty where a step needs no more."""
    per_step: int
    """Packed rows of a step, empty ones included; a multiple of what the devices take at once."""
    in_one_pass: int
    """Steps in which each row is seen once."""

    def __len__(self) -> int:
        return len(self.slots) // self.per_step

    def is_skipped(self, slot: int, at_once: int) -> bool:
        """Has nobody anything to do in the forward pass, of `at_once` packed rows over all devices, that holds it?"""
        first = slot - slot % at_once
        return not any(self.slots[first : first + at_once])


def steps_of(lengths: Sequence[int], train: Train, seed: int, in_order: bool, devices: int = 1) -> Steps:
    """Deal rows of these lengths in tokens out to steps of `train.rows_per_batch`, pass after pass.

    The same rows and seed give the same steps, on however many devices.
    """
    assert train.rows_per_batch is not None
    assert train.num_train_epochs is not None, "rows decide: students.known.epochs_of"
    at_once = train.per_device_train_batch_size * devices
    once = math.ceil(len(lengths) / train.rows_per_batch)
    wanted = max(1, math.ceil(once * train.num_train_epochs))
    packed = []
    for number in range(math.ceil(wanted / once)):
        order = list(range(len(lengths)))
        if not in_order:
            random.Random(f"{seed}/{number}").shuffle(order)
        for begin in range(0, len(order), train.rows_per_batch):
            members = order[begin : begin + train.rows_per_batch]
            bins = best_fit([lengths[m] for m in members], train.max_length)
            packed.append([[members[i] for i in inside] for inside in bins])
    packed = packed[:wanted]
    per_step = max(-(-len(step) // at_once) for step in packed) * at_once
    slots = [slot for step in packed for slot in _filled(step, per_step, at_once)]
    return Steps(slots, per_step, once)


def _filled(step: list[list[int]], per_step: int, at_once: int) -> list[list[int]]:
    """Empty packed rows first, then a whole number of forward passes; what the last of them lacks is empty too."""
    behind = -len(step) % at_once
    before = per_step - len(step) - behind
    return [*([] for _ in range(before)), *step, *([] for _ in range(behind))]


@dataclass(frozen=True)
class StepRows:
    """Rows, and the steps that they are learnt in."""

    rows: "Sequence[Row] | Dataset"
    steps: Steps
    length: int
    """Tokens of a packed row."""
    pad_token_id: int
    at_once: int
    """Packed rows in one forward pass, over all devices."""

    @property
    def packed_rows(self) -> int:
        """Of one pass, empty ones not counted."""
        return sum(map(bool, self.steps.slots[: self.steps.in_one_pass * self.steps.per_step]))

    def packed(self, slot: int) -> PackedRow:
        """Laid out."""
        return lay_out([_row(self.rows[i]) for i in self.steps.slots[slot]], self.length, self.pad_token_id)

    def fullest(self, count: int) -> list[PackedRow]:
        """Those with the most tokens of rows."""
        lengths = [len(_row(row)) for row in self.rows]
        by_tokens = sorted(
            range(len(self.steps.slots)), key=lambda slot: -sum(lengths[i] for i in self.steps.slots[slot])
        )
        return [self.packed(slot) for slot in by_tokens[:count]]

    def dataset(self) -> "Dataset":
        """What the trainer reads: packed rows of all steps in their order, laid out as they are asked for."""
        from datasets import Dataset

        return Dataset.from_dict({"slot": range(len(self.steps.slots))}).with_transform(self._laid_out)

    def _laid_out(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        made = [self.packed(slot) for slot in batch["slot"]]
        return {
            "input_ids": [row.input_ids for row in made],
            "labels": [row.labels for row in made],
            "position_ids": [row.position_ids for row in made],
            "skipped": [self.steps.is_skipped(slot, self.at_once) for slot in batch["slot"]],
        }


def in_steps(
    rows: "Sequence[Row] | Dataset", train: Train, pad_token_id: int, seed: int, in_order: bool, devices: int = 1
) -> StepRows:
    """Rows dealt out to the steps of a recipe with `train.rows_per_batch`."""
    steps = steps_of([len(_row(row)) for row in rows], train, seed, in_order, devices)
    return StepRows(rows, steps, train.max_length, pad_token_id, train.per_device_train_batch_size * devices)


def _row(found: Row | dict[str, Any]) -> Row:
    return found if isinstance(found, Row) else Row(found["trace_id"], found["input_ids"], found["labels"])
