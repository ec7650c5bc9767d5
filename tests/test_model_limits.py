"""Models as their configs tell of them: computed as they are meant, or refused in a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from commands import refused
from transformers import (
    BloomConfig,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GptOssConfig,
    LlamaConfig,
    OPTConfig,
    Phi3Config,
    Phi3ForCausalLM,
    T5Config,
)

from distill import models
from distill.errors import Refused
from distill.model_limits import context_of, refuse_quantised, refuse_shifting_positions
from distill.recipe import Train
from students.plan import memory_plan

SMALL: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
OPT = OPTConfig(vocab_size=320, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4)
TRAIN = Train(max_length=64, lora_r=4)


def test_caps_of_attentions_logits_are_computed(tmp_path: Path) -> None:
    """Gemma 2: PyTorch's scaled_dot_product_attention would pass over them, and vLLM does not."""
    config = Gemma2Config(**SMALL, head_dim=8, attn_logit_softcapping=0.05, query_pre_attn_scalar=1)
    torch.manual_seed(0)
    capped = Gemma2ForCausalLM._from_config(config, attn_implementation="eager").eval()
    for parameter in capped.parameters():
        parameter.data.normal_()
    capped.save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    ids = torch.arange(40)[None]
    with torch.no_grad():
        meant = capped(ids).logits
        loaded = models.load(models.resolve(str(tmp_path)), "float32")(ids).logits
        capped.set_attn_implementation("sdpa")
        uncapped = capped(ids).logits
    torch.testing.assert_close(loaded.cpu(), meant, rtol=1e-4, atol=1e-4)
    assert (uncapped - meant).abs().max() > 0.1, "else nothing is shown"


@pytest.mark.parametrize(
    "config",
    [
        Gemma2Config(**SMALL, head_dim=8),
        GPT2Config(vocab_size=320, n_embd=32, n_layer=2, n_head=4, n_positions=512),
        LlamaConfig(**SMALL, attention_dropout=0.1),
    ],
    ids=lambda config: str(config.model_type),
)
def test_models_whose_rows_need_the_mask_are_planned(config: Any) -> None:
    assert memory_plan(config, TRAIN, 4, "cpu").total > memory_plan(LlamaConfig(**SMALL), TRAIN, 4, "cpu").weights


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (LlamaConfig(**SMALL | {"num_hidden_layers": 0}), "num_hidden_layers=0: there is nothing to train"),
        (
            LlamaConfig(**SMALL | {"num_key_value_heads": 8}),
            "predicted: 4 heads of queries cannot be shared out among 8",
        ),
        (
            OPTConfig(vocab_size=320, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4),
            "predicted",
        ),
        (GptOssConfig(**SMALL, num_local_experts=2), "'all-linear', and this is a mixture of experts"),
        (LlamaConfig(**SMALL, pad_token_id=320), "built from its config: Padding_idx must be within num_embeddings"),
        (T5Config(vocab_size=320, d_model=32), "no model of the type 't5' can be built from its config"),
    ],
    ids=lambda found: str(getattr(found, "model_type", "")),
)
def test_models_that_cannot_be_students_are_sentences(config: Any, said: str) -> None:
    with pytest.raises(Refused, match=said):
        memory_plan(config, TRAIN, 4, "cpu")


def test_gpt_oss_is_refused_with_adapters_on_attention_alone_too() -> None:
    train = TRAIN.model_copy(update={"lora_target_modules": ["q_proj", "v_proj"]})
    with pytest.raises(Refused, match="a mixture of experts in float32"):
        memory_plan(GptOssConfig(**SMALL, num_local_experts=2), train, 4, "cpu")


def test_a_context_that_nobody_tells_is_refused() -> None:
    assert context_of(LlamaConfig(**SMALL), "m") == 512
    with pytest.raises(Refused, match="the config of model 'm' does not tell how long its context is"):
        context_of(BloomConfig(), "m")


def test_positions_that_change_with_the_longest_row_of_a_batch(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    """Phi-4-mini: the first trace of a packed row is another one where the second is long."""
    both = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4}
    shifting = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 32, **both}
    config = Phi3Config(**SMALL, rope_parameters=shifting, original_max_position_embeddings=32, pad_token_id=0)
    torch.manual_seed(0)
    model = Phi3ForCausalLM(config).eval()
    ids, positions = torch.arange(3, 60)[None], torch.tensor([[*range(10), *range(47)]])
    with torch.no_grad():
        alone = model(ids[:, :10]).logits
        packed = model(ids, position_ids=positions, use_cache=False).logits[:, :10]
    assert (alone - packed).abs().max() > 1e-3, "else nothing is to be refused"
    refuse_shifting_positions(config, "m", 32)
    refuse_shifting_positions(LlamaConfig(**SMALL), "m", 512)
    model.save_pretrained(tmp_path / "phi")
    tiny.tokenizer().save_pretrained(tmp_path / "phi")
    recipe_file.write_text(json.dumps(tiny_recipe | {"student": {"model": str(tmp_path / "phi")}}))
    done = distill("run", recipe_file, "--run-dir", tmp_path / "run")
    refused(done, "other rotary embeddings (longrope) as soon as one row of a batch exceeds 32 tokens")
    assert "train.max_length to at most 32" in done.err


def test_quantised_students_are_refused_before_the_teacher_is_paid(
    distill: Any, recipe_file: Path, tiny_recipe: dict[str, Any], tmp_path: Path
) -> None:
    refuse_quantised(LlamaConfig(**SMALL), "m")
    folder = tiny.folder(tmp_path / "quantised")
    told = json.loads((folder / "config.json").read_text())
    stored = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (folder / "config.json").write_text(json.dumps(told | {"quantization_config": stored}))
    recipe_file.write_text(json.dumps(tiny_recipe | {"student": {"model": str(folder)}}))
    done = distill("run", recipe_file, "--run-dir", tmp_path / "run")
    assert done.code == 2
    assert "are quantised (bitsandbytes)" in done.err
    assert "train.method=qlora quantises it itself" in done.err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}, "contains custom code"),
        ({"num_attention_heads": 7}, "not a multiple of the number of attention heads"),
        ({"num_hidden_layers": "four"}, "expected int, got str"),
    ],
)
def test_configs_that_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], said: str
) -> None:
    """Code from a repository is not run, nor is anybody asked whether it may."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("somebody is asked"))
    folder = tiny.folder(tmp_path / "odd")
    (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | changed))
    with pytest.raises(Refused, match=said):
        models.config(models.resolve(str(folder)))


@pytest.mark.parametrize("tied", [True, False])
def test_weights_that_are_missing_are_not_made_up(tmp_path: Path, tied: bool) -> None:
    """transformers fills them with random numbers and only warns."""
    from safetensors.torch import load_file, save_file

    tiny.model(tied=tied).save_pretrained(tmp_path)
    source = models.resolve(str(tmp_path))
    assert models.load(source, "float32").config.tie_word_embeddings == tied
    weights = load_file(tmp_path / "model.safetensors")
    gone = "model.layers.1.mlp.down_proj.weight"
    save_file({k: v for k, v in weights.items() if k != gone}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=rf"1 tensors are missing or of another shape \({gone}\)"):
        models.load(source, "float32")
    save_file(weights | {gone: torch.zeros(3, 3)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=rf"1 tensors are missing or of another shape \({gone}\)"):
        models.load(source, "float32")
