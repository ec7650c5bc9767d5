"""Files that gzip has packed, unpacked for the while: what was chosen is looked up in them again."""

import fcntl
import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distill.errors import DistillError, Refused
from distill.files import cannot_write, naming_temporary_folder
from distill.folders import LOCK, UNWRITABLE

PREFIX = ".distill-unpacked."
"""Of the names of folders with such files."""

FILES = "files"
"""Where they lie in it."""


@contextmanager
def unpacked(files: tuple[Path, ...], beside: Path | None) -> Iterator[tuple[Path, ...]]:
    """The files, those of gzip as they are unpacked. They lie where temporary files do, or `beside` an output that
    other machines see, too; those that a killed process has left there are removed.

    Raises:
        Refused: one of them is no file of gzip, or torn; or there is no room.
    """
    packed = [file for file in files if file.suffix == ".gz"]
    if not packed:
        yield files
        return
    with naming_temporary_folder():
        where = Path(tempfile.gettempdir()) if beside is None else beside.parent
    with _folder(where) as folder:
        found = {file: folder / FILES / str(number) / file.stem for number, file in enumerate(packed)}
        for file, plain in found.items():
            plain.parent.mkdir(parents=True)
            _unpack(file, plain)
        try:
            yield tuple(found.get(file, file) for file in files)
        except DistillError as e:
            said = str(e)
            for file, plain in found.items():
                said = said.replace(str(plain), str(file))
            raise type(e)(said, e.hint) from e


@contextmanager
def _folder(where: Path) -> Iterator[Path]:
    """A new folder with a lock, which goes at the end, and at the next call where this process was killed.

    Raises:
        Refused: there can be none.
    """
    for left in where.glob(f"{PREFIX}*"):
        _remove_unused(left)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
        lock = (folder / LOCK).open("wb")
    except OSError as e:
        raise cannot_write(where, e) from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
        finally:
            _remove(folder)


def _remove_unused(folder: Path) -> None:
    """Without a lock it is being made just now, or empty; another's cannot be removed."""
    with suppress(OSError), (folder / LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Its lock last: what a kill leaves of it is found by that."""
    shutil.rmtree(folder / FILES, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _unpack(file: Path, plain: Path) -> None:
    try:
        with gzip.open(file) as lines, plain.open("wb") as f:
            shutil.copyfileobj(lines, f, 1 << 20)
    except (OSError, EOFError, zlib.error) as e:
        no_room = isinstance(e, OSError) and e.errno in UNWRITABLE
        said = e.strerror if no_room and isinstance(e, OSError) else e
        hint = "It goes to the folder that TMPDIR names." if no_room else ""
        raise Refused(f"{file} cannot be unpacked: {said}.", hint) from e
