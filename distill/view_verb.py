"""distill view: traces as pages, of a run or of any file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from distill.view.address import PORT
from distill.wording import counted


def view(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A run directory, an evaluation's, or a file: .jsonl, .jsonl.gz, .parquet."),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="On loopback; 0 takes any that is free.")] = PORT,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open nothing.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the pages into this folder instead, for sharing; they open from the disk."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="With --out: traces of each set, model and verdict.")] = 200,
    question_key: Annotated[str | None, typer.Option(help="Of a file: column with the question.")] = None,
    answer_key: Annotated[str | None, typer.Option(help="Of a file: column with the gold answer.")] = None,
    thinking_key: Annotated[
        str | None, typer.Option(help="Of a file: column with reasoning that stands apart.")
    ] = None,
    response_key: Annotated[str | None, typer.Option(help="Of a file: column with what follows it, or both.")] = None,
) -> None:
    """Look at traces: problem, reasoning, verdicts, tokens in the loss; teacher, base and student side by side.

    Pages are served on 127.0.0.1 until Ctrl-C; a run that goes on is followed. Nothing is written into it.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"  # tokenizers come from this machine or not at all
    import webbrowser

    from distill.files import naming_temporary_folder
    from distill.recipe_problems import TracesProblems
    from distill.view.sources import look_at

    columns = TracesProblems(
        source="traces",
        path=str(run),
        question_key=question_key,
        answer_key=answer_key,
        thinking_key=thinking_key,
        response_key=response_key,
    )
    with _room_for(run) as unpacked:
        with naming_temporary_folder():
            looked = look_at(run, columns, unpacked)
        if out is not None:
            from distill.view.static import write_pages

            folder, traces = write_pages(looked, out, most)
            typer.echo(f"{counted(traces, 'trace')} -> {folder / 'index.html'}")
            return
        from distill.view.server import serve

        with serve(looked, port) as (server, address):
            typer.echo(f"{address}  (Ctrl-C ends it)")
            if not no_browser and _has_screen():
                webbrowser.open(address)
            server.serve_forever()


@contextmanager
def _room_for(run: Path) -> Iterator[IO[bytes] | None]:
    """Where a packed file is unpacked to while it is looked at; None for what needs none."""
    from tempfile import NamedTemporaryFile

    from distill.files import naming_temporary_folder

    if not run.name.endswith((".gz", ".parquet")):
        yield None
        return
    with naming_temporary_folder():
        unpacked = NamedTemporaryFile(suffix=".jsonl")  # noqa: SIM115 - closed below, where other errors are its own
    with unpacked:
        yield unpacked


def _has_screen() -> bool:
    """A browser in the terminal would take it over."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
