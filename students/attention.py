"""Attention over packed rows in which each row sees itself alone, and no mask of T x T is made.

Where flash-attn is installed transformers hands it the borders of the rows. Elsewhere PyTorch's own kernel for rows of
unequal length does the same on a GPU (`torch.nn.attention.varlen`), and on a CPU its fused kernel goes over one row
after the other. What none of them can do (an old GPU, float32 on a GPU, attention with a bias of its own) is left to
the block-diagonal mask that transformers makes from restarted positions.
"""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from distill.model_limits import exact_attention

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

VARLEN = "varlen"
"""Our attention, by the name under which transformers knows it."""

FLASH, MASKED = "flash_attention_2", "sdpa"


class CannotAttend(Exception):
    """A model attends in a way that is left to the mask."""


DROPOUTS = ("attention_dropout", "attn_pdrop", "attention_probs_dropout_prob")
"""How configs name the dropout of attention."""

LEFT_OPEN = "auto takes the best that works."

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
        _refuse_unable(model.config, wanted)
        return exact_attention(model.config) if wanted == MASKED else wanted, "set in the recipe"
    (name, why), masked = best_attention(model, dtype), exact_attention(model.config)
    if unable := unable_apart(model.config, name == FLASH):
        return masked, unable
    if name == MASKED:
        return masked, why
    if row is None:
        kind = model.config.get_text_config().model_type
        return (name, why) if kind in KNOWN else (masked, f"{name} is not known to work on a {kind}")
    try:
        ours, theirs = (two_rows(model, row[:8], row[:8], attn) for attn in (name, masked))
    except CannotAttend as e:
        return masked, str(e)
    if (ours - theirs).square().mean().sqrt() > APART * theirs.std():
        return masked, f"{name} does not agree with it on this model"
    return name, why


def unable_apart(config: Any, flash: bool = False) -> str:
    """Why a model cannot go without the mask, as eight tokens outside of training may not show; "" if it can.

    `flash`: with flash-attn, which has more than PyTorch's own kernels.
    """
    told = config.get_text_config().to_dict()
    if any(told.get(name) for name in DROPOUTS) and not flash:
        return "its attention has dropout, which no kernel for rows of unequal length has"
    if told.get("attn_logit_softcapping") is not None and not flash:
        return "it caps its attention's logits"
    if "chunked_attention" in (told.get("layer_types") or ()):
        return "it attends in chunks, which only the mask tells"
    return ""


def _refuse_unable(config: Any, wanted: str) -> None:
    """
    Raises:
        Refused: the attention that the recipe sets is not installed, or not what the model computes.
    """
    if wanted == FLASH and importlib.util.find_spec("flash_attn") is None:
        raise Refused(f"train.attn_implementation={FLASH} needs flash-attn, which is not installed.", LEFT_OPEN)
    if wanted != MASKED and (unable := unable_apart(config, wanted == FLASH)):
        raise Refused(f"train.attn_implementation={wanted} cannot be had with this model: {unable}.", LEFT_OPEN)


def two_rows(model: "PreTrainedModel", first: Sequence[int], second: Sequence[int], name: str) -> "torch.Tensor":
    """Logits of the second of two rows that are packed, (T, V) in float32, as the trained model gives them."""
    import torch

    ids = torch.tensor([[*first, *second]], device=model.device)
    positions = torch.tensor([[*range(len(first)), *range(len(second))]], device=model.device)
    with evaluating(model), attention(model, name):
        logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0, len(first) :]
    return logits.float().nan_to_num()


@contextmanager
def evaluating(model: "PreTrainedModel") -> Iterator[None]:
    """Without dropout and gradients while the block runs, of a model that is trained afterwards."""
    import torch

    was_training = model.training
    model.eval()
    for module in model.modules():
        # bitsandbytes on a CPU would lay its weights out anew for inference, and no gradient would pass them any more
        if type(module).__name__ == "Linear4bit":
            module.training = True
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


@contextmanager
def attention(model: "PreTrainedModel", name: str, function: "Callable[..., Any] | None" = None) -> Iterator[None]:
    """The model attends in this way while the block runs; by `function`, where transformers does not know the name.

    Ours ignores masks of padding: nothing may be generated.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    for ours, computed in {VARLEN: varlen, **({name: function} if function else {})}.items():
        AttentionInterface.register(ours, computed)
        AttentionMaskInterface.register(ours, _no_mask)
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
    if query.device.type == "cuda":
        return _on_gpu(query, key, value, cu_seq_lens_q, max_length_q, scaling, sliding_window), None
    from students import row_attention

    return row_attention.rows_apart(query, key, value, cu_seq_lens_q, scaling, sliding_window), None


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


def _no_mask(*_: Any, **__: Any) -> None:
    return None
