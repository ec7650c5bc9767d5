"""`distill export`: a run's student, or any checkpoint, as GGUF files; its evaluation for other harnesses."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from distill.errors import Refused
from distill.wording import counted


def export(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory, or a folder with a checkpoint.")],
    gguf: Annotated[
        list[str] | None,
        typer.Option(
            help="Type of the file, may be given again: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0; with llama.cpp's "
            "quantiser q2_k to q6_k."
        ),
    ] = None,
    harness: Annotated[
        str | None, typer.Option("--for", help="lm-eval or lighteval: the run's evaluation, for that harness.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; RUN/gguf, RUN/lm-eval by default.")] = None,
) -> None:
    """Write GGUF files for llama.cpp, each read back and compared with the checkpoint before it appears; or with --for
    the problems, prompts and settings by which another harness repeats the run's evaluation, and print the commands.

    llama.cpp's own converter does it where the variable LLAMA_CPP names the folder of its sources, or where it is on
    the PATH; models of the types llama, qwen2 and qwen3 need none.
    """
    if not gguf and harness is None:
        raise Refused("say what to write.", "--gguf TYPE, or --for lm-eval, or --for lighteval.")
    if gguf and harness is not None:
        raise Refused("--gguf and --for are one thing at a time.", "Run the command twice.")
    if harness is None:
        _write_gguf(source, gguf or [], out)
    else:
        _write_harness(source, harness, out)


def _write_harness(run: Path, harness: str, out: Path | None) -> None:
    from distill.evaluate.harness import Harness, export_for

    if harness not in get_args(Harness):
        raise Refused(f"--for={harness} is no harness that is known.", f"Harnesses: {', '.join(get_args(Harness))}.")
    for command in export_for(harness, run, out or run / harness):  # type: ignore[arg-type]
        typer.echo(command)


def _write_gguf(source: Path, gguf: list[str], out: Path | None) -> None:
    from distill.recipe_export import GgufType
    from students.export import Made
    from students.export import export as write

    kinds = [one.lower() for one in gguf]
    known = get_args(GgufType)
    if unknown := [one for one in kinds if one not in known]:
        raise Refused(f"--gguf={unknown[0]} is no type that is known.", f"Types: {', '.join(known)}.")

    def told(made: Made) -> None:
        typer.echo(made.line())

    folder, name = _checkpoint(source)
    made = write(folder, out or source / "gguf", kinds, name, told)
    typer.echo(f"{counted(len(made), 'file')} -> {out or source / 'gguf'}")


def _checkpoint(source: Path) -> tuple[Path, str]:
    """Folder of the checkpoint, and a name for its files.

    Raises:
        Refused: a run without a trained student.
    """
    if (source / "recipe.yaml").is_file() and not (source / "config.json").is_file():
        from distill.run import read_seal

        if read_seal(source, "train") is None:
            raise Refused(f"{source} holds no trained student.", "`distill run RECIPE --until train` makes one.")
        return source / "student" / "merged", source.resolve().name
    if not (source / "config.json").is_file():
        raise Refused(f"{source} is neither a run nor a folder with a checkpoint (config.json).")
    return source, source.resolve().name
