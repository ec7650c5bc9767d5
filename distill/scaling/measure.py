"""Test-time scaling: a model on the same problems with ever more compute, as a curve that goes on where it was killed.

FOLDER/continuations.jsonl        what the engine was asked, each once: rounds of thinking, answers
FOLDER/<setting>.samples.jsonl    Trace, with <setting>.forced.jsonl and <setting>.verdicts.jsonl
FOLDER/problems.parquet  curve.json  curve.svg
"""

import asyncio
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from distill.errors import Refused
from distill.evaluate.gold import refuse_broken_gold
from distill.files import Log, cannot_write, read_json, write_json
from distill.problems import write_problems
from distill.records import Problem, Sampling, Trace, Verdict, derived_seed, digest
from distill.scaling.figures import Answer, summary
from distill.scaling.forced import FORMATS, Limits
from distill.scaling.forced_answers import ForcedAnswers, judged
from distill.scaling.forcing import Forcing
from distill.scaling.models import Asked
from distill.scaling.settings import CLASSES, Method, Scale, Setting, settings
from distill.verify import configure
from teachers.base import Request
from teachers.continuing import Memory
from teachers.sampler import sample

OnProgress = Callable[[str, int, int], None]
"""Called with the label of the evaluation, answers on disk, answers wanted."""

CONTINUATIONS = "continuations.jsonl"

LONGEST_WORDS = "Think for up to 1000000000 tokens."
"""As long as an instruction of methods token and step can be."""


class Plan(NamedTuple):
    """What is asked of a model."""

    method: Method
    budgets: list[int | None]
    """Tokens, or steps; None for all that the context leaves."""
    waits: list[int]
    spec: Scale

    @property
    def temperature(self) -> float:
        default = 1.0 if self.method in ("rejection", "sampling") else 0.0
        return default if self.spec.temperature is None else self.spec.temperature


def scale(asked: Asked, plan: Plan, problems: list[Problem], folder: Path, on_progress: OnProgress) -> dict[str, Any]:
    """Sample, judge and summarise; `curve.json` lies in the folder then, and is returned.

    Raises:
        Refused: a gold answer that its own verifier does not accept, a budget that does not fit, a folder of another
            model, other problems or another protocol; before anything is sampled.
        TeacherError: the engine failed; what was sampled is on disk, and the same command goes on.
    """
    spec = plan.spec
    configure(spec.verify)
    refuse_broken_gold(problems)
    if plan.temperature == 0 and spec.samples_per_problem > 1:
        raise Refused(
            f"samples_per_problem={spec.samples_per_problem} at temperature 0 samples the same answer again and again.",
            "Set temperature=0.6, or so.",
        )
    if plan.method == "rejection" and plan.temperature == 0:
        raise Refused("--method rejection at temperature 0 rejects the same sample again and again.")
    form = FORMATS[spec.format]
    forcing = Forcing(asked.engine, asked.tokenizer, asked.turn_ends, form, spec.wait_text, spec.answer_prefix)
    planned = settings(plan.method, plan.budgets, plan.waits, spec, _room(forcing, plan, problems, asked.context))
    protocol = _protocol(asked, plan, problems)
    with _claimed(folder, protocol):
        write_problems(folder / "problems.parquet", problems)
        memory = Memory(asked.engine, Log(folder / CONTINUATIONS))
        forcing.engine = memory
        answers = asyncio.run(_all(forcing, memory, planned, plan, problems, folder, on_progress))
    found = summary(plan.method, planned, answers, problems, spec)
    warnings = [forcing.foreign] if forcing.foreign else []
    told = {**found, "warnings": warnings, "sampled_tokens": memory.tokens, "protocol": {**protocol, **_shown(spec)}}
    write_json(folder / "curve.json", told)
    return told


def _room(forcing: Forcing, plan: Plan, problems: list[Problem], context: int | None) -> int | None:
    """Thinking tokens that fit beside the longest prompt, with the longest instruction, and the answer."""
    if context is None:
        return None
    words = {"class": CLASSES["long"], "token": LONGEST_WORDS, "step": LONGEST_WORDS}.get(plan.method, "")
    longest = max(len(forcing.prompt(_messages(p, plan.spec, f"\n\n{words}"))) for p in problems)
    room = context - forcing.longest(longest, Limits(0, plan.spec.answer_tokens))
    if room < 1:
        raise Refused(
            f"the longest prompt and an answer of {plan.spec.answer_tokens} tokens leave no room to think in a context "
            f"of {context} tokens.",
            "Lower answer_tokens, or leave the question out.",
        )
    return room


