"""Recipes for a reader: which there are, and where the values of one come from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from distill import presets
from distill.recipe_file import Resolved, shipped

WIDTH = 44
"""Column in which the origin of a value begins, where there is room."""


def listed() -> str:
    """Students, presets and other recipes, each with the first line of its file."""
    known = shipped()
    students = {name: path for name, path in known.items() if name.startswith("students/")}
    others = {name: path for name, path in known.items() if name not in students}
    parts = [
        _part("students: distill run NAME", students),
        _part("presets: distill run students/NAME preset=NAME, NAME-lora or NAME-qlora", presets.published()),
        _part("others", others),
    ]
    return "\n\n".join(parts)


def _part(title: str, files: dict[str, Path]) -> str:
    first = {name: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for name, path in files.items()}
    return "\n".join([title, *(f"  {name:<30} {line}" for name, line in first.items())])


def shown(resolved: Resolved) -> str:
    """The recipe as resolved, in YAML, with the origin of each value as a comment; a default has none."""
    return "\n".join(_lines(resolved.recipe.model_dump(mode="json"), resolved.origins, 0))


def _on_one_line(value: Any) -> str:
    """A value in YAML; where that would take several lines in JSON, which is YAML too."""
    flow = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    short = flow.removesuffix("\n").removesuffix("\n...")
    return short if "\n" not in short else json.dumps(value, ensure_ascii=False)


def _lines(section: dict[str, Any], origins: Any, depth: int) -> Iterator[str]:
    for key, value in section.items():
        origin = origins.get(key) if isinstance(origins, dict) else origins
        if isinstance(value, dict) and value:
            yield f"{'  ' * depth}{key}:"
            yield from _lines(value, origin, depth + 1)
            continue
        line = f"{'  ' * depth}{key}: {_on_one_line(value)}"
        yield f"{line:<{WIDTH}}  # {origin}" if isinstance(origin, str) else line
