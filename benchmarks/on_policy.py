"""Does on-policy distillation better a student more than further fine-tuning for the same processor time?

    distill run recipes/quickstart.yaml --run-dir runs/quickstart
    python benchmarks/on_policy.py --teacher runs/quickstart/student/merged --out benchmarks/results/on_policy.json

The teacher is the quickstart's student. A student of the same base is fine-tuned for part of an epoch on traces of the
Countdown searcher (`sft`). From there it goes on by on-policy distillation at each rate (`on_policy ...`), and by more
fine-tuning, in another order, for as much processor time as the second stage took (`sft for longer`). All answer the
same held-out problems, greedily and at temperature 1; the answers at temperature 1 are those whose reverse KL to the
teacher is told. Time is that of processors, not of the clock, which counts the machine's other work.
"""

import argparse
import json
import math
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from common import machine

from distill import models
from distill.evaluate.paired import paired_difference
from distill.evaluate.statistics import accuracy
from distill.problems import read_problems
from distill.recipe import Recipe
from distill.recipe_file import load
from distill.records import Problem, Sampling, derived_seed
from distill.verify import judge
from students.same_tokenizer import prompt_ids
from teachers.decode import decode, use_grouped_attention
from teachers.local import SeededSampling

MAX_TOKENS = 200
"""Of an answer, in training and in measuring, as in the quickstart."""


OTHER_ORDER = "train.max_length=288"
"""Rows packed to another length come in another order: the rest of the epoch, mostly, and not its beginning again."""


def processor_seconds(*command: str) -> float:
    """Runs `distill` and returns what it took of all processors, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "distill", *command], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def arms(args: argparse.Namespace) -> tuple[dict[str, Path], dict[str, float]]:
    """The students' folders and what each has taken in processor seconds; stages that are sealed are not done again."""
    runs, timed = args.runs, args.runs / "seconds.json"
    seconds = json.loads(timed.read_text()) if timed.exists() else {}
    folders = {}

    def walk(name: str, run: Path, *keys: str, until: str) -> Path:
        run.mkdir(parents=True, exist_ok=True)
        common = ("name=on-policy", *keys, "--run-dir", str(run), "--until")
        if not (run / "stages" / "curate.json").exists():  # outside the time
            processor_seconds("run", "recipes/quickstart.yaml", *common, "curate")
        taken = processor_seconds("run", "recipes/quickstart.yaml", *common, until)
        seconds.setdefault(name, taken)
        timed.write_text(json.dumps(seconds))
        return run / ("on_policy" if until == "on_policy" else "student") / "merged"

    epochs = f"train.num_train_epochs={args.epochs}"
    first = runs / "first"
    folders["sft"] = walk("sft", first, epochs, until="train")
    for rate in args.rates:
        spec = {
            "teacher": {"kind": "local", "model": str(args.teacher.absolute())},
            "steps": args.steps,
            "samples_per_step": args.samples,
            "per_device_train_batch_size": 4,
            "max_tokens": MAX_TOKENS,
            "learning_rate": rate,
        }
        key = f"on_policy={json.dumps(spec)}"
        name = f"on_policy {rate:g}"
        made = walk(name, first, epochs, key, until="on_policy")
        kept = runs / f"on-policy-{rate:g}"
        if not kept.exists():
            subprocess.run(["cp", "-r", str(made), str(kept)], check=True)
        folders[name] = kept
    second = max(seconds[name] for name in folders if name != "sft")
    more = f"train.num_train_epochs={args.epochs * second / seconds['sft']:.3f}"
    base = f"student.model={(first / 'student' / 'merged').absolute()}"
    folders["sft for longer"] = walk("sft for longer", runs / "longer", base, OTHER_ORDER, more, until="train")
    return folders, seconds