def _messages(problem: Problem, spec: Scale, instruction: str) -> list[dict[str, str]]:
    return spec.prompt.messages(problem.question + instruction)


async def _all(
    forcing: Forcing,
    memory: Memory,
    planned: list[Setting],
    plan: Plan,
    problems: list[Problem],
    folder: Path,
    on_progress: OnProgress,
) -> dict[str, list[Answer]]:
    try:
        return {s.label: await _one(forcing, s, plan, problems, folder, on_progress) for s in planned}
    finally:
        await memory.close()


async def _one(
    forcing: Forcing, setting: Setting, plan: Plan, problems: list[Problem], folder: Path, on_progress: OnProgress
) -> list[Answer]:
    """All answers of one evaluation with their verdicts."""
    log = {part: Log(folder / f"{setting.label}.{part}.jsonl") for part in ("samples", "forced", "verdicts")}
    teacher = ForcedAnswers(forcing, setting.limits, log["forced"], setting.tries)
    requests = _requests(setting, plan, problems)
    wanted = {request.digest(teacher.name) for request in requests}
    by_id = {p.id: p for p in problems}
    held = {t.id for t in log["samples"].each(Trace)}
    log["verdicts"].leave_out(Verdict, lambda v: v.trace_id not in held)  # somebody deleted the answer
    verdicts = {v.trace_id: v for v in log["verdicts"].each(Verdict)}

    def judge_new(traces: list[Trace]) -> None:
        new = [t for t in traces if t.request in wanted and t.id not in verdicts]
        fresh = [judged(t, by_id[t.problem_id], teacher.forced[t.id]) for t in new]
        log["verdicts"].append(fresh)
        verdicts.update({v.trace_id: v for v in fresh})
        on_progress(setting.label, len(verdicts), len(requests))

    judge_new(log["samples"].read(Trace))
    await sample(teacher, requests, log["samples"], judge_new)
    traces = [t for t in log["samples"].read(Trace) if t.request in wanted]
    return [Answer(t, verdicts[t.id], teacher.forced[t.id]) for t in traces]


def _requests(setting: Setting, plan: Plan, problems: list[Problem]) -> list[Request]:
    """The seed is that of problem and sample alone: every evaluation of a curve begins the same thought."""
    spec, most = plan.spec, setting.limits.budget + setting.limits.answer
    return [
        Request(
            id=f"{p.id}/{index}",
            problem=p,
            messages=_messages(p, spec, setting.instruction),
            sampling=Sampling(
                temperature=plan.temperature,
                top_p=spec.top_p,
                max_tokens=most,
                seed=derived_seed(spec.seed, "scale", p.id, index),
            ),
        )
        for index in range(spec.samples_per_problem)
        for p in problems
    ]


def _protocol(asked: Asked, plan: Plan, problems: list[Problem]) -> dict[str, Any]:
    """All that the figures depend on, but for budgets and the number of samples, which a folder may have more of."""
    spec = plan.spec
    return {
        "model": asked.name,
        "engine": asked.told,
        "method": plan.method,
        "n": len(problems),
        "temperature": plan.temperature,
        **spec.model_dump(mode="json", exclude=_ASIDE),
        "problems": digest([[p.id, p.question, p.answer, p.data] for p in problems]),
    }


def _shown(spec: Scale) -> dict[str, Any]:
    return {"k": spec.samples_per_problem, "confidence": spec.confidence}


_ASIDE = {*"count samples_per_problem temperature batch_size vllm endpoint problems confidence dtype".split()}


@contextmanager
def _claimed(folder: Path, protocol: dict[str, Any]) -> Iterator[None]:
    """A folder that nobody else writes, and that holds this curve or none.

    Raises:
        Refused: it is in use, cannot be written, or holds another curve.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as e:
        raise cannot_write(folder, e) from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"{folder} is in use by another command.", "Wait for it, or stop it.") from None
        path = folder / "protocol.json"
        held = read_json(path) if path.exists() else protocol
        if changed := sorted(key for key in protocol if held.get(key) != protocol[key]):
            raise Refused(
                f"{folder} holds a curve that was made otherwise: {changed[0]} was {str(held.get(changed[0]))[:60]} "
                f"and is {str(protocol[changed[0]])[:60]}.",
                "Name another folder with --out; budgets, waits and samples_per_problem may change in one.",
            )
        write_json(path, protocol)
        yield
