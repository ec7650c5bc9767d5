"""What can be known before anything is done: `--dry-run`, `plan`, and what `run` refuses first."""

import asyncio
import math
import os
from typing import TYPE_CHECKING, Any

from distill import models
from distill.console import duration, in_money
from distill.errors import Refused
from distill.problems import make_problems
from distill.recipe import (
    CountdownProblems,
    EndpointTeacher,
    FileProblems,
    GymProblems,
    LocalTeacher,
    ProgramTeacher,
    Recipe,
    TableProblems,
    Train,
    VLLMTeacher,
)
from distill.records import Problem
from distill.run import dump_recipe
from distill.verify import code

if TYPE_CHECKING:
    import torch


def refuse_early(recipe: Recipe) -> None:
    """Find out now what would fail hours later: models, memory, evaluation sets, keys, the token for the hub.

    Raises:
        Refused: naming what is missing.
    """
    from distill.curate.evaluation_sets import outside_fingerprint
    from students.devices import layout_of, share
    from students.methods import refuse_without_bitsandbytes
    from students.plan import memory_plan, refuse_unknown_modules, refuse_without_memory
    from students.rates import refuse_strange_rate
    from teachers.base import in_section
    from teachers.endpoint import api_key
    from teachers.judge import refuse_without_key
    from teachers.vllm import refuse_without_ray, refuse_without_vllm

    if isinstance(recipe.problems, TableProblems) and recipe.problems.kind == "code":
        code.runner.configure(recipe.verify.code)
        code.runner.sandbox()
    if isinstance(recipe.teacher, LocalTeacher | VLLMTeacher):
        teacher = models.resolve(recipe.teacher.model, recipe.teacher.revision)
        _refuse_beyond_context("harvest.max_tokens", recipe.harvest.max_tokens, teacher)
    if isinstance(recipe.teacher, EndpointTeacher):
        api_key(recipe.teacher)
    if recipe.verify.judge is not None:
        refuse_without_key(recipe.verify.judge)
    outside_fingerprint(recipe.curate)
    if recipe.curate.domains is not None and recipe.curate.domains.judge is not None:
        with in_section("curate.domains.judge"):
            api_key(recipe.curate.domains.judge)
    if isinstance(recipe.teacher, VLLMTeacher):
        refuse_without_vllm()
        refuse_without_ray(recipe.teacher)
    source = models.resolve(recipe.student.model, recipe.student.revision)
    config = models.config(source)
    models.tokenizer(source)
    _refuse_beyond_context("train.max_length", recipe.train.max_length, source, answer=False)
    _refuse_beyond_context("evaluate.max_tokens", recipe.evaluate.max_tokens, source)
    refuse_unknown_modules(config, recipe.train, source.name)
    refuse_strange_rate(recipe.train, models.parameter_count(config))
    if recipe.train.method == "qlora":
        refuse_without_bitsandbytes()
    bytes_per_weight = models.compute_dtype(recipe.student.dtype)[0].itemsize
    memory = memory_plan(config, recipe.train, bytes_per_weight)
    refuse_without_memory(share(memory, layout_of(recipe.train, memory)), recipe.train)
    if recipe.publish.hub_id and not os.environ.get("HF_TOKEN"):
        raise Refused(
            f"publish.hub_id={recipe.publish.hub_id} needs a token, and HF_TOKEN is not set.",
            "export HF_TOKEN=..., or set publish.hub_id=null.",
        )


def _refuse_beyond_context(key: str, tokens: int, source: models.ModelSource, answer: bool = True) -> None:
    """Refuse rows, or answers which need room for their question too, that cannot fit into the model."""
    context = models.config(source).get_text_config().max_position_embeddings
    if tokens > context - answer:
        beside = ", and the question needs room too" if answer else ""
        raise Refused(
            f"{key}={tokens} exceeds the context of '{source.name}', {context} tokens{beside}.",
            "Lower it, or choose a model with a longer context.",
        )


