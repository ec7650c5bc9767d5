"""Parquet as a stream: as pyarrow sets itself up, it keeps the columns of a whole row group in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

BYTES = 1 << 16
"""Of a column, read from the disk at a time."""


def open_parquet(path: Path) -> "ParquetFile":
    from pyarrow.parquet import ParquetFile

    return ParquetFile(path, pre_buffer=False, buffer_size=BYTES)


def batches(
    table: "ParquetFile", rows: int, columns: list[str] | None = None, row_groups: Sequence[int] | None = None
) -> "Iterator[RecordBatch]":
    """So many rows at a time, all columns or some. Threads would fetch whole columns ahead."""
    groups = range(table.num_row_groups) if row_groups is None else row_groups
    yield from table.iter_batches(rows, row_groups=groups, columns=columns, use_threads=False)
