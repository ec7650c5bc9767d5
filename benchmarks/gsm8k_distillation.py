"""A real distillation on a small machine: what do rejection and curation bring on GSM8K?

    python benchmarks/gsm8k_distillation.py --train gsm8k_train.jsonl --test gsm8k_test.jsonl \\
        --teacher Qwen/Qwen2.5-Coder-1.5B-Instruct --students Qwen/Qwen2.5-Coder-0.5B-Instruct \\
        HuggingFaceTB/SmolLM2-135M-Instruct --folder DIR --out benchmarks/results/gsm8k_distillation.json

The shipped recipe `cpu/gsm8k-vllm`: one harvest for all students; then each student is trained four times, on equally
many traces (or as many as are left, which is told), for equally many optimiser steps: drawn from all traces, or from
those with a correct answer (rejection); drawn at random, or curated (duplicates out, `select: small-student`). All
answer the same test problems, greedily; differences are paired. What is done stands in `--folder` and `--out` and is
not done again. Needs vLLM.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import machine
from curation_helps import with_steps

from distill.curate.stage import curate
from distill.evaluate.exact_tests import discordant, exact_mcnemar
from distill.evaluate.paired import paired_difference
from distill.evaluate.stage import evaluate
from distill.problems import read_problems
from distill.recipe import Recipe
from distill.recipe_curate import Curate
from distill.recipe_file import load
from distill.run import read_seal
from students.known import epochs_of
from students.stage import train_student

ANY, DRAWN = {"require_verdict": "any_i_accept_wrong_traces"}, {"select": "random", "traces_per_problem": None}
PLAIN = DRAWN | {"deduplicate": False, "near_duplicates": None}
WAYS: dict[str, dict[str, Any]] = {
    "all traces, drawn": ANY | PLAIN,
    "correct ones, drawn": PLAIN,
    "all traces, curated": {"select": "small-student"} | ANY,
    "correct ones, curated": {"select": "small-student"},
}


def harvested(options: argparse.Namespace, overrides: list[str]) -> dict[str, Any]:
    """The problems and the harvest, as a user gets them; what it took."""
    folder = options.folder / "pool"
    command = [sys.executable, "-m", "distill", "run", "cpu/gsm8k-vllm", *overrides, "--until", "harvest"]
    subprocess.run([*command, "--run-dir", str(folder)], check=True)
    seal = read_seal(folder, "harvest")
    assert seal is not None
    return {"minutes": round(seal.seconds / 60, 1), **seal.counts}


def student(recipe: Recipe, way: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Curate, train, evaluate; the base model's answers are the same for all its students."""
    pool = options.folder / "pool"
    problems = read_problems(pool / "problems.parquet")
    chosen = recipe.model_copy(update={"curate": Curate(**WAYS[way], rows=options.rows, fill="less")})
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "curated").exists():
        curate(chosen, problems, pool / "traces", folder / "curated")
    budgeted = with_steps(chosen, folder / "curated", options.steps)
    trained = train_student(budgeted, folder / "curated", folder / "student", lambda _: None)
    asked, base = folder / "evaluation" / "held_out", folder.with_name("base")
    asked.mkdir(parents=True, exist_ok=True)
    for file in base.glob("*") if base.exists() else ():
        shutil.copy(file, asked)
    merged = {"student": folder / "student" / "merged"}
    summary = evaluate(budgeted, problems, merged, folder / "evaluation", lambda *_: None)["sets"]["held_out"]
    base.mkdir(exist_ok=True)
    for file in asked.glob("base.*"):
        shutil.copy(file, base)
    rows = {"rows": options.rows, "epochs": round(epochs_of(budgeted.train, trained["rows"]), 2), **trained}
    told = {name: summary["figures"][name] for name in ("base", "student")}
    return {"trained": rows, "evaluated": told, "difference": summary["differences"], "right": _right(folder)}


def _right(folder: Path) -> dict[str, list[int]]:
    """Which held-out problems were solved, in their order, by base and student."""
    asked = folder / "evaluation" / "held_out"
    names = [p.id for p in read_problems(asked / "problems.parquet")]
    found = {}
    for who in ("base", "student"):
        lines = map(json.loads, (asked / f"{who}.verdicts.jsonl").read_text().splitlines())
        right = {line["trace_id"].rpartition("/")[0]: int(line["verdict"] == "correct") for line in lines}
        found[who] = [right[name] for name in names]
    return found


def told_of(folder: Path) -> dict[str, Any]:
    """Minutes by the times of what was written (a stop in between counts), and what the first two steps lost."""
    curated, metrics, summary = (
        next(folder.glob(name)) for name in ("curated/*.arrow", "student/metrics.jsonl", "evaluation/summary.json")
    )
    at = [file.stat().st_mtime for file in (curated, metrics, summary)]
    steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    return {
        "minutes": {"training": round((at[1] - at[0]) / 60, 1), "merge and evaluation": round((at[2] - at[1]) / 60, 1)},
        "first_losses": [round(step["loss"], 3) for step in steps if "loss" in step][:2],
    }


def compared(done: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Paired differences between ways: what rejection brings, and what curation does."""
    table = []
    for one, other in (
        ("all traces, drawn", "correct ones, drawn"),
        ("all traces, curated", "correct ones, curated"),
        ("all traces, drawn", "all traces, curated"),
        ("correct ones, drawn", "correct ones, curated"),
    ):
        if one not in done or other not in done:
            continue
        before, after = (done[way]["right"]["student"] for way in (one, other))
        found = paired_difference(before, after, 1, 0.95)
        better, worse = discordant(before, after)
        told = {"mean": found.mean, "low": found.low, "high": found.high, "better": better, "worse": worse}
        table.append({"from": one, "to": other, **told, "p": exact_mcnemar(before, after)})
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--students", nargs="+", required=True)
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("overrides", nargs="*", help="keys of the recipe, behind --")
    options = parser.parse_args()
    places = [f"problems.path={options.train}", f"problems.held_out_path={options.test}"]
    overrides = [*places, f"teacher.model={options.teacher}", *options.overrides]
    harvest = harvested(options, [*overrides, f"student.model={options.students[0]}"])
    done: dict[str, dict[str, Any]] = json.loads(options.out.read_text())["students"] if options.out.is_file() else {}
    for model in options.students:
        name = Path(model).name
        recipe = load("cpu/gsm8k-vllm", [*overrides, f"student.model={model}"])
        for way in WAYS:
            ways = done.setdefault(name, {})
            folder = options.folder / name / way.replace(" ", "-").replace(",", "")
            if way not in ways:
                ways[way] = student(recipe, way, options, folder)
            ways[way] |= told_of(folder)
            told = ways[way]["evaluated"]
            print(name, way, {who: round(told[who]["accuracy"], 3) for who in told}, flush=True)
            differences = {student: compared(found) for student, found in done.items()}
            result = {
                "machine": machine(),
                "harvest": harvest,
                "rows": options.rows,
                "steps": options.steps,
                "differences": differences,
                "students": done,
            }
            options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
