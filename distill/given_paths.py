"""Files that a command is given: what it may read, what it may write, and whether one changed while it was read."""

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from distill.errors import Refused
from distill.files import user_path

_BLOCKS, _BLOCK = 1024, 4096


def refuse_no_file(file: Path) -> None:
    """
    Raises:
        Refused: nothing is there, or what cannot be read twice.
    """
    user_path(str(file))
    if file.is_file():
        return
    if file.is_dir():
        raise Refused(f"there is no file '{file}': it is a folder.")
    if file.exists():
        hint = "Write its rows to a file first: cat > rows.jsonl"
        raise Refused(f"'{file}' is not a regular file, and rows are read more than once.", hint)
    raise Refused(f"there is no file '{file}'.")


def output_path(file: Path, option: str) -> Path:
    """Where an output is written, links followed: a new file, or one that is replaced.

    Raises:
        Refused: a device, a pipe, a folder or a circle of links is there, or there is no folder for it.
    """
    if str(file) == "-":
        raise Refused(f"{option}=-: rows are written to a file, which appears when it is whole.", "Name a file.")
    path = user_path(str(file))
    if path.exists() and not path.is_file():
        raise Refused(f"{option}={file} is there and is no file.")
    try:
        path = path.resolve()
    except (OSError, RuntimeError) as e:  # a circle of links
        raise Refused(f"{option}={file} is a link that leads nowhere.") from e
    if path.is_symlink():  # as newer versions of Python tell the circle
        raise Refused(f"{option}={file} is a link that leads nowhere.")
    if not path.parent.is_dir():
        there_is_none = f"{option}={file.name}: there is no folder '{path.parent}'."
        raise Refused(there_is_none, f"mkdir -p {shlex.quote(str(path.parent))}")
    return path


def stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes when somebody writes a file, or puts another in its place; None where it is gone."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


Stamp = tuple[int, int, int] | None


def refuse_if_changed(before: Mapping[Path, Stamp]) -> None:
    """
    Raises:
        Refused: one of the files has another stamp than before.
    """
    for file, known in before.items():
        if stamp(file) != known:
            raise Refused(f"{file} has changed while it was read.", "Run the command again when nobody writes it.")


@contextmanager
def told_as_changed(before: Mapping[Path, Stamp]) -> Iterator[None]:
    """An error that comes of a file that changed while it was read is told as that.

    Raises:
        Refused: something was raised, and a file has changed.
    """
    try:
        yield
    except Exception:
        refuse_if_changed(before)
        raise


@contextmanager
def unchanged(file: Path) -> Iterator[None]:
    """Whatever comes of a file that changed while it was read, and be it an error, is told as that.

    Raises:
        Refused: it changed.
    """
    before = stamp(file)
    changed = Refused(f"{file} has changed while it was read.", "Run the command again when nobody writes it.")
    try:
        yield
    except Exception as e:
        if stamp(file) != before:
            raise changed from e
        raise
    if stamp(file) != before:
        raise changed


def existing(name: str, key: str) -> Path:
    """The file with rows that a key of a recipe names.

    Raises:
        Refused: nothing is there, or it is of another format.
    """
    path = user_path(name)
    if not path.is_file():
        raise Refused(f"{key} '{name}' is no file.", "Paths are relative to the working directory.")
    if not path.name.endswith((".jsonl", ".json", ".jsonl.gz", ".parquet")):
        raise Refused(f"{key} '{name}' is neither .jsonl nor .parquet, the formats that are read.")
    return path


def sampled_digest(path: Path) -> str:
    """Digest of a file of any size in a second: all of its bytes up to 4 MiB, else blocks that lie evenly over it.

    Not of its ends alone: checkpoints that were merged from one base differ in the layers between them only.
    """
    size = path.stat().st_size
    if size <= _BLOCKS * _BLOCK:
        return content_digest(path)
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as f:
        for number in range(_BLOCKS):
            f.seek((size - _BLOCK) * number // (_BLOCKS - 1))
            found.update(f.read(_BLOCK))
    return found.hexdigest()


def content_digest(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