def dry_run(recipe: Recipe) -> str:
    """Everything that `run` does before its first stage; returns the resolved recipe."""
    refuse_early(recipe)
    if isinstance(recipe.problems, CountdownProblems | FileProblems | GymProblems):
        make_problems(recipe.problems, recipe.seed)
    return dump_recipe(recipe) + "\n# nothing was done (--dry-run)"


def plan(recipe: Recipe) -> str:
    """The plan as text: what each stage will do and what it is expected to need."""
    from students.devices import described, layout_of
    from students.plan import available_memory, gib, memory_plan
    from students.rates import rate_of
    from teachers.harvest import most_samples

    source = models.resolve(recipe.student.model, recipe.student.revision)
    config = models.config(source)
    dtype, reason = models.compute_dtype(recipe.student.dtype)
    memory = memory_plan(config, recipe.train, dtype.itemsize)
    free, what = available_memory()
    problems = make_problems(recipe.problems, recipe.seed)
    training = [p for p in problems if not p.held_out]
    samples = sum(most_samples(p, recipe.harvest) for p in training)
    answers = 2 * (len(problems) - len(training)) * recipe.evaluate.samples_per_problem
    is_free = recipe.teacher.kind in ("program", "replay")
    tokens, price = ("no model tokens", "price 0") if is_free else _bill(recipe, training)
    most = "at most " if recipe.harvest.is_adaptive() else ""
    rate, why = rate_of(recipe.train, memory.parameters, recipe.curate.rows or len(training))
    disk = 2 * memory.weights + memory.adapter_parameters * 16
    lines = [
        f"problems   {len(training):,} to train on, {len(problems) - len(training):,} held out",
        f"harvest    {most}{samples:,} samples from {recipe.teacher.kind}, {tokens}, {price}",
        f"student    {source.name}: {memory.parameters:,} parameters in {str(dtype).removeprefix('torch.')} ({reason})",
        f"train      {_method(recipe.train)}: {memory.adapter_parameters:,} parameters trained",
        f"           learning rate {rate:g} ({why})",
        f"memory     about {gib(memory.total)} at the peak of training: weights {gib(memory.weights)}, adapter "
        f"{gib(memory.adapter)}, activations {gib(memory.activations)}, logits {gib(memory.logits)}, "
        f"libraries {gib(memory.libraries)}",
        f"           {gib(free)} of {what} are free: {'it fits' if memory.total <= free else 'IT DOES NOT FIT'}",
        f"devices    {described(layout_of(recipe.train, memory))}",
        *_on_gpus(config, recipe.train, dtype.itemsize),
        f"evaluate   {answers:,} answers of base and student, at most {answers * recipe.evaluate.max_tokens:,} tokens",
        f"disk       about {gib(disk)} for adapter, merged checkpoint and training checkpoints",
        f"time       {_expected_time(recipe, memory.parameters, training, answers)}",
    ]
    return "\n".join(lines)


def _on_gpus(config: Any, train: Train, bytes_per_weight: int) -> list[str]:
    """For each method the cards that it would fit on, as predicted; those of the recipe's own marked."""
    from students.fit import GPUS, fits
    from students.plan import gib

    lines: list[str] = []
    for fit in fits(config, train, bytes_per_weight):
        card = next((name for size, name in GPUS if size == fit.gib), None)
        on = f"{fit.cards} x {fit.gib} GB ({card})" if card else "no eight cards of those that are known"
        mark = " <- this recipe" if fit.method == train.method else ""
        head = f"{'' if lines else 'on GPUs':11}{fit.method:6}{gib(fit.plan.total):>10} in all"
        lines.append(f"{head}, predicted: {on}{mark}")
    if not train.gradient_checkpointing:
        lines.append(f"{'':11}with train.gradient_checkpointing=true less, for about a third more time")
    return lines


def _method(train: Train) -> str:
    names = {"full": "all weights", "qlora": "QLoRA", "lora": "DoRA" if train.use_dora else "LoRA"}
    return names[train.method] + ("" if train.method == "full" else f" of rank {train.lora_r}")


