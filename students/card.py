"""The model card: metadata that the hub reads, and all that a reader needs to judge and to use the student."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from distill import models
from distill.console import protocol_line
from distill.evaluate.table import in_words
from distill.files import read_json
from distill.problems import read_problems
from distill.recipe import GymProblems, HubProblems, Recipe, TracesProblems
from distill.run import OUTPUTS, read_seal
from students.public import public

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` can be."""

SHOWN = ("harvest", "curate", "train", "on_policy")
"""Stages whose counts stand in the card."""

HELD_OUT = "held_out"
"""The evaluation set of the recipe's own problems."""

MOST_LISTED = 20
"""Sources and teachers that are told one by one."""


def metadata(recipe: Recipe, evaluation: dict[str, Any] | None = None) -> "ModelCardData":
    """The front matter; with an evaluation's summary the model-index, too."""
    from huggingface_hub import ModelCardData

    spec, base = recipe.publish, hub_name(recipe.student.model)
    relation = "finetune" if spec.merged else "adapter"
    data = [
        spec.dataset_id,
        recipe.problems.hub_id if isinstance(recipe.problems, HubProblems | TracesProblems) else None,
    ]
    return ModelCardData(
        base_model=base,
        base_model_relation=relation if base else None,
        license=spec.licence,
        license_name=spec.licence_name,
        license_link=spec.licence_link,
        datasets=[name for name in data if name] or None,
        library_name="transformers" if spec.merged else "peft",
        pipeline_tag="text-generation",
        tags=["distillation", "reasoning", recipe.train.method, "distill"],
        model_name=recipe.name if evaluation else None,
        eval_results=[_result(recipe, *one) for one in evaluation["sets"].items()] if evaluation else None,
    )


def _result(recipe: Recipe, name: str, told: dict[str, Any]) -> "EvalResult":
    """The student on one set as `model-index` has it; the other models and the intervals stand in the text."""
    from huggingface_hub import EvalResult

    protocol, problems = told["protocol"], recipe.problems
    from_hub = isinstance(problems, HubProblems | TracesProblems) and problems.hub_id
    known = from_hub or (", ".join(d.name for d in problems.datasets) if isinstance(problems, GymProblems) else "")
    where, what = from_hub or problems.source, f"{known or problems.source}, {protocol['n']} held-out problems"
    if name != HELD_OUT:
        where, what = name, f"{name}, {protocol['n']} problems"
    return EvalResult(
        task_type="text-generation",
        task_name="Text generation",
        dataset_type=where,
        dataset_name=what,
        metric_type="accuracy",
        metric_name=f"accuracy in % ({protocol_line(protocol)})",
        metric_value=round(100 * told["figures"]["student"]["accuracy"], 2),
    )


def model_card(recipe: Recipe, run: Path, adapter: dict[str, Any] | None, answers: bool) -> str:
    """The README of the student.

    `adapter` is its adapter_config.json, None where all weights were trained; `answers` tells that those of base and
    student are published too.
    """
    from jinja2 import Environment, PackageLoader

    evaluation = read_json(run / OUTPUTS["evaluate"] / "summary.json")
    stages = {stage: seal.counts for stage in SHOWN if (seal := read_seal(run, stage))}
    templates = Environment(loader=PackageLoader("distill.report"), trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {"cell": _cell, "protocol": protocol_line, "p_value": in_words}
    prompt = recipe.student_prompt()
    return templates.get_template("model_card.md").render(
        front=metadata(recipe, evaluation).to_yaml(),
        recipe=recipe,
        base=public(recipe.student.model),
        base_on_hub=hub_name(recipe.student.model),
        here=recipe.publish.hub_id or "./published",
        fetched=recipe.publish.hub_id is not None and recipe.publish.merged,
        lora_rank=min((rank for rank in VLLM_RANKS if adapter and rank >= adapter["r"]), default=None),
        evaluation=evaluation,
        protocol=next(iter(evaluation["sets"].values()))["protocol"],
        messages=json.dumps(prompt.messages("QUESTION"), ensure_ascii=False),
        prompt=prompt,
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", f"{prompt.system} {prompt.user}")), default=0)),
        adapter=adapter,
        answers=answers,
        sources=_sources(run),
        teachers=_counted(run, "teacher"),
        base_licence=recipe.publish.base_licence or licence_of(recipe.student.model, recipe.student.revision),
        **stages,
    )


def _cell(text: str | None) -> str:
    """What others wrote, such as a row's licence, as one cell of a table."""
    return " ".join((text or "").split()).replace("|", "/").replace("<", "&lt;").replace("`", "'")


def hub_name(model: str) -> str | None:
    """The hub id of a base model; None for what the hub would reject as `base_model`."""
    is_id = model.count("/") == 1 and not model.startswith((".", "/", "~", "package:")) and not model.endswith(".gguf")
    return model if is_id and not Path(model).exists() else None


def licence_of(model: str, revision: str | None) -> str | None:
    """What the README beside a model's weights says, in its folder or the hub's cache; None where nothing is said."""
    from huggingface_hub import try_to_load_from_cache

    if name := hub_name(model):
        found = try_to_load_from_cache(name, "README.md", revision=revision)
        path = Path(found) if isinstance(found, str) else None
    else:
        path = Path(models.resolve(model).folder) / "README.md"
    if path is None or not path.is_file():
        return None
    front = re.match(r"---\n(.*?)\n---", path.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    try:
        told = yaml.safe_load(front[1]) if front else {}
    except yaml.YAMLError:
        return None
    licence = told.get("license") if isinstance(told, dict) else None
    return str(told.get("license_name", licence)) if licence else None


def _sources(run: Path) -> list[tuple[str, str, int, int]]:
    """Where problems come from: source, licence, how many are trained on, how many held out; most frequent first."""
    problems = read_problems(run / OUTPUTS["problems"])
    found = Counter((public(p.source), p.licence) for p in problems)
    held = Counter((public(p.source), p.licence) for p in problems if p.held_out)
    return [(*key, count - held[key], held[key]) for key, count in found.most_common(MOST_LISTED)]


def _counted(run: Path, column: str) -> list[tuple[str, int]]:
    """Values of a column of the curated set with their rows."""
    from datasets import load_from_disk

    return Counter(public(load_from_disk(run / OUTPUTS["curate"])[column][:])).most_common(MOST_LISTED)
