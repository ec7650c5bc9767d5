"""Mixtures of experts: no adapter on a part of them that nobody asked for."""

import re
from typing import Any

import pytest
import tiny
from transformers import GptOssConfig, MixtralConfig, Qwen2MoeConfig, Qwen3MoeConfig

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
