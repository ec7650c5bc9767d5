"""Files that take the places of older ones together, and are written by one process at a time."""

import fcntl
import gzip
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from distill.errors import Refused
from distill.files import UNFINISHED, sync_folder


def unfinished(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f".{path.name}.{UNFINISHED}")


@contextmanager
def replacing_together(*paths: Path) -> Iterator[list[IO[bytes]]]:
    """What takes the places of these files when all of them are written and on disk, packed by gzip where a name ends
    so; an error leaves nothing. The last one is put into its place last: where it is new, all are.

    What a kill has left is written anew by the next call.

    Raises:
        Refused: another process writes one of them.
        OSError: one of them cannot be written.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(_locked(path)) for path in paths]
        with ExitStack() as packing:
            yield [packing.enter_context(_packed(path, f)) for path, f in zip(paths, files, strict=True)]
        for f in files:
            f.flush()
            os.fsync(f.fileno())
        for path in paths:
            unfinished(path).replace(path)
        for folder in {path.parent for path in paths}:
            sync_folder(folder)


@contextmanager
def _packed(path: Path, f: IO[bytes]) -> Iterator[IO[bytes]]:
    """By gzip where the name ends so, without name and time in it: equal rows give equal files."""
    if path.suffix != ".gz":
        yield f
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as packed:
        yield packed  # type: ignore[misc]


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """The empty file that takes the place of `path`; it goes, unless it has been put there.

    Raises:
        Refused: another process writes it.
    """
    partial = unfinished(path)
    f = os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    try:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise _taken(path) from e
        if not _is(partial, f):
            raise _taken(path)
        try:
            f.truncate(0)
            yield f
        finally:
            if _is(partial, f):
                partial.unlink()
    finally:
        with suppress(OSError):  # what is in memory of a file that is given up has no room either
            f.close()


def _is(path: Path, f: IO[bytes]) -> bool:
    """Is the open file still the one of this name?"""
    try:
        return os.path.samestat(os.fstat(f.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _taken(path: Path) -> Refused:
    return Refused(f"{path} is being written by another process.", "Wait for it, or name another file.")
