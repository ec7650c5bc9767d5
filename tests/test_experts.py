"""Mixtures of experts: no adapter on a part of them that nobody asked for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file
from transformers import GptOssConfig, MixtralConfig, Qwen2MoeConfig, Qwen3MoeConfig, Qwen3MoeForCausalLM

from distill.errors import Refused
from distill.recipe import Train
from students import fit
from students.experts import refuse_experts

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
CONFIGS = [Qwen3MoeConfig(), Qwen2MoeConfig(), MixtralConfig(), GptOssConfig()]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "has 'all-linear', and this is a mixture of experts"),
        ({"method": "full"}, "train.method=full of a mixture of experts"),
        ({"method": "qlora"}, "nearly all of such a model, are none"),
        ({"lora_target_modules": ["q_proj", "mlp.gate_proj"]}, "has 'mlp.gate_proj'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.model_type))
def test_an_adapter_on_a_part_is_refused(config: Any, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        refuse_experts(config, Train(**fields))
    refuse_experts(config, Train(lora_target_modules=ATTENTION))
    refuse_experts(tiny.model().config, Train(**fields))


def test_experts_in_float32_are_refused_in_one_sentence(
    distill: Any, recipe_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """torch logs a traceback of its own where it cannot tell what a product makes."""
    CONFIGS[0].save_pretrained(tmp_path / "mixture")
    tiny.tokenizer().save_pretrained(tmp_path / "mixture")
    (tmp_path / "mixture" / "pytorch_model.bin").touch()
    named = (f"student.model={tmp_path / 'mixture'}", f"train.lora_target_modules=[{','.join(ATTENTION)}]")
    done = distill("plan", recipe_file, *named, "student.dtype=float32")
    assert done.code == 2
    assert "refused: a mixture of experts in float32: what its training would hold cannot be predicted" in done.err
    assert "Set student.dtype=bfloat16" in done.err
    assert len(done.err.splitlines()) == 2
    assert not caplog.records


def test_advice_names_no_method_that_is_refused() -> None:
    small = {
        "hidden_size": 64,
        "moe_intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_experts": 4,
        "num_experts_per_tok": 2,
    }
    config = Qwen3MoeConfig(**small, vocab_size=320, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
    train = Train(lora_target_modules=ATTENTION, max_length=64, lora_r=4)
    assert "qlora" not in fit.advice(config, train, 2, 1, "cuda")


def test_a_mixture_whose_attention_is_trained_is_merged_and_evaluated(distill: Any, tmp_path: Path) -> None:
    """Experts and routers are the base's, to the bit, and so is its config."""
    torch.manual_seed(0)
    base = tiny.model().config.to_dict()
    sizes = {key: base[key] for key in ("vocab_size", "hidden_size", "max_position_embeddings", "eos_token_id")}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "pad_token_id": 0}
    at = tmp_path / "mixture"
    Qwen3MoeForCausalLM(Qwen3MoeConfig(**sizes, **layers, **experts)).to(torch.bfloat16).save_pretrained(at)
    tiny.tokenizer().save_pretrained(at)
    recipe = tiny.recipe(at)
    recipe["train"] |= {"method": "lora", "lora_target_modules": ATTENTION}
    recipe["student"] |= {"dtype": "bfloat16"}
    (tmp_path / "mixture.yaml").write_text(json.dumps(recipe))
    done = distill("run", tmp_path / "mixture.yaml", "--until", "evaluate", "--run-dir", tmp_path / "run")
    assert done.code == 0, done.err
    before, after = (load_file(f / "model.safetensors") for f in (at, tmp_path / "run/student/merged"))
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed
    assert all("self_attn" in name for name in changed)
    configs = [json.loads((f / "config.json").read_text()) for f in (at, tmp_path / "run/student/merged")]
    told = [(c["router_aux_loss_coef"], c["output_router_logits"]) for c in configs]
    assert told[0] == told[1]
