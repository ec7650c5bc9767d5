"""`distill scale`: a model with ever more compute at test time, as a curve."""

import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

import typer
from typer.core import TyperCommand

from distill.errors import Refused
from distill.notices import hearing

LISTS = ("--problems", "--budgets", "--waits")
"""Options that take every word up to the next option, or up to a KEY=VALUE."""

_SETTING = re.compile(r"[a-z_]+(\.\w+)*=")


class Lists(TyperCommand):
    """Takes several values behind one option, which command lines usually do not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        taking = {name for option in self.params for name in option.opts if name.startswith("-")}
        return super().parse_args(ctx, spread(args, taking))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["MODEL --problems FILE ... --method METHOD --budgets N ... [--waits N ...] --out FOLDER [KEY=VALUE]..."]


def spread(args: list[str], taking: set[str]) -> list[str]:
    """The same words with an option before each value of a list; `taking` are the options that take a value."""
    made: list[str] = []
    free: list[str] = []
    waiting, current = list(args), ""
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name in LISTS:
            current = name
            made += [name, value] if equals else []
        elif word.startswith("-") and not re.fullmatch(r"-\d+", word):
            current = ""
            made.append(word)
            if name in taking and not equals and waiting:
                made.append(waiting.pop(0))
        elif current and not _SETTING.match(word):
            made += [current, word]
        else:
            free.append(word)
    return [*made, *(word for word in free if not _SETTING.match(word)), *filter(_SETTING.match, free)]


class _Subject(NamedTuple):
    """Who is asked, and what a run says of it."""

    model: str
    """Folder, hub id or GGUF file."""
    recipe: Any
    """Of a run; None without one."""
    problems: Path | None
    """Of a run: its problems, of which those that are held out are asked."""


def scale(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A run (its student), a checkpoint folder, a hub id, a GGUF file, or a URL such as http://host:8000/v1.",
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Such as temperature=0.6, prompt.preset=boxed, problems.layout=gsm8k."
        ),
    ] = None,
    problems: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE ...", help="jsonl or parquet; a run's held-out problems if not given."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="budget-forcing, token, step, class, rejection, or sampling (curves over k).")
    ] = "budget-forcing",
    budgets: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N ...", help="Thinking tokens (of method step: steps); `auto` is all that the context leaves."
        ),
    ] = None,
    waits: Annotated[
        list[int] | None, typer.Option(metavar="N ...", help="How often the end of the thinking is left out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where all of it lies; for a run RUN/scaling, other methods in a folder of theirs below.",
        ),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="local (transformers), vllm (a server of ours); a URL is asked as it is.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="For a URL: folder or hub id of the tokenizer and chat template."),
    ] = None,
) -> None:
    """Accuracy against tokens at test time: budget forcing, its baselines, and curves over many samples.

    The same command goes on after an interruption; more budgets, waits or samples go on in the same folder.
    """
    from rich.console import Console

    from distill.files import write_atomically
    from distill.progress import Notices, Progress
    from distill.scaling.chart import chart_of
    from distill.scaling.measure import Plan
    from distill.scaling.measure import scale as run
    from distill.scaling.models import ask
    from distill.scaling.settings import Method
    from distill.scaling.table import curve_table, samples_table

    if method not in get_args(Method):
        raise Refused(f"--method {method} is not known.", f"Methods: {', '.join(get_args(Method))}.")
    is_url = model.startswith(("http://", "https://"))
    subject = _subject(model, tokenizer if is_url else None, is_url)
    spec = _spec(settings or [], subject)
    if out is None and subject.recipe is None:
        raise Refused("--out is missing: where the curve is to lie.", "Such as --out scaling.")
    folder = out or Path(model) / "scaling" / ("" if method == "budget-forcing" else method)
    asked = ask(_source(subject), _engine(engine, is_url), spec, folder / "vllm.log", model if is_url else None)
    plan = Plan(method, [_budget(one) for one in budgets or []], waits or [0], spec)  # type: ignore[arg-type]
    with Progress() as progress, hearing(Notices(progress)):
        progress.prepares("scale")
        curve = run(asked, plan, _problems(problems or [], spec, subject), folder, progress.evaluated)
    write_atomically(folder / "curve.svg", chart_of(curve))
    console = Console()
    console.print(curve_table(curve))
    if "samples" in curve:
        console.print(samples_table(curve["samples"]))
    for said in curve["warnings"]:
        typer.echo(f"warning: {said}", err=True)
    typer.echo(f"-> {folder / 'curve.json'}, {folder / 'curve.svg'}")


def _subject(model: str, tokenizer: str | None, is_url: bool) -> _Subject:
    """
    Raises:
        Refused: a URL without a tokenizer; a run without a student.
    """
    if is_url:
        if tokenizer is None:
            raise Refused(
                "a URL needs --tokenizer: prompts are sent as tokens.",
                "The folder or hub id of the model that is served.",
            )
        return _Subject(tokenizer, None, None)
    run = Path(model)
    if not (run / "recipe.yaml").is_file() or (run / "config.json").is_file():
        return _Subject(model, None, None)
    from distill.recipe_file import load
    from distill.run import read_seal

    stage = next((s for s in ("on_policy", "train") if read_seal(run, s) is not None), None)
    if stage is None:
        raise Refused(f"{run} holds no trained student.", "`distill run RECIPE --until train` makes one.")
    student = run / ("on_policy" if stage == "on_policy" else "student") / "merged"
    return _Subject(str(student), load(str(run / "recipe.yaml")), run / "problems.parquet")


def _source(subject: _Subject) -> Any:
    from distill import models

    return models.resolve(subject.model)


def _spec(words: list[str], subject: _Subject) -> Any:
    """Settings from the command line; those that are not given come from the recipe of a run."""
    from distill.recipe_file import settings
    from distill.scaling.settings import Scale

    if extra := next((word for word in words if "=" not in word), None):
        raise Refused(f"'{extra}' is no KEY=VALUE.", "Problem files go behind --problems.")
    given = settings(Scale, words)
    if subject.recipe is None:
        return given
    from_recipe = {
        "seed": subject.recipe.seed,
        "dtype": subject.recipe.student.dtype,
        "prompt": subject.recipe.student_prompt(),
        "verify": subject.recipe.verify,
        "confidence": subject.recipe.evaluate.confidence,
    }
    return given.model_copy(update={k: v for k, v in from_recipe.items() if k not in given.model_fields_set})


def _engine(name: str | None, is_url: bool) -> Any:
    if is_url and name not in (None, "endpoint"):
        raise Refused(f"--engine {name} does not go with a URL, which is asked as it is.")
    if not is_url and name not in (None, "local", "vllm"):
        raise Refused(f"--engine {name} is not known.", "local or vllm; an endpoint is named by its URL.")
    return "endpoint" if is_url else name or "local"


def _budget(word: str) -> int | None:
    if word == "auto":
        return None
    if not re.fullmatch(r"[1-9]\d{0,8}", word):
        raise Refused(f"--budgets {word} is no number of tokens.", "Whole numbers from 1, or auto.")
    return int(word)


def _problems(files: list[str], spec: Any, subject: _Subject) -> list[Any]:
    """
    Raises:
        Refused: none named, missing columns, ids that occur twice, fewer than `count`.
    """
    from distill.problems import read_problems
    from distill.table_problems import draw, file_problems, refuse_duplicate_ids

    if files:
        found = [p for name in files for p in file_problems(name, spec.problems, spec.seed)]
        refuse_duplicate_ids(found, "--problems")
    elif subject.problems is None:
        raise Refused("--problems is missing.", "Files with a question and an answer a row, .jsonl or .parquet.")
    else:
        found = [p for p in read_problems(subject.problems) if p.held_out]
    return found if spec.count is None else draw(found, spec.count, spec.seed, "what is asked")
