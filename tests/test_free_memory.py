"""What a container or a job of SLURM leaves of a machine's memory is what a plan may take."""

from pathlib import Path

import psutil
import pytest

from distill import free_memory as measured
from distill.free_memory import free_memory, left_in_groups
from students.plan import available_memory

GIB = 2**30


def group(folder: Path, limit: str, used: int, cached: int, v2: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = (
        ("memory.max", "memory.current", "inactive_file")
        if v2
        else (
            *("memory.limit_in_bytes", "memory.usage_in_bytes"),
            "total_inactive_file",
        )
    )
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\n")


def membership(tmp_path: Path, text: str) -> Path:
    (tmp_path / "cgroup").write_text(text)
    return tmp_path / "cgroup"


def test_every_group_around_counts(tmp_path: Path) -> None:
    """As SLURM has them: the job's limit stands two groups above the step's, which has none."""
    job = tmp_path / "fs/system.slice/job_1"
    group(job, str(8 * GIB), 3 * GIB, GIB, v2=True)
    group(job / "step_0/user", "max", 2 * GIB, 0, v2=True)
    lines = membership(tmp_path, "0::/system.slice/job_1/step_0/user\n")
    assert list(left_in_groups(lines, tmp_path / "fs")) == [6 * GIB]


def test_a_containers_own_group_is_its_root(tmp_path: Path) -> None:
    """Version 1 tells the path on the host, where the container sees its own group as the root."""
    group(tmp_path / "fs/memory", str(4 * GIB), GIB, 0, v2=False)
    lines = membership(tmp_path, "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n0::/\n")
    assert list(left_in_groups(lines, tmp_path / "fs")) == [3 * GIB]


def test_machines_without_groups(tmp_path: Path) -> None:
    assert list(left_in_groups(tmp_path / "none", tmp_path)) == []
    assert 0 < free_memory() <= psutil.virtual_memory().total


def test_a_plan_takes_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group(tmp_path / "fs", str(GIB), GIB // 2, 0, v2=True)
    lines = membership(tmp_path, "0::/\n")
    monkeypatch.setattr(measured, "left_in_groups", lambda: left_in_groups(lines, tmp_path / "fs"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert available_memory() == (GIB // 2, "memory")
