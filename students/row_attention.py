"""Causal attention of packed rows on a CPU, one row after the other, as one operation of PyTorch.

As an operation it is opaque to torch.compile: written in Python it would be traced, and compiled, anew for each number
and each length of rows. It also spares autograd a gradient of the full size for each row. The kernels are those that
scaled_dot_product_attention takes on a CPU; it cannot be called itself, for an operation keeps what its backward pass
needs by itself.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch.nn import functional as F

Row = tuple[int, slice]
"""A packed row, and the places in it."""


def rows_apart(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    ends: torch.Tensor,
    scaling: float | None,
    window: int | None,
) -> torch.Tensor:
    """Query of shape (B, H, T, D), key (B, K, T, D), value (B, K, T, E) with E <= D; returns (B, T, H, E).

    `ends`: of the rows, (rows + 1,), from 0 to B x T. `window`: how many tokens each sees, itself included. Raises
    ValueError where the heads of keys are no share of those of queries.
    """
    if query.shape[1] % key.shape[1]:
        raise ValueError(f"{query.shape[1]} heads of queries cannot be shared out among {key.shape[1]} heads of keys")
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else value.dtype
    repeats, size = query.shape[1] // key.shape[1], value.shape[-1]
    if repeats > 1:  # the kernel wants as many heads of keys
        key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    if size < query.shape[-1]:
        value = F.pad(value, (0, query.shape[-1] - size))
    out, _ = _forward(query.to(dtype), key.to(dtype), value.to(dtype), ends, scaling, window)
    return out[..., :size]


@torch.library.custom_op("distill::rows_apart", mutates_args=())  # type: ignore[untyped-decorator]
def _forward(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    ends: torch.Tensor,
    scaling: float | None,
    window: int | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """All of shape (B, H, T, D); returns (B, T, H, D) and the logarithms of the sums, (B, T, H)."""
    out, sums = _like(query)
    for row, span in _rows(ends, query.shape[2]):
        inside = (x[row : row + 1, :, span] for x in (query, key, value))
        part, logarithms = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *inside, **_seen(query, span, scaling, window)
        )
        out[row, span], sums[row, span] = part[0].transpose(0, 1), logarithms[0].transpose(0, 1)
    return out, sums


@torch.library.custom_op("distill::rows_apart_backward", mutates_args=())  # type: ignore[untyped-decorator]
def _backward(
    gradient: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    out: torch.Tensor,
    sums: torch.Tensor,
    ends: torch.Tensor,
    scaling: float | None,
    window: int | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of query, key and value, (B, H, T, D) each."""
    found = _gradients(query)
    for row, span in _rows(ends, query.shape[2]):
        inside = (x[row : row + 1, :, span] for x in (query, key, value))
        came = (x[row : row + 1, span].transpose(1, 2) for x in (gradient, out, sums))
        seen = _seen(query, span, scaling, window)
        above, *rest = came
        parts = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            above, *inside, *rest, seen.pop("dropout_p"), seen.pop("is_causal"), **seen
        )
        for whole, part in zip(found, parts, strict=True):
            whole[row, :, span] = part[0]
    return found


def _like(query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    batch, heads, length, size = query.shape
    wide = torch.float64 if query.dtype == torch.float64 else torch.float32
    return query.new_empty(batch, length, heads, size), query.new_empty(batch, length, heads, dtype=wide)


def _gradients(query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    first, second, third = (query.new_empty(query.shape) for _ in range(3))
    return first, second, third


def _rows(ends: torch.Tensor, length: int) -> Iterator[Row]:
    for begin, end in pairwise(ends.tolist()):
        yield begin // length, slice(begin % length, begin % length + end - begin)


def _seen(query: torch.Tensor, span: slice, scaling: float | None, window: int | None) -> dict[str, Any]:
    """What the kernel is told of the places that a token sees: all before it, or the last `window` of them."""
    length = span.stop - span.start
    told: dict[str, Any] = {"dropout_p": 0.0, "is_causal": True, "scale": scaling}
    if window is None or length <= window:
        return told
    sees = torch.ones(length, length, dtype=torch.bool).tril().triu(1 - window)
    hidden = torch.zeros(length, length, dtype=query.dtype).masked_fill(~sees, float("-inf"))
    return told | {"is_causal": False, "attn_mask": hidden}


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
    *tensors, ctx.scaling, ctx.window = inputs
    query, key, value, ends = tensors
    ctx.save_for_backward(query, key, value, *output, ends)
    ctx.mark_non_differentiable(output[1])


def _differentiated(ctx: Any, gradient: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
    return *_backward(gradient, *ctx.saved_tensors, ctx.scaling, ctx.window), None, None, None


# what torch.compile and a plan of the memory compute with: shapes alone
_forward.register_fake(lambda query, *_: _like(query))
_backward.register_fake(lambda _, query, *__: _gradients(query))
_forward.register_autograd(_differentiated, setup_context=_keep)