def _bill(recipe: Recipe, training: list[Problem]) -> tuple[str, str]:
    """The most that the teacher can cost, in tokens sampled and in money."""
    from teachers.budget import Spent, longest_sample
    from teachers.harvest import most_samples, price_of

    harvest, price = recipe.harvest, price_of(recipe.teacher)
    each = [(most_samples(p, harvest), longest_sample(p, harvest)) for p in training]
    longest = Spent(sum(n * one.prompt for n, one in each), sum(n * one.completion for n, one in each))
    tokens = min(longest.completion, harvest.max_total_tokens or longest.completion)
    money = min(longest.cost(price), harvest.max_cost or math.inf)
    if price:
        return f"at most {tokens:,} tokens", f"price at most {in_money(money)}"
    return f"at most {tokens:,} tokens", "price unknown" if recipe.teacher.kind == "endpoint" else "price 0"


def _expected_time(recipe: Recipe, parameters: int, training: list[Problem], answers: int) -> str:
    """From matrix arithmetic alone: 2 operations a parameter and token forward, 2 back (LoRA freezes the weights)."""
    rate = _operations_per_second(models.compute_dtype(recipe.student.dtype)[0])
    row_tokens, how = _row_tokens(recipe, training)
    most = len(training) * (recipe.curate.traces_per_problem or recipe.harvest.samples_per_problem)
    rows = min(most, recipe.curate.rows or most)
    train = 4 * parameters * rows * row_tokens * recipe.train.num_train_epochs / (TRAINING_SHARE * rate)
    evaluate = 2 * parameters * answers * recipe.evaluate.max_tokens / (SAMPLING_SHARE * rate)
    harvest = ""
    if isinstance(recipe.teacher, LocalTeacher):
        teacher = models.parameter_count(models.config(models.resolve(recipe.teacher.model, recipe.teacher.revision)))
        tokens = len(training) * recipe.harvest.samples_per_problem * recipe.harvest.max_tokens
        harvest = f"harvest at most {duration(2 * teacher * tokens / (SAMPLING_SHARE * rate))}, "
    return (
        f"{harvest}training about {duration(train)} for {rows:,} rows of {row_tokens:,} tokens ({how}), "
        f"evaluation at most {duration(evaluate)}, from {rate / 1e9:,.0f} GFLOP/s measured just now"
    )


TRAINING_SHARE, SAMPLING_SHARE = 0.55, 0.25
"""Of the speed of a plain matrix product, what training and sampling reached on two CPU cores."""


def _operations_per_second(dtype: "torch.dtype") -> float:
    import time

    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    a = torch.randn(1024, 1024, device=device).to(dtype)
    torch.mm(a, a)
    started = time.perf_counter()
    for _ in range(8):
        result = torch.mm(a, a)
    result.sum().item()
    return 8 * 2 * 1024**3 / (time.perf_counter() - started)


def _row_tokens(recipe: Recipe, training: list[Problem]) -> tuple[int, str]:
    """Mean tokens of a training row: measured on a few traces of a program, else the most there can be."""
    if not isinstance(recipe.teacher, ProgramTeacher):
        return min(recipe.train.max_length, recipe.harvest.max_tokens), "the most there can be"
    from distill.chat_template import turn_of
    from students.render import render
    from teachers.harvest import request_for
    from teachers.program import CountdownProgram

    program = CountdownProgram(recipe.teacher)
    asked = [request_for(p, 0, recipe.harvest, recipe.seed) for p in training[:50]]
    tokenizer = models.tokenizer(models.resolve(recipe.student.model, recipe.student.revision))
    turn = turn_of(tokenizer, recipe.student.model)
    lengths = [len(render(tokenizer, turn, r.id, r.messages, asyncio.run(program.answer(r)).text)) for r in asked]
    return round(sum(lengths) / len(lengths)), f"mean of {len(lengths)} traces"
