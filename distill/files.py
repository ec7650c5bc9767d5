"""Writing so that a kill at any moment leaves either the old file or the new one."""

import fcntl
import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from distill.errors import DistillError, Refused
from distill.plain_values import levels_of, plain
from distill.wording import verb

R = TypeVar("R", bound=BaseModel)


UNFINISHED = "unfinished"
"""Last part of the name of what a kill has left, file or folder."""

MANY_BRACKETS = 200
"""A line with more may be nested too deeply."""

MOST_LEVELS = 500
"""Of a row that can be written again wherever it is read: Python counts its own calls and these together."""

_TOO_DEEP = f"nested more than {MOST_LEVELS} levels deep"


def user_path(name: str) -> Path:
    """A path as a person wrote it, `~` included.

    Raises:
        Refused: it can be no path.
    """
    try:
        path = Path(name).expanduser()
        path.exists()
    except (OSError, RuntimeError, ValueError) as e:  # too long, no such user, a zero byte
        shown = name if len(name) < 80 else name[:77] + "..."
        raise Refused(f"'{shown}' is no path: {getattr(e, 'strerror', None) or e}.") from e
    return path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole: written beside it, synced, renamed."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def naming_temporary_folder() -> Iterator[None]:
    """What goes wrong with a temporary file, which has no name, is told of the folder that it lies in.

    Raises:
        Refused: there is no folder for temporary files.
    """
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as e:
        raise Refused(f"there is no folder for temporary files: {e.strerror}.", "TMPDIR names one.") from e
    try:
        yield
    except OSError as e:
        raise e if e.filename else OSError(e.errno, e.strerror, folder) from e


def cannot_write(path: Path | str, error: OSError) -> Refused:
    """The sentence for a full or unwritable disk."""
    return Refused(
        f"{path} cannot be written: {error.strerror}.",
        f"{verb().kept}; free space or mend the permissions and run the same command again.",
    )


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in a file of ours.

    Raises:
        DistillError: something else than us has written there.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DistillError(f"{path} is damaged: it is not JSON.", "Delete it; the same command makes it again.") from e


class Log:
    """An append-only jsonl file of one record type; a torn last line is not read, and dropped at the first `append`.

    `append` returns only when the lines are on disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = torn_bytes(path)
        """Bytes of an unfinished last line: the mark of a kill or a full disk."""
        self._is_sound = self.torn == 0

    def append(self, records: Iterable[BaseModel]) -> None:
        """Write records with one call, so that a killed process leaves all of them or none, and sync."""
        data = "".join(record.model_dump_json() + "\n" for record in records).encode()
        if not data:
            return
        with self.path.open("ab", buffering=0) as f:
            if not self._is_sound:
                f.truncate(f.tell() - self.torn)
                self._is_sound = True
            start = f.seek(0, os.SEEK_END)
            try:
                written = f.write(data)
                if written != len(data):
                    raise OSError(28, "No space left on device")
                os.fsync(f.fileno())
            except OSError as e:
                f.truncate(start)
                raise cannot_write(self.path, e) from e

    def read(self, kind: type[R]) -> list[R]:
        """All records, in the order in which they were written; see `each`."""
        return list(self.each(kind))

    def each(self, kind: type[R]) -> Iterator[R]:
        """The records one by one, in the order in which they were written.

        Raises:
            DistillError: a line that we did not write.
        """
        return (record for _, record in self.placed(kind))

    def placed(self, kind: type[R]) -> Iterator[tuple[int, R]]:
        """The same, each with the byte at which it begins: see `at`."""
        if not self.path.exists():
            return
        place = 0
        with self.path.open("rb") as f:
            for number, line in enumerate(f, 1):
                if line.endswith(b"\n"):
                    yield place, self._record(kind, line, number)
                place += len(line)

    def at(self, kind: type[R], place: int) -> R:
        """The record that begins at this byte."""
        with self.path.open("rb") as f:
            f.seek(place)
            return kind.model_validate_json(f.readline())

    def leave_out(self, kind: type[R], is_stale: Callable[[R], bool]) -> None:
        """Lose the records that are stale; the file is written anew, and whole at any moment."""
        stale = {place for place, record in self.placed(kind) if is_stale(record)}
        if not stale:
            return
        with self.path.open("rb") as old, replacing(self.path) as new:
            place = 0
            for line in old:
                new.write(line if place not in stale and line.endswith(b"\n") else b"")
                place += len(line)
            new.flush()
            os.fsync(new.fileno())
        self.torn, self._is_sound = 0, True

    def _record(self, kind: type[R], line: bytes, number: int) -> R:
        try:
            return kind.model_validate_json(line)
        except ValidationError as e:
            raise DistillError(
                f"{self.path} is damaged: line {number} is no {kind.__name__.lower()}.",
                "Delete that line; the same command makes up for it.",
            ) from e


def torn_bytes(path: Path) -> int:
    """Bytes after the last line end."""
    if not path.exists():
        return 0
    with path.open("rb") as f:
        data_end = f.seek(0, os.SEEK_END)
        position = data_end
        while position > 0:
            step = min(1 << 16, position)
            f.seek(position - step)
            newline = f.read(step).rfind(b"\n")
            if newline >= 0:
                position = position - step + newline + 1
                break
            position -= step
    return data_end - position


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a jsonl or parquet file as plain mappings.

    Raises:
        DistillError: unreadable, or a line that is no JSON object (named by its number).
    """
    return list(each_row(path))


