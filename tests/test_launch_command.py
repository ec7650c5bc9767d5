"""`distill train` on several devices, as it is typed: really launched, killed, and under launchers of others."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from distill import heap

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "recipes" / "cluster"
SLOW = pytest.mark.slow(reason="each process imports for ten seconds on two busy cores")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def command(recipe: Path, run: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "distill", "train", str(recipe), "--run-dir", str(run), *words]


@pytest.fixture
def curated(distill: Any, recipe_file: Path, tmp_path: Path) -> Path:
    """A run directory in which only training is left to do."""
    assert distill("run", recipe_file, "--until", "curate", "--run-dir", tmp_path / "run").code == 0
    return tmp_path / "run"


def workers_of(run: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if "students.worker" in process.cmdline() and str(run / "student") in process.cmdline():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def wait_until(true: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def adapter(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "student" / "adapter" / "adapter_model.safetensors")


LONGER = "train.num_train_epochs=20"


@SLOW
def test_killed_worker_killed_parent_then_done(recipe_file: Path, curated: Path, environment: dict[str, str]) -> None:
    """A worker that dies ends the run with a sentence; a command that dies ends its workers; the next one finishes."""
    launch = command(recipe_file, curated, "train.devices=2", LONGER)
    metrics = curated / "student" / "metrics.jsonl"

    running = subprocess.Popen(launch, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: metrics.exists() and len(metrics.read_text().splitlines()) >= 5)
    if heap._has_effect():
        assert all("tcache_count=0" in worker.environ()[heap.TUNABLES] for worker in workers_of(curated))
    workers_of(curated)[1].send_signal(signal.SIGKILL)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 1
    (sentence,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert re.match(r"error: process \d of the 2 that train was ended by SIGKILL", sentence)
    assert "Traceback" not in told
    assert not workers_of(curated)

    before = len(metrics.read_text().splitlines())
    running = subprocess.Popen(launch, env=environment, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(metrics.read_text().splitlines()) >= before + 3)
    running.kill()
    running.wait()
    wait_until(lambda: not workers_of(curated), 60)

    done = subprocess.run(launch, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "train: goes on from step" in done.stderr
    assert "2 devices, a copy of the student on each (DDP)" in done.stderr
    assert sorted(p.name for p in (curated / "student").iterdir()) == sorted(
        ["adapter", "merged", "counts.json", "first_rows.json", "metrics.jsonl"]
    )
    assert json.loads((curated / "stages" / "train.json").read_text())["counts"]["devices"] == 2


@SLOW
def test_two_nodes_train_what_one_device_trains(
    recipe_file: Path, curated: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Two agents of torchrun on the loopback, with the same command on each."""
    import shutil

    shutil.copytree(curated, tmp_path / "one")
    subprocess.run(command(recipe_file, tmp_path / "one"), env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    node = [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-id=7"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={endpoint}", "--local-addr=127.0.0.1"),
        *command(recipe_file, curated)[1:],
    ]
    nodes = [subprocess.Popen(node, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate(timeout=300)[1] for one in nodes]
    assert [one.returncode for one in nodes] == [0, 0], told
    one, two = adapter(tmp_path / "one"), adapter(curated)
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-5)


@SLOW
def test_ray_train(recipe_file: Path, curated: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("ray.train", reason="Ray is not installed")
    example = [sys.executable, str(CLUSTER / "ray_train.py"), str(recipe_file), "2", "--run-dir", str(curated)]
    done = subprocess.run(example, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((curated / "stages" / "train.json").read_text())["counts"]["devices"] == 2


def test_the_slurm_job_runs_train_on_every_node() -> None:
    script = CLUSTER / "train.sbatch"
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text().replace("\\\n", " ")
    (launch,) = [line for line in text.splitlines() if line.startswith("srun ")]
    from torch.distributed.run import get_args_parser

    words = shlex.split(launch.replace('"$@"', "train.lora_r=8").replace('"$recipe"', "recipe.yaml"))
    words = [re.sub(r"\$\{SLURM_GPUS_ON_NODE:-gpu\}", "8", w).replace("$SLURM_NNODES", "2") for w in words]
    parsed = get_args_parser().parse_args(words[words.index("torch.distributed.run") + 1 :])
    assert (parsed.nnodes, parsed.nproc_per_node, parsed.rdzv_backend) == ("2", "8", "c10d")
    assert (parsed.module, parsed.training_script) == (True, "distill")
    assert parsed.training_script_args == ["train", "recipe.yaml", "train.lora_r=8"]
