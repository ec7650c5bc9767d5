"""Accuracy of a real model against thinking tokens under budget forcing, in this process.

    python benchmarks/budget_forcing.py --model FOLDER_OR_GGUF --problems gsm8k_test.jsonl --count 60 --out FILE

GSM8K problems, drawn with seed 0; greedy; budgets that double; the thinking is sampled once for all of them.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine

from distill import models
from distill.recipe_prompts import Prompt
from distill.scaling.measure import Plan, scale
from distill.scaling.models import ask
from distill.scaling.settings import Scale
from distill.scaling.table import curve_table, metrics_line
from distill.table_problems import file_problems


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    spec = Scale(answer_tokens=arguments.answer_tokens, batch_size=arguments.batch_size, prompt=Prompt())
    problems = file_problems(str(arguments.problems), {"layout": "gsm8k"}, 0)
    drawn = random.Random(0).sample(problems, arguments.count)
    plan = Plan("budget-forcing", list(arguments.budgets), [0], spec)
    with tempfile.TemporaryDirectory() as folder:
        asked = ask(models.resolve(arguments.model), "local", spec, Path(folder) / "log")
        began = time.monotonic()
        curve = scale(asked, plan, drawn, Path(folder), lambda label, done, of: None)
    curve["protocol"]["model"] = Path(arguments.model).name
    alone = sum(len(drawn) * point["tokens"] for point in curve["points"])
    return {**curve, "seconds": round(time.monotonic() - began, 1), "tokens_without_sharing": round(alone)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--problems", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--budgets", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument("--answer-tokens", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=30)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = {**measure(arguments), "machine": machine()}
    arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    from rich.console import Console

    Console().print(curve_table(found))
    shared, alone = found["sampled_tokens"], found["tokens_without_sharing"]
    print(f"{metrics_line(found['metrics'])}; {shared:,} tokens instead of {alone:,}, {found['seconds']} s")


if __name__ == "__main__":
    main()
