"""What spares memory or time: refused where it does not work, and the same training where it does."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from test_training import TOK, TRAIN, rows

from distill.errors import Refused
from students.pack import pack
from students.savings import refuse_savings_that_do_not_work_here, uses_liger
from students.train import build_trainer, fit


def losses(folder: Path, **update: Any) -> tuple[list[float], Any]:
    """Of a few steps on a model whose adapters are large enough for moments of 8 bits, and the trainer."""
    lines: list[dict[str, Any]] = []
    train = TRAIN.model_copy(update={"lora_r": 64, "learning_rate": 3e-3, **update})
    packed = pack(rows(), 128, TOK.pad_token_id, 0)
    trainer = build_trainer(tiny.model(hidden_size=64), TOK, packed, train, 0, folder, lines.append)
    fit(trainer)
    return [line["loss"] for line in lines], trainer


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_moments_of_8_bits_train_alike_in_a_quarter_of_the_memory(tmp_path: Path) -> None:
    whole, plain = losses(tmp_path / "whole")
    small, eight = losses(tmp_path / "eight", optim="adamw_8bit")
    assert whole[0] - whole[-1] > 0.2
    assert small == pytest.approx(whole, abs=0.05 * (whole[0] - whole[-1]))
    moments = [state["state1"] for state in eight.optimizer.optimizer.state.values()]
    assert {m.dtype for m in moments if m.numel() >= 4096} == {torch.uint8}
    held = [v for state in plain.optimizer.optimizer.state.values() for v in state.values() if v.numel() > 1]
    assert {v.dtype for v in held} == {torch.float32}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"optim": "paged_adamw_8bit"}, "pages to the memory beside a GPU"),
        ({"activation_offloading": True}, "there is no GPU"),
        ({"use_liger_kernel": True}, "is for GPUs, and there is none"),
    ],
)
def test_what_needs_a_gpu_is_refused_without_one(setting: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        refuse_savings_that_do_not_work_here(TRAIN.model_copy(update=setting))


def test_8_bits_without_bitsandbytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Refused, match="adamw_8bit needs bitsandbytes") as caught:
        refuse_savings_that_do_not_work_here(TRAIN.model_copy(update={"optim": "adamw_8bit"}))
    assert "pip install" in caught.value.hint
    refuse_savings_that_do_not_work_here(TRAIN)


def test_liger_is_taken_where_it_is_known_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not uses_liger(TRAIN, "qwen2") or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: "found")
    assert uses_liger(TRAIN, "qwen2")
    assert not uses_liger(TRAIN, "a family of its own")
    assert not uses_liger(TRAIN.model_copy(update={"use_liger_kernel": False}), "qwen2")
