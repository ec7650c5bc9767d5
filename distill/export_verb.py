"""`distill export`: a run's student, or any checkpoint, as GGUF files."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from distill.errors import Refused
from distill.wording import counted


def export(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory, or a folder with a checkpoint.")],
    gguf: Annotated[
        list[str],
        typer.Option(
            help="Type of the file, may be given again: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0; with llama.cpp's "
            "quantiser q2_k to q6_k."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for the files; RUN/gguf by default.")] = None,
) -> None:
    """Write GGUF files for llama.cpp, each read back and compared with the checkpoint before it appears.

    llama.cpp's own converter does it where the variable LLAMA_CPP names the folder of its sources, or where it is on
    the PATH; models of the types llama, qwen2 and qwen3 need none.
    """
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
