"""Do lm-eval and we get the same figure? One model, one protocol, the same GSM8K test problems, greedily.

    python benchmarks/lm_eval_agreement.py --model FOLDER --data gsm8k_test.jsonl --folder FOLDER --out FILE

Ours: the engine of `distill evaluate`. lm-eval: the task and the command that `distill export RUN --for lm-eval`
writes, run by lm-eval itself. Compared: prompts token by token, answers, what lm-eval's GSM8K definition extracts from
either, and the figures under that definition, paired. Needs lm-eval beside distill: pip install 'lm_eval[hf]>=0.4.13'.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import machine

from distill import models
from distill.evaluate.exact_tests import exact_mcnemar
from distill.evaluate.harness import Exam, exam
from distill.evaluate.harness_lm_eval import write_lm_eval
from distill.evaluate.harness_verdict import flexible_extract, flexible_match
from distill.evaluate.paired import paired_difference
from distill.evaluate.statistics import wilson
from distill.files import Log, write_rows
from distill.problems import make_problems
from distill.recipe import FileProblems, Recipe
from distill.records import Problem, Sampling, Trace, joined
from distill.verify import judge_trace
from teachers.base import Request
from teachers.local import LocalModel
from teachers.sampler import sample

CONFIDENCE = 0.95


def protocol(model: Path, data: Path, dtype: str, max_tokens: int, batch: int) -> Recipe:
    """Greedy, R1's instruction for mathematics, as a recipe says it."""
    tree = {
        "name": "agreement",
        "problems": {"source": "file", "path": str(data), "layout": "gsm8k", "held_out": 1},
        "teacher": {"kind": "local", "model": str(model)},
        "student": {"model": str(model), "dtype": dtype, "prompt": {"preset": "boxed"}},
        "evaluate": {"max_tokens": max_tokens, "batch_size": batch},
    }
    return Recipe.model_validate(tree)


def first_problems(recipe: Recipe, count: int) -> list[Problem]:
    """The first of the file, in its order."""
    assert isinstance(recipe.problems, FileProblems)
    made = {p.question: p for p in make_problems(recipe.problems, recipe.seed)}
    rows = map(json.loads, Path(recipe.problems.path).read_text(encoding="utf-8").splitlines())
    return [found for row in rows if (found := made.get(row["question"].strip()))][:count]


def ours(given: Exam, folder: Path) -> list[Trace]:
    """Answers of our engine, in the order of the problems."""
    prompt = given.protocol.prompt
    greedy = Sampling(temperature=0, top_p=1, max_tokens=given.protocol.max_tokens)
    requests = [Request(f"{p.id}/0", p, prompt.messages(p.question), greedy) for p in given.problems]
    log = Log(folder / "ours.jsonl")
    engine = LocalModel(given.source, given.recipe.student.dtype, min(given.recipe.evaluate.batch_size, len(requests)))

    async def run() -> None:
        try:
            await sample(engine, requests, log, lambda _: None)
        finally:
            await engine.close()

    asyncio.run(run())
    by_id = {trace.problem_id: trace for trace in log.read(Trace)}
    return [by_id[p.id] for p in given.problems]


def theirs(given: Exam, folder: Path) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """lm-eval's samples, in the order of the problems, and the figures that it prints itself."""
    write_rows(folder / f"{given.who}.jsonl", given.rows())
    command = [sys.executable, "-m", *write_lm_eval(given, folder)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    env = {**os.environ, **offline, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    (samples,) = (folder / "results").rglob("samples_*.jsonl")
    (results,) = (folder / "results").rglob("results_*.json")
    rows = {row["doc"]["id"]: row for row in map(json.loads, samples.read_text().splitlines())}
    printed = json.loads(results.read_text())["results"][given.task]
    return [rows[p.id] for p in given.problems], {name: printed[f"{name},all"] for name in ("correct", "exact_match")}


def compared(given: Exam, folder: Path) -> dict[str, Any]:
    """Prompts, answers, extracted answers and figures, ours beside theirs."""
    mine = ours(given, folder)
    rows, printed = theirs(given, folder)
    tokenizer = models.tokenizer(given.source)
    sent = [tokenizer(row["arguments"]["gen_args_0"]["arg_0"], add_special_tokens=False)["input_ids"] for row in rows]
    prompts = [
        tokenizer.apply_chat_template(
            given.recipe.student_prompt().messages(p.question), add_generation_prompt=True, return_dict=False
        )
        for p in given.problems
    ]
    texts = [joined(t.reasoning, t.response).strip() for t in mine], [row["resps"][0][0].strip() for row in rows]
    extracted = [[flexible_extract(text) for text in side] for side in texts]
    scores = [[float(flexible_match(t, p.answer)) for t, p in zip(side, given.problems, strict=True)] for side in texts]
    verdicts = [judge_trace(t, p).verdict == "correct" for t, p in zip(mine, given.problems, strict=True)]
    n, found = len(mine), paired_difference(scores[1], scores[0], 1, CONFIDENCE)
    return {
        "n": n,
        "same_prompt_tokens": sum(a == b for a, b in zip(sent, prompts, strict=True)) / n,
        "same_answer": sum(a == b for a, b in zip(*texts, strict=True)) / n,
        "same_extracted": sum(a == b for a, b in zip(*extracted, strict=True)) / n,
        "exact_match_ours": sum(scores[0]) / n,
        "exact_match_ours_interval": wilson(sum(scores[0]), n, CONFIDENCE),
        "exact_match_lm_eval": printed["exact_match"],
        "difference": found.mean,
        "difference_interval": (found.low, found.high),
        "p_value": exact_mcnemar(scores[1], scores[0]),
        "verdict_ours": sum(verdicts) / n,
        "verdict_in_lm_eval": printed["correct"],
        "cut_at_max_tokens": sum(t.finish_reason == "length" for t in mine),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="GSM8K's test.jsonl")
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--max-tokens", type=int, default=320)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--folder", type=Path, required=True, help="for answers; ours are kept, and not asked again")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    runs = {}
    for dtype in given.dtypes:
        recipe = protocol(given.model, given.data, dtype, given.max_tokens, given.batch)
        asked = exam("model", models.of_student(recipe.student), recipe, first_problems(recipe, given.problems))
        folder = given.folder / dtype
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / "results", ignore_errors=True)
        runs[dtype] = compared(asked, folder)
        print(dtype, json.dumps(runs[dtype], indent=2), flush=True)
    settings = {"model": given.model.name, "max_tokens": given.max_tokens, "batch": given.batch, "seed": 0}
    found = {"machine": machine("lm_eval"), **settings, "sampling": "greedy", "prompt": "boxed", "runs": runs}
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
