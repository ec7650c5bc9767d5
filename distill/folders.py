"""Folders that appear whole, in place of an older one, or not at all; written by one process at a time."""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.errors import DistillError, Refused
from distill.files import UNFINISHED, cannot_write, sync_folder

FULL = 1 << 20
"""Bytes free on a disk that is as good as full."""

UNWRITABLE = {errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG}
"""What the system says of disks that are full and places that may not be written."""

_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust write its number; safetensors has removed its torn file by then, and made room."""

REPLACED = "replaced"
"""Last part of the name of an older folder that stands aside."""

LOCK = ".lock"
"""Held by who writes a folder; gone from one that is whole, but for a kill at the last moment."""


def write_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a folder that then appears whole; see `replacing_folder`."""
    with replacing_folder(folder) as unfinished:
        write(unfinished)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder`, synced, when all is written; an error leaves nothing of it.

    What a kill has left is removed at the next call, and an older folder that it has left aside is put back.

    Raises:
        Refused: another process writes the same folder, or the disk is full or not to be written.
    """
    unfinished = _beside(folder, UNFINISHED)
    with _locked(folder, unfinished):
        _put_back(folder)
        try:
            _clear(unfinished)
            yield unfinished
            _put(unfinished, folder)
        except BaseException as e:
            told = refusal_of(e, folder)  # before room is made
            shutil.rmtree(unfinished, ignore_errors=True)
            _put_back(folder)
            if told is None:
                raise
            raise told from e


def refusal_of(error: BaseException, folder: Path) -> Refused | None:
    """The sentence for what a full or unwritable disk makes libraries say, which they do in many ways."""
    hidden = str(_beside(folder, UNFINISHED))
    said = error.__cause__ if isinstance(error, Refused) and hidden in str(error) else error
    if isinstance(said, OSError) and said.errno in UNWRITABLE:
        place = str(said.filename or folder)
        if place.startswith(hidden):
            return cannot_write(folder, said)
        may_be_input = said.filename and said.errno in (errno.EPERM, errno.EACCES)
        return None if may_be_input else cannot_write(place, said)
    if isinstance(error, DistillError) or not isinstance(error, Exception) or not folder.parent.is_dir():
        return None
    number = _SYSTEM_ERROR.search(str(error))
    if number and int(number[1]) in UNWRITABLE:
        return cannot_write(folder, OSError(int(number[1]), os.strerror(int(number[1]))))
    full = shutil.disk_usage(folder.parent).free < FULL
    return cannot_write(folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) if full else None


@contextmanager
def held(folder: Path, hint: str) -> Iterator[None]:
    """A folder that is added to by this process alone, made where there is none.

    The folder itself is locked: the system gives the lock back however the process ends, and no file is left that a
    person could take for a stale one.

    Raises:
        Refused: another process holds it, or there can be no such folder.
    """
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file, not a folder.", hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as e:
        raise cannot_write(folder, e) from e
    try:
        _lock(lock, folder, hint)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, folder: Path, hint: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        raise Refused(f"{folder} is in use by another process.", f"Wait for it. {hint}") from e
    except OSError as e:  # a file system without locks
        raise cannot_write(folder, e) from e


def _beside(folder: Path, end: str) -> Path:
    return folder.with_name(f".{folder.name}.{end}")


def places_of(folder: Path) -> tuple[Path, ...]:
    """Folders whose contents may go when `folder` is written: itself, and those beside it that a kill may leave."""
    return folder, _beside(folder, UNFINISHED), _beside(folder, REPLACED)


@contextmanager
def _locked(folder: Path, unfinished: Path) -> Iterator[None]:
    """
    Raises:
        Refused: another process holds the lock, or there can be no such folder.
    """
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        lock = (unfinished / LOCK).open("ab")
    except FileNotFoundError as e:
        raise (_taken(folder) if folder.exists() else cannot_write(folder, e)) from e
    except OSError as e:
        raise cannot_write(folder, e) from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise _taken(folder) from e
        except OSError as e:  # a file system without locks
            raise cannot_write(folder, e) from e
        if not (unfinished / LOCK).exists() or not os.path.samestat(
            os.fstat(lock.fileno()), (unfinished / LOCK).stat()
        ):
            raise _taken(folder)
        yield


def _taken(folder: Path) -> Refused:
    return Refused(f"{folder} is being written by another process.", "Wait for it, or name another folder.")


def _clear(unfinished: Path) -> None:
    for path in unfinished.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _put(unfinished: Path, folder: Path) -> None:
    """An older folder steps aside first: for a moment there is none, and a kill then leaves it beside."""
    for path in unfinished.rglob("*"):
        if path.is_file():
            path.chmod(0o644)  # safetensors writes files that only their owner may read
            with path.open("rb") as f:
                os.fsync(f.fileno())
    aside = _beside(folder, REPLACED)
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        os.replace(folder, aside)
    os.replace(unfinished, folder)
    (folder / LOCK).unlink()  # only now: who waits for it must find it gone with the folder
    sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _put_back(folder: Path) -> None:
    aside = _beside(folder, REPLACED)
    if aside.exists() and not folder.exists():
        os.replace(aside, folder)
