"""Published recipes as overlays: what `preset: s1` in a file, or `preset=s1` as a word, brings into a recipe.

A preset lies under the file that names it and over a file that it is given to on the command line; words of the
command line lie over all. So a student's file with `preset=s1` trains as published, and `train.learning_rate=2e-5`
behind it still counts. The recipe as resolved holds every value and no preset.
"""

import difflib
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from distill import recipe_yaml
from distill.errors import Refused
from distill.recipe import Train

FOLDER = Path(str(resources.files("recipes"))) / "presets"

ADAPTERS = {"-lora": "lora", "-qlora": "qlora"}
"""Ending of a preset's name -> the method that it is asked for with."""

CHOICES = {"problems": "source", "teacher": "kind", "held_out_from": "source"}
"""Section -> the key that chooses its kind. Keys of one kind mean nothing to another."""

DECIDES = (
    "lr_scheduler_type",
    "min_lr_ratio",
    "warmup_ratio",
    "stop_at_token_accuracy",
    "drop_long",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "max_grad_norm",
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "lora_target_modules",
    "use_dora",
    "use_rslora",
    "merge_into",
)
"""Keys of `train` that a preset always sets: what its file leaves out is the default, whatever lies under it."""

Tree = dict[str, Any]


def published() -> dict[str, Path]:
    """Name -> file of the presets as published; each has equivalents with an adapter (`ADAPTERS`)."""
    return {path.name.removesuffix(".yaml"): path for path in sorted(FOLDER.glob("*.yaml"), key=lambda p: p.stem)}


def names() -> list[str]:
    """All that `preset` may be."""
    return [name + ending for name in published() for ending in ("", *ADAPTERS)]


def overlay(name: Any, student: str) -> Tree:
    """The sections that a preset brings, for a student of this name (`student.model`).

    Raises:
        Refused: no such preset.
    """
    if name not in names():
        near = difflib.get_close_matches(str(name), names(), n=1, cutoff=0.5)
        known = f"Presets: {', '.join(names())}."
        raise Refused(f"there is no preset '{name}'.", f"Did you mean '{near[0]}'?" if near else known)
    ending = next((ending for ending in ADAPTERS if name.endswith(ending)), "")
    tree, _ = recipe_yaml.read(published()[name.removesuffix(ending)])
    adapter = tree.pop("adapter")
    defaults = {key: Train.model_fields[key].default for key in DECIDES}
    found = merged({"train": defaults}, _for_student(tree, student))
    if ending:
        found = merged(found, merged(_for_student(adapter, student), {"train": {"method": ADAPTERS[ending]}}))
    return found


def merged(lower: Tree, upper: Tree) -> Tree:
    """Upper over lower, key by key. Lists are replaced whole, and sections that say which kind they are."""
    found = dict(lower)
    for key, value in upper.items():
        below = found.get(key)
        chooses = CHOICES.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and chooses not in value:
            found[key] = merged(below, value)
        else:
            found[key] = value
    return found


def in_schema(schema: Tree) -> Tree:
    """The schema of recipes with the key `preset`, which files may have."""
    of_preset = {
        "anyOf": [{"enum": names()}, {"type": "null"}],
        "default": None,
        "description": "A published recipe that lies under this file; `distill recipes ls` lists them.",
    }
    return {**schema, "properties": {"preset": of_preset, **schema["properties"]}}


def _for_student(layer: Tree, student: str) -> Tree:
    """With what the layer has for students of this name: the first pattern that fits counts."""
    patterns: dict[str, Tree] = layer.get("for_students", {})
    rest = {key: value for key, value in layer.items() if key != "for_students"}
    called = student.rstrip("/").rpartition("/")[2].lower()
    fitting = next((tree for pattern, tree in patterns.items() if fnmatchcase(called, pattern)), {})
    return merged(rest, fitting)
