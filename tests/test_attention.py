"""Attention over packed rows: what the block-diagonal mask gives, row by row, without the mask."""

import importlib.util
from contextlib import suppress
from typing import Any

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, LlamaConfig, MistralConfig, Qwen3Config

from distill.errors import Refused
from students.attention import MASKED, VARLEN, attention, attention_for, borders, two_rows
from students.row_attention import rows_apart

SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
}
SHAPES: dict[str, Any] = {
    "llama": LlamaConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL),
    "mistral, each sees six tokens": MistralConfig(**SMALL, sliding_window=6),
    "gemma3, some layers see six": Gemma3TextConfig(**SMALL, sliding_window=6, sliding_window_pattern=2),
}
LENGTHS = [[9, 1, 14, 8], [20, 12]]
"""Of the rows in two packed rows of 32 tokens."""


def model_of(config: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(
        config, attn_implementation=MASKED
    ).double()  # else rounding is all one sees


def packed() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(0, 60, (2, 32), generator=torch.Generator().manual_seed(1))
    return ids, torch.tensor([[p for n in lengths for p in range(n)] for lengths in LENGTHS])


def gradients(model: Any, name: str, **also: Any) -> list[torch.Tensor]:
    """Logits, and the gradients of all weights for a loss that weighs each of them otherwise."""
    ids, positions = packed()
    model.zero_grad()
    with attention(model, name):
        logits = model(input_ids=ids, position_ids=positions, use_cache=False, **also).logits
        (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
    return [logits.detach(), *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_block_diagonal_mask(shape: str) -> None:
    model = model_of(SHAPES[shape])
    masked = gradients(model, MASKED)
    for also in (borders(packed()[1]), {}):  # borders from the batch, or found in the positions
        for ours, theirs in zip(gradients(model, VARLEN, **also), masked, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_row_is_as_if_alone(shape: str) -> None:
    model = model_of(SHAPES[shape]).eval()
    ids, positions = packed()
    with torch.no_grad():
        alone = [
            model(input_ids=part[None]).logits[0]
            for row, lengths in zip(ids, LENGTHS, strict=True)
            for part in row.split(lengths)
        ]
        with attention(model, VARLEN):
            together = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    torch.testing.assert_close(together.flatten(0, 1), torch.cat(alone), rtol=1e-6, atol=1e-6)


def test_checkpointed_layers_get_the_borders_again() -> None:
    model = model_of(SHAPES["llama"]).train()
    plain = gradients(model, VARLEN, **borders(packed()[1]))
    model.gradient_checkpointing_enable()
    for ours, theirs in zip(gradients(model, VARLEN, **borders(packed()[1])), plain, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_borders_are_flat_over_the_batch() -> None:
    found = borders(packed()[1])
    assert found["cu_seq_lens_q"].tolist() == [0, 9, 10, 24, 32, 52, 64]
    assert found["max_length_q"] == 20


def test_what_it_cannot_do_is_left_to_the_mask() -> None:
    """Gemma 2 caps its attention logits, which no fused kernel of PyTorch does."""
    capped = model_of(Gemma2Config(**SMALL, sliding_window=6))
    assert attention_for(capped, "auto", range(8), torch.float64)[0] == "eager", "sdpa would pass over the caps"
    assert attention_for(capped, MASKED, range(8), torch.float64)[0] == "eager"
    assert attention_for(model_of(SHAPES["llama"]), "auto", range(8), torch.float64)[0] == VARLEN


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"attention_dropout": 0.1}, "dropout"), ({"layer_types": ["chunked_attention"] * 3}, "chunks")],
)
def test_what_eight_tokens_outside_of_training_do_not_show(fields: dict[str, Any], why: str) -> None:
    model = model_of(LlamaConfig(**SMALL, **fields))
    name, because = attention_for(model, "auto", range(8), torch.float64)
    assert name == MASKED
    assert why in because
    with pytest.raises(Refused, match=rf"train\.attn_implementation=varlen cannot be had with this model: .*{why}"):
        attention_for(model, VARLEN, range(8), torch.float64)


@pytest.mark.skipif(importlib.util.find_spec("flash_attn") is not None, reason="flash-attn is installed")
def test_flash_attention_that_is_not_installed_is_a_sentence() -> None:
    with pytest.raises(Refused, match="needs flash-attn, which is not installed"):
        attention_for(model_of(SHAPES["llama"]), "flash_attention_2", range(8), torch.float64)


def test_one_that_does_not_agree_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(SHAPES["llama"])
    right = two_rows(model, range(8), range(8), MASKED)
    monkeypatch.setattr("students.attention.two_rows", lambda *a: right + (a[-1] == VARLEN) * right.std())
    name, why = attention_for(model, "auto", range(8), torch.float32)
    assert (name, why) == (MASKED, "varlen does not agree with it on this model")


def test_rounding_is_no_disagreement() -> None:
    """Of a deep model in bfloat16 single logits differ by much more than most, and rows that leak differ in all."""
    model = model_of(LlamaConfig(**{**SMALL, "num_hidden_layers": 24})).to(torch.bfloat16)
    ours, masked = (two_rows(model, range(8), range(8), name) for name in (VARLEN, MASKED))
    assert (ours - masked).abs().max() > 0.05 * masked.std()
    assert attention_for(model, "auto", range(8), torch.bfloat16)[0] == VARLEN


def test_rows_that_see_each_other_are_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_row(query: Any, key: Any, value: Any, ends: Any, *others: Any) -> torch.Tensor:
        return rows_apart(query, key, value, ends[[0, -1]], *others)

    model = model_of(SHAPES["llama"])
    monkeypatch.setattr("students.row_attention.rows_apart", one_row)
    assert attention_for(model, "auto", range(8), torch.float64)[0] == MASKED


def test_the_model_attends_as_before_afterwards() -> None:
    model = tiny.model()
    before = model.config._attn_implementation
    with suppress(KeyError), attention(model, VARLEN):
        assert model.config._attn_implementation == VARLEN
        raise KeyError
    assert model.config._attn_implementation == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("shape", SHAPES)
def test_on_a_gpu_it_is_the_mask_within_16_bits(shape: str) -> None:
    model = model_of(SHAPES[shape]).to("cuda", torch.bfloat16)
    ids, positions = (x.to("cuda") for x in packed())
    outs = []
    for name in (MASKED, VARLEN):
        with attention(model, name), torch.no_grad():
            outs.append(model(input_ids=ids, position_ids=positions, use_cache=False).logits.float())
    torch.testing.assert_close(*outs, rtol=0.05, atol=0.05 * outs[0].std().item())
