"""Sampling 100 answers with SmolLM2-135M on a CPU: our decoding beside transformers' generate, in one process.

    python benchmarks/decode.py --out benchmarks/results/decode.json

Prompts are the quickstart's held-out questions. "even": every row runs to the limit, so that only the cost of a step
differs. "uneven": a row ends at a length drawn from a lognormal (median 75 tokens), as the quickstart's answers
do; generate carries each to the end of the batch. The peak is of this process after each way, ours first.
"""

import argparse
import json
import random
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from common import machine

from distill import models, recipe_file
from distill.cli import _quiet_environment
from distill.problems import make_problems
from teachers.decode import decode, use_grouped_attention

STOP = 2
LIMIT = 200


def stop_after(lengths: list[int]) -> Any:
    """Greedy tokens, never the stop token before a row's drawn length and always at it."""
    made = [0] * len(lengths)

    def choose(logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
        logits[:, STOP] = -float("inf")
        chosen = logits.argmax(-1)
        for i, row in enumerate(rows):
            made[row] += 1
            if made[row] >= lengths[row]:
                chosen[i] = STOP
        return chosen

    return choose


def by_generate(model: Any, prompts: list[list[int]], width: int, lengths: list[int]) -> int:
    choose = stop_after(lengths)

    def processor(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        chosen = choose(scores, list(range(len(scores))))
        return torch.full_like(scores, -float("inf")).scatter_(1, chosen[:, None], 0.0)

    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    with torch.inference_mode():
        model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=LIMIT,
            do_sample=False,
            eos_token_id=STOP,
            pad_token_id=0,
            logits_processor=[processor],
        )
    return sum(lengths)


def by_us(model: Any, prompts: list[list[int]], width: int, lengths: list[int]) -> int:
    answers: dict[int, list[int]] = {}
    decode(model, prompts, width, LIMIT, {STOP}, stop_after(lengths), 0, len(prompts), answers.__setitem__)
    assert [len(answers[row]) for row in range(len(prompts))] == lengths
    return sum(lengths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    _quiet_environment()
    recipe = recipe_file.load("recipes/quickstart.yaml")
    source = models.resolve(recipe.student.model)
    model, tokenizer = models.load(source), models.tokenizer(source)
    held = [p for p in make_problems(recipe.problems, 0) if p.held_out][: args.rows]
    asked = [recipe.student_prompt().messages(p.question) for p in held]
    texts = [tokenizer.apply_chat_template(m, add_generation_prompt=True, tokenize=False) for m in asked]
    prompts = tokenizer(texts, add_special_tokens=False)["input_ids"]
    rng = random.Random(0)
    uneven = [max(20, min(LIMIT, int(rng.lognormvariate(4.32, 0.5)))) for _ in prompts]
    steps = []
    for name, lengths in (("even", [LIMIT] * len(prompts)), ("uneven", uneven)):
        rates: dict[str, list[float]] = {"ours": [], "sdpa": [], "eager": []}
        peaks: dict[str, float] = {}
        for _ in range(args.repetitions):
            for way in rates:
                if way == "ours":
                    use_grouped_attention(model)
                else:
                    model.set_attn_implementation(way)
                started = time.perf_counter()
                tokens = (by_us if way == "ours" else by_generate)(model, prompts, 64, lengths)
                rates[way].append(tokens / (time.perf_counter() - started))
                peaks.setdefault(way, round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2))
        steps.append(
            {
                "lengths": name,
                "tokens": sum(lengths),
                "tokens_per_second": {way: round(statistics.median(r)) for way, r in rates.items()},
                "ours_over_generate": {
                    way: [round(o / t, 2) for o, t in zip(rates["ours"], rates[way], strict=True)]
                    for way in ("sdpa", "eager")
                },
                "peak_gib_after": peaks,
            }
        )
    result = {"machine": machine(), "rows": len(prompts), "steps": steps}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
