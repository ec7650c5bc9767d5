"""The last stage: all that is published in one folder, then, if the recipe names repositories, the hub.

    published/            the model repository: the checkpoint at the root, README.md, recipe.yaml, distill.json
      adapter/            what PEFT and vLLM load over the base
      evaluation/         figures, and each answer with its verdict
      dataset/            the data set repository (publish.dataset_id): the curated set as parquet, with its card

The adapter lies in a folder: at the root, its config would make transformers load the base and lay the adapter over it
instead of the checkpoint beside it; in a repository of its own, the two could be of different trainings.
All is written before anything is pushed, so a push that fails costs nothing: the same command pushes again.
"""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from distill.files import read_json, write_json
from distill.notices import doing
from distill.recipe import Recipe
from distill.run import OUTPUTS, unsealed
from students.card import hub_name, model_card
from students.export import export
from students.hub import hub_token
from students.hub_access import targets
from students.public import public
from students.push import MANIFEST, push, write_manifest

logger = logging.getLogger(__name__)

MOST_ANSWERS = 50 << 20
"""Bytes of answers and verdicts that are published; more than that is left out."""

PLACES = ("source", "teacher", "file")
"""Columns of the curated set that can hold paths."""

ROWS_A_FILE = 100_000
"""Of the data set's parquet files."""


def publish(recipe: Recipe, run: Path, folder: Path) -> dict[str, Any]:
    """Fill `published/` and push it where the recipe says. Returns where it went.

    Raises:
        DistillError: the hub refused or could not be reached; the folder is complete.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with doing("writes the checkpoint, cards and answers"):
        _write(recipe, run, unfinished)
    if _is_edited(folder, unfinished):
        kept = unsealed(folder)
        os.replace(folder, kept)
        logger.info("publish: %s/ held words or files of your own, and is kept as %s/", folder.name, kept.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)
    wanted = targets(recipe)
    if not wanted:
        return {"where": f"written to {folder}/; nothing left the machine (publish.hub_id is null)"}
    token = hub_token()
    folders = {"model": folder, "dataset": folder / "dataset"}
    return {"where": "pushed to " + " and ".join(push(target, folders[target.kind], token) for target in wanted)}


def _write(recipe: Recipe, run: Path, at: Path) -> None:
    """The folder as it is published, manifests last."""
    student = run / OUTPUTS["train" if recipe.on_policy is None else "on_policy"]
    has_adapter = recipe.train.method != "full"
    shutil.copytree(student / ("merged" if recipe.publish.merged else "adapter"), at, copy_function=_link_or_copy)
    if recipe.publish.merged and has_adapter:
        shutil.copytree(student / "adapter", at / "adapter", copy_function=_link_or_copy)
    if recipe.publish.gguf:
        for one in export(student / "merged", run / "gguf", recipe.publish.gguf, recipe.name):
            _link_or_copy(str(run / "gguf" / one.file), str(at / one.file))
    if not recipe.publish.merged:
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            if (student / "merged" / name).exists():
                shutil.copy(student / "merged" / name, at)
    adapter = _mend_adapter(at / "adapter" if recipe.publish.merged else at, recipe) if has_adapter else None
    answers = _write_evaluation(recipe, run / OUTPUTS["evaluate"], at / "evaluation")
    (at / "README.md").write_text(model_card(recipe, run, adapter, answers), encoding="utf-8")
    told = yaml.safe_dump(public(recipe.model_dump(mode="json")), sort_keys=False, allow_unicode=True)
    (at / "recipe.yaml").write_text(told, encoding="utf-8")
    if recipe.publish.dataset_id:
        write_data(run / OUTPUTS["curate"], at / "dataset")
        write_manifest(at / "dataset", recipe.name)
    write_manifest(at, recipe.name, without="dataset")


def _mend_adapter(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """Name the base by its hub id, or not at all: PEFT writes the folder of this machine. Returns the config."""
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's template, empty
    base = hub_name(recipe.student.model)
    revision = recipe.student.revision if base else None
    config = {**read_json(folder / "adapter_config.json"), "base_model_name_or_path": base, "revision": revision}
    write_json(folder / "adapter_config.json", config)
    return config


def _write_evaluation(recipe: Recipe, source: Path, folder: Path) -> bool:
    """The figures; the answers too, where they are wanted and not too many. Returns whether they are there."""
    folder.mkdir()
    write_json(folder / "summary.json", public(read_json(source / "summary.json")))
    records = sorted(source.rglob("*.jsonl"))
    if not recipe.publish.answers or sum(path.stat().st_size for path in records) > MOST_ANSWERS:
        return False
    for path in records:
        target = folder / path.relative_to(source)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    return True


def write_data(curated: Path, folder: Path) -> None:
    """The curated set as the hub shows it and `datasets.load_dataset` reads it, with card and funnel.

    Files and teachers are told by their last names. `folder` must not be there yet.
    """
    from datasets import load_from_disk

    data = load_from_disk(curated)
    (folder / "data").mkdir(parents=True)
    told = {name: public(name) for column in PLACES for name in data.unique(column) if name != public(name)}
    count = max(1, -(-len(data) // ROWS_A_FILE))
    for index in range(count):
        name = f"train-{index:05d}-of-{count:05d}.parquet"
        part = data.shard(count, index, contiguous=True)
        if told:
            renamed = {column: [told.get(place, place) for place in part[column]] for column in PLACES}
            part = part.map(
                lambda _, at, by=renamed: {c: by[c][at] for c in PLACES}, with_indices=True, keep_in_memory=True
            )
        part.to_parquet(folder / "data" / name)
    card = (curated / "README.md").read_text(encoding="utf-8")
    for place, name in told.items():
        card = card.replace(f"| {place} |", f"| {name} |")
    (folder / "README.md").write_text(card, encoding="utf-8")
    for name in ("funnel.json", "funnel.svg"):
        shutil.copy(curated / name, folder)


def _is_edited(folder: Path, made: Path) -> bool:
    """Has somebody put words of their own into the card of an earlier attempt, or files of their own beside it?"""
    if not folder.is_dir():
        return False
    ours = {str(path.relative_to(made)) for path in made.rglob("*")} | set(_earlier(folder / MANIFEST))
    if any(str(path.relative_to(folder)) not in ours for path in folder.rglob("*") if path.is_file()):
        return True
    card = folder / "README.md"
    return card.is_file() and card.read_bytes() != (made / "README.md").read_bytes()


def _earlier(manifest: Path) -> list[str]:
    """Files that an earlier attempt wrote."""
    return [str(name) for name in read_json(manifest)["files"]] if manifest.is_file() else []


def _link_or_copy(source: str, target: str) -> None:
    """Weights are large and nobody edits them: a second name for the same bytes where the file system allows it."""
    try:
        if not source.endswith((".safetensors", ".gguf")):
            raise OSError("may be edited in place")
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
