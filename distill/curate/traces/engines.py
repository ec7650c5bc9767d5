"""Who reads the traces: this process, several on this machine, or those of a Ray cluster. The columns are the same."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from distill.curate.traces.columns import Columns, measured
from distill.curate.traces.sources import Shard, Source
from distill.errors import DistillError
from distill.notices import counting

SHARD = 64 << 20
"""Bytes of text that one call reads."""

AHEAD = 2
"""Shards for each process that are read, or wait, at a time."""


def measure(source: Source, engine: str = "local", workers: int = 1) -> Columns:
    """Read all traces once, and keep what the steps need.

    `engine` is `local`, with so many processes of this machine, or `ray`: a cluster as RAY_ADDRESS names it, found
    running, or started on this machine alone. Its nodes must see the files under the same paths.

    Raises:
        Refused: files that cannot be read; no cluster where one is named.
        DistillError: a process died.
    """
    shards = source.shards(SHARD)
    if engine == "ray":
        return Columns.joined(counting(_under_ray(source, shards), len(shards), "shards read"))
    if workers == 1 or len(shards) < 2:
        reads = (read for shard in shards for read in source.read(shard))
        return measured(counting(reads, 0, "traces read"), source.verifies)
    return Columns.joined(counting(_in_processes(source, shards, workers), len(shards), "shards read"))


def _in_processes(source: Source, shards: list[Shard], workers: int) -> Iterator[Columns]:
    context = get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(workers, context, _begin, (source,)) as pool:
        try:
            under_way = [pool.submit(_measured, shard) for shard in shards[: AHEAD * workers]]
            for shard in [*shards[AHEAD * workers :], *[None] * len(under_way)]:
                yield under_way.pop(0).result()
                if shard is not None:
                    under_way.append(pool.submit(_measured, shard))
        except BrokenProcessPool as e:
            raise DistillError(
                "a process that reads traces was killed, mostly for want of memory.",
                "The same command with fewer workers begins again; nothing was written.",
            ) from e


_source: Source


def _begin(source: Source) -> None:
    global _source
    _source = source


def _measured(shard: Shard) -> Columns:
    return measured(_source.read(shard), _source.verifies)


def _under_ray(source: Source, shards: list[Shard]) -> Iterator[Columns]:
    """A task of Ray Data for each shard; results come in any order, and are put into that of the shards."""
    from distill.ray_cluster import join

    join(None)
    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    held = ray.put(source)

    def part(row: dict[str, Any]) -> dict[str, Any]:
        given = ray.get(held)
        part = measured(given.read(shards[row["item"]]), given.verifies)
        return {"place": row["item"], "part": pickle.dumps(part)}

    data = ray.data.from_items(list(range(len(shards))), override_num_blocks=max(1, len(shards))).map(part)
    parts = {row["place"]: row["part"] for row in data.iter_rows()}
    for place in range(len(shards)):
        yield pickle.loads(parts.pop(place))
