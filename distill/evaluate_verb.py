"""`distill evaluate`: a recipe's stage, or any model on any sets; the argument tells which."""

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from distill import wording
from distill.errors import Refused
from distill.notices import hearing

FORM = "MODEL --problems SET ... [--base MODEL] [--preset NAME] [--k N] [--out FOLDER] [KEY=VALUE ...]"
OPTION = "--problems"

_SETTING = re.compile(r"[a-z_][a-z0-9_.]*=")

What = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|RECIPE",
        help="Hub id, folder, *.gguf, a LoRA adapter's folder, or URL#NAME of a server; or a recipe, .yaml or shipped.",
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Keys of the section evaluate, such as max_tokens=32768 engine=vllm."
    ),
]
Problems = Annotated[
    list[str] | None,
    typer.Option(
        OPTION,
        metavar="SET ...",
        help="Files, owner/name on the hub, math500, aime24, aime25, amc23, gsm8k, gpqa, livecodebench, humaneval, "
        "mbpp, or NAME=FILE: a known set from a file.",
    ),
]
Out = Annotated[Path | None, typer.Option(help="Folder of answers and summary.json; evaluations/MODEL by default.")]
Base = Annotated[str | None, typer.Option(help="Another model to compare with, problem by problem.")]
Preset = Annotated[str | None, typer.Option(help="A published protocol: r1, s1, limo, lighteval, greedy.")]
Samples = Annotated[int | None, typer.Option("--k", min=1, help="Answers a problem.")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of all that is drawn.")]


class Evaluate(TyperCommand):
    """Takes several sets behind one `--problems`, which command lines usually do not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [f"{FORM} | RECIPE [KEY=VALUE ...]"]


def spread(args: Sequence[str]) -> list[str]:
    """The command line with a `--problems` before each set; settings end no list of sets."""
    found: list[str] = []
    listing = False
    for word in args:
        if word == OPTION:
            listing = True
        elif listing and not word.startswith("-") and not is_setting(word):
            found += [OPTION, word]
        else:
            listing = listing and is_setting(word)
            found.append(word)
    if OPTION in args and OPTION not in found:
        raise Refused(f"nothing stands behind {OPTION}.", f"distill evaluate {FORM}")
    return found


def is_setting(word: str) -> bool:
    """Is it KEY=VALUE? `aime24=FILE` names a known set, with its file."""
    from distill.recipe_evaluate import KNOWN_SETS

    return bool(_SETTING.match(word)) and word.partition("=")[0] not in KNOWN_SETS


def is_recipe(what: str, problems: Sequence[str]) -> bool:
    """Does the argument name a recipe, or a model?

    Raises:
        Refused: it could be either, or is a run.
    """
    from distill.files import user_path
    from distill.recipe_file import shipped

    path, known = user_path(what), shipped()
    named = what in known or what in {one.rpartition("/")[2] for one in known}
    is_file = what.endswith((".yaml", ".yml")) or (path.is_file() and path.suffix != ".gguf")
    is_model = what.startswith(("http://", "https://", "package:")) or path.suffix == ".gguf" or path.is_dir()
    if (path / "recipe.yaml").is_file() and (path / "stages").is_dir():
        hint = f"distill evaluate {path / 'recipe.yaml'}, or its student as a model: {path / 'student' / 'merged'}"
        raise Refused(f"{what} is a run, neither a model nor a recipe.", hint)
    if named and (is_model or problems) and not is_file:
        other = "a folder here" if path.is_dir() else f"a model, since {OPTION} is given"
        raise Refused(
            f"'{what}' is a shipped recipe and may be {other}.",
            f"Write ./{what} for the folder, or the path of the recipe's file and no {OPTION}.",
        )
    if is_file and problems:
        raise Refused(
            f"{what} is a recipe, which names its sets itself (evaluate.sets), and {OPTION} is for a model.",
            f"evaluate.sets='[held_out, {', '.join(problems)}]' behind it adds them.",
        )
    if named or is_file:
        return True
    if is_model or problems or "/" in what:
        if not problems:
            raise Refused(f"'{what}' is a model, and no problems are named.", f"distill evaluate {FORM}")
        return False
    return True  # whoever reads recipes tells that there is none of that name


def refuse_of_recipe(out: Path | None, base: str | None, preset: str | None, k: int | None) -> None:
    """
    Raises:
        Refused: an option that is for a model is given for a recipe.
    """
    given = {
        "--out": (out, "--run-dir"),
        "--base": (base, "student.model is the base"),
        "--preset": (preset, f"evaluate.preset={preset}"),
        "--k": (k, f"evaluate.samples_per_problem={k}"),
    }
    for option, (value, instead) in given.items():
        if value is not None:
            raise Refused(f"{option} is for a model without a recipe.", f"With a recipe: {instead}")


def of_model(
    model: str,
    words: Sequence[str],
    problems: Sequence[str],
    out: Path | None,
    base: str | None,
    preset: str | None,
    k: int | None,
    seed: int,
) -> None:
    """Evaluate a model without a recipe, and print what came of it."""
    from distill.evaluate.model import Settings, default_folder, evaluate_model
    from distill.progress import Notices, Progress
    from distill.recipe_file import settings

    wording.speak_for("evaluate MODEL")
    if named := next((word for word in words if re.match(r"sets(\.[^=]*)?=", word)), None):
        raise Refused(f"{named.partition('=')[0]} is a key of recipes; the sets of a model stand behind {OPTION}.")
    given = [f"sets={json.dumps([_set(word) for word in dict.fromkeys(problems)])}"]
    given += [f"preset={preset}"] if preset is not None else []
    given += [f"samples_per_problem={k}"] if k is not None else []
    spec = settings(Settings, [*words, *given])
    folder = out or default_folder(model)
    with Progress() as progress, hearing(Notices(progress)):
        progress.prepares("evaluate")
        summary = evaluate_model(model, base, spec, seed, folder, progress.evaluated)
    show(summary)
    typer.echo(f"-> {folder}")


def show(summary: dict[str, Any]) -> None:
    """The tables, and what is amiss: in a box of its own, and on stderr where that goes elsewhere."""
    from rich.console import Console

    from distill.evaluate.amiss import warning_box, warnings_of
    from distill.evaluate.table import result_tables

    console = Console()
    for table in result_tables(summary):
        console.print(table)
    if (box := warning_box(summary)) is not None:
        console.print(box)
    if not _one_reader():  # there the box has told it
        for said in warnings_of(summary):
            typer.echo(f"warning: {said}", err=True)


def _one_reader() -> bool:
    """Do stdout and stderr end in the same place: a terminal, or one file or pipe (`2>&1`)?"""
    if sys.stdout.isatty() and sys.stderr.isatty():
        return True
    with suppress(OSError, ValueError, AttributeError):  # closed, or no file
        return os.path.samestat(os.fstat(sys.stdout.fileno()), os.fstat(sys.stderr.fileno()))
    return False


def _set(word: str) -> Any:
    """A set as a recipe has it; `math500=FILE` is a known set from a file."""
    from distill.recipe_evaluate import KNOWN_SETS

    name, equals, path = word.partition("=")
    return {"name": name, "path": path} if equals and name in KNOWN_SETS else word
