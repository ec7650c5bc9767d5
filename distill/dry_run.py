"""What can be known before anything is done: `--dry-run`, `plan`, and what `run` refuses first."""

import math
from typing import TYPE_CHECKING, Any

from distill import models
from distill.chat_template import turn_of
from distill.console import duration, in_money
from distill.errors import Refused
from distill.expected import Expected, expected, published_rows
from distill.model_limits import context_of, refuse_shifting_positions
from distill.problems import make_problems
from distill.recipe import (
    CountdownProblems,
    EndpointTeacher,
    FileProblems,
    GymProblems,
    LocalTeacher,
    Recipe,
    TableProblems,
    Train,
    VLLMTeacher,
)
from distill.records import Problem
from distill.run import dump_recipe
from distill.suitable import refuse_no_student, refuse_no_writer
from distill.tracking.tracker import refuse_without_packages
from distill.verify import code

if TYPE_CHECKING:
    import torch

    from students.devices import Layout
    from students.plan import MemoryPlan


def refuse_early(recipe: Recipe) -> None:
    """Find out now what would fail hours later: models, memory, evaluation sets, keys, what the hub would not take.

    Raises:
        Refused: naming what is missing.
    """
    from distill.curate.decontamination.evaluation_sets import outside_fingerprint
    from distill.evaluate.stage import refuse_unfit
    from students.devices import refuse_without_room
    from students.export import refuse_early as refuse_without_writer
    from students.hub_access import refuse_unpublishable
    from students.methods import refuse_without_bitsandbytes
    from students.plan import refuse_unknown_modules
    from students.rates import refuse_strange_rate
    from students.small import refuse_long_traces
    from students.vocabulary import refuse_tokens_without_embedding
    from teachers.base import in_section
    from teachers.endpoint import api_key
    from teachers.judge import refuse_without_key
    from teachers.vllm import refuse_without_ray, refuse_without_vllm

    refuse_without_packages(recipe.track)
    if isinstance(recipe.problems, TableProblems) and recipe.problems.kind == "code":
        code.runner.configure(recipe.verify.code)
        code.runner.sandbox()
    if isinstance(recipe.teacher, LocalTeacher | VLLMTeacher):
        teacher = models.resolve(recipe.teacher.model, recipe.teacher.revision)
        if isinstance(recipe.teacher, LocalTeacher):
            refuse_no_writer(teacher, "teacher.model")
        _refuse_beyond_context("harvest.max_tokens", recipe.harvest.max_tokens, teacher)
    if isinstance(recipe.teacher, EndpointTeacher):
        api_key(recipe.teacher)
    if recipe.verify.judge is not None:
        refuse_without_key(recipe.verify.judge)
    outside_fingerprint(recipe.curate)
    refuse_unfit(recipe)
    if recipe.curate.domains is not None and recipe.curate.domains.judge is not None:
        with in_section("curate.domains.judge"):
            api_key(recipe.curate.domains.judge)
    if isinstance(recipe.teacher, VLLMTeacher):
        refuse_without_vllm()
        refuse_without_ray(recipe.teacher)
    source = models.of_student(recipe.student)
    refuse_no_student(source)
    config = models.config(source)
    tokenizer = models.tokenizer(source)
    turn_of(tokenizer, source.name, [m["role"] for m in recipe.student_prompt().messages("?")])
    refuse_tokens_without_embedding([], tokenizer, config.get_text_config().vocab_size)
    _refuse_beyond_context("train.max_length", recipe.train.max_length, source, answer=False)
    refuse_shifting_positions(config, source.name, recipe.train.max_length)
    _refuse_beyond_context("evaluate.max_tokens", _longest_answer(recipe), source)
    refuse_unknown_modules(config, recipe.train, source.name)
    parameters = models.parameter_count(config)
    refuse_strange_rate(recipe.train, parameters)
    published = published_rows(recipe)
    if published is not None:
        refuse_long_traces(recipe.train, parameters, published.rows, published.tokens)
    if recipe.train.method == "qlora":
        refuse_without_bitsandbytes()
    if recipe.on_policy is not None:
        _refuse_unfit_judge(recipe)
    bytes_per_weight = models.compute_dtype(recipe.student.dtype)[0].itemsize
    refuse_without_room(config, recipe.train, bytes_per_weight)
    if recipe.publish.gguf:
        refuse_without_writer(source, recipe.publish.gguf)
    refuse_unpublishable(recipe)


def _refuse_unfit_judge(recipe: Recipe) -> None:
    """Refuse a teacher that could not judge the student's own answers, before any is paid for traces."""
    from students.on_policy import refuse_other_teacher
    from teachers.base import in_section
    from teachers.endpoint import api_key
    from teachers.vllm import refuse_without_vllm

    assert recipe.on_policy is not None
    teacher = recipe.on_policy_teacher()
    if isinstance(teacher, LocalTeacher):
        refuse_no_writer(models.resolve(teacher.model, teacher.revision), "on_policy.teacher.model")
    if isinstance(teacher, VLLMTeacher):
        refuse_without_vllm()
    if isinstance(teacher, EndpointTeacher):
        with in_section("on_policy.teacher" if recipe.on_policy.teacher else "teacher"):
            api_key(teacher)
    source = models.of_student(recipe.student)
    refuse_other_teacher(recipe, models.tokenizer(source))
    _refuse_beyond_context("on_policy.max_tokens", recipe.on_policy.max_tokens, source)


