"""The verbs: parse, call, print. Exit codes: 0 done, 1 failed, 2 refused, 130 interrupted."""

import logging
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distill import (
    __version__,
    decontaminate_verb,
    evaluate_verb,
    export_verb,
    file_verbs,
    scale_verb,
    verify_verb,
    view_verb,
    wording,
)
from distill.errors import DistillError, Refused
from distill.notices import hearing

if TYPE_CHECKING:
    from distill.recipe import Recipe
    from distill.run import Seal

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
recipes_app = typer.Typer(no_args_is_help=True, help="List, copy and describe recipes.")
app.add_typer(recipes_app, name="recipes")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"distill {__version__}")
        raise typer.Exit


RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a shipped recipe.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Such as train.learning_rate=1e-4, or preset=s1-lora."),
]
RunDir = Annotated[Path | None, typer.Option("--run-dir", help="Where the run lives; runs/<name> by default.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


Version = Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)]


@app.callback()
def main_options(context: typer.Context, debug: Debug = False, version: Version = False) -> None:
    """Turn a large reasoner into small students: one recipe, one command."""
    wording.speak_for(context.invoked_subcommand)


@app.command()
def run(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    until: Annotated[
        str | None,
        typer.Option(help="Stop after this stage: problems, harvest, curate, train, on_policy, evaluate or publish."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Resolve and check everything, do nothing.")] = False,
    run_dir: RunDir = None,
) -> None:
    """Walk the whole journey; the same command goes on after an interruption."""
    from distill.pipeline import STAGES

    if until is not None and until not in STAGES:
        raise Refused(f"--until={until} is no stage.", f"Stages: {', '.join(STAGES)}.")
    resolved = _load(recipe, overrides)
    if until == "on_policy" and resolved.on_policy is None:
        raise _no_second_stage()
    if dry_run:
        from distill.dry_run import dry_run as check_all

        typer.echo(check_all(resolved))
        return
    stages = STAGES if until is None else STAGES[: STAGES.index(until) + 1]
    _walk(resolved, run_dir, stages)


def _no_second_stage() -> Refused:
    return Refused("the recipe has no second stage of training: on_policy is null.", "docs/on-policy.md says how.")


def _stage_command(stage: str, what: str) -> None:
    def command(recipe: RecipeArgument, overrides: Overrides = None, run_dir: RunDir = None) -> None:
        stages = ("problems", stage) if stage == "harvest" else (stage,)
        resolved = _load(recipe, overrides)
        if stage == "on_policy" and resolved.on_policy is None:
            raise _no_second_stage()
        _walk(resolved, run_dir, stages)

    command.__doc__ = what
    app.command(stage.replace("_", "-"))(command)


_stage_command("harvest", "Sample the teacher and judge what it says.")
_stage_command("curate", "Choose the traces that teach.")
_stage_command("train", "Train the student on the curated set.")
_stage_command("on_policy", "Train the student further on its own answers, judged by its teacher.")


@app.command(cls=evaluate_verb.Evaluate)
def evaluate(
    what: evaluate_verb.What,
    words: evaluate_verb.Words = None,
    problems: evaluate_verb.Problems = None,
    out: evaluate_verb.Out = None,
    base: evaluate_verb.Base = None,
    preset: evaluate_verb.Preset = None,
    k: evaluate_verb.Samples = None,
    seed: evaluate_verb.Seed = 0,
    run_dir: RunDir = None,
) -> None:
    """Base and student of a recipe side by side, or any model on any problems."""
    if evaluate_verb.is_recipe(what, problems or []):
        evaluate_verb.refuse_of_recipe(out, base, preset, k)
        _walk(_load(what, words), run_dir, ("evaluate",))
        return
    evaluate_verb.of_model(what, words or [], problems or [], out, base, preset, k, seed)


_stage_command("publish", "Write cards and checkpoint for the hub, and push where the recipe says so.")


@app.command()
def plan(recipe: RecipeArgument, overrides: Overrides = None) -> None:
    """Say what a run would take: problems, tokens, memory, disk, time."""
    from distill.dry_run import plan as describe

    typer.echo(describe(_load(recipe, overrides)))


@app.command()
def check(recipe: RecipeArgument, overrides: Overrides = None, run_dir: RunDir = None) -> None:
    """The gate before training: template, mask, stop token, length, memory."""
    from distill.check import check_run

    resolved = _load(recipe, overrides)
    check_run(resolved, _folder(resolved, run_dir))


app.command()(verify_verb.verify)
app.command(cls=decontaminate_verb.Decontaminate)(decontaminate_verb.decontaminate)
app.command()(file_verbs.select)
app.command()(export_verb.export)
app.command()(view_verb.view)
app.command(cls=scale_verb.Lists)(scale_verb.scale)


@app.command()
def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]) -> None:
    """Write report.html of a run again."""
    from distill.report.page import write_report

    typer.echo(str(write_report(run)))


@app.command()
def doctor() -> None:
    """Say what this machine can do, what is missing, and how to get it; 1 if distill itself lacks something."""
    from distill.doctor import diagnosis, is_whole

    typer.echo(diagnosis())
    if not is_whole():
        raise typer.Exit(1)


@recipes_app.command("ls")
def recipes_ls() -> None:
    """List the recipes and the presets that come with the package."""
    from distill.recipe_show import listed

    typer.echo(listed())


