"""Hardware, hours and price at the head of each student's recipe, as `distill plan` predicts them: no measurement.

    python benchmarks/recipe_headers.py            the tables of docs/recipes.md
    python benchmarks/recipe_headers.py --write    write the heads of recipes/students/*.yaml anew

No model is downloaded: the shapes of the students lie in tests/student_configs.json. The second table holds the
arithmetic against what published runs told of their own hours.
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoConfig

from distill.dry_run import rented
from distill.expected import Expected, published_rows
from distill.recipe import Recipe
from distill.recipe_file import load, shipped
from students.known import epochs_of
from students.price import CARDS, SHARE, offers, operations

ROOT = Path(__file__).parents[1]
MARK = "# Predicted by"
H100 = next(card.teraflops for card in CARDS if card.name == "H100") * 1e12


def config_of(model: str) -> Any:
    """The transformers config of a student, from the shapes that are kept here."""
    shapes = json.loads((ROOT / "tests/student_configs.json").read_text())[model]
    return AutoConfig.for_model(**{key: value for key, value in shapes.items() if key != "parameters"})


def known(recipe: Recipe) -> Expected:
    """The rows of a recipe that trains on a published set."""
    work = published_rows(recipe)
    assert work is not None, f"{recipe.name} trains on a set of unknown size"
    return work


def head(recipe: Recipe) -> str:
    """The predicted part of a head, as comment lines."""
    work = known(recipe)
    first = (
        f"{MARK} `distill plan`, not measured: training alone, {work.rows:,} rows of about {work.tokens:,} tokens, "
        f"{epochs_of(recipe.train, work.rows):g} epochs.\n"
    )
    hours = rented(recipe, config_of(recipe.student.model), work)
    return first + "".join(f"#   {line[11:].removesuffix(', predicted')}\n" for line in hours)


def with_head(text: str, lines: str) -> str:
    """A recipe with another predicted part."""
    before, _, rest = text.partition(MARK)
    return before + lines + rest[rest.index("\n\n") + 1 :]


def students() -> dict[str, Path]:
    """The recipes of students, by name."""
    return {name: path for name, path in shipped().items() if name.startswith("students/")}


def students_table() -> list[str]:
    """Each student with its own preset: the cheapest offer."""
    lines = ["| recipe | trains | rows x epochs | cheapest | hours | price |", "|---|---|---:|---|---:|---:|"]
    for name in students():
        recipe = load(name)
        work, train = known(recipe), recipe.train
        found = offers(config_of(recipe.student.model), train, 2, work.trained_on(train), work.tokens)
        best = min(found, key=lambda offer: offer.dollars)
        lines.append(
            f"| `{name}` | {train.method} | {work.rows:,} x {epochs_of(train, work.rows):g} | {best.cards} x "
            f"{best.card.name} | {best.hours:.1f} | ${best.dollars:.2f} |"
        )
    return lines


class Told(NamedTuple):
    """A published run and the hours that its makers told."""

    preset: str
    student: str
    gpu_hours: float
    source: str


PUBLISHED = (
    Told("s1", "qwen2.5-32b", 16 * 26 / 60, "26 minutes of 16 H100 (arXiv 2501.19393)"),
    Told("sky-t1", "qwen2.5-32b", 19 * 8, "19 hours of 8 H100 (NovaSky's blog)"),
)


def published_table() -> list[str]:
    """Predicted H100 hours beside those that were told."""
    lines = ["| run | predicted H100 hours | told | told / predicted |", "|---|---:|---:|---:|"]
    for run in PUBLISHED:
        recipe = load(run.student, [f"preset={run.preset}"])
        work, config = known(recipe), config_of(recipe.student.model)
        done = operations(config, recipe.train, work.trained_on(recipe.train), work.tokens)
        hours, told = done / (SHARE * H100 * 3600), run.gpu_hours
        lines.append(f"| {run.preset}, {run.source} | {hours:.1f} | {told:.1f} | {told / hours:.1f} |")
    return lines


def main() -> None:
    """Print the tables, or write the heads."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true")
    if not arguments.parse_args().write:
        print("\n".join([*students_table(), "", *published_table()]))
        return
    for name, path in students().items():
        path.write_text(with_head(path.read_text(), head(load(name))))


if __name__ == "__main__":
    main()