def _refuse_beyond_context(key: str, tokens: int, source: models.ModelSource, answer: bool = True) -> None:
    """Refuse rows, or answers which need room for their question too, that cannot fit into the model."""
    context = context_of(models.config(source), source.name)
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
    from students.devices import described, layout_of, refuse_uneven_pieces
    from students.plan import gib, memory_plan, told
    from students.rates import rate_of

    source = models.of_student(recipe.student)
    refuse_no_student(source)
    config = models.config(source)
    dtype, reason = models.compute_dtype(recipe.student.dtype)
    refuse_uneven_pieces(recipe.train.sequence_parallel, recipe.train.max_length, config)
    memory = memory_plan(config, recipe.train, dtype.itemsize)
    layout = layout_of(recipe.train, memory)
    work = expected(recipe)
    compared = ("base", "student") if recipe.on_policy is None else ("base", "sft", "student")
    each, longest = asked(recipe, work.held_out)
    answers = (len(compared) + recipe.evaluate.teacher) * each
    is_free = recipe.teacher.kind in ("program", "replay")
    tokens, price = ("no model tokens", "price 0") if is_free else _bill(recipe, work.problems)
    most = "at most " if recipe.harvest.is_adaptive() else ""
    rate, why = rate_of(recipe.train, memory.parameters, recipe.curate.rows or work.training)
    disk = disk_of(recipe.train, memory, dtype.itemsize)
    lines = [
        f"problems   {work.training:,} to train on, {work.held_out:,} held out",
        f"harvest    {most}{work.samples:,} samples from {recipe.teacher.kind}, {tokens}, {price}",
        f"student    {source.name}: {memory.parameters:,} parameters in {str(dtype).removeprefix('torch.')} ({reason})",
        f"train      {_method(recipe.train)}: {memory.adapter_parameters:,} parameters trained",
        f"           learning rate {rate:g} ({why})",
        *_doubts(recipe.train, memory, work),
        f"memory     about {gib(memory.total)} at the peak of training, in its {memory.at}: {told(memory)}",
        *_room(config, recipe.train, dtype.itemsize, layout, work.mean_tokens),
        f"devices    {described(layout)}",
        *on_gpus(config, recipe.train, _on_cards(recipe)),
        *rented(recipe, config, work),
        *_second_stage(recipe),
        f"evaluate   {answers:,} answers of {', '.join(compared[:-1])} and {compared[-1]}, "
        f"at most {answers * longest:,} tokens",
        f"disk       about {gib(disk)} for adapter, merged checkpoint and training checkpoints",
        f"time       {_expected_time(recipe, config, layout, work, answers)}",
    ]
    return "\n".join(lines)


def asked(recipe: Recipe, held_out: int) -> tuple[int, int]:
    """Answers of one model over all sets of the evaluation, and the most tokens of one; of a set whose size nobody
    knows before it is read, no answer is counted."""
    from distill.evaluate.protocols import DEFAULTS, PRESETS
    from distill.evaluate.sets import expected_size

    spec, answers, longest = recipe.evaluate, 0, 0
    for one in spec.sets:
        n = expected_size(one, held_out) or 0
        published = DEFAULTS | (PRESETS[spec.preset](one.called(), n) if spec.preset else {})
        k = one.samples_per_problem or spec.samples_per_problem or int(published["samples_per_problem"])
        answers, longest = answers + n * k, max(longest, spec.max_tokens or int(published["max_tokens"]))
    return answers, longest


def _longest_answer(recipe: Recipe) -> int:
    return asked(recipe, 1)[1]


def _room(config: Any, train: Train, bytes_per_weight: int, layout: "Layout", tokens: int) -> list[str]:
    """Does it fit on this machine's devices, and what to change where it does not."""
    from students.devices import memory_of_one, share
    from students.fit import advice
    from students.plan import gib

    needed, (free, what) = share(config, train, bytes_per_weight, layout), memory_of_one(layout.devices)
    each = f" for each of {layout.devices} devices" if layout.devices > 1 else ""
    parted = f", {gib(needed)} on each with the weights parted" if layout.parts > 1 else ""
    lines = [f"{gib(free)} of {what} are free{each}: {'it fits' if needed <= free else 'IT DOES NOT FIT'}{parted}"]
    if needed > free:
        lines.append(advice(config, train, bytes_per_weight, free, cards=layout.devices, tokens=tokens))
    return [f"{'':11}{line}" for line in lines]


def _on_cards(recipe: Recipe) -> int:
    """Bytes of a weight on rented cards, all of which compute in bfloat16, whatever this machine does."""
    return 4 if recipe.student.dtype == "float32" else 2


