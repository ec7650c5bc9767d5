"""Samples saved by what is known of a problem before anybody is asked, at equal coverage: a simulation.

    python benchmarks/known_beforehand.py --solutions gsm8k_model_solutions.jsonl --out FILE

The teacher is the 175B model of OpenAI's GSM8K release, known by two samples a problem. A beta-binomial regression of
them on the question, the length of the worked solution and the two verdicts of the 6B model gives every problem its
distribution of pass rates; from it a rate is drawn and 64 samples. Fixed n sees the first n of them. The harvests see
the same samples, know nothing of the regression, and end once as many problems are covered as fixed n covers.
Intervals are over repetitions (Student's t).
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
from common import machine
from following import follow
from quickstart_seeds import mean_with_interval

from distill.recipe import Harvest
from distill.records import Problem
from teachers.known import features
from teachers.pass_rates import PassRates

TEACHER, OTHER = ("175b_finetuning", "175b_verification"), ("6b_finetuning", "6b_verification")
AT_ONCE, CAP = 64, 64
WAYS: dict[str, tuple[int | None, tuple[str, ...] | None]] = {
    "each problem until accepted": (None, None),
    "cheapest first": (CAP, None),
    "+ question": (CAP, ()),
    "+ length of a worked solution": (CAP, ("solution",)),
    "+ another model's pass rate": (CAP, ("solution", "other")),
}
"""Way -> cap a problem (None: that of fixed n, and no end before) and what is known (None: not even the question)."""


def problems_of(path: Path) -> tuple[list[Problem], np.ndarray]:
    """The problems with all that is known of them, and how many of the teacher's two samples are correct."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    problems = [
        Problem(
            id=f"p{i}",
            question=row["question"],
            answer="",
            kind="math",
            source="",
            known={
                "solution": float(np.log(len(row["ground_truth"]))),
                "other": sum(row[c]["is_correct"] for c in OTHER) / 2,
            },
        )
        for i, row in enumerate(rows)
    ]
    return problems, np.array([sum(row[c]["is_correct"] for c in TEACHER) for row in rows], dtype=float)


def seen_with(problem: Problem, keys: tuple[str, ...] | None) -> Problem:
    if keys is None:
        return problem.model_copy(update={"question": "", "known": {}})
    return problem.model_copy(update={"known": {key: problem.known[key] for key in keys}})


def simulate(problems: list[Problem], rates: PassRates, n: int, target: int, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    accepted = {}
    for place, problem in enumerate(problems):
        beta = rates[place]
        rate = rng.betavariate(beta.a, beta.b)
        accepted.update({f"{problem.id}/{j}": rng.random() < rate for j in range(CAP)})
    covered = sum(sum(accepted[f"{p.id}/{j}"] for j in range(n)) >= target for p in problems)
    found = {}
    for way, (cap, keys) in WAYS.items():
        spec = Harvest(
            samples_per_problem=cap or n, accepted_per_problem=target, covered_problems=covered if cap else None
        )
        seen = [seen_with(p, keys) for p in problems]
        plan, asked = follow(seen, spec, lambda sample: (accepted[sample], 1, 0), AT_ONCE, rng)
        assert plan.covered >= covered, "coverage must not be less"
        found[way] = asked.total() / (n * len(problems))
    return {**found, "coverage": covered / len(problems)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solutions", type=Path, required=True)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    problems, correct = problems_of(args.solutions)
    rates = PassRates(features(problems))
    rates.fit(correct, np.full(len(problems), 2.0))
    means = np.array([rates[i].mean for i in range(len(problems))])
    print(f"pass rates: mean {means.mean():.3f}, explained beforehand with deviation {means.std():.3f}")
    rows = []
    for target in (1, 2, 4):
        for n in (4, 16):
            if n <= target:
                continue
            runs = [simulate(problems, rates, n, target, seed) for seed in range(args.repetitions)]
            row = {key: mean_with_interval([run[key] for run in runs]) for key in runs[0]}
            rows.append({"accepted_per_problem": target, "n": n, **row})
            print(target, n, {k: round(v["mean"], 3) for k, v in row.items()}, flush=True)
    result = {"machine": machine("scipy"), "explained_deviation": float(means.std()), "rows": rows}
    args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
