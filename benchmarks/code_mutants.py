"""Reference programs of HumanEval and MBPP, and small changes of them: which verdicts do they get?

    python benchmarks/code_mutants.py --data FOLDER --out benchmarks/results/code_mutants.json

A mutant that passes is not a false verdict by itself: it may compute the same, or the tests may be too weak to tell.
All of them are listed, with plain Python's own verdict on the same tests in one process beside them.
"""

import argparse
import ast
import gzip
import json
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import machine

from distill.verify import judge
from distill.verify.sandbox.bubble import interpreter

SECONDS = 30
"""For plain Python."""

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True, help="holds HumanEval.jsonl.gz and mbpp.jsonl")
    options.add_argument("--mbpp", type=int, default=150, help="problems of MBPP")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    with gzip.open(given.data / "HumanEval.jsonl.gz", "rt") as f:
        sets = {"HumanEval": [json.loads(line) for line in f]}
    rows = [json.loads(line) for line in (given.data / "mbpp.jsonl").read_text().splitlines()]
    sets["MBPP"] = random.Random(0).sample(rows, given.mbpp)
    result = {"machine": machine(), **{name: judged(rows) for name, rows in sets.items()}}
    print(json.dumps(result, indent=2))
    if given.out:
        given.out.write_text(json.dumps(result, indent=2) + "\n")


def judged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    references, mutants, passing, false = Counter[str](), Counter[str](), [], []
    for row in rows:
        whole = row["prompt"] + row["canonical_solution"] if "prompt" in row else row["code"]
        references[verdict(whole, row)] += 1
        mutant = mutated(whole, random.Random(str(row["task_id"])))
        if mutant is None:
            continue
        found, plain = verdict(mutant, row), plain_passes(mutant, row)
        mutants[found] += 1
        if found == "correct":
            passing.append(row["task_id"])
        if (found == "correct") != plain:
            false.append({"task": row["task_id"], "ours": found, "plain passes": plain})
    return {"references": references, "mutants": mutants, "passing": passing, "unlike plain Python": false}


def verdict(program: str, row: dict[str, Any]) -> str:
    return judge("code", f"```python\n{program}\n```", "", row).verdict


def plain_passes(program: str, row: dict[str, Any]) -> bool:
    """As the data sets' own harnesses have it: program and tests in one process. Our own mutants only."""
    tests = f"{row['test']}\ncheck({row['entry_point']})" if "test" in row else "\n".join(row["test_list"])
    text = f"{program}\n{row.get('test_setup_code') or ''}\n{tests}"
    try:
        return subprocess.run([interpreter(), "-I", "-c", text], capture_output=True, timeout=SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def mutated(program: str, rng: random.Random) -> str | None:
    """The program with one operator, comparison or number changed; None where there is none."""
    tree = ast.parse(program)
    places = list(_places(tree))
    if not places:
        return None
    node = rng.choice(places)
    if isinstance(node, ast.Compare):
        node.ops[0] = _COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value += 1
    else:
        node.op = _OPERATORS[type(node.op)]()
    return ast.unparse(tree)


def _places(tree: ast.AST) -> Iterator[Any]:
    for node in ast.walk(tree):
        if (
            (isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS)
            or (isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS)
            or (isinstance(node, ast.Constant) and type(node.value) is int)
        ):
            yield node


if __name__ == "__main__":
    main()
