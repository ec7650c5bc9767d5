"""The second stage: answers of the student itself, judged token by token by its teacher.

on_policy/
  adapter/        the adapter of the stage before, taught on
  merged/         an ordinary checkpoint; what is evaluated and served
  metrics.jsonl   one line an optimiser step: reverse KL, entropy, length, share of whole answers
  samples.jsonl   what the student wrote, a line an answer
  counts.json     what came of it, written once all else is there
  checkpoints/    only while it runs
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill import models
from distill.errors import Refused
from distill.files import read_json, write_json
from distill.folders import write_folder
from distill.model_limits import context_of
from distill.notices import doing
from distill.recipe import LocalTeacher, Recipe
from distill.token_scores import Score
from students.divergence import own_answers, reference
from students.merge import merge
from students.methods import load_student, save_adapter
from students.own_answers import Asked, Continue, OwnAnswers, order_of
from students.same_tokenizer import prompt_ids, refuse_other_prompts, refuse_other_tokenizer
from students.serving import stop_tokens
from students.stage import Metrics, OnStep, sizes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

ADAPTER_RATE, FULL_RATE = 1e-4, 5e-5
"""What Thinking Machines' tinker-cookbook trains with (512 groups of answers, 200 steps)."""

TOLD = ("loss", "entropy", "mean_tokens", "finished", "learning_rate", "grad_norm")
"""Of each step, in `metrics.jsonl`. The loss is the mean reverse KL per token, in nats."""

RATE_KEY = "on_policy.learning_rate"

MOST_COMPARED = 1000
"""Prompts that are rendered with the teacher's chat template too."""

Judge = Callable[[], AbstractContextManager[Score]]
"""Brings a served teacher up, for as long as the context lasts."""


def distil_on_policy(
    recipe: Recipe,
    curated: Path,
    student: Path,
    folder: Path,
    held_out: Collection[str],
    sample: Continue,
    judge: Judge,
    on_step: OnStep,
) -> dict[str, Any]:
    """Train, merge and save; goes on from the last checkpoint. Returns the counts.

    `student` is the folder of the stage `train`; `held_out` are ids of problems that must not be asked; `judge` is used
    where the teacher is not local.

    Raises:
        Refused: another tokenizer, another prompt, answers beyond the context, a held-out problem in the curated set.
        DistillError: the loss became no number, or the served teacher failed.
    """
    assert recipe.on_policy is not None
    done = folder / "counts.json"
    tokenizer = models.tokenizer(models.resolve(str(student / "merged")))
    with doing("checks tokenizers and prompts"):
        asked = gate(recipe, curated, held_out, tokenizer)
    folder.mkdir(exist_ok=True)
    if done.exists() and sizes(folder) == read_json(done)["files"]:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return read_json(done)["counts"]  # killed between the last save and the seal
    rate = recipe.on_policy.learning_rate or (FULL_RATE if recipe.train.method == "full" else ADAPTER_RATE)
    logger.info("on_policy: learning rate %g", rate)
    metrics = Metrics(folder / "metrics.jsonl", on_step, TOLD)
    with _teacher(recipe, judge) as judges:
        trained = _trained(recipe, load_trained(recipe, student), judges, tokenizer, asked, sample, rate, metrics)
    cost = _save(recipe, trained, tokenizer, asked, _thinks(curated), folder)
    counts = {
        "problems": len(asked),
        "steps": metrics.last.get("step", 0),
        "answers": recipe.on_policy.steps * recipe.on_policy.samples_per_step,
        "first_reverse_kl": metrics.first.get("loss"),
        "final_reverse_kl": metrics.last.get("loss"),
        "mean_tokens": metrics.last.get("mean_tokens"),
        "finished": metrics.last.get("finished"),
        **cost,
        "learning_rate": rate,
    }
    write_json(done, {"counts": counts, "files": sizes(folder)})
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return counts


def _trained(
    recipe: Recipe,
    model: "PreTrainedModel",
    judges: "tuple[PreTrainedModel | None, Score | None]",
    tokenizer: "PreTrainedTokenizerBase",
    asked: list[Asked],
    sample: Continue,
    rate: float,
    metrics: Metrics,
) -> "PreTrainedModel":
    """The model after all steps; answers and checkpoints lie beside the metrics."""
    from students.on_policy_trainer import build_trainer
    from students.train import checkpoint_callback, run_trainer

    assert recipe.on_policy is not None
    spec, folder = recipe.on_policy, metrics.path.parent
    order = order_of(len(asked), spec.steps * spec.samples_per_step, recipe.seed)
    limits = (spec.max_tokens, spec.temperature, recipe.seed)
    stops = set(stop_tokens(model.generation_config, tokenizer))
    log = folder / "samples.jsonl"
    answers = OwnAnswers(log, asked, order, tokenizer, stops, limits, sample, spec.batch_size)
    callback = checkpoint_callback(metrics.note, rate_key=RATE_KEY)
    at, seed = folder / "checkpoints", recipe.seed
    return run_trainer(
        build_trainer(model, *judges, tokenizer, answers, spec, recipe.train, rate, seed, at, [callback])
    )


