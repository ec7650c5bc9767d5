"""Token by token through a batch of prompts, with rows leaving as they finish.

`transformers.generate` carries every row to the end of the longest one, copies the whole key-value cache
at each step and repeats it for grouped queries; on a CPU those copies are most of a step
(`benchmarks/decode.py` measures both ways side by side).
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F
from transformers import AttentionInterface, DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GROUPED = "grouped_sdpa"
"""Name of our attention in transformers' registry."""

LADDER = (1.0, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0625)
"""Shares of the batch size that a batch may shrink to: few, since oneDNN compiles kernels for each new shape."""

LOOK_EVERY = 64
"""Tokens between two looks at whether an answer is over."""

IsOver = Callable[[list[int]], bool]
"""Should this answer go no further?"""

OnRow = Callable[[int, list[int]], None]
"""Called with a row's place among the prompts and its whole answer."""

Choose = Callable[[torch.Tensor, Sequence[int]], torch.Tensor]
"""From next-token logits (B, V) in float32 and the B rows they belong to, the next tokens (B,)."""


def decode(
    model: "PreTrainedModel",
    prompts: list[list[int]],
    width: int,
    max_new_tokens: int | Sequence[int],
    stops: Collection[int],
    choose: Choose,
    pad_token_id: int,
    batch_size: int,
    on_row: OnRow = lambda row, answer: None,
    is_over: IsOver = lambda answer: False,
    look_every: int = LOOK_EVERY,
) -> None:
    """Continue each prompt until a stop token (included in the answer), max_new_tokens (of all, or of each), or until
    it `is_over` for another reason, which is asked every `look_every` tokens; `on_row` gets each answer as it ends.

    Prompts are padded on the left to `width` tokens, and with idle rows to a step of `batch_size`'s ladder.
    """
    idle = _rung(len(prompts), batch_size) - len(prompts)
    ids, mask = (t.to(model.device) for t in _left_padded(prompts + prompts[-1:] * idle, width, pad_token_id))
    answers: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(ids)))
    running = rows[: len(prompts)]
    cache = _cache(model)
    limits = [max_new_tokens] * len(prompts) if isinstance(max_new_tokens, int) else max_new_tokens
    may_shrink = all(hasattr(layer, "batch_select_indices") for layer in cache.layers)
    for _ in range(max(limits)):
        logits = _next_logits(model, ids, mask, cache)
        where = [rows.index(row) for row in running]
        chosen = torch.full_like(mask[:, 0], pad_token_id)
        chosen[where] = choose(logits[where], running)
        for row, token in zip(running, chosen[where].tolist(), strict=True):
            answers[row].append(token)
        ended = [
            row
            for row in running
            if answers[row][-1] in stops
            or len(answers[row]) == limits[row]
            or (len(answers[row]) % look_every == 0 and is_over(answers[row]))
        ]
        for row in ended:
            on_row(row, answers[row])
        running = [row for row in running if row not in ended]
        if not running:
            return
        if may_shrink and (size := _rung(len(running), batch_size)) < len(rows):
            keep = sorted(range(len(rows)), key=lambda i: rows[i] not in running)[:size]
            cache.batch_select_indices(torch.tensor(keep, device=mask.device))
            chosen, mask, rows = chosen[keep], mask[keep], [rows[i] for i in keep]
        ids, mask = chosen[:, None], F.pad(mask, (0, 1), value=1)


def _next_logits(model: "PreTrainedModel", ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Logits (B, V) in float32 after the last of the new tokens `ids` (B, T)."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    with torch.inference_mode():
        output = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    return output.logits[:, -1].float()


def use_grouped_attention(model: "PreTrainedModel") -> None:
    """Give a model attention that does not repeat keys and values for grouped queries, where it computes the same.

    Models whose attention is more than scaled dot products (soft-capped scores, sinks) keep their own.
    """
    config = model.config.get_text_config()
    plain = model._supports_sdpa and not getattr(config, "attn_logit_softcapping", None)
    model.set_attn_implementation(GROUPED if plain else "eager")


def _grouped(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """One query token a row: the queries that share a key become rows of one matrix, so that no key is copied."""
    batch, heads, length, size = query.shape
    if length > 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    grouped = query.reshape(batch, key.shape[1], -1, size)
    output = F.scaled_dot_product_attention(grouped, key, value, attn_mask=attention_mask, scale=scaling)
    return output.reshape(batch, 1, heads, value.shape[-1]), None


AttentionInterface.register(GROUPED, _grouped)
AttentionMaskInterface.register(GROUPED, sdpa_mask)


class _RoomyLayer(DynamicLayer):
    """Keys and values in buffers with room to grow, instead of a copy of everything at each token."""

    ROOM = 64

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._buffers = key_states[:, :, :0], value_states[:, :, :0]
        held = self.get_seq_length()
        end = held + key_states.shape[2]
        if end > self._buffers[0].shape[2]:
            self._buffers = tuple(
                _with_room(old, held, end + self.ROOM, new)
                for old, new in zip(self._buffers, (key_states, value_states), strict=True)
            )
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, held:end] = new
        self.keys, self.values = (buffer[:, :, :end] for buffer in self._buffers)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        held = self.get_seq_length()
        self._buffers = tuple(buffer[indices] for buffer in self._buffers)
        self.keys, self.values = (buffer[:, :, :held] for buffer in self._buffers)


def _with_room(old: torch.Tensor, held: int, length: int, like: torch.Tensor) -> torch.Tensor:
    made = like.new_empty(like.shape[0], like.shape[1], length, like.shape[3])
    made[:, :, :held] = old[:, :, :held]
    return made


def _cache(model: "PreTrainedModel") -> DynamicCache:
    """The model's own kinds of cache layers, the plain ones with room to grow."""
    cache = DynamicCache(config=model.config)
    cache.layers = [_RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def _left_padded(prompts: list[list[int]], width: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    return ids, mask


def _rung(running: int, batch_size: int) -> int:
    """The smallest step of the ladder that holds so many rows."""
    steps = {max(1, round(share * batch_size)) for share in LADDER}
    return min((size for size in steps if size >= running), default=running)
