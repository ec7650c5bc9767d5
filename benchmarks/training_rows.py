"""Rows to train on in benchmarks: searches for Countdown solutions, of the lengths that are asked for."""

import random
from typing import Any

from distill.chat_template import turn_of
from distill.countdown_problems import countdown_problems
from distill.recipe_problems import CountdownProblems
from students.render import Row, render
from teachers.countdown import think

SYSTEM = {"role": "system", "content": "Think in <think>, answer in <answer>."}


def searches(tokenizer: Any, count: int, numbers: int, budget: int, seed: int) -> list[Row]:
    """Depth-first searches over problems with so many numbers, as a student is trained on them."""
    size = {"count": count + 1, "held_out": 1, "numbers": numbers}
    spec = CountdownProblems.model_validate({"source": "countdown", **size, "max_number": 20, "max_target": 99})
    turn = turn_of(tokenizer, "benchmark")
    rows = []
    for problem in (p for p in countdown_problems(spec, seed) if not p.held_out):
        thoughts, expression = think(problem.data["numbers"], problem.data["target"], "dfs", budget)
        said = f"<answer>{expression}</answer>" if expression else "I found no solution."
        chat = [SYSTEM, {"role": "user", "content": problem.question}]
        rows.append(render(tokenizer, turn, problem.id, chat, f"<think>\n{thoughts}\n</think>\n\n{said}"))
    return rows


def long_tailed(tokenizer: Any, count: int, median: int, longest: int, seed: int) -> list[Row]:
    """Rows whose lengths spread as those of long reasoning: lognormal, the 90th percentile 7 times the 10th."""
    pool = [row for size in (3, 4, 5) for b in (9, 30, 90) for row in searches(tokenizer, count, size, b, seed + b)]
    pool.sort(key=len)
    rng = random.Random(seed)
    chosen = []
    for _ in range(count):
        wanted = min(longest, rng.lognormvariate(0, 0.76) * median)
        best = min(range(len(pool)), key=lambda i: abs(len(pool[i]) - wanted))
        chosen.append(pool.pop(best))
    return [row for row in chosen if len(row) <= longest]