@recipes_app.command("show")
def recipes_show(recipe: RecipeArgument, overrides: Overrides = None) -> None:
    """Print a recipe as resolved, and where its values come from: file, preset, command line; others are defaults."""
    from distill.recipe_file import resolve
    from distill.recipe_show import shown

    typer.echo(shown(resolve(recipe, overrides or [])))


@recipes_app.command("cp")
def recipes_cp(
    name: Annotated[str, typer.Argument(help="As `distill recipes ls` prints it.")],
    to: Annotated[Path, typer.Argument(help="File or folder.")] = Path("."),
) -> None:
    """Copy a shipped recipe to change it."""
    from distill.recipe_file import find

    source = find(name)
    target = to / source.name if to.is_dir() else to
    if target.exists():
        raise Refused(f"{target} exists already.", "Give another name.")
    try:
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as e:
        raise Refused(f"{target} cannot be written: {e.strerror}.") from e
    typer.echo(str(target))


@recipes_app.command("schema")
def recipes_schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    import json

    from distill.presets import in_schema
    from distill.recipe import Recipe

    typer.echo(json.dumps(in_schema(Recipe.model_json_schema()), indent=2))


def main(arguments: list[str] | None = None) -> None:
    """Entry point: turns every error into a sentence on stderr and an exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [a for a in given if a != "--debug"]
    _quiet_environment()
    try:
        code = app(args=given, standalone_mode=False, prog_name="distill")  # typer turns Ctrl-C into the code 130
        if code == 130:
            raise KeyboardInterrupt
        sys.exit(code or 0)
    except DistillError as e:
        if debug:
            traceback.print_exc()
        _tell(f"error: {e}" if e.exit_code == 1 else f"refused: {e}", e.hint)
        sys.exit(e.exit_code)
    except KeyboardInterrupt:
        left, next_time = wording.verb().interrupted
        _tell(f"interrupted: {left}", next_time)
        sys.exit(130)
    except Exception as e:  # noqa: BLE001 - whatever it is, it ends in a sentence and an exit code
        if debug:
            traceback.print_exc()
        if type(e).__name__ == "NoArgsIsHelpError":  # its message is the help
            typer.echo(e.format_message())  # type: ignore[attr-defined]
            sys.exit(2)
        if _is_usage_error(e):
            _tell(f"refused: {e.format_message()}", f"See {_command_of(e)} --help.")  # type: ignore[attr-defined]
            sys.exit(2)
        told = " ".join(str(e).split()) or type(e).__name__
        left, _ = wording.verb().interrupted
        _tell(f"error: {told[:500]}", f"Run it with --debug for the traceback; {left}")
        sys.exit(1)
    finally:
        wording.speak_for(None)


def _is_usage_error(error: Exception, name: str = "ClickException") -> bool:
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _command_of(error: Any) -> str:
    """The command that was misused, with the words that lead to it."""
    return error.ctx.command_path if _is_usage_error(error, "UsageError") and error.ctx else "distill"


def _tell(sentence: str, hint: str = "") -> None:
    with suppress(OSError, ValueError, AttributeError):  # stderr may be closed; the exit code still tells
        for line in (sentence.replace("\n", " "), *(f"  {line}" for line in hint.splitlines())):
            shown = "".join(c if c.isprintable() else " " for c in line)  # what others said may hold terminal escapes
            sys.stderr.write(shown + "\n")


def _quiet_environment() -> None:
    """Defaults for what the libraries below print and how they wait; the user's own settings win."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # on a CPU it misses a package at every import


def _load(recipe: str, overrides: list[str] | None) -> "Recipe":
    from distill.recipe_file import load

    return load(recipe, overrides or [])


def _folder(recipe: "Recipe", run_dir: Path | None) -> Path:
    return run_dir or Path("runs") / recipe.name


def _walk(recipe: "Recipe", run_dir: Path | None, stages: tuple[str, ...]) -> None:
    """Run stages, then write the report and print the result where there is one."""
    from distill.dry_run import refuse_early
    from distill.pipeline import refuse_missing_inputs, run_stages
    from distill.progress import Notices, Progress
    from distill.report.page import write_report
    from distill.run import Run
    from students.devices import is_follower, started_by_launcher

    if started_by_launcher() and stages != ("train",):
        raise Refused(
            f"a launcher has started {started_by_launcher()} processes of this, and only training takes several.",
            "Under a launcher use `distill train`; the other stages run in one process.",
        )
    if is_follower():
        _follow(recipe, _folder(recipe, run_dir))
        return
    with Progress() as progress, hearing(Notices(progress)):
        progress.prepares("looks at models, memory and keys")
        refuse_early(recipe)
        refuse_missing_inputs(recipe, _folder(recipe, run_dir), stages)
        with Run(_folder(recipe, run_dir), recipe) as held, progress.of_run(held):
            done = run_stages(held, stages, progress)
            progress.prepares("writes the report")
            page = write_report(held.folder)
    _show(page, done)


def _follow(recipe: "Recipe", folder: Path) -> None:
    """Train with the first of a launcher's processes, which holds the run."""
    from distill.pipeline import is_done
    from distill.run import OUTPUTS
    from students.worker import take_part

    if not is_done(recipe, folder, "train"):
        take_part(folder / OUTPUTS["train"], lambda _: None)


def _show(page: Path, done: "dict[str, Seal]") -> None:
    """Print the result where this command was to come to it, and where the report is."""

    if "evaluate" in done:
        evaluate_verb.show(done["evaluate"].counts)
    typer.echo(f"report: {page}")


if __name__ == "__main__":
    main()
