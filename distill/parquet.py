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


def rows_of_size(table: "ParquetFile", size: int, most: int) -> int:
    """How many rows of the group with the largest ones are about so many bytes, from 1 to `most`.

    What a dictionary holds once, and rows many times, counts once: see that there are not too many of them.
    """
    groups = map(table.metadata.row_group, range(table.num_row_groups))
    largest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=1)
    return max(1, min(most, int(size / max(1, largest))))


def kept_rows(held: "Sequence[RecordBatch]", kept: Sequence[bool]) -> "Iterator[RecordBatch]":
    """The rows that are to be kept, in runs without a gap: unlike a filter, that works for columns of every type."""
    begin = 0
    for batch in held:
        at = 0
        for keeps, run in groupby(kept[begin : begin + batch.num_rows]):
            count = len(list(run))
            if keeps:
                yield batch.slice(at, count)
            at += count
        begin += at


def unpacked_bytes(batch: "RecordBatch") -> int:
    """Of the values of a batch; a dictionary, which all batches share, counts for nothing."""
    from pyarrow import DictionaryArray

    return sum(c.indices.nbytes if isinstance(c, DictionaryArray) else c.nbytes for c in batch.columns)