def written(model: Any, tokenizer: Any, prompts: list[list[int]], temperature: float, seed: int) -> list[list[int]]:
    """Answers as tokens; greedy at temperature 0."""
    found: list[list[int]] = [[] for _ in prompts]
    sampling = Sampling(temperature=temperature, top_p=1.0, max_tokens=MAX_TOKENS)
    seeded = SeededSampling(sampling, [derived_seed(seed, "measured", i) for i in range(len(prompts))])
    choose = seeded if temperature else (lambda scores, rows: scores.argmax(-1))
    width = -(-max(map(len, prompts)) // 32) * 32
    stops = {tokenizer.eos_token_id}
    pad = tokenizer.pad_token_id
    decode(model, prompts, width, MAX_TOKENS, stops, choose, pad, len(prompts), found.__setitem__)
    return found


@torch.inference_mode()  # type: ignore[untyped-decorator]
def reverse_kl(
    model: Any, teacher: Any, prompts: list[list[int]], answers: list[list[int]], batch: int = 8
) -> list[float]:
    """Sum of KL(student || teacher) over the tokens of each answer, in nats; rows of one constant length."""
    sums: list[float] = []
    length = -(-max(len(p) + len(a) for p, a in zip(prompts, answers, strict=True)) // 64) * 64
    for start in range(0, len(prompts), batch):
        rows = range(start, min(start + batch, len(prompts)))
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        for at, i in enumerate(rows):  # padded on the right: causal, so that nothing sees the padding
            both = prompts[i] + answers[i]
            ids[at, : len(both)] = torch.tensor(both)
        s, t = (one(ids, use_cache=False).logits.float().log_softmax(-1) for one in (model, teacher))
        each = (s.exp() * (s - t)).sum(-1)
        for at, i in enumerate(rows):
            begin = len(prompts[i]) - 1
            sums.append(each[at, begin : begin + len(answers[i])].sum().item())
    return sums


def measured(folder: Path, teacher: Any, held: list[Problem], recipe: Recipe, seed: int) -> dict[str, Any]:
    """Of one model: share of right answers, greedy and at temperature 1, and the reverse KL per token of the latter."""
    source = models.resolve(str(folder))
    model, tokenizer = models.load(source), models.tokenizer(source)
    use_grouped_attention(model)
    prompts = [prompt_ids(tokenizer, recipe.student_prompt().messages(p.question)) for p in held]
    found: dict[str, Any] = {}
    for name, temperature in (("greedy", 0.0), ("T 1", 1.0)):
        answers = written(model, tokenizer, prompts, temperature, seed)
        texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in answers]
        whole = [ids[-1] == tokenizer.eos_token_id for ids in answers]
        verdicts = [judge(p.kind, t, p.answer, p.data).verdict for p, t in zip(held, texts, strict=True)]
        scores = [float(v == "correct" and w) for v, w in zip(verdicts, whole, strict=True)]
        found[name] = {
            "scores": scores,
            "accuracy": accuracy(scores, 1, 0.95).__dict__,
            "finished": sum(whole) / len(whole),
            "mean_tokens": sum(map(len, answers)) / len(answers),
        }
    sums, lengths = reverse_kl(model, teacher, prompts, answers), list(map(len, answers))
    found["reverse_kl"] = ratio_with_interval(sums, lengths, seed)
    return found


def ratio_with_interval(sums: list[float], lengths: list[int], seed: int) -> dict[str, float]:
    """Nats per token, and a bootstrap interval over problems (95 %)."""
    rng, pairs = random.Random(seed), list(zip(sums, lengths, strict=True))
    drawn = [rng.choices(pairs, k=len(pairs)) for _ in range(2000)]
    ratios = sorted(sum(s for s, _ in one) / sum(n for _, n in one) for one in drawn)
    return {"mean": sum(sums) / sum(lengths), "low": ratios[50], "high": ratios[math.ceil(0.975 * 2000) - 1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/on-policy"))
    parser.add_argument("--epochs", type=float, default=0.25)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-4])
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    folders, seconds = arms(args)
    models.keep_freed_memory()
    recipe = load("recipes/quickstart.yaml")
    held = [p for p in read_problems(args.runs / "first" / "problems.parquet") if p.held_out][: args.problems]
    teacher = models.load(models.resolve(str(args.teacher)))
    rows = {"teacher": measured(args.teacher, teacher, held, recipe, recipe.seed)}
    for name, folder in folders.items():
        rows[name] = measured(folder, teacher, held, recipe, recipe.seed)
    result: dict[str, Any] = {
        "machine": machine(),
        "processor_seconds": seconds,
        "arguments": vars(args),
        "models": rows,
    }
    for name in folders:
        if name.startswith("on_policy"):
            for way in ("greedy", "T 1"):
                for before in ("sft", "sft for longer"):
                    pair = (rows[before][way]["scores"], rows[name][way]["scores"])
                    result[f"{name} - {before}, {way}"] = paired_difference(*pair, 1, 0.95).__dict__
    for row in rows.values():
        for way in ("greedy", "T 1"):
            row[way].pop("scores")
    text = json.dumps(result, indent=2, default=str)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text.replace(str(args.teacher), "TEACHER").replace(str(args.runs), "RUNS") + "\n")
    print(text)


if __name__ == "__main__":
    main()