def on_gpus(config: Any, train: Train, bytes_per_weight: int) -> list[str]:
    """For each method the cards that it would fit on, as predicted; those of the recipe's own marked."""
    from students.fit import GPUS, USABLE, advice, among, fits
    from students.plan import gib

    lines: list[str] = []
    for fit in fits(config, train, bytes_per_weight):
        card = next((name for size, name in GPUS if size == fit.gib), None)
        on = f"{fit.cards} x {fit.gib} GB ({card})" if card else "no eight cards of those that are known"
        parted = f", {gib(fit.each)} on each (FSDP2)" if fit.cards > 1 and card else ""
        alone = ", with train.sequence_parallel=1" if fit.cards % train.sequence_parallel else ""
        mark = f"{alone} <- this recipe" if fit.method == train.method else ""
        head = f"{'' if lines else 'on GPUs':11}{fit.method:6}{gib(fit.plan.total):>10} on one"
        lines.append(f"{head}, predicted: {on}{parted}{mark}")
        if mark and not card:
            most = int(USABLE * GPUS[-1][0] * 2**30)
            said = advice(config, among(train, fit.cards), bytes_per_weight, most, "cuda", fit.cards)
            lines.append(f"{'':17}on {fit.cards} x {GPUS[-1][1]}: {said}")
    return lines


def _doubts(train: Train, memory: "MemoryPlan", work: Expected) -> list[str]:
    """How rank, epochs and batch compare with what is known, and what the run would be refused for."""
    from students.known import batch_told, epochs_told, rank_told
    from students.small import refuse_long_traces

    rank = rank_told(train, memory.adapter_parameters, work.rows * work.tokens)
    compared = [rank, epochs_told(train, work.rows), batch_told(train, work.tokens)]
    lines = [f"{'':11}{line}" for line in compared if line]
    try:
        refuse_long_traces(train, memory.parameters, work.rows, work.tokens)
    except Refused as e:
        lines.append(f"{'':11}WILL BE REFUSED: {e} {e.hint}")
    return lines


def rented(recipe: Recipe, config: Any, work: Expected) -> list[str]:
    """Hours and price of training on cards that it fits on, as predicted; weights are in 16 bits there."""
    from students.price import assumptions, offers, told

    found = told(offers(config, recipe.train, _on_cards(recipe), work.trained_on(recipe.train), work.tokens))
    lines = [f"{'hours' if not i else '':11}{line}, predicted" for i, line in enumerate(found)]
    return [*lines, f"{'':11}({assumptions(recipe.train)})"]


def _second_stage(recipe: Recipe) -> list[str]:
    """What the student writes itself; memory and time of that are not foretold."""
    spec = recipe.on_policy
    if spec is None:
        return []
    answers = spec.steps * spec.samples_per_step
    most = f"at most {answers * spec.max_tokens:,} tokens, judged by {recipe.on_policy_teacher().kind}"
    return [f"on_policy  {spec.steps:,} steps on {answers:,} answers of its own, {most}"]


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


def disk_of(train: Train, memory: "MemoryPlan", bytes_per_weight: int) -> int:
    """Bytes of the student as it is saved, of one more while it is written anew, and of the checkpoints: two are kept
    beside the one that is being written, each with what is trained in float32 and its moments."""
    from students.fit import MOMENTS, TRAINED

    checkpoint = memory.adapter_parameters * (TRAINED + MOMENTS[train.optim])
    return 2 * memory.parameters * bytes_per_weight + 3 * checkpoint


def seconds_of(recipe: Recipe, config: Any, layout: "Layout", work: Expected, rate: float) -> float:
    """Of training, from its operations (`students/operations.py`) and so many a second that a matrix product reaches on
    one device. GPUs share the work; processes on a processor share its cores."""
    import torch

    from students.price import operations

    done = operations(config, recipe.train, work.trained_on(recipe.train), work.tokens)
    return done / (TRAINING_SHARE * rate * (layout.devices if torch.cuda.is_available() else 1))


def _expected_time(recipe: Recipe, config: Any, layout: "Layout", work: Expected, answers: int) -> str:
    """From arithmetic alone; of what is sampled 2 operations a parameter and token."""
    parameters = models.parameter_count(config)
    rate = _operations_per_second(models.compute_dtype(recipe.student.dtype)[0])
    train = seconds_of(recipe, config, layout, work, rate)
    evaluate = 2 * parameters * answers * _longest_answer(recipe) / (SAMPLING_SHARE * rate)
    harvest = ""
    if isinstance(recipe.teacher, LocalTeacher):
        teacher = models.parameter_count(models.config(models.resolve(recipe.teacher.model, recipe.teacher.revision)))
        tokens = work.training * recipe.harvest.samples_per_problem * recipe.harvest.max_tokens
        harvest = f"harvest at most {duration(2 * teacher * tokens / (SAMPLING_SHARE * rate))}, "
    return (
        f"{harvest}training about {duration(train)} for {work.rows:,} rows of {work.tokens:,} tokens ({work.how}), "
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
