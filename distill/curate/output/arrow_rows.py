"""Rows as they come onto disk as a data set: a batch in memory at a time, no cache and no locks outside the folder."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.files import whole_text
from distill.given_paths import content_digest

if TYPE_CHECKING:
    from datasets import Dataset

ROWS, CHARACTERS = 200, 32 << 20
"""Of a batch at most, but for one row that is longer."""

Row = dict[str, Any]


def save_rows(rows: Iterable[Row], folder: Path, types: Mapping[str, str]) -> tuple["Dataset", int]:
    """Write at least one row to a folder as `datasets.load_from_disk` reads it.

    `types` are those of columns that may be null in all of the first rows.

    Returns the data set, and the number of rows that held halves of a surrogate pair, as a stream that was cut leaves
    them: no file in UTF-8 can, so that a question mark stands for each. Equal rows give equal files.
    """
    import pyarrow as pa
    from datasets import Dataset, Split, disable_progress_bars
    from datasets.table import MemoryMappedTable

    held, mended = folder / ".rows", 0
    held.mkdir()
    parts = _batches(rows)
    first = next(parts)
    schema = pa.Table.from_pylist([_whole(row) for row in first]).schema
    for name, kind in types.items():
        schema = schema.set(schema.get_field_index(name), pa.field(name, pa.type_for_alias(kind)))
    with (held / "rows").open("wb") as f, pa.ipc.new_stream(f, schema) as stream:
        for part in (part for some in ([first], parts) for part in some):
            whole = [_whole(row) for row in part]
            mended += sum(row != before for row, before in zip(whole, part, strict=True))
            stream.write_batch(pa.RecordBatch.from_pylist(whole, schema))
    disable_progress_bars()
    table = MemoryMappedTable.from_file(str(held / "rows"))
    data = Dataset(table, split=Split.TRAIN, fingerprint=content_digest(held / "rows")[:16])
    data.save_to_disk(folder)
    shutil.rmtree(held)  # the table is mapped, and read from there to the end
    return data, mended


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(part) == ROWS or size > CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part


def _whole(value: Any) -> Any:
    """With question marks for halves of surrogate pairs, however deep they lie."""
    if isinstance(value, str):
        return value if value.isascii() else whole_text(value)
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list) else value
