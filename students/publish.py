"""The last stage: checkpoint and model card in one folder, then, if the recipe names a repository, the hub.

All is written locally first, so a push that fails costs nothing: the same command pushes again.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from distill.console import protocol_line
from distill.errors import DistillError
from distill.files import read_json
from distill.recipe import Recipe
from distill.run import read_seal, unsealed
from students.export import export


def publish(recipe: Recipe, run: Path, folder: Path) -> dict[str, Any]:
    """Fill `published/` and push it where `publish.hub_id` says. Returns where it went.

    Raises:
        DistillError: the hub refused or could not be reached; the folder is complete.
    """
    source = run / "student" / ("merged" if recipe.publish.merged else "adapter")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished, copy_function=_link_or_copy)
    if recipe.publish.gguf:
        made = export(run / "student" / "merged", run / "gguf", recipe.publish.gguf, recipe.name)
        for one in made:
            _link_or_copy(str(run / "gguf" / one.file), str(unfinished / one.file))
    (unfinished / "README.md").unlink(missing_ok=True)
    card = model_card(recipe, run)
    (unfinished / "README.md").write_text(card, encoding="utf-8")
    shutil.copy(run / "recipe.yaml", unfinished / "recipe.yaml")
    if _is_edited(folder / "README.md", card):
        os.replace(folder, unsealed(folder))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)
    if recipe.publish.hub_id is None:
        return {"where": f"written to {folder}/; nothing left the machine (publish.hub_id is null)"}
    return {"where": _push(recipe.publish.hub_id, recipe.publish.private, folder)}


def model_card(recipe: Recipe, run: Path) -> str:
    """The README of the student: figures with protocol, data, training, how to use it."""
    from jinja2 import Environment, PackageLoader

    evaluation = read_json(run / "evaluation" / "summary.json")
    stages = {stage: seal.counts for stage in ("harvest", "curate", "train") if (seal := read_seal(run, stage))}
    template = Environment(loader=PackageLoader("distill.report"), trim_blocks=True, lstrip_blocks=True).get_template(
        "model_card.md"
    )
    return template.render(
        recipe=recipe,
        base_model=hub_name(recipe.student.model),
        evaluation=evaluation,
        protocol=protocol_line(evaluation["protocol"]),
        **stages,
    )


def hub_name(model: str) -> str | None:
    """The hub id of a base model; None for what the hub would reject as `base_model`."""
    is_id = model.count("/") == 1 and not model.startswith((".", "/", "package:")) and not Path(model).exists()
    return model if is_id else None


def _push(hub_id: str, private: bool, folder: Path) -> str:
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    api = HfApi(token=os.environ["HF_TOKEN"])
    try:
        api.create_repo(hub_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=hub_id, folder_path=folder)
    except (HTTPError, OSError, ValueError) as e:
        first = str(e).strip().splitlines()[0].rstrip(".")
        raise DistillError(
            f"pushing to '{hub_id}' failed ({first}).", f"{folder} is complete; the same command pushes again."
        ) from e
    return f"pushed to https://huggingface.co/{hub_id}"


def _is_edited(readme: Path, card: str) -> bool:
    """Has somebody put words of their own into the card of an earlier attempt?"""
    return readme.is_file() and readme.read_text(encoding="utf-8", errors="replace") != card


def _link_or_copy(source: str, target: str) -> None:
    """Weights are large and nobody edits them: a second name for the same bytes where the file system allows it."""
    try:
        if not source.endswith((".safetensors", ".gguf")):
            raise OSError("may be edited in place")
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
