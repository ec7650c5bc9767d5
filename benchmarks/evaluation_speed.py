"""Samples per second of an evaluation over what `vllm bench serve` gets from the same server with the same prompts.

    python benchmarks/evaluation_speed.py --model FOLDER --problems gsm8k_test.jsonl --out FILE

One vLLM server; rounds of `vllm bench serve` and of a whole `distill evaluate` (gold answers checked, requests,
parsing, verdicts, disk, figures with intervals) take turns, after one round that warms up. Every answer has the same
length (`ignore_eos`), so all do the same work and samples compare as tokens do. Ratios within a round; the interval is
over rounds (Student's t).
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from harvest_throughput import carry_out, recipe

from distill.evaluate.model import Client, Settings, evaluate_model
from distill.problems import make_problems
from distill.recipe_evaluate import EvaluationSet


def evaluation(args: argparse.Namespace, url: str, number: int) -> float:
    """Tokens a second of one evaluation, from the problems on disk to its summary."""
    made = recipe(args, url, 0, True)
    problems = [p for p in make_problems(made.problems, 0) if not p.held_out]
    client = Client(api_key_env="BENCH_KEY", concurrency=args.concurrency, extra_body={"ignore_eos": True})
    sampled = {"temperature": 0.7, "top_p": 0.95, "max_tokens": args.tokens}
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "asked.jsonl"
        rows.write_text("".join(json.dumps({"question": p.question, "answer": p.answer}) + "\n" for p in problems))
        asked = EvaluationSet(path=str(rows), prompt=made.harvest.prompt)
        spec = Settings(sets=[asked], endpoint=client, **sampled)
        started = time.monotonic()
        told = evaluate_model(f"{url}#teacher", None, spec, number, Path(folder) / "out", lambda *_: None)
        seconds = time.monotonic() - started
    figures = told["sets"]["asked"]["figures"]["model"]
    assert figures["mean_tokens"] == args.tokens, figures
    return args.count * args.tokens / seconds


if __name__ == "__main__":
    carry_out(__doc__, {"evaluation": evaluation})
