"""A student trained by Ray Train's workers, on a cluster with a shared disk:

    python ray_train.py RECIPE WORKERS [key=value ...]

Each worker is one process of `distill train`; the first of them holds the run. With GPUs in the cluster each gets one.
"""

import os
import sys
from pathlib import Path
from typing import Any


def work(config: dict[str, Any]) -> None:
    """In each worker; Ray has set RANK and WORLD_SIZE, and made the process group."""
    from distill.cli import main

    os.chdir(config["folder"])
    try:
        main(["train", *config["arguments"]])
    except SystemExit as e:
        if e.code:
            raise RuntimeError(f"distill train ended with exit code {e.code}; the worker's output says why") from e


def train(arguments: list[str], workers: int, storage: Path) -> None:
    """Run the training; returns when it is done.

    Raises:
        ray.train.TrainingFailedError: a worker has failed.
    """
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    ray.init(ignore_reinit_error=True)
    gpus = ray.cluster_resources().get("GPU", 0) >= workers
    TorchTrainer(
        work,
        train_loop_config={"folder": os.getcwd(), "arguments": arguments},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo", timeout_s=7200),
        run_config=RunConfig(
            name="distill",
            storage_path=str(storage),
            worker_runtime_env={"env_vars": {"RAY_worker_niceness": "0"}},  # else 15: all else goes first
        ),
    ).fit()


if __name__ == "__main__":
    train([sys.argv[1], *sys.argv[3:]], int(sys.argv[2]), Path("runs/.ray").absolute())
