"""Packed rows dealt out to several devices: the same ones in each optimiser step as on one device.

Where the last batch of a pass is not full, accelerate fills it with rows from the pass' beginning, which would be
trained once too often. Here it is filled with rows without a label: they weigh nothing in the loss.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from accelerate.data_loader import SeedableRandomSampler
from torch.utils.data import Sampler

from students.batches import StepRows
from students.pack import PackedRow
from students.render import IGNORED, Row

if TYPE_CHECKING:
    from datasets import Dataset


def dataset_of(packed: list[PackedRow]) -> "Dataset":
    """What the trainer reads of packed rows."""
    from datasets import Dataset

    return Dataset.from_list([{k: v for k, v in asdict(row).items() if k != "trace_ids"} for row in packed])


def rows_of(dealt: StepRows) -> "Dataset":
    """The rows that steps are made of, for other processes to deal out alike."""
    from datasets import Dataset

    return Dataset.from_list([asdict(row) for row in dealt.rows if isinstance(row, Row)])


def filled(rows: "Dataset", multiple: int) -> "Dataset":
    """The rows, and behind them as many without a label as make their number divide by `multiple`."""
    from datasets import Dataset, concatenate_datasets

    missing = -len(rows) % multiple
    if not missing:
        return rows
    first = rows[0]
    blank = {
        "input_ids": first["input_ids"],
        "labels": [IGNORED] * len(first["labels"]),
        "position_ids": first["position_ids"],
    }
    return concatenate_datasets([rows, Dataset.from_list([blank] * missing, features=rows.features)])


class FilledSampler(Sampler[int]):
    """Indices of `rows` rows in the order in which one device would draw them, then those of the filling.

    It asks for the number of the pass, of which each has an order of its own: a data loader that skips what a resumed
    run has trained already does not tell it to the sampler of several processes (accelerate 1.15).
    """

    def __init__(self, rows: int, with_filling: int, seed: int, passes: Callable[[], int]) -> None:
        self.inner = SeedableRandomSampler(range(rows), data_seed=seed)
        self.with_filling = with_filling
        self.passes = passes

    def __iter__(self) -> Iterator[int]:
        self.inner.set_epoch(self.passes())
        yield from self.inner
        yield from range(len(self.inner), self.with_filling)

    def __len__(self) -> int:
        return self.with_filling
