"""Base and student on the held-out problems: same prompts, same sampling, side by side.

Where a second stage of training follows (`on_policy`), the student of the first stands between them as `sft`.
"""

import asyncio
import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distill import models
from distill.errors import Refused
from distill.evaluate.statistics import accuracy, exact_mcnemar, paired_difference
from distill.files import Log, write_json
from distill.recipe import Evaluate, Recipe
from distill.records import Problem, Sampling, Trace, Verdict, derived_seed, digest
from distill.verify import KINDS, configure, judge, judge_trace, stated
from teachers.base import Request
from teachers.local import LocalModel
from teachers.sampler import sample

OnProgress = Callable[[str, int, int], None]
"""Called with who is evaluated, answers on disk, answers wanted."""


def evaluate(
    recipe: Recipe, problems: list[Problem], students: dict[str, Path], folder: Path, on_progress: OnProgress
) -> dict[str, Any]:
    """Sample the base and all students, judge, compare; writes `summary.json` beside the answers and returns it.

    `students` are checkpoint folders by name, `student` last: the one that is compared with those before it.

    Raises:
        Refused: a gold answer that its own verifier does not accept, or no held-out problem.
    """
    held = [p for p in problems if p.held_out]
    configure(recipe.verify)
    refuse_broken_gold(held)
    folder.mkdir(exist_ok=True)
    contestants = {
        "base": models.of_student(recipe.student),
        **{who: models.resolve(str(student)) for who, student in students.items()},
    }
    requests = _requests(held, recipe)
    rows = {
        who: _answers(
            who,
            LocalModel(source, recipe.student.dtype, min(recipe.evaluate.batch_size, len(requests)), who),
            requests,
            held,
            folder,
            on_progress,
        )
        for who, source in contestants.items()
    }
    summary = summarise(rows, held, recipe)
    write_json(folder / "summary.json", summary)
    return summary


def refuse_broken_gold(problems: list[Problem]) -> None:
    """Every gold answer must verify as equal to itself (kinds without one are skipped)."""
    if not problems:
        raise Refused("there is no held-out problem to evaluate on.")
    for p in problems:
        if p.kind not in KINDS:
            raise Refused(f"problem {p.id} is of the unknown kind '{p.kind}'.")
        if p.answer:
            found = judge(p.kind, stated(p), p.answer, p.data)
            if found.verdict != "correct":
                raise Refused(
                    f"the gold answer {p.answer!r} of problem {p.id} does not verify as equal to itself "
                    f"({found.reason}).",
                    "Every model would fail it. Mend the answer or leave the problem out.",
                )


def _requests(held: list[Problem], recipe: Recipe) -> list[Request]:
    spec = recipe.evaluate
    return [
        Request(
            id=f"{p.id}/{index}",
            problem=p,
            messages=recipe.student_prompt().messages(p.question),
            sampling=Sampling(
                temperature=spec.temperature,
                top_p=spec.top_p,
                max_tokens=spec.max_tokens,
                seed=derived_seed(recipe.seed, "evaluate", p.id, index),
            ),
        )
        for index in range(spec.samples_per_problem)
        for p in held
    ]


def _answers(
    who: str, model: LocalModel, requests: list[Request], held: list[Problem], folder: Path, on_progress: OnProgress
) -> list[tuple[Trace, Verdict]]:
    """All answers of one model with their verdicts; what is on disk already is not sampled again."""
    samples, verdicts = Log(folder / f"{who}.samples.jsonl"), Log(folder / f"{who}.verdicts.jsonl")
    by_id = {p.id: p for p in held}
    judged = {v.trace_id: v for v in verdicts.read(Verdict)}

    def judge_new(traces: list[Trace]) -> None:
        fresh = [judge_trace(t, by_id[t.problem_id]) for t in traces if t.id not in judged]
        verdicts.append(fresh)
        judged.update({v.trace_id: v for v in fresh})
        on_progress(who, len(judged), len(requests))

    async def run() -> None:
        try:
            await sample(model, requests, samples, judge_new)
        finally:
            await model.close()

    judge_new(samples.read(Trace))
    asyncio.run(run())
    return [(t, judged[t.id]) for t in samples.read(Trace)]


def summarise(rows: dict[str, list[tuple[Trace, Verdict]]], held: list[Problem], recipe: Recipe) -> dict[str, Any]:
    """Figures of both models, their paired difference, and the protocol that they hold for."""
    spec, seed = recipe.evaluate, recipe.seed
    scores = {who: _scores(pairs, held) for who, pairs in rows.items()}
    between = {"difference_from_sft": _difference(scores["sft"], scores["student"], recipe)} if "sft" in rows else {}
    return {
        **{who: _figures(rows[who], scores[who], spec, seed) for who in rows},
        "difference": _difference(scores["base"], scores["student"], recipe),
        **between,
        "protocol": protocol(held, recipe),
    }


def _difference(before: list[float], after: list[float], recipe: Recipe) -> dict[str, Any]:
    """Of two models on the same problems, paired."""
    spec = recipe.evaluate
    difference = paired_difference(before, after, spec.samples_per_problem, spec.confidence, recipe.seed)
    p_value = exact_mcnemar(before, after) if spec.samples_per_problem == 1 else None
    return {**asdict(difference), "p_value": p_value}


def _scores(pairs: list[tuple[Trace, Verdict]], held: list[Problem]) -> list[float]:
    """Per problem, in the order of the problems: the share of its samples that are correct."""
    right = Counter(t.problem_id for t, v in pairs if v.verdict == "correct")
    asked = Counter(t.problem_id for t, _ in pairs)
    return [right[p.id] / asked[p.id] for p in held]


def _figures(pairs: list[tuple[Trace, Verdict]], scores: list[float], spec: Evaluate, seed: int) -> dict[str, Any]:
    estimate = accuracy(scores, spec.samples_per_problem, spec.confidence, seed)
    return {
        "accuracy": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "finished": sum(t.finish_reason == "stop" for t, _ in pairs) / len(pairs),
        "mean_tokens": sum(t.completion_tokens for t, _ in pairs) / len(pairs),
        "unknown": sum(v.verdict == "unknown" for _, v in pairs),
        "reasons": dict(Counter(f"{v.verdict}: {v.reason}" for _, v in pairs).most_common()),
    }


def protocol(held: list[Problem], recipe: Recipe) -> dict[str, Any]:
    """All that the figures depend on besides the models."""
    import torch

    spec = recipe.evaluate
    dtype, reason = models.compute_dtype(recipe.student.dtype)
    return {
        "n": len(held),
        "k": spec.samples_per_problem,
        "temperature": spec.temperature,
        "top_p": spec.top_p,
        "max_tokens": spec.max_tokens,
        "seed": recipe.seed,
        "confidence": spec.confidence,
        "interval": "Wilson score intervals; Newcombe's paired score interval for the difference"
        if spec.samples_per_problem == 1
        else "bootstrap over problems",
        "prompt": recipe.student_prompt().model_dump(),
        "problems": digest([[p.id, p.question, p.answer, p.data] for p in held]),
        "base": recipe.student.model,
        "engine": f"transformers {version('transformers')}",
        "torch": torch.__version__,
        "dtype": f"{str(dtype).removeprefix('torch.')} ({reason})",
        "batch_size": spec.batch_size,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
    }
