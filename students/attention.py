"""Attention over packed rows in which each row sees itself alone, and no mask of T x T is made.

Where flash-attn is installed transformers hands it the borders of the rows. Elsewhere PyTorch's own kernel for rows of
unequal length does the same on a GPU (`torch.nn.attention.varlen`), and on a CPU its fused kernel goes over one row
after the other. What none of them can do (an old GPU, float32 on a GPU, attention with a bias of its own) is left to
the block-diagonal mask that transformers makes from restarted positions.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

VARLEN = "varlen"
"""Our attention, by the name under which transformers knows it."""

FLASH, MASKED = "flash_attention_2", "sdpa"


class CannotAttend(Exception):
    """A model attends in a way that is left to the mask."""


APART = 0.1
"""Of the logits' deviation, by which two implementations may differ in the mean square: rounding to bfloat16 costs 0.02
to 0.03 on SmolLM2-135M (and half a unit at a single logit), rows that see each other 0.4 to 0.9."""

KNOWN = ("llama", "mistral", "qwen2", "qwen3")
"""Model types on which it is tested to be the mask."""

AMPERE = (8, 0)
"""The first compute capability that the kernels for rows of unequal length run on."""


def borders(position_ids: "torch.Tensor") -> dict[str, Any]:
    """Where rows begin and end in flattened packed rows: what transformers hands to flash-attn.

    Takes positions of shape (B, T), which begin again at 0 with each row. Returns the ends of the rows, (rows + 1,) in
    int32 from 0 to B x T, for queries and keys, and the longest row's length.
    """
    import torch

    starts = (position_ids.flatten() == 0).nonzero().squeeze(1)
    ends = torch.cat([starts, starts.new_tensor([position_ids.numel()])]).to(torch.int32)
    longest = int(ends.diff().max())
    return {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": longest, "max_length_k": longest}


def best_attention(model: "PreTrainedModel", dtype: "torch.dtype") -> tuple[str, str]:
    """The implementation that isolates packed rows best on this machine, and why.

    `dtype`: of queries and keys in the forward pass.
    """
    import torch

    if not model._supports_attention_backend:
        return MASKED, f"{type(model).__name__} takes no attention but its own"
    if not torch.cuda.is_available():
        return VARLEN, "one row after the other; no mask is made"
    if torch.cuda.get_device_capability() < AMPERE or dtype == torch.float32:
        return MASKED, "kernels for rows of unequal length want 16 bits, and compute capability 8.0 or newer"
    if importlib.util.find_spec("flash_attn") is not None:
        return FLASH, "flash-attn is installed"
    return VARLEN, "PyTorch's kernel for rows of unequal length; flash-attn is not installed"


def attention_for(
    model: "PreTrainedModel", wanted: str, row: Sequence[int] | None, dtype: "torch.dtype"
) -> tuple[str, str]:
    """The implementation to train with, and why: the one that is wanted, or for "auto" the best that this model takes.

    The best one must agree with the block-diagonal mask on two short rows made of `row`; what does not is not used.
    Without `row`, where weights are parted and nobody can try it, it is left to models that are known.
    """
    if wanted != "auto":
        return wanted, "set in the recipe"
    name, why = best_attention(model, dtype)
    if name == MASKED:
        return name, why
    if row is None:
        kind = model.config.get_text_config().model_type
        return (name, why) if kind in KNOWN else (MASKED, f"{name} is not known to work on a {kind}")
    try:
        ours, masked = (two_rows(model, row[:8], row[:8], attn) for attn in (name, MASKED))
    except CannotAttend as e:
        return MASKED, str(e)
    if (ours - masked).square().mean().sqrt() > APART * masked.std():
        return MASKED, f"{name} does not agree with it on this model"
    return name, why


def two_rows(model: "PreTrainedModel", first: Sequence[int], second: Sequence[int], name: str) -> "torch.Tensor":
    """Logits of the second of two rows that are packed, (T, V) in float32, as the trained model gives them."""
    import torch

    ids = torch.tensor([[*first, *second]], device=model.device)
    positions = torch.tensor([[*range(len(first)), *range(len(second))]], device=model.device)
    was_training = model.training
    model.eval()
    for module in model.modules():
        # bitsandbytes on a CPU would lay its weights out anew for inference, and no gradient would pass them any more
        if type(module).__name__ == "Linear4bit":
            module.training = True
    with attention(model, name), torch.no_grad():
        logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0, len(first) :]
    model.train(was_training)
    return logits.float().nan_to_num()


@contextmanager
def attention(model: "PreTrainedModel", name: str) -> Iterator[None]:
    """The model attends in this way while the block runs. Ours ignores masks of padding: nothing may be generated."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(VARLEN, varlen)
    AttentionMaskInterface.register(VARLEN, _no_mask)
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def varlen(
    module: "torch.nn.Module",
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    position_ids: "torch.Tensor | None" = None,
    cu_seq_lens_q: "torch.Tensor | None" = None,
    max_length_q: int = 0,
    **others: Any,
) -> "tuple[torch.Tensor, None]":
    """Causal attention within rows, as transformers calls it.

    Query of shape (B, H, T, D), key and value (B, K, T, D); returns (B, T, H, D). Borders come with the batch, or from
    `position_ids` of shape (B, T), which are 0 where a row begins.

    Raises:
        CannotAttend: dropout, logits that are capped, or sinks: no fused kernel of PyTorch has them.
    """
    if dropout or others.get("softcap") is not None or others.get("s_aux") is not None:
        raise CannotAttend("varlen: no dropout, soft caps or sinks")
    if cu_seq_lens_q is None:
        assert position_ids is not None
        found = borders(position_ids.expand(query.shape[0], -1))
        cu_seq_lens_q, max_length_q = found["cu_seq_lens_q"], found["max_length_q"]
    way = _on_gpu if query.device.type == "cuda" else _one_by_one
    return way(query, key, value, cu_seq_lens_q, max_length_q, scaling, sliding_window), None


