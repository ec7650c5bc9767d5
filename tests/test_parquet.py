"""Parquet read as a stream: a row group larger than the memory that is meant for it."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from distill.parquet import batches, open_parquet

HELD = """
import sys, pyarrow as pa
from pathlib import Path
from distill.parquet import batches, open_parquet
with open_parquet(Path(sys.argv[1])) as table:
    rows = sum(batch.num_rows for batch in batches(table, 256))
print(rows, pa.default_memory_pool().max_memory())
"""


def test_a_row_group_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "one_group.parquet"
    texts = [f"{number * 7919 % 100_003:06d}" * 200 for number in range(40_000)]
    pq.write_table(pa.table({"text": texts}), file, compression="none", use_dictionary=False)
    assert pq.ParquetFile(file).num_row_groups == 1
    done = subprocess.run([sys.executable, "-c", HELD, str(file)], capture_output=True, text=True, check=True)
    rows, held = map(int, done.stdout.split())
    assert rows == 40_000
    assert held < file.stat().st_size / 4


def test_rows_columns_and_groups(tmp_path: Path) -> None:
    file = tmp_path / "groups.parquet"
    pq.write_table(pa.table({"a": list(range(10)), "b": list("abcdefghij")}), file, row_group_size=4)
    with open_parquet(file) as table:
        assert [batch.num_rows for batch in batches(table, 3)] == [3, 3, 3, 1]
        found = [row for batch in batches(table, 5, ["b"], [1, 2]) for row in batch.to_pylist()]
    assert found == [{"b": letter} for letter in "efghij"]
