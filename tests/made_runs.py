"""Finished runs as their stages leave them, of any size and in a moment: nothing is sampled, judged or trained.

The recipe names a student that is nowhere, so that no fingerprint can be worked out and every stage counts as its own.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import exp, sqrt
from pathlib import Path
from statistics import median
from typing import Any

from distill.curate.output.arrow_rows import save_rows
from distill.files import Log, write_json
from distill.problems import write_problems
from distill.records import Problem, Sampling, Trace, Verdict
from distill.run import OUTPUTS

SENTENCES = (
    "We are looking for {a} such that {b} divides it, and {c} does not.",
    "Let me check this: {a} plus {b} is {d}, which is what the task says.",
    "Wait, no, that is not right, because {b} was counted twice.",
    "Alternatively, write the sum as {a} times {b} minus {c} and compare both sides.",
    "First, let x be {a}; then the second condition reads x + {b} = {d}.",
    "So the expression becomes \\frac{{{a}}}{{{b}}}, and its square is below {c}.",
    "To double-check, put {a} back into the equation: {a} + {b} = {d}.",
    "It suffices to look at the remainder of {a} when it is divided by {c}.",
)
SUBJECTS = ("Algebra", "Counting & Probability", "Geometry", "Number Theory", "Prealgebra")
SKILL = {"base": 0.25, "sft": 0.45, "student": 0.5, "teacher": 0.85}

Counts = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large a run is to be made."""

    traces: int = 60
    per_problem: int = 4
    held_out: int = 20
    k: int = 2
    models: tuple[str, ...] = ("base", "student")
    steps: int = 120
    shortest: int = 300
    longest: int = 1200
    """Characters of a trace."""


