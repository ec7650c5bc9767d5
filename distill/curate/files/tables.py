"""Rows of a jsonl or parquet file, some thousand at a time: what one column holds, and those kept as they are."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from distill.errors import DistillError, Refused
from distill.files import parsed_row
from distill.parquet import UNREADABLE, batches, kept_rows, open_parquet, rows_of_size, told, unpacked_bytes
from distill.wording import flag

if TYPE_CHECKING:
    from pyarrow import RecordBatch

ROWS = 8192
"""Of a part at most."""

BYTES = 4 << 20
"""Of the lines of a part, or of the texts that are looked for in a table, but for a line or text that is longer."""

AT_ONCE = 32
"""Rows of a table that are unpacked at a time: one may be of ten megabytes, and stand there many times."""

TABLE_BYTES = 32 << 20
"""Of the rows of a part with all their columns."""

QUESTIONS = (
    *("question", "problem", "question_content", "Question", "Problem", "prompt", "instruction", "text", "query"),
    *("messages", "conversations"),
)
"""Columns in which a question is looked for, in this order."""


class Part(NamedTuple):
    """Rows that follow each other."""

    values: list[Any]
    """Of the column that was asked for."""
    keep: Callable[[Sequence[bool]], None]
    """Writes those of them that are to be kept."""


def parts(file: Path, key: str | None, out: Any = None) -> Iterator[Part]:
    """The rows of a file in parts; `out` is what `writer` gives, or None where nothing is kept.

    Raises:
        Refused: unreadable, or no column of that name.
    """
    try:
        yield from _of_parquet(file, key, out) if file.suffix == ".parquet" else _of_lines(file, key, out)
    except UnicodeDecodeError as e:
        raise Refused(
            f"{file} is no text in UTF-8 (byte {e.start}).", "Rows come as .jsonl, .jsonl.gz or .parquet."
        ) from e
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    except (OSError, EOFError, zlib.error) as e:  # the last two of a torn .gz
        raise Refused(f"{file} cannot be read: {getattr(e, 'strerror', None) or e}.") from e


def _of_lines(file: Path, key: str | None, out: IO[bytes] | None) -> Iterator[Part]:
    lines: list[bytes] = []
    values: list[Any] = []
    size = 0
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            row = parsed_row(_decoded(line, file, number), file, number, halves=True)
            key = key_of(row, file, out) if key is None else key
            if key not in row:
                said = f"{file}, line {number} has no '{key}' (its columns: {', '.join(sorted(row))})."
                raise Refused(said, f"{_option(out)} A row without text has null there.")
            lines.append(line if line.endswith(b"\n") else line + b"\n")
            values.append(row[key])
            size += len(line)
            if len(lines) == ROWS or size > BYTES:
                yield Part(values, _lines_to(out, lines))
                lines, values, size = [], [], 0
    if lines:
        yield Part(values, _lines_to(out, lines))


def _decoded(line: bytes, file: Path, number: int) -> str:
    """
    Raises:
        Refused: no UTF-8.
    """
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as e:
        raise Refused(
            f"{file}, line {number} is no text in UTF-8 (byte {e.start + 1}).",
            "Rows come as .jsonl, .jsonl.gz or .parquet.",
        ) from e


def _lines_to(out: IO[bytes] | None, lines: list[bytes]) -> Callable[[Sequence[bool]], None]:
    def keep(kept: Sequence[bool]) -> None:
        if out is not None:
            out.writelines(compress(lines, kept))

    return keep


def _of_parquet(file: Path, key: str | None, out: Any) -> Iterator[Part]:
    with readable_table(file), open_parquet(file) as table:
        names = table.schema_arrow.names
        key = key_of(dict.fromkeys(names), file, out) if key is None else key
        if key not in names:
            raise Refused(f"{file} has no column '{key}' (its columns: {', '.join(sorted(names))}).", _option(out))
        held: list[RecordBatch] = []
        values: list[Any] = []
        size = asked = 0
        rows = rows_of_size(table, BYTES, AT_ONCE)
        for batch in batches(table, rows, None if out else [key]):
            held.append(batch)
            values += (read := batch.column(key).to_pylist())
            size += unpacked_bytes(batch)
            asked += sum(len(value) for value in read if isinstance(value, str))
            if len(values) >= ROWS or size > TABLE_BYTES or asked > BYTES:
                yield Part(values, _batches_to(out, held))
                held, values, size, asked = [], [], 0, 0
        if values:
            yield Part(values, _batches_to(out, held))


def _batches_to(out: Any, held: "list[RecordBatch]") -> Callable[[Sequence[bool]], None]:
    def keep(kept: Sequence[bool]) -> None:
        if out is not None and any(kept):
            from pyarrow import Table

            out.write_table(Table.from_batches(kept_rows(held, kept)))

    return keep


@contextmanager
def readable_table(file: Path) -> Iterator[None]:
    """
    Raises:
        Refused: it is damaged, or no table.
    """
    try:
        yield
    except UNREADABLE as e:
        raise Refused(f"{file} cannot be read as parquet: {told(e)}.") from e


def key_of(row: dict[str, Any], file: Path, out: Any = None) -> str:
    """The column in which a question stands.

    Raises:
        Refused: none that is known.
    """
    found = next((name for name in QUESTIONS if name in row), None)
    if found is None:
        said = f"{file} has no column that is known to hold text (its columns: {', '.join(sorted(row))})."
        raise Refused(said, _option(out))
    return found


def _option(out: Any) -> str:
    """How the column is named: only of the file that is gone through something is kept."""
    option = flag("evaluation key" if out is None else "text key")
    return f"Name the column with the text: {option}." if option else f"Call the column with it `{QUESTIONS[0]}`."


@contextmanager
def writer(f: IO[bytes], like: Path) -> Iterator[Any]:
    """What takes rows of the file `like` that are kept, and writes them to `f` as they stand there."""
    if like.suffix != ".parquet":
        yield f
        return
    import pyarrow.parquet as pq

    with readable_table(like), open_parquet(like) as table:
        schema = table.schema_arrow
    with pq.ParquetWriter(f, schema, compression="zstd") as rows:
        yield rows


def line_of(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
