"""What stands in a simulated step for kernels that fake tensors cannot enter: it allocates as they do.

- Weights of 4 bits. bitsandbytes makes a dense copy of a weight for each product with more than a few rows, forward
  and backward (`gemm_4bit` and `MatMul4Bit.backward`), and PEFT copies the result before it adds the adapter's.
- Attention on a GPU. With a mask PyTorch takes its memory-efficient kernel and hands it the mask as numbers: T x T of
  them that each layer keeps for its backward pass. Without one it takes flash attention, that keeps none.
  Rows of unequal length go to PyTorch's own kernel for them (`students/attention.py`), which keeps what flash does.
- Moments of 8 bits: bitsandbytes updates real bytes only.
- TRL's loss in tiles. On a GPU a Triton kernel works in the tile itself; on a processor each operation makes a copy.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

MOMENTS_BLOCK, SMALLEST = 256, 4096
"""Moments of 8 bits for each constant of 32, and parameters of fewer weights keep moments of 32 (bitsandbytes)."""


class AdamW8bit:
    """What bitsandbytes' optimiser of that name holds for each parameter; it updates nothing."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.state = {p: self._moments(p) for p in parameters}

    def _moments(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        count = parameter.numel()
        if count < SMALLEST:
            return {name: torch.empty(count) for name in ("first", "second")}
        scales = math.ceil(count / MOMENTS_BLOCK)
        sizes = {"first": (count, torch.uint8), "second": (count, torch.uint8)}
        sizes |= {"first_scale": (scales, torch.float32), "second_scale": (scales, torch.float32)}
        return {name: torch.empty(size, dtype=dtype) for name, (size, dtype) in sizes.items()}

    def step(self) -> None:
        """In place, with no tensor beside."""

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


BLOCK, SECOND_BLOCK = 64, 256
"""Weights for each 8-bit constant, and such constants for each one of 32 bits: bitsandbytes' double quantisation."""


class FourBits(nn.Linear):
    """A linear layer whose weight lies in 4 bits: the bytes and the copies of bitsandbytes', and no numbers."""

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__(dense.in_features, dense.out_features, dense.bias is not None, dtype=dense.weight.dtype)
        count, self.dense_dtype = dense.weight.numel(), dense.weight.dtype
        constants = math.ceil(count / BLOCK)
        self.weight = nn.Parameter(torch.empty(math.ceil(count / 2), 1, dtype=torch.uint8), requires_grad=False)
        self.register_buffer("constants", torch.empty(constants, dtype=torch.uint8))
        self.register_buffer("second", torch.empty(math.ceil(constants / SECOND_BLOCK), dtype=torch.float32))
        self.bias = dense.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = _FourBitProduct.apply(x.to(self.dense_dtype), self)
        return (product if self.bias is None else product + self.bias.to(product.dtype)).clone()

    @property
    def W_q(self) -> nn.Parameter:
        """By an attribute of this name PEFT knows layers that make the dense weight, which DoRA wants, themselves."""
        return self.weight

    def dequantize(self) -> torch.Tensor:
        return _dense(self)


class _FourBitProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: FourBits) -> torch.Tensor:
        ctx.layer = layer
        return x @ _dense(layer).t()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient @ _dense(ctx.layer).to(gradient.dtype), None


def _dense(layer: FourBits) -> torch.Tensor:
    constants = layer.get_buffer("constants").float()  # bitsandbytes unfolds the 8-bit constants first
    dense = layer.weight.new_empty((layer.out_features, layer.in_features), dtype=layer.dense_dtype)
    del constants
    return dense


def quantise(model: nn.Module) -> None:
    """Every linear layer but the output becomes one of 4 bits."""
    head = model.get_output_embeddings()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear and child is not head:
                setattr(module, name, FourBits(child))


@contextmanager
def gpu_kernels() -> Iterator[None]:
    """Attention, and TRL's loss in tiles, as the kernels of a GPU allocate.

    Functions are put in their place, and no `TorchFunctionMode`: that is not asked when checkpointed layers are
    computed again in the backward pass.
    """
    from trl.kernels import chunked_logprob

    from students import attention, row_attention

    def on_gpu(query: Any, key: Any, value: Any, ends: Any, scaling: Any, window: Any) -> torch.Tensor:
        return attention._on_gpu(query, key, value, ends, query.shape[2], scaling, window)

    rows_apart, row_attention.rows_apart = row_attention.rows_apart, on_gpu
    kept = F.scaled_dot_product_attention, chunked_logprob._forward_tile, chunked_logprob._backward_tile
    F.scaled_dot_product_attention = _gpu_attention
    chunked_logprob._forward_tile = chunked_logprob._backward_tile = lambda *args, **kwargs: None
    try:
        yield
    finally:
        row_attention.rows_apart = rows_apart
        F.scaled_dot_product_attention, chunked_logprob._forward_tile, chunked_logprob._backward_tile = kept


def _gpu_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Shapes (B, H, T, D); the mask (B, 1, T, T)."""
    if attn_mask is None:
        if enable_gqa:  # the fake kernel wants as many heads; the real one reads the few
            key, value = (t.repeat_interleave(query.shape[1] // t.shape[1], 1) for t in (key, value))
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        out: torch.Tensor = flash(query, key, value, dropout_p, is_causal, scale=scale)[0]
        return out
    if attn_mask.dtype == torch.bool:
        numbers = torch.zeros_like(attn_mask, dtype=query.dtype)
        numbers.masked_fill_(attn_mask.logical_not(), -math.inf)
        attn_mask = numbers
    missing = -attn_mask.shape[-1] % 16
    if missing:  # the kernel reads whole lines
        attn_mask = F.pad(attn_mask, (0, missing))[..., : attn_mask.shape[-1]]
    bias = attn_mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    efficient = torch.ops.aten._scaled_dot_product_efficient_attention
    found: torch.Tensor = efficient(query, key, value, bias, True, dropout_p, is_causal, scale=scale)[0]
    return found


def _gradient_in_float32(gradient: torch.Tensor, query: torch.Tensor, *_: Any) -> int:
    """The backward kernels sum the queries' gradient in float32."""
    return query.numel() * 4


def _row_beside(query: torch.Tensor, *_: Any) -> int:
    """On a processor a row, at most the whole packed row, is computed beside the tensor that it is written into."""
    return query.numel() * query.element_size()


def _three_beside(gradient: torch.Tensor, *_: Any) -> int:
    """The same for gradients of query, key and value."""
    return 3 * gradient.numel() * gradient.element_size()


HIDDEN: dict[str, Callable[..., int]] = {
    "aten::_scaled_dot_product_efficient_attention_backward": _gradient_in_float32,
    "aten::_scaled_dot_product_flash_attention_backward": _gradient_in_float32,
    "torch_attn::_varlen_attn_backward": _gradient_in_float32,
    "distill::rows_apart": _row_beside,
    "distill::rows_apart_backward": _three_beside,
}
"""Bytes that a kernel takes within itself, by operation."""
