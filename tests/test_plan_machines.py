"""What `distill plan` says of machines with several GPUs, and of cards that are not this machine's."""

import re
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from transformers import LlamaConfig

from distill import dry_run
from distill.recipe import Train
from students import devices, fit
from students.plan import gib, memory_plan

TRAIN = Train(max_length=256, lora_r=4)
WIDE = LlamaConfig(
    vocab_size=32_000, hidden_size=1024, intermediate_size=4096, num_hidden_layers=32, num_attention_heads=8
)


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int, free: float) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(devices, "memory_of_one", lambda count: (round(free), "GPU memory"))


def test_what_one_gpu_cannot_hold_fits_where_it_is_parted(
    distill: Any, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan says what `run` does: it would begin with the weights parted."""
    config, train = tiny.model().config, Train.model_validate(tiny.recipe(Path("x"))["train"] | {"rows_per_batch": 8})
    alone, parted = (fit.on_one_of(config, train, 4, None, cards)[0] for cards in (1, 8))
    assert parted < alone
    words = ("plan", recipe_file, "train.rows_per_batch=8")
    machine(monkeypatch, 8, (alone + parted) / 2)
    said = distill(*words).out
    assert "of GPU memory are free for each of 8 devices: it fits, " in said
    assert f"it fits, {gib(parted)} on each with the weights parted" in said
    assert "8 devices, each with a part of the weights (FSDP2)" in said
    assert "DOES NOT FIT" not in said
    machine(monkeypatch, 8, parted / 4)
    done = distill(*words)
    assert f"IT DOES NOT FIT, {gib(parted)} on each with the weights parted" in done.out
    assert "on each of 8 devices" in distill("run", recipe_file, "train.rows_per_batch=8").err


def test_advice_for_several_gpus_is_of_what_each_of_them_holds() -> None:
    """One that parts the weights too: what would not fit on one alone is not called too large."""
    train = TRAIN.model_copy(update={"per_device_train_batch_size": 2, "packed_rows_per_batch": 16})
    each = fit.on_one_of(WIDE, train.model_copy(update={"per_device_train_batch_size": 1}), 2, "cuda", 8)[0]
    alone = memory_plan(WIDE, train.model_copy(update={"per_device_train_batch_size": 1}), 2, "cuda").total
    assert each < alone
    said = fit.advice(WIDE, train, 2, each, "cuda", cards=8)
    assert said == f"Set train.per_device_train_batch_size=1 ({gib(each)})."
    assert "train.per_device_train_batch_size=1, and" in re.sub(
        r" \(.*?\)", "", fit.advice(WIDE, train, 2, each, "cuda")
    )


def test_rented_cards_compute_in_16_bits_whatever_this_machine_does(
    distill: Any, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(dry_run, "on_gpus", lambda config, train, width: asked.append(width) or [])
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    for dtype in ("auto", "float32"):
        assert distill("plan", recipe_file, f"student.dtype={dtype}").code == 0
    assert asked == [2, 4]