def gate(recipe: Recipe, curated: Path, held_out: Collection[str], tokenizer: "PreTrainedTokenizerBase") -> list[Asked]:
    """All that is looked at before training; returns the problems of the curated set, each once, as they are asked.

    Raises:
        Refused: see `distil_on_policy`.
    """
    from datasets import load_from_disk

    assert recipe.on_policy is not None
    rows = load_from_disk(curated).select_columns(["problem_id", "messages"])
    chats: dict[str, list[dict[str, str]]] = {row["problem_id"]: row["messages"] for row in rows}
    if seen := sorted(chats.keys() & set(held_out)):
        raise Refused(
            f"the curated set holds problem {seen[0]}, which is held out for the evaluation.",
            "Curate again: distill curate RECIPE.",
        )
    theirs = refuse_other_teacher(recipe, tokenizer)
    if not recipe.on_policy.accept_other_template:
        refuse_other_prompts(tokenizer, theirs, list(chats.values())[:MOST_COMPARED])
    asked = [Asked(problem_id, prompt_ids(tokenizer, messages)) for problem_id, messages in chats.items()]
    _refuse_beyond_context(recipe, max(len(one.prompt_ids) for one in asked))
    return asked


def _thinks(curated: Path) -> bool:
    """Has the student learnt to think from most of these traces?"""
    from datasets import load_from_disk

    answers = load_from_disk(curated)["completion"]
    return 2 * sum("</think>" in answer for answer in answers) > len(answers)


def refuse_other_teacher(recipe: Recipe, tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """The tokenizer of who judges: the one that the recipe names, or the model's own.

    Raises:
        Refused: it is another one than the student's.
    """
    assert recipe.on_policy is not None
    teacher = recipe.on_policy_teacher()
    if recipe.on_policy.tokenizer is not None:
        source = models.resolve(recipe.on_policy.tokenizer)
    else:
        source = models.resolve(teacher.model, None if teacher.kind == "endpoint" else teacher.revision)
    theirs = models.tokenizer(source)
    refuse_other_tokenizer(tokenizer, theirs)
    return theirs


def load_trained(recipe: Recipe, student: Path) -> "PreTrainedModel":
    """The student of the stage `train` as it is trained on: its adapter on the base, or all weights in float32."""
    if recipe.train.method == "full":
        return models.load(models.resolve(str(student / "merged")), "float32")
    from peft import PeftModel

    base = load_student(models.of_student(recipe.student), recipe.student.dtype, recipe.train)
    return PeftModel.from_pretrained(base, student / "adapter", is_trainable=True)


@contextmanager
def _teacher(recipe: Recipe, judge: Judge) -> Iterator[tuple["PreTrainedModel | None", Score | None]]:
    """A model in this process, or what asks a served one."""
    teacher = recipe.on_policy_teacher()
    if isinstance(teacher, LocalTeacher):
        yield models.load(models.resolve(teacher.model, teacher.revision), teacher.dtype).requires_grad_(False), None
        return
    with judge() as score:
        yield None, score


def _save(
    recipe: Recipe,
    trained: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    asked: list[Asked],
    thinks: bool,
    folder: Path,
) -> dict[str, Any]:
    """Adapter and merged checkpoint; returns what merging cost, on answers to the problems that were asked."""
    if recipe.train.method != "full":
        write_folder(folder / "adapter", partial(save_adapter, trained))
    source, dtype = models.of_student(recipe.student), recipe.student.dtype
    said = own_answers(trained, tokenizer, [one.prompt_ids for one in asked], recipe.seed)
    with doing("merges the student and measures what that costs"), reference(trained, said, folder) as before:
        whole = None if recipe.train.method == "qlora" else trained
        del trained
        return merge(whole, before, source, dtype, recipe.train, tokenizer, thinks, folder, RATE_KEY)


def _refuse_beyond_context(recipe: Recipe, longest: int) -> None:
    """Refuse answers that may run past what student or teacher can see."""
    assert recipe.on_policy is not None
    teacher = recipe.on_policy_teacher()
    models_asked = {"student": models.of_student(recipe.student)}
    if teacher.kind != "endpoint":
        models_asked["teacher"] = models.resolve(teacher.model, teacher.revision)
    for who, source in models_asked.items():
        context = context_of(models.config(source), source.name)
        if longest + recipe.on_policy.max_tokens > context:
            raise Refused(
                f"on_policy.max_tokens={recipe.on_policy.max_tokens} and the longest prompt, {longest} tokens, exceed "
                f"the {who}'s context of {context} tokens.",
                f"Set it to at most {max(0, context - longest)}.",
            )
