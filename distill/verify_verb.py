"""distill verify: verdicts for the rows of any file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distill.errors import Refused
from distill.notices import hearing

if TYPE_CHECKING:
    from distill.recipe import Judge


def verify(
    file: Annotated[Path, typer.Argument(help="A .jsonl, .jsonl.gz or .parquet file.")],
    out: Annotated[Path, typer.Option(help="Where to write the rows with verdict, extracted and reason.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Such as verify.math.percent=hundredth or accept.language=en."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="math, choice, number, countdown, code, reasoning_gym, or flaws (form alone); without it what a row's"
            " column kind says, else math."
        ),
    ] = None,
    response_key: Annotated[
        str, typer.Option(help="Column with the response, a text or a chat; thinking in it is left out.")
    ] = "response",
    reasoning_key: Annotated[str | None, typer.Option(help="Column with the thinking, where it stands apart.")] = None,
    answer_key: Annotated[str, typer.Option(help="Column with the gold answer.")] = "answer",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that judge.")] = 1,
    compare: Annotated[str | None, typer.Option(help="Column with another verifier's verdict or score.")] = None,
) -> None:
    """Judge the rows of any file: adds verdict (correct, wrong, unknown), extracted, reason.

    Settings are those of a recipe: its section verify (conventions, limits, isolation, a judge) and, under accept, its
    harvest.accept, which adds a column flaw.
    """
    if extra := [word for word in settings or [] if "=" not in word]:
        hint = "Files of one layout can be joined first: cat a.jsonl b.jsonl > both.jsonl"
        raise Refused(f"'{extra[0]}' is no KEY=VALUE; one file is judged at a time.", hint)
    from distill import verify as verifiers
    from distill.progress import Notices, Progress
    from distill.recipe import Verify
    from distill.recipe_file import settings as parsed
    from distill.verify.algebra.rules import Rules
    from distill.verify.files import How, counted, verify_file
    from distill.verify.table import Columns
    from distill.verify.told import Settings, summary
    from distill.verify.worker import COMPARING_SECONDS

    chosen = parsed(Settings, settings or [])
    columns = Columns(response_key, answer_key, compare, reasoning_key)
    judge = chosen.verify.judge
    needs_question = () if judge is None else _asked_about(judge)
    rules = Rules(**chosen.verify.math.model_dump())
    seconds = chosen.verify.timeout_seconds or COMPARING_SECONDS
    how = How(kind, columns, rules, chosen.accept, workers, seconds, needs_question)
    try:
        verifiers.configure(chosen.verify)
        with Progress() as progress, hearing(Notices(progress)):
            progress.prepares("verify")
            found, asked = verify_file(file, out, how, progress.notice), ""
            if judge is not None:
                from teachers.judge_file import revise, told

                replies = progress.judging(f"{judge.model} at {', '.join(judge.base_urls)}", judge.price)
                asked = told(revise(out.resolve(), kind, columns, judge, replies), judge) + "\n"
                found = counted(out.resolve(), columns, kind)
    finally:
        verifiers.configure(Verify())
    typer.echo(f"{summary(found, compare)}\n{asked}-> {out}")


def _asked_about(judge: "Judge") -> tuple[str, ...]:
    """Kinds of which the judge is ever asked. One whose key is missing is refused now."""
    from teachers.judge import KINDS, refuse_without_key

    refuse_without_key(judge)
    return KINDS
