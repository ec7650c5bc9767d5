"""Verbs that work on any files, without a run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distill.errors import Refused
from distill.notices import hearing
from distill.wording import counted, keeps

if TYPE_CHECKING:
    from distill.curate.steps.problems import Ask
    from distill.recipe_curate import Curate


def select(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE ... [KEY=VALUE]...", help="Traces (.jsonl, .jsonl.gz, .parquet), and settings as select=s1."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the curated set, which appears whole or not at all.")],
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    question_key: Annotated[str | None, typer.Option(help="Column with the question.")] = None,
    answer_key: Annotated[str | None, typer.Option(help="Column with the gold answer.")] = None,
    thinking_key: Annotated[str | None, typer.Option(help="Column with the reasoning, where it stands apart.")] = None,
    response_key: Annotated[str | None, typer.Option(help="Column with what follows it, or both.")] = None,
    verify: Annotated[bool, typer.Option(help="Judge every trace by its gold answer as it is read.")] = False,
    kind: Annotated[str | None, typer.Option(help="With --verify: math (the default), choice or number.")] = None,
    system: Annotated[str | None, typer.Option(help="System message of all rows, instead of their own.")] = None,
    drop_system: Annotated[bool, typer.Option("--drop-system", help="Write no system messages.")] = False,
) -> None:
    """Choose the traces that teach out of any files, with the steps of a recipe's section curate.

    Layouts of published sets are recognised by their columns. Verdicts are given with --verify, or those that
    `distill verify` has written, or that a published set has.
    """
    from distill.curate.output.curated_folder import output_folder
    from distill.curate.select_files import select_files, summary
    from distill.progress import Notices, Progress
    from distill.recipe_curate import Curate
    from distill.recipe_file import settings
    from distill.recipe_problems import TracesProblems
    from distill.recipe_prompts import Prompt

    files = [Path(word) for word in words if "=" not in word or Path(word).is_file()]
    if not files:
        raise Refused("no file with traces is named.", "distill select traces.parquet select=s1 rows=1000 --out FOLDER")
    if kind is not None and not verify:
        raise Refused(f"--kind={kind} says how --verify judges, which is not set.", f"--verify --kind {kind}")
    if drop_system and system is not None:
        raise Refused("--drop-system writes no system messages, and --system names one.", "Give one of the two.")
    spec = settings(Curate, [word for word in words if Path(word) not in files])
    columns = TracesProblems(
        source="traces",
        path=str(files[0]),
        question_key=question_key,
        answer_key=answer_key,
        thinking_key=thinking_key,
        response_key=response_key,
    )
    if output_folder(out, files).exists():
        typer.echo(f"{out} holds a curated set, which is replaced when the new one is whole", err=True)
    judged_as = (kind or "math") if verify else None
    with Progress() as progress, hearing(Notices(progress)):
        progress.prepares("select")
        prompt, ask = Prompt(system=system), _asking(spec, out, seed, progress.domains)
        counts = select_files(files, out, spec, columns, prompt, seed, ask, judged_as, not drop_system)
    typer.echo(f"{summary(counts)}\n{counted(counts['rows'], 'row')} -> {out}")


def _asking(spec: "Curate", out: Path, seed: int, told: Callable[[int, int], None]) -> "Ask | None":
    """Asks the model of `domains.judge`, if there is one; its replies lie beside the output, and are paid for once."""
    if spec.domains is None or (judge := spec.domains.judge) is None:
        return None
    from teachers.domains import LOG, domains

    keeps("the model's replies about domains")
    folder = out.with_name(f"{out.name}.domains")
    if folder.exists() and not (folder / LOG).is_file():
        raise Refused(f"{folder} is there and holds no replies about domains.", "Name another --out.")
    return lambda problems: domains(judge, problems, folder, seed, told).codes