class Texts:
    """Reasoning of a given length, put together from sentences with other numbers each time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def reasoning(self, length: int) -> str:
        parts, held = [], 0
        while held < length:
            a, b, c = (self.random.randrange(2, 400) for _ in range(3))
            parts.append(self.random.choice(SENTENCES).format(a=a, b=b, c=c, d=a + b))
            held += len(parts[-1]) + 1
        return " ".join(parts)


def made_run(folder: Path, size: Size = Size(), seed: int = 0) -> Path:
    """Write a whole run into a new folder."""
    (folder / "stages").mkdir(parents=True)
    recipe = {
        "name": "made",
        "problems": {"source": "file", "path": str(folder / "absent.jsonl")},
        "teacher": {"kind": "local", "model": str(folder / "absent")},
        "student": {"model": str(folder / "absent")},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe, indent=1))
    problems = list(_problems(size, Texts(seed)))
    write_problems(folder / OUTPUTS["problems"], problems)
    trained = [p for p in problems if not p.held_out]
    seal(folder, "problems", {"problems": len(trained), "held_out": size.held_out}, 0.4)
    seal(folder, "harvest", _harvest(folder, trained, size, Texts(seed + 1)), 5130)
    seal(folder, "curate", _curate(folder, size), 61)
    seal(folder, "train", _train(folder, size, random.Random(seed)), 3920)
    seal(folder, "evaluate", evaluated(folder, [p for p in problems if p.held_out], size, Texts(seed + 2)), 812)
    return folder


def seal(folder: Path, stage: str, counts: Counts, seconds: float) -> None:
    """Declare a stage done, as `Run.seal` does."""
    found = {"fingerprint": "made", "counts": counts, "files": {}, "seconds": seconds}
    write_json(folder / "stages" / f"{stage}.json", found)


def _problems(size: Size, texts: Texts) -> Iterator[Problem]:
    count = -(-size.traces // size.per_problem)
    for i in range(count + size.held_out):
        a, b = texts.random.randrange(1000), texts.random.randrange(1000)
        yield Problem(
            id=f"made-{i}",
            question=f"What is {a} plus {b}? {texts.reasoning(60)}",
            answer=str(a + b),
            kind="math",
            known={"level": f"Level {1 + i % 5}", "subject": SUBJECTS[i * i % len(SUBJECTS)]},
            source="made",
            held_out=i >= count,
        )


def answer(problem: Problem, index: int, skill: float, length: int, texts: Texts, model: str) -> tuple[Trace, Verdict]:
    """One answer with its verdict; of the wrong ones some were cut and some loop."""
    chance = texts.random.random()
    right = chance < skill
    ended = "stop" if right or chance < 0.94 else "length" if chance < 0.98 else "loop"
    told = problem.answer if right else "0"
    trace = Trace(
        id=f"{problem.id}/{index}",
        problem_id=problem.id,
        request=f"{texts.random.getrandbits(64):016x}",
        reasoning=texts.reasoning(length),
        response=f"The answer is \\boxed{{{told}}}." if ended == "stop" else "",
        finish_reason=ended,
        prompt_tokens=60,
        completion_tokens=length // 4,
        model=model,
        sampling=Sampling(seed=index),
    )
    reason = (
        "equal" if right else "not equal" if ended == "stop" else "cut at max_tokens" if ended == "length" else "loops"
    )
    found = told if ended == "stop" else None
    return trace, Verdict(
        trace_id=trace.id, verdict="correct" if right else "wrong", extracted=found, reason=reason, kind="math"
    )


def _written(at: Path, name: str, pairs: Iterator[tuple[Trace, Verdict]]) -> Iterator[tuple[Trace, Verdict]]:
    """The same pairs once they are on disk, a thousand at a time."""
    samples, verdicts = Log(at / f"{name}samples.jsonl"), Log(at / f"{name}verdicts.jsonl")
    while part := list(islice(pairs, 1000)):
        samples.append(t for t, _ in part)
        verdicts.append(v for _, v in part)
        yield from part


def _harvest(folder: Path, problems: list[Problem], size: Size, texts: Texts) -> Counts:
    at = folder / OUTPUTS["harvest"]
    at.mkdir()
    lengths = (size.shortest, size.longest)
    asked = ((p, i) for p in problems for i in range(size.per_problem))
    pairs = (
        answer(p, i, 0.2 + 0.15 * (int(p.id[5:]) % 5), texts.random.randint(*lengths), texts, "teacher")
        for p, i in islice(asked, size.traces)
    )
    verdicts, reasons, sums, solved = Counter[str](), Counter[str](), Counter[str](), set()
    for trace, verdict in _written(at, "", pairs):
        verdicts[verdict.verdict] += 1
        reasons[f"{verdict.verdict}: {verdict.reason}"] += 1
        sums.update(completion_tokens=trace.completion_tokens, prompt_tokens=trace.prompt_tokens)
        sums.update(truncated=trace.finish_reason == "length", looping=trace.finish_reason == "loop")
        if verdict.accepted:
            solved.add(trace.problem_id)
    return {
        "samples": verdicts.total(),
        "problems": len(problems),
        "problems_solved": len(solved),
        **{name: verdicts[name] for name in ("correct", "wrong", "unknown")},
        "accepted": verdicts["correct"],
        "reasons": dict(reasons.most_common()),
        **{name: sums[name] for name in ("truncated", "looping", "prompt_tokens", "completion_tokens")},
        **{"estimated_tokens": 0, "unit": "tokens", "unanswered": [], "adopted": 0, "torn_bytes": 0},
        "cost": 2.19 * sums["completion_tokens"] / 1e6,
    }


def _curate(folder: Path, size: Size) -> Counts:
    """The first correct trace of each problem."""
    at = folder / OUTPUTS["curate"]
    at.mkdir()
    right = {v.trace_id for v in Log(folder / OUTPUTS["harvest"] / "verdicts.jsonl").each(Verdict) if v.accepted}
    seen: set[str] = set()

    def rows() -> Iterator[dict[str, Any]]:
        for t in Log(folder / OUTPUTS["harvest"] / "samples.jsonl").each(Trace):
            if t.id in right and t.problem_id not in seen:
                seen.add(t.problem_id)
                yield {
                    "completion": f"<think>\n{t.reasoning}\n</think>\n\n{t.response}",
                    "trace_id": t.id,
                    "problem_id": t.problem_id,
                    "completion_tokens": t.completion_tokens,
                }

    save_rows(rows(), at, {})
    steps = [("sampled", size.traces), ("verdict: correct", len(right)), ("finished", len(right))]
    steps += [("not a near-duplicate", int(0.97 * len(right))), ("shortest, at most 1 a problem", len(seen))]
    funnel = [
        {
            "name": name,
            "traces": n,
            "problems": min(n, len(seen)) if n < size.traces else -(-n // size.per_problem),
            "note": "",
        }
        for name, n in steps
    ]
    return {"rows": len(seen), "funnel": funnel}


def _train(folder: Path, size: Size, chance: random.Random) -> Counts:
    at = folder / OUTPUTS["train"]
    at.mkdir()
    with (at / "metrics.jsonl").open("w") as f:
        for step in range(1, size.steps + 1):
            share = step / size.steps
            loss = 0.35 + 0.8 * exp(-6 * share) + chance.gauss(0, 0.03)
            line = {"step": step, "of": size.steps, "epoch": 2 * share, "loss": loss}
            line |= {
                "learning_rate": 2e-4 * min(1.0, share / 0.05) * (1 - share),
                "grad_norm": 0.3 + chance.expovariate(9),
            }
            line |= {"mean_token_accuracy": 1 - loss / 3, "tokens_per_second": 8200 + chance.gauss(0, 150)}
            f.write(json.dumps(line) + "\n")
    rows = [["<|im_start|>user\nWhat is 1 plus 1?<|im_end|>\n<|im_start|>assistant\n", False], ["2<|im_end|>", True]]
    write_json(at / "first_rows.json", [rows])
    counts: dict[str, Any] = {
        "rows": 15,
        "too_long": 1,
        "longest": 900,
        "tokens": 81000,
        "tokens_in_loss": 70000,
        "packed_rows": 30,
    }
    counts |= {"packing_efficiency": 0.93, "steps": size.steps, "stopped_early": False, "final_loss": 0.35}
    return counts | {
        "final_token_accuracy": 0.88,
        "merge_kl": 0.0004,
        "learning_rate": 2e-4,
        "learning_rate_because": "",
    }


def evaluated(folder: Path, problems: list[Problem], size: Size, texts: Texts, name: str = "held_out") -> Counts:
    """Answers of all models on one set, and a summary with this set added."""
    at = folder / OUTPUTS["evaluate"] / name
    at.mkdir(parents=True)
    write_problems(at / "problems.parquet", problems)
    lengths = (size.shortest, size.longest)
    figures, scores = {}, {}
    for who in size.models:
        asked = [(p, i) for i in range(size.k) for p in problems]
        made = (answer(p, i, SKILL[who], texts.random.randint(*lengths), texts, who) for p, i in asked)
        pairs = list(_written(at, f"{who}.", made))
        scores[who] = _scores(pairs, problems, size.k)
        figures[who] = _figures(pairs, scores[who], problems, size.k)
    summary_file = folder / OUTPUTS["evaluate"] / "summary.json"
    summary: Counts = json.loads(summary_file.read_text()) if summary_file.exists() else {"sets": {}}
    summary["models"] = list(size.models)
    summary["sets"][name] = {
        "figures": figures,
        "differences": [_difference("student", who, scores) for who in size.models if who != "student"],
        "warnings": [],
        "protocol": protocol(len(problems), size.k),
    }
    write_json(summary_file, summary)
    return summary


def protocol(n: int, k: int) -> Counts:
    return {
        **{"n": n, "k": k, "temperature": 0.6, "top_p": 0.95, "max_tokens": 4096, "seed": 0, "confidence": 0.95},
        **{"interval": "bootstrap over problems", "preset": "r1", "engine": "made 1.0", "dtype": "bfloat16 (made)"},
        **{"prompt": {"system": None, "user": "{question}"}, "template": "0" * 16, "problems": "0" * 16},
    }


def _scores(pairs: list[tuple[Trace, Verdict]], problems: list[Problem], k: int) -> list[float]:
    right = Counter(t.problem_id for t, v in pairs if v.verdict == "correct")
    return [right[p.id] / k for p in problems]


def _estimate(values: list[float]) -> Counts:
    """A mean with a normal interval: good enough for a picture."""
    mean = sum(values) / len(values)
    half = 1.96 * sqrt(sum((v - mean) ** 2 for v in values) / len(values) ** 2)
    return {"value": mean, "low": mean - half, "high": mean + half}


def _figures(pairs: list[tuple[Trace, Verdict]], scores: list[float], problems: list[Problem], k: int) -> Counts:
    traces, whole = [t for t, _ in pairs], _estimate(scores)
    ends = Counter(t.finish_reason for t in traces)
    groups: dict[str, dict[str, list[float]]] = {"level": {}, "subject": {}}
    for p, score in zip(problems, scores, strict=True):
        for kind, found in groups.items():
            found.setdefault(str(p.known[kind]), []).append(score)
    told = {
        kind: {
            g: {"n": len(v), "accuracy": (e := _estimate(v))["value"], "low": e["low"], "high": e["high"]}
            for g, v in found.items()
        }
        for kind, found in groups.items()
    }
    powers = sorted({1, k} | {2**i for i in range(8) if 2**i <= k})
    passes = {str(m): _estimate([1 - (1 - s) ** m for s in scores]) for m in powers}
    return {
        **{"n": len(problems), "k": k, "accuracy": whole["value"], "low": whole["low"], "high": whole["high"]},
        **{"standard_error": 0.02, "standard_error_samples": 0.01 if k > 1 else None},
        **{"pass_at": passes, "maj_at": {str(m): whole for m in powers}},
        **{
            "finished": ends["stop"] / len(traces),
            "truncated": ends["length"] / len(traces),
            "looping": ends["loop"] / len(traces),
        },
        "mean_tokens": sum(t.completion_tokens for t in traces) / len(traces),
        "median_tokens": median(t.completion_tokens for t in traces),
        "tokens": sum(t.completion_tokens for t in traces),
        "unknown": 0,
        "reasons": dict(Counter(f"{v.verdict}: {v.reason}" for _, v in pairs).most_common()),
        "groups": told,
    }


def _difference(of: str, minus: str, scores: dict[str, list[float]]) -> Counts:
    found = _estimate([a - b for a, b in zip(scores[of], scores[minus], strict=True)])
    return {
        **{"of": of, "minus": minus, "mean": found["value"], "low": found["low"], "high": found["high"]},
        **{"p_value": 0.01, "test": "sign-flip permutation"},
    }
