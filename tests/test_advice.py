"""What is advised where a student does not fit: taken at its word, it fits by the same plan and is refused by nothing.

Simulated steps are stood in for by a formula: what is tested is the arithmetic above them, over methods and machines.
"""

import re
from typing import Any

import pytest
import torch
import yaml
from transformers import LlamaConfig

from distill.errors import Refused
from distill.recipe import Train
from students import devices, fit, plan
from students.plan import CONTEXT, memory_plan
from students.rates import refuse_strange_rate
from students.simulate import Simulated, Step

CONFIG = LlamaConfig(vocab_size=512, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4)
RATES = {"full": 1e-5, "lora": 1e-3, "qlora": 1e-3}
COUNTED = 10**8
"""Parameters of the model by the formula."""


def formula(key: Any, train: str, dtype: torch.dtype, step: Step, device: str) -> Simulated:
    """Bytes of a step as of a model of a hundred million parameters."""
    section = Train.model_validate_json(train)
    full = section.method == "full"
    trained = COUNTED if full else COUNTED // 50
    base = {"full": 0, "lora": 2 * COUNTED, "qlora": COUNTED // 2}[section.method]
    moments = fit.MOMENTS[section.optim] * trained
    kept = step.rows * step.length * (50_000 if section.gradient_checkpointing else 200_000)
    logits = step.rows * step.labelled * 20_000
    held = {"weights": base, "trained": 4 * trained, "optimizer": moments}
    before = 4 * trained if step.accumulated else 0
    peaks = {
        ("loss",): held | {"gradients": before, "activations": kept, "logits": logits},
        ("update",): held | {"gradients": 4 * trained, "activations": 0, "logits": 0},
    }
    return Simulated(peaks, trained, COUNTED // 20, COUNTED // 50, "bfloat16")


def section(method: Any, **keys: Any) -> Train:
    given = {"learning_rate": RATES[method], "max_length": 4096, "per_device_train_batch_size": 2} | keys
    return Train(method=method, **given)


@pytest.fixture(autouse=True)
def on_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are of GPUs, of which the recipe says how many."""
    for module in (plan, fit):
        monkeypatch.setattr(module, "device_here", lambda: "cuda")
    monkeypatch.setattr(plan, "_simulated", formula)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def taken(said: str, train: Train) -> Train:
    """The section with every key that the advice names, each once."""
    named = re.findall(r"train\.(\w+)=(\w+)", said)
    assert len(dict(named)) == len(named), said
    return Train.model_validate(train.model_dump() | {key: yaml.safe_load(value) for key, value in named})


def hint(train: Train) -> str | None:
    """Of the refusal; None where the student fits."""
    try:
        devices.refuse_without_room(CONFIG, train, 2)
    except Refused as refused:
        return refused.hint
    return None


SETUPS = [
    *((method, cards, {}) for method in fit.METHODS for cards in (1, 2, 4)),
    *((method, 4, {"sharding": "none"}) for method in fit.METHODS),
    ("full", 4, {"packed_rows_per_batch": 2, "per_device_train_batch_size": 1, "sequence_parallel": 2}),
    ("full", 4, {"rows_per_batch": 3, "optim": "adamw_8bit"}),
    ("lora", 2, {"per_device_train_batch_size": 4, "attn_implementation": "sdpa"}),
]


@pytest.mark.parametrize(("method", "cards", "keys"), SETUPS)
def test_what_is_advised_fits(method: str, cards: int, keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    train = section(method, devices=cards, **keys)
    whole = fit.on_one_of(CONFIG, train, 2, None, fit.parts_of(train, cards))[0] - CONTEXT
    followed = 0
    for share in range(95, 0, -5):
        free = CONTEXT + whole * share // 100
        monkeypatch.setattr(devices, "memory_of_one", lambda count, free=free: (free, "GPU memory"))
        said = hint(train)
        assert said is not None
        if not said.startswith("Set "):
            assert "smaller student" in said
            continue
        followed += 1
        other = taken(said, train)
        assert hint(other) is None, said
        refuse_strange_rate(other, COUNTED)
    assert followed >= 5


@pytest.mark.parametrize("optim", fit.MOMENTS)
@pytest.mark.parametrize("accumulated", [True, False])
def test_methods_and_cards_are_in_order(accumulated: bool, optim: Any) -> None:
    """QLoRA takes no more than LoRA, that no more than all weights, and each of more cards never more."""
    keys = {"packed_rows_per_batch": 8 if accumulated else 2, "optim": optim}
    found = [
        [each for _, each in fit.needs(CONFIG, section(method, **keys), 2)] for method in ("qlora", "lora", "full")
    ]
    assert all(each == sorted(each, reverse=True) for each in found)
    assert all(list(by_method) == sorted(by_method) for by_method in zip(*found, strict=True))


def test_activations_count_on_parted_cards_where_one_alone_has_its_peak_in_the_update() -> None:
    train = section("full", packed_rows_per_batch=1, per_device_train_batch_size=1, max_length=512)
    whole = memory_plan(CONFIG, train, 2, "cuda")
    assert whole.at == "update"
    assert whole.activations == 0
    kept = 512 * 220_000
    assert fit.on_each(whole, train, 8) > kept + 16 * COUNTED // 8


def test_a_card_alone_shares_no_rows() -> None:
    alone, shared = (fit.fits(CONFIG, section("lora", sequence_parallel=n), 2)[0] for n in (1, 4))
    assert shared.plan == alone.plan
    assert dict(fit.needs(CONFIG, section("lora", sequence_parallel=4), 2))[8] < alone.each
