"""Base and student on the held-out problems: same prompts, same sampling, side by side.

Where a second stage of training follows (`on_policy`), the student of the first stands between them as `sft`.
"""

import asyncio
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distill import models
from distill.errors import Refused
from distill.evaluate.answers import Method, SetResult, refuse_broken_set
from distill.evaluate.summary import summarise
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
    refuse_broken_set(held, recipe.evaluate.cluster_by)
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
    result = SetResult(held, rows, protocol(held, recipe), _method(recipe.evaluate, recipe.seed))
    summary = summarise({"held_out": result})
    write_json(folder / "summary.json", summary)
    return summary


def refuse_broken_gold(problems: list[Problem]) -> None:
    """Every gold answer must verify as equal to itself (kinds without one are skipped)."""
    refuse_broken_set(problems)
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


def _method(spec: Evaluate, seed: int) -> Method:
    return Method(spec.confidence, seed, spec.bootstrap, spec.ties, spec.cluster_by)


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
        "bootstrap": spec.bootstrap,
        "ties": spec.ties,
        "cluster_by": spec.cluster_by,
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
