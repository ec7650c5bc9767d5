"""Rows of a large table one by one, without holding the table in memory."""

from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from distill.errors import DistillError, Refused
from distill.files import parsed_row, user_path
from distill.hub_reach import asking_hub
from distill.recipe_problems import TracesProblems

LOOKED_AT = 1000
"""Rows of a jsonl file whose keys are taken for its columns."""


class Rows(Protocol):
    """Rows by number."""

    columns: set[str]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]: ...


class JsonLines:
    """A jsonl file: where each line begins is remembered, the lines stay on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts: list[tuple[int, int]] = []
        at = 0
        with path.open("rb") as f:
            for number, line in enumerate(f, 1):
                if line.strip():
                    self._starts.append((at, number))
                at += len(line)
        self.columns = {key for i in range(min(LOOKED_AT, len(self))) for key in self[i]}

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        start, number = self._starts[index]
        with self.path.open("rb") as f:
            f.seek(start)
            line = f.readline()
        try:
            return parsed_row(line.decode("utf-8-sig"), self.path, number)
        except UnicodeDecodeError as e:
            said = f"{self.path}, line {number} is no text in UTF-8 (byte {e.start} of the line)."
            raise Refused(said, "Rows come as .jsonl or .parquet.") from e
        except DistillError as e:
            raise Refused(str(e), e.hint) from e


class Table:
    """A data set of the `datasets` library, which keeps it in a file that is mapped into memory."""

    def __init__(self, data: Any) -> None:
        self.columns = set(data.column_names)
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(self._data[index])


@lru_cache(maxsize=2)  # problems and teacher of a run read the same table
def rows_of(spec: TracesProblems) -> Rows:
    """The rows that a recipe names.

    Raises:
        Refused: no such file or data set, or one that cannot be read.
    """
    if spec.path is None:
        return Table(_loaded(spec.hub_id or "", spec.config, split=spec.split, revision=spec.revision))
    path = user_path(spec.path)
    if not path.is_file():
        raise Refused(f"problems.path '{spec.path}' is no file.", "Paths are relative to the working directory.")
    if path.suffix == ".parquet":
        return Table(_loaded("parquet", None, data_files=str(path), split="train"))
    if path.suffix not in (".jsonl", ".json"):
        raise Refused(f"problems.path '{spec.path}' is neither .jsonl nor .parquet, the formats that are read.")
    return JsonLines(path)


def _loaded(name: str, config: str | None, **where: Any) -> Any:
    from datasets import load_dataset
    from datasets.exceptions import DatasetGenerationError

    try:
        with nullcontext() if "data_files" in where else asking_hub():
            return load_dataset(name, config, **where)
    except (OSError, ValueError, DatasetGenerationError) as e:
        first = str(e.__cause__ or e).strip().splitlines()[0].rstrip(".")
        shown = where.get("data_files", name)
        raise Refused(f"'{shown}' cannot be read ({first}).", "With the file on disk, use problems.path.") from e