def _on_gpu(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    ends: "torch.Tensor",
    longest: int,
    scaling: float | None,
    window: int | None,
) -> "torch.Tensor":
    import torch
    from torch.nn.attention.varlen import varlen_attn

    batch, _, length, _ = query.shape
    dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else value.dtype
    flat = [x.transpose(1, 2).flatten(0, 1).to(dtype) for x in (query, key, value)]  # the kernel is for 16 bits
    back = (-1, 0) if window is None else (window - 1, 0)
    out = varlen_attn(*flat, ends, ends, longest, longest, scale=scaling, window_size=back, enable_gqa=True)
    return out.unflatten(0, (batch, length))


def _one_by_one(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    ends: "torch.Tensor",
    longest: int,
    scaling: float | None,
    window: int | None,
) -> "torch.Tensor":
    """The shapes differ from row to row, which costs a CPU nothing here: only its matrix products compile by shape."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    batch, heads, length, size = query.shape
    repeats = heads // key.shape[1]
    if repeats > 1:  # the fused kernel wants as many heads of keys
        key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    parts = []
    for begin, end in pairwise(ends.tolist()):
        row, span = begin // length, slice(begin % length, begin % length + end - begin)
        mask = _band(end - begin, window) if window is not None and end - begin > window else None
        part = scaled_dot_product_attention(
            query[row : row + 1, :, span],
            key[row : row + 1, :, span],
            value[row : row + 1, :, span],
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
        )
        parts.append(part.transpose(1, 2)[0])
    return torch.cat(parts).view(batch, length, heads, size)


def _band(length: int, window: int) -> "torch.Tensor":
    """True where a token sees: itself and the `window - 1` before it."""
    import torch

    return torch.ones(length, length, dtype=torch.bool).tril().triu(1 - window)


def _no_mask(*_: Any, **__: Any) -> None:
    return None