def each_row(path: Path, halves: bool = False) -> Iterator[dict[str, Any]]:
    """As `read_rows`, one after another: a file may be larger than the memory; also a jsonl file that gzip has packed.

    With `halves` its texts may hold halves of a surrogate pair, which no file in UTF-8 can: see `json_line`.
    """
    if not path.is_file():
        raise DistillError(f"{path} is no file.")
    try:
        yield from _parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path, halves)
    except UnicodeDecodeError as e:
        raise DistillError(
            f"{path} is no text in UTF-8 (byte {e.start}).", "Rows come as .jsonl, .jsonl.gz or .parquet."
        ) from e
    except (OSError, EOFError, zlib.error) as e:  # the last two of a torn .gz
        raise DistillError(f"{path} cannot be read: {getattr(e, 'strerror', None) or e}.") from e


def whole_text(text: str) -> str:
    """With a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def json_line(row: dict[str, Any]) -> bytes:
    """A row as a line of JSON; halves of a surrogate pair, as a stream that was cut leaves them, are escaped."""
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode() + b"\n"


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Rows as they come, one JSON object a line; they replace what was there when all of them are written.

    Raises:
        Refused: the file cannot be written; what was there stays.
    """
    try:
        with replacing(path) as lines:
            for row in rows:
                lines.write(json_line(row))
    except OSError as e:
        raise Refused(f"{path} cannot be written: {e.strerror}.") from e


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """What takes the place of a file when all is written, packed by gzip where its name ends so.

    What a call that was killed has left unfinished is removed; who still writes holds a lock.
    """
    _remove_unfinished(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{UNFINISHED}")
    try:
        with partial.open("wb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield f
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def _remove_unfinished(path: Path) -> None:
    for left in path.parent.glob(f".{escape(path.name)}.*.{UNFINISHED}"):
        with suppress(OSError), left.open("rb") as f:  # no lock: somebody writes it
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _json_rows(path: Path, halves: bool) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix == ".gz" else path.open(encoding="utf-8-sig") as f:
        for number, line in enumerate(f, 1):
            if line.strip():
                yield parsed_row(line, path, number, halves)


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    from distill.parquet import UNREADABLE, batches, open_parquet, told

    try:
        with open_parquet(path) as table:
            for batch in batches(table, 256):
                yield from map(plain, batch.to_pylist())
    except UNREADABLE as e:
        raise DistillError(f"{path} cannot be read as parquet: {told(e)}.") from e


def parsed_row(line: str, path: Path, number: int, halves: bool = False) -> dict[str, Any]:
    """The JSON object on a line; with `halves` its texts may hold halves of a surrogate pair.

    Raises:
        DistillError: there is none, or it holds what no text can.
    """
    try:
        row = json.loads(line)
        if line.count("[") + line.count("{") > MANY_BRACKETS and levels_of(row) > MOST_LEVELS:
            raise RecursionError
        if "\\u" in line:  # can it be written again?
            json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass" if halves else "strict")
    except (ValueError, RecursionError) as e:  # half a surrogate pair, a number of 5,000 digits, 3,000 levels
        said = e.msg if isinstance(e, json.JSONDecodeError) else str(e).split(":")[0]
        said = _TOO_DEEP if isinstance(e, RecursionError) else said
        hint = "Write a number of so many digits as a text." if "digits" in said else "One JSON object a line."
        raise DistillError(f"{path}, line {number} is not readable as JSON ({said}).", hint) from e
    if not isinstance(row, dict):
        raise DistillError(f"{path}, line {number} is no JSON object.", "One JSON object a line.")
    return row
