"""`distill select`: curation of traces in any files, without a run."""

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.curate.curated_folder import output_folder
from distill.curate.funnel import Step, as_text
from distill.curate.problem_steps import Ask
from distill.curate.published_traces import PublishedTraces
from distill.curate.stage import curate_source
from distill.errors import DistillError, Refused
from distill.folders import UNWRITABLE
from distill.given_paths import existing, refuse_no_file, stamp, told_as_changed
from distill.recipe_curate import Curate
from distill.recipe_problems import TracesProblems
from distill.recipe_prompts import Prompt
from distill.wording import counted, key

FORMATS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".parquet")

KINDS = ("math", "choice", "number")
"""Kinds of problems whose traces are judged by a gold answer in a column."""


def select_files(
    files: Sequence[Path],
    out: Path,
    spec: Curate,
    columns: TracesProblems,
    prompt: Prompt,
    seed: int,
    ask: Ask | None = None,
    verify: str | None = None,
) -> dict[str, Any]:
    """Choose traces of files by the keys of a recipe's section `curate`, and write a `datasets` folder to `out`.

    Verdicts are those that `distill verify` has written beside the rows, or that a published set has; with `verify`,
    a kind of problem, every trace is judged as it is read. `ask` gets domains of problems from a model. Returns rows
    and funnel, as `curate` does.

    Raises:
        Refused: a file that is missing, changes while it is read, or is of no layout that is known, an `out` that is no
            folder of ours, nothing left.
    """
    refuse_paths(files)
    folder = output_folder(out, files)
    if verify is not None and verify not in KINDS:
        raise Refused(f"--kind={verify} is not judged here.", f"Kinds: {', '.join(KINDS)}; others: distill verify.")
    for part in spec.mix:
        existing(part.path, key("curate.mix.path"))
    given = tuple(file.resolve() for file in files)
    stamps = {file: stamp(file) for file in given}
    with told_as_changed(stamps), _unpacked(given, folder if spec.engine == "ray" else None) as read:
        source = PublishedTraces(read, columns, verify or "math", verify is not None, _carried(spec), given, stamps)
        return curate_source(source, spec, seed, [], prompt.messages, folder, ask)


def _carried(spec: Curate) -> dict[str, str]:
    """Columns that the steps need to know of a problem, each with the key that names it."""
    found: dict[str, str] = {}
    if spec.difficulty is not None:
        found |= dict.fromkeys(spec.difficulty.known, "difficulty.known")
        found |= dict.fromkeys(spec.difficulty.panel, "difficulty.panel")
    if spec.domains is not None and spec.domains.by == "known":
        found[spec.domains.key] = "domains.key"
    return found


@contextmanager
def _unpacked(files: tuple[Path, ...], beside: Path | None) -> Iterator[tuple[Path, ...]]:
    """The files, those of gzip as they are unpacked for the while: what was chosen is looked up in them again.

    They lie where temporary files do, or `beside` an output that other machines see, too.

    Raises:
        Refused: one of them is no file of gzip, or torn; or there is no room.
    """
    packed = [file for file in files if file.suffix == ".gz"]
    if not packed:
        yield files
        return
    where = None if beside is None else beside.parent.resolve()
    with tempfile.TemporaryDirectory(prefix=".unpacked.", dir=where) as folder:
        found = {file: Path(folder) / str(number) / file.stem for number, file in enumerate(packed)}
        for file, plain in found.items():
            plain.parent.mkdir()
            _unpack(file, plain)
        try:
            yield tuple(found.get(file, file) for file in files)
        except DistillError as e:
            said = str(e)
            for file, plain in found.items():
                said = said.replace(str(plain), str(file))
            raise type(e)(said, e.hint) from e


def _unpack(file: Path, plain: Path) -> None:
    try:
        with gzip.open(file) as lines, plain.open("wb") as f:
            shutil.copyfileobj(lines, f, 1 << 20)
    except (OSError, EOFError, zlib.error) as e:
        no_room = isinstance(e, OSError) and e.errno in UNWRITABLE
        said = e.strerror if no_room and isinstance(e, OSError) else e
        hint = "It goes to the folder that TMPDIR names." if no_room else ""
        raise Refused(f"{file} cannot be unpacked: {said}.", hint) from e


def refuse_paths(files: Sequence[Path]) -> None:
    """
    Raises:
        Refused: inputs that are no files of a known format.
    """
    for file in files:
        refuse_no_file(file)
        if not file.name.endswith(FORMATS):
            raise Refused(f"{file} is neither .jsonl nor .parquet, the formats that are read.")


def summary(counts: dict[str, Any]) -> str:
    """The funnel, and what was mended on the way."""
    funnel = as_text([Step(**step) for step in counts["funnel"]])
    halves = counts.get("halves", 0)
    said = f"{counted(halves, 'row')} with half a character, as a cut stream leaves it: a ? stands for it"
    return f"{funnel}\n{said}" if halves else funnel
