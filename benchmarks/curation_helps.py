"""Does curation help? Students of the quickstart, trained on equally many traces of one pool, chosen in several ways.

    python benchmarks/curation_helps.py --rows 300 --steps 60 --seeds 0 1 2 --folder DIR \\
        --out benchmarks/results/curation_helps.json

The pool: Countdown problems, each solved by the depth-first searcher with its numbers in several orders, so that the
traces of a problem differ in length; all are judged. Each way takes `--rows` of them, as a recipe's `curate` would. The
students differ in nothing else: same model, same settings, same number of optimiser steps over packed rows of the same
length, so that short traces are seen more often than long ones. The seed draws rows and trains; the problems, held-out
ones included, are the same for all. What is done already stands in `--out` and is not done again. Some five minutes a
student on two cores.
"""

import argparse
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from common import machine
from quickstart_seeds import mean_with_interval

from distill.countdown_problems import countdown_problems
from distill.curate.stage import curate_source
from distill.curate.traces.sources import Advice, Judged, Read, Shard
from distill.evaluate.stage import evaluate
from distill.recipe import CountdownProblems, Recipe
from distill.recipe_curate import Curate
from distill.recipe_file import load
from distill.records import Problem, Sampling, Trace
from distill.verify import judge
from students.known import epochs_of
from students.pack import pack
from students.stage import gate, train_student
from students.train import schedule
from teachers.countdown import think

WAYS: dict[str, dict[str, Any]] = {
    "random": {"select": "random"},
    "longest": {"select": "longest"},
    "shortest": {"select": "shortest"},
    "s1": {"select": "s1", "domains": {"by": "known", "key": "operators"}},
    "limo": {"select": "limo"},
    "small-student": {"select": "small-student"},
    "random, wrong ones too": {"select": "random", "require_verdict": "any_i_accept_wrong_traces"},
}

ORDERS = 6
"""Of a problem's numbers: traces of one problem."""


class Pool:
    """Traces in memory, as a source of curation."""

    advice: ClassVar[Advice] = Advice("", "")
    verifies: ClassVar[bool] = False

    def __init__(self, reads: Sequence[Read]) -> None:
        self.reads = reads

    def inputs(self) -> list[tuple[str, str]]:
        return []

    def shards(self, size: int) -> list[Shard]:
        return [Shard(0, 0, len(self.reads))]

    def read(self, shard: Shard) -> Iterator[Read]:
        return iter(self.reads[shard.begin : shard.end])

    def at(self, places: Sequence[int]) -> Iterator[Read]:
        return (self.reads[place] for place in places)

    def file_of(self, place: int) -> None:
        return None


def pool_of(problems: Sequence[Problem], budget: int) -> Pool:
    """Every problem's traces with their verdicts, searches that give up among them."""
    reads: list[Read] = []
    for problem in (p for p in problems if not p.held_out):
        rng = random.Random(problem.id)
        for index in range(ORDERS):
            numbers = rng.sample(problem.data["numbers"], len(problem.data["numbers"]))
            thoughts, expression = think(numbers, problem.data["target"], "dfs", budget)
            said = f"<answer>{expression}</answer>" if expression else "I found no solution."
            found = judge("countdown", said, problem.answer, problem.data)
            known = problem.model_copy(update={"known": {"operators": _operators(expression or "")}})
            trace = Trace(
                id=f"{problem.id}/{index}",
                problem_id=problem.id,
                request="",
                reasoning=thoughts,
                response=said,
                finish_reason="stop",
                prompt_tokens=0,
                completion_tokens=len(thoughts.split()),
                model="countdown-search",
                sampling=Sampling(),
            )
            verdict = Judged(found.verdict, False, found.reason, "rules", "countdown")
            reads.append(Read(len(reads), known, trace, verdict))
    return Pool(reads)


def _operators(expression: str) -> str:
    return "".join(sorted({sign for sign in expression if sign in "+-*/"})) or "none"


def with_steps(recipe: Recipe, curated: Path, steps: int) -> Recipe:
    """The recipe with as many epochs as these rows need for so many optimiser steps."""
    checked, tokenizer = gate(recipe, curated)
    packed = pack(checked.rows, recipe.train.max_length, tokenizer.pad_token_id, recipe.seed)
    once = schedule(recipe.train.model_copy(update={"num_train_epochs": 1.0}), len(packed)).steps
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"num_train_epochs": steps / once})})


def student(
    recipe: Recipe, problems: list[Problem], pool: Pool, way: str, steps: int, folder: Path, base: Path
) -> dict[str, Any]:
    """Curate, train, evaluate; the base model's answers are taken over, as they are the same for all students."""
    spec = Curate(**WAYS[way], rows=recipe.curate.rows)
    held_out = [p for p in problems if p.held_out]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    curated = curate_source(pool, spec, recipe.seed, held_out, recipe.student_prompt().messages, folder / "curated")
    budgeted = with_steps(recipe, folder / "curated", steps)
    trained = train_student(budgeted, folder / "curated", folder / "student", lambda _: None)
    asked = folder / "evaluation" / "held_out"
    asked.mkdir(parents=True)
    for file in base.glob("base.*"):
        shutil.copy(file, asked)
    summary = evaluate(
        recipe, problems, {"student": folder / "student" / "merged"}, folder / "evaluation", lambda *_: None
    )
    told = summary["sets"]["held_out"]["figures"]["student"]
    for file in asked.glob("base.*"):
        base.mkdir(exist_ok=True)
        shutil.copy(file, base)
    shutil.rmtree(folder / "student")
    return {
        "rows": curated["rows"],
        "steps": trained["steps"],
        "tokens": trained["tokens"],
        "epochs": round(epochs_of(budgeted.train, curated["rows"]), 2),
        "accuracy": told["accuracy"],
        "finished": told["finished"],
        "mean_tokens": told["mean_tokens"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    overrides = [f"problems.count={options.problems}", f"curate.rows={options.rows}"]
    spec = load("recipes/quickstart.yaml", overrides).problems
    assert isinstance(spec, CountdownProblems)
    problems = countdown_problems(spec, 0)
    pool = pool_of(problems, 9)
    done: dict[str, list[dict[str, Any]]] = (
        json.loads(options.out.read_text())["students"] if options.out.is_file() else {}
    )
    for seed in options.seeds:
        recipe = load("recipes/quickstart.yaml", [*overrides, f"seed={seed}"])
        for way in options.ways:
            rows = done.setdefault(way, [])
            if any(row["seed"] == seed for row in rows):
                continue
            folder = options.folder / f"{way.replace(' ', '-').replace(',', '')}-{seed}"
            base = options.folder / f"base-{seed}"
            rows.append({"seed": seed, **student(recipe, problems, pool, way, options.steps, folder, base)})
            print(way, rows[-1], flush=True)
            table = {name: mean_with_interval([row["accuracy"] for row in found]) for name, found in done.items()}
            result = {
                "machine": machine(),
                "pool": len(pool.reads),
                "steps": options.steps,
                "accuracy": table,
                "students": done,
            }
            options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
