"""Verdicts a second over long responses, beside math-verify called row by row.

    python benchmarks/verify_speed.py --traces r1_distill_traces_500.jsonl --math math_train.jsonl \\
        --gsm8k gsm8k_model_solutions.jsonl --out FILE

10,000 responses of 2,000 to 30,000 characters: real thinking of R1 distillates, then a final answer, three in four a
MATH answer in a box (the gold answer written otherwise, or another problem's), the others a GSM8K solution in prose.
One core for each way, in turns; math-verify reads a part of the rows, whole and from the last box. At last as many
verdicts again as `--many` says, for the memory that they leave behind.
"""

import argparse
import json
import os
import random
import resource
import time
from collections import Counter
from pathlib import Path

from common import machine

from distill.verify import judge
from distill.verify.pool import Row, judge_all

LONGEST, SHORTEST = 30_000, 2_000
MATH_VERIFY_ROWS = 600
AGAIN = 6


def mixed(traces: Path, math: Path, gsm8k: Path, count: int) -> list[tuple[str, str]]:
    """Responses with gold answers."""
    rng = random.Random(0)
    thinking = [json.loads(line)["response"] for line in traces.open()]
    problems = [row for row in map(json.loads, math.open()) if row["answer"]]
    solutions = [json.loads(line) for line in gsm8k.open()]
    rows: list[tuple[str, str]] = []
    while len(rows) < count:
        thought = "".join(rng.choices(thinking, k=rng.randrange(1, 7)))
        if rng.random() < 0.25:
            row = rng.choice(solutions)
            gold, said = row["ground_truth"].rpartition("A:")[2].strip(), row["175b_verification"]["solution"]
        else:
            gold = rng.choice(problems)["answer"]
            answer = spelled(gold, rng) if rng.random() < 0.6 else rng.choice(problems)["answer"]
            said = f"Therefore, the final answer is $\\boxed{{{answer}}}$."
        response = f"{thought}\n</think>\n\n{said}"
        if SHORTEST <= len(response) <= LONGEST:
            rows.append((response, gold))
    return rows


def spelled(answer: str, rng: random.Random) -> str:
    ways = (
        lambda a: a,
        lambda a: a.replace("\\frac", "\\dfrac"),
        lambda a: f" {a} ",
        lambda a: a if "=" in a or "text" in a else f"x = {a}",
        lambda a: a.replace(",", ", "),
        lambda a: a.replace("(", "\\left(").replace(")", "\\right)"),
    )
    return rng.choice(ways)(answer)


def one_core(rows: list[tuple[str, str]]) -> tuple[float, Counter[str]]:
    """Verdicts a second, the child that asks math-verify on the same core."""
    started = time.perf_counter()
    found: Counter[str] = Counter(judge("math", response, gold, {}).verdict for response, gold in rows)
    return len(rows) / (time.perf_counter() - started), found


def processes(rows: list[tuple[str, str]], workers: int) -> float:
    """Verdicts a second over the rows six times, the start of the processes included."""
    started = time.perf_counter()
    again = (Row("math", response, gold, {}) for _ in range(AGAIN) for response, gold in rows)
    for _ in judge_all(again, workers=workers):
        pass
    return AGAIN * len(rows) / (time.perf_counter() - started)


def by_math_verify(rows: list[tuple[str, str]], whole: bool) -> float:
    from math_verify import parse, verify

    started = time.perf_counter()
    for response, gold in rows:
        text = response if whole else response[max(0, response.rfind("\\boxed")) :]
        verify(parse(f"\\boxed{{{gold}}}"), parse(text))
    return len(rows) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("traces", "math", "gsm8k", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=1_000_000)
    args = parser.parse_args()
    rows = mixed(args.traces, args.math, args.gsm8k, args.count)
    cores = sorted(os.sched_getaffinity(0))
    judge("math", r"\boxed{\int_0^1 x dx}", "1/2", {})  # starts the child
    rounds = []
    for _ in range(args.rounds):
        os.sched_setaffinity(0, cores[:1])
        ours, verdicts = one_core(rows)
        found = {"one_core": ours, "math_verify_from_box": by_math_verify(rows[:MATH_VERIFY_ROWS], whole=False)}
        found["math_verify_whole"] = by_math_verify(rows[:MATH_VERIFY_ROWS], whole=True)
        os.sched_setaffinity(0, cores)
        found |= {name: processes(rows, n) for n, name in ((1, "one_process"), (2, "two_processes"))}
        rounds.append({name: round(value) for name, value in found.items()})
        print(rounds[-1], dict(verdicts), flush=True)
    memory = []
    for start in range(0, args.many, len(rows)):
        one_core(rows)
        if start % (args.many // 10) < len(rows):
            memory.append(round(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20))
    characters = sorted(len(response) for response, _ in rows)
    result = {
        "machine": machine("math-verify"),
        "rows": len(rows),
        "characters": {"least": characters[0], "median": characters[len(rows) // 2], "most": characters[-1]},
        "verdicts": dict(verdicts),
        "per_second": rounds,
        "mib_over_many": memory,
    }
    print(json.dumps(result, indent=2))
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
