"""Parquet as a stream: as pyarrow sets itself up, it keeps the columns of a whole row group in memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from distill.errors import Refused

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

BYTES = 1 << 16
"""Of a column, read from the disk at a time."""


UNREADABLE = (OSError, ValueError, OverflowError, LookupError, NotImplementedError)
"""What pyarrow raises for a damaged file, and for dates and time zones that Python has not."""


def told(error: Exception) -> str:
    """The first line of what such an error says."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def open_parquet(path: Path) -> "ParquetFile":
    """
    Raises:
        Refused: two columns have one name, of which a row as a mapping would silently hold the last.
    """
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(path, pre_buffer=False, buffer_size=BYTES)
    if twice := [name for name, count in Counter(table.schema_arrow.names).items() if count > 1]:
        table.close()
        raise Refused(f"{path} has more than one column '{twice[0]}'.", "Rename one of them.")
    return table


def batches(
    table: "ParquetFile", rows: int, columns: list[str] | None = None, row_groups: Sequence[int] | None = None
) -> "Iterator[RecordBatch]":
    """So many rows at a time, all columns or some. Threads would fetch whole columns ahead."""
    groups = range(table.num_row_groups) if row_groups is None else row_groups
    yield from table.iter_batches(rows, row_groups=groups, columns=columns, use_threads=False)


def kept_rows(batch: "RecordBatch", kept: Sequence[bool]) -> "Iterator[RecordBatch]":
    """The rows that are to be kept, in runs without a gap: unlike a filter, that works for columns of every type."""
    at = 0
    for keeps, run in groupby(kept):
        count = len(list(run))
        if keeps:
            yield batch.slice(at, count)
        at += count
