"""docs/scale.md and the SLURM example: the figures are the script's, the recipes resolve, the cluster comes up."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_replicas import needs_ray

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/scale.md").read_text()
SBATCH = ROOT / "recipes/cluster/harvest.sbatch"


def test_the_table_is_what_the_script_prints() -> None:
    script = [sys.executable, "benchmarks/scale_price.py"]
    printed = subprocess.run(script, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed in PAGE


def test_prices_scale_with_tokens_and_rent() -> None:
    script = [sys.executable, "benchmarks/scale_price.py", "--tokens", "16000", "--h100", "5"]
    printed = subprocess.run(script, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "| Qwen3-32B, 8 replicas | 9,052 | c x 8 | 49 | $1,964 | $7,855 |" in printed


@pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None or importlib.util.find_spec("ray") is None, reason="needs vLLM and Ray"
)
def test_the_recipe_of_the_job_dry_runs(distill: Any, tiny_model: Path, tmp_path: Path) -> None:
    sizes = ["harvest.max_tokens=256", "train.max_length=512", "evaluate.max_tokens=256"]
    models = [f"teacher.model={tiny_model}", f"student.model={tiny_model}"]
    done = distill("run", ROOT / "recipes/cluster/replicas.yaml", *sizes, *models, "--dry-run")
    assert done.code == 0, done.err
    assert "replicas: 64" in done.out


SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
if [ "$1" = show ]; then printf 'one\\ntwo\\n'; else echo "$@" >> scontrol.log; fi
"""
DISTILL = """#!{python}
import sys, time
import ray
address = next(word.split("=")[1] for word in sys.argv if word.startswith("teacher.ray_address="))
ray.init(address, log_to_driver=False)
while sum(node["Alive"] for node in ray.nodes()) < 2:
    time.sleep(0.2)
print("RAN", *sys.argv[1:], flush=True)
time.sleep({seconds})
"""


@pytest.fixture
def job(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A SLURM job of two nodes, both of them this machine: Ray is real, SLURM's commands are not."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short, for Ray's sockets
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    path = f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    told = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "x", "SLURM_SUBMIT_DIR": str(tmp_path)}
    yield {"cwd": tmp_path, "env": {**os.environ, **told, "RAY_TMPDIR": str(folder), "PATH": path}}
    shutil.rmtree(folder)


def commands(job: dict[str, Any], seconds: int) -> None:
    scripts = {"srun": SRUN, "scontrol": SCONTROL, "distill": DISTILL.format(python=sys.executable, seconds=seconds)}
    for name, text in scripts.items():
        path = job["cwd"] / "bin" / name
        path.write_text(text)
        path.chmod(0o755)


def test_the_job_is_a_valid_script() -> None:
    subprocess.run(["bash", "-n", SBATCH], check=True)


@needs_ray
def test_the_job_forms_a_cluster_and_runs_on_it(job: dict[str, Any]) -> None:
    commands(job, seconds=0)
    arguments = [SBATCH, "my.yaml", "teacher.replicas=2"]
    done = subprocess.run(["bash", *arguments], capture_output=True, text=True, timeout=240, **job)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RAN")]
    assert line.startswith("RAN run my.yaml --until curate teacher.ray_address=")
    assert line.endswith(" teacher.replicas=2")


@needs_ray
def test_a_job_whose_time_is_over_is_queued_again(job: dict[str, Any]) -> None:
    commands(job, seconds=600)
    out = job["cwd"] / "out"
    with out.open("w") as file:
        running = subprocess.Popen(["bash", SBATCH, "my.yaml"], stdout=file, stderr=file, **job)
    end = time.monotonic() + 240
    while "RAN" not in out.read_text() and time.monotonic() < end:
        time.sleep(0.2)
    running.send_signal(signal.SIGTERM)
    assert running.wait(120) == 0, out.read_text()
    assert (job["cwd"] / "scontrol.log").read_text() == f"requeue {os.getpid()}\n"
