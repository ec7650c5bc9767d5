"""Shards of files larger than the memory: jsonl by its bytes, parquet by its groups of rows, each read by itself."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from distill.curate.files.tables import readable_table
from distill.curate.traces.sources import Shard
from distill.errors import DistillError, Refused
from distill.files import each_row, parsed_row
from distill.given_paths import Stamp, stamp
from distill.parquet import batches, open_parquet
from distill.plain_values import plain

BATCH = 64
"""Rows of parquet that are Python objects at a time."""

LOOKED_AT = 100
"""Rows of a file whose keys are taken for its columns."""


def columns(file: Path) -> frozenset[str]:
    """Those of its first rows.

    Raises:
        Refused: the file cannot be read, or is empty.
    """
    return _columns_of(file, stamp(file))


@lru_cache(maxsize=64)
def _columns_of(file: Path, stamp: Stamp) -> frozenset[str]:
    """With the `stamp`, so that a file that is written anew is read anew."""
    try:
        found = frozenset(key for row in islice(each_row(file, halves=True), LOOKED_AT) for key in row)
    except DistillError as e:
        raise Refused(str(e), e.hint) from e
    if not found:
        raise Refused(f"{file} holds no traces.")
    return found


def line_ranges(file: Path, size: int) -> list[tuple[int, int, int]]:
    """Begin and end of parts of about `size` bytes that are cut between lines, each with the rows before it."""
    ranges, begin, at, before, rows = [], 0, 0, 0, 0
    with file.open("rb") as f:
        for line in f:
            at += len(line)
            rows += not line.isspace()
            if at - begin >= size:
                ranges.append((begin, at, before))
                begin, before = at, rows
    return [*ranges, (begin, at, before)] if at > begin else ranges


def lines(file: Path, shard: Shard) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows, each with the byte at which its line begins."""
    at = shard.begin
    with file.open("rb") as f:
        f.seek(at)
        while at < shard.end and (line := f.readline()):
            if line.strip():
                yield at, _row(line, file, at)
            at += len(line)


def _row(line: bytes, file: Path, at: int) -> dict[str, Any]:
    try:
        return parsed_row(line.decode("utf-8-sig" if not at else "utf-8"), file, at, halves=True)
    except UnicodeDecodeError as e:
        raise Refused(f"{file} is no text in UTF-8 (byte {at + e.start}).", "Rows come as .jsonl or .parquet.") from e
    except DistillError as e:
        raise Refused(str(e).replace(f"line {at}", f"the line at byte {at}"), e.hint) from e


def row_groups(file: Path, size: int) -> list[tuple[int, int, int]]:
    """Groups of rows, several together up to about `size` bytes as they are unpacked, with the rows before them."""
    with readable_table(file), open_parquet(file) as table:
        groups = [table.metadata.row_group(group) for group in range(table.num_row_groups)]
        sizes = [(group.total_byte_size, group.num_rows) for group in groups]
    ranges, begin, held, before, rows = [], 0, 0, 0, 0
    for group, (bytes_, count) in enumerate(sizes):
        held, rows = held + bytes_, rows + count
        if held >= size or group == len(sizes) - 1:
            ranges.append((begin, group + 1, before))
            begin, held, before = group + 1, 0, rows
    return ranges


def groups(file: Path, shard: Shard) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows, each with its number in the file, from 0."""
    with readable_table(file), open_parquet(file) as table:
        at = sum(table.metadata.row_group(group).num_rows for group in range(shard.begin))
        for batch in batches(table, BATCH, row_groups=range(shard.begin, shard.end)):
            for row in batch.to_pylist():
                yield at, plain(row)
                at += 1


def rows_at(file: Path, wanted: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some rows of a file, in its order: those of parquet by their numbers, others by the bytes at which they begin."""
    if file.suffix != ".parquet":
        with file.open("rb") as f:
            for at in sorted(wanted):
                f.seek(at)
                yield at, _row(f.readline(), file, at)
        return
    for begin, end, _ in row_groups(file, 1):
        yield from ((at, row) for at, row in groups(file, Shard(0, begin, end)) if at in wanted)
