"""Sequence parallelism: several devices share each packed row, and each computes a piece of its tokens.

DeepSpeed-Ulysses (Jacobs et al. 2023, arXiv 2309.14509, section 3): all but attention looks at tokens one by one
and stays with the piece; for attention devices exchange tokens for heads, so that each sees whole rows with its share
of the heads, and exchange back. Activations and logits of a device are those of a piece. Here it goes with packed
rows, whose borders all devices know, and with copies (DDP) as well as with parted weights (FSDP2).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import gcd
from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import Sampler

from distill.errors import Refused
from students.attention import FLASH, VARLEN, varlen
from students.loss import next_labels

SEQUENCE = "varlen_ulysses"
"""Its attention, by the name under which transformers knows it."""


@dataclass(frozen=True)
class Sequence:
    """The devices that share rows with this one: `size` neighbours by rank, of which it is number `index`."""

    size: int
    index: int
    group: "dist.ProcessGroup"

    def piece(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Of a batch of packed rows (B, T) this device's tokens (B, T / size), the next token of each as its label.

        The borders stay those of whole rows.
        """
        labels = inputs["labels"]
        each = labels.shape[1] // self.size
        mine = slice(self.index * each, (self.index + 1) * each)
        following = next_labels(labels)
        pieces = {key: inputs[key][:, mine] for key in ("input_ids", "labels", "position_ids")}
        return inputs | pieces | {"shift_labels": following[:, mine]}

    def attention(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None,
        dropout: float = 0.0,
        **others: Any,
    ) -> tuple[torch.Tensor, None]:
        """As `students.attention.varlen`, of pieces of rows: (B, H, T / size, D) to (B, T / size, H, D)."""
        times = self.size // gcd(self.size, key.shape[1])
        if times > 1:  # fewer heads of keys than devices: some get the same
            key, value = (x.repeat_interleave(times, 1) for x in (key, value))
        rows = [self._exchange(x, 1, 2) for x in (query, key, value)]
        out, _ = varlen(module, rows[0], rows[1], rows[2], attention_mask, dropout, **others)
        return self._exchange(out, 1, 2), None

    def _exchange(self, x: torch.Tensor, split: int, joined: int) -> torch.Tensor:
        """Dimension `split` is dealt out to the devices, and `joined` put together of what each of them has."""
        parts = torch.stack(x.chunk(self.size, split))
        got = _AllToAll.apply(parts, self.group)
        return torch.cat(list(got.unbind()), joined)


class _AllToAll(torch.autograd.Function):
    """Part i of (size, ...) goes to device i, and part i of the outcome comes from it; gradients go the way back."""

    @staticmethod
    def forward(ctx: Any, parts: torch.Tensor, group: "dist.ProcessGroup") -> torch.Tensor:
        ctx.group = group
        return _all_to_all(parts, group)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _all_to_all(gradients[0], ctx.group), None


def _all_to_all(parts: torch.Tensor, group: "dist.ProcessGroup") -> torch.Tensor:
    parts = parts.contiguous()
    got = torch.empty_like(parts)
    dist.all_to_all_single(got, parts, group=group)
    return got


class Repeated(Sampler[int]):
    """Each `block` of indices `times` over: the batches of neighbouring processes are the same rows."""

    def __init__(self, inner: Sampler[int], block: int, times: int) -> None:
        self.inner = inner
        self.block = block
        self.times = times

    def __iter__(self) -> Iterator[int]:
        block: list[int] = []
        for index in self.inner:
            block.append(index)
            if len(block) == self.block:
                yield from block * self.times
                block = []
        assert not block, "rows are filled up to whole batches"

    def __len__(self) -> int:
        return len(self.inner) * self.times


def sequence_of(size: int) -> Sequence | None:
    """The group of this process, where `size` processes share a row; all processes must call it."""
    if size == 1:
        return None
    mine = None
    for first in range(0, dist.get_world_size(), size):
        ranks = list(range(first, first + size))
        group = dist.new_group(ranks)
        if dist.get_rank() in ranks:
            mine = Sequence(size, dist.get_rank() - first, group)
    assert mine is not None
    return mine


def shared(sequence: Sequence | None, name: str, why: str) -> tuple[str] | tuple[str, Callable[..., Any]]:
    """What `students.attention.attention` takes to attend by `name`, over rows that devices share where they do.

    Raises:
        Refused: they do, and the model cannot attend without a mask.
    """
    if sequence is None:
        return (name,)
    if name not in (VARLEN, FLASH):
        raise Refused(
            f"train.sequence_parallel={sequence.size} needs attention over rows of unequal length, and this student "
            f"attends by {name}: {why}.",
            "Set it to 1.",
        )
    return SEQUENCE, sequence.attention
