"""Memory that this process may still take: the machine's, or less where a container or a SLURM job has a limit.

Linux puts processes into control groups (v1 or v2, docs.kernel.org: admin-guide/cgroup-v2, Memory). What a group's
limit leaves is the limit less what is used, of which file caches that lie unused are given back.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")

V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")
"""Files of the limit and of what is used, and the line of `memory.stat` with file caches."""


def free_memory() -> int:
    """Bytes, of the machine and of every group around this process, where the least is left."""
    import psutil

    return max(0, min([psutil.virtual_memory().available, *left_in_groups()]))


def left_in_groups(membership: Path = MEMBERSHIP, mounted: Path = MOUNTED) -> Iterator[int]:
    """Bytes that each group with a limit leaves."""
    lines: list[str] = []
    with suppress(OSError):
        lines = membership.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _up_from(mounted, path, V2)
        elif "memory" in controllers.split(","):
            yield from _up_from(mounted / "memory", path, V1)


def _up_from(root: Path, path: str, files: tuple[str, str, str]) -> Iterator[int]:
    """A group and those around it; in a container its own group may be mounted as the root, under no path."""
    own = root / path.lstrip("/")
    for group in (own, *own.parents):
        if group.is_relative_to(root):
            with suppress(OSError, ValueError):  # no such group here, or "max": no limit
                yield _left(group, files)


def _left(group: Path, files: tuple[str, str, str]) -> int:
    limit, used = (int((group / name).read_text()) for name in files[:2])
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return limit - used + int(stat.get(files[2], 0))
