"""Where problems come from, and how they lie on disk. Every source gives a list of `Problem`, some of them held out."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from distill.countdown_problems import countdown_problems
from distill.errors import DistillError
from distill.files import each_row, write_atomically
from distill.given_paths import content_digest, existing
from distill.gym_problems import gym_problems, required_version
from distill.recipe import CountdownProblems, FileProblems, GymProblems, Problems, TracesProblems
from distill.records import Problem, digest
from distill.table_problems import table_problems
from distill.trace_problems import trace_problems


def make_problems(spec: Problems, seed: int, left_out: Counter[str] | None = None) -> list[Problem]:
    """Training problems first, then the held-out ones; the same seed gives the same list anywhere.

    `left_out` counts, by reason, what of published traces could not be taken.

    Raises:
        Refused: a missing or empty file, missing columns, duplicated ids, fewer rows than asked for, data sets of
            reasoning_gym that are unknown or not used.
    """
    if isinstance(spec, CountdownProblems):
        return countdown_problems(spec, seed)
    if isinstance(spec, TracesProblems):
        return trace_problems(spec, seed, left_out)
    if isinstance(spec, GymProblems):
        return gym_problems(spec, seed)
    return table_problems(spec, seed)


def source_fingerprint(spec: Problems) -> str:
    """Changes when the content of the source does: digest of the files, the hub revision, a generator's version."""
    if isinstance(spec, GymProblems):
        return digest([spec.model_dump(), required_version()])
    if isinstance(spec, TracesProblems) and spec.path:
        beside = [source_fingerprint(spec.held_out_from)] if spec.held_out_from else []
        return digest([*beside, content_digest(existing(spec.path, "problems.path"))])
    if isinstance(spec, FileProblems):
        paths = {"path": spec.path, "held_out_path": spec.held_out_path}
        return digest([content_digest(existing(p, f"problems.{k}")) for k, p in paths.items() if p])
    return digest(spec.model_dump())


def write_problems(path: Path, problems: list[Problem]) -> None:
    """Write problems as parquet; `data` and `known` are JSON columns, since their keys differ by kind and source."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{**p.model_dump(), "data": json.dumps(p.data), "known": json.dumps(p.known)} for p in problems]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    write_atomically(path, buffer.getvalue())


def read_problems(path: Path) -> list[Problem]:
    return list(each_problem(path))


def each_problem(path: Path) -> Iterator[Problem]:
    """The problems of such a file one after another.

    Raises:
        DistillError: it is not what `write_problems` wrote.
    """
    try:
        for row in each_row(path):
            yield Problem(**{**row, **{key: json.loads(row[key]) for key in ("data", "known")}})
    except (DistillError, KeyError, ValueError, TypeError) as e:
        raise DistillError(f"{path} is damaged.", "Delete it; the same command makes it again.") from e
