"""Runs the processes of a training as forked children of one warm process: the imports are paid once.

Reads JSON lines {"folder": STUDENT_FOLDER, "processes": N, "kill": [RANK, STEP] or null, "dtype": NAME or null,
"logits": BYTES or null} and
answers each with {"codes": exit codes, negative for a signal}. With `kill`, that process ends itself by SIGKILL after
that step; as under PyTorch's agent, the first that fails ends all. `dtype` is what processors are said to compute in,
and `logits` how many bytes of them may be held before the loss is taken in tiles.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import datasets  # noqa: F401
import peft  # noqa: F401
import torch
import trl
from transformers import TrainerCallback
from transformers.trainer_callback import DefaultFlowCallback

from distill import models
from students import loss, worker

torch.set_num_threads(1)
trl.SFTTrainer  # noqa: B018 - resolves trl's lazy import before the forks


def run(command: dict[str, Any], rank: int, port: int) -> None:
    """In the child: what the agent would start."""
    folder = Path(command["folder"])
    with (folder / f"rank-{rank}.log").open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(command["processes"])}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if command["dtype"]:
        models.compute_dtype = lambda name="auto": (getattr(torch, command["dtype"]), "said by a test")
    if command["logits"]:
        loss.MAX_LOGITS_BYTES = command["logits"]
    if command["kill"] and command["kill"][0] == rank:
        kill_after(command["kill"][1])
    worker.main(folder)


def kill_after(step: int) -> None:
    """End this process as the system would, once so many optimiser steps are done."""

    def on_log(self: TrainerCallback, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultFlowCallback.on_log = on_log


def serve(command: dict[str, Any]) -> list[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(command["processes"]):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(command, rank, port)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = dict.fromkeys(children, 0)
    left = set(children)
    while left:
        pid, status = os.wait()
        codes[pid] = os.waitstatus_to_exitcode(status)
        left.discard(pid)
        for other in left if codes[pid] else ():
            os.kill(other, signal.SIGKILL)
    return [codes[child] for child in children]


for line in sys.stdin:
    print(json.dumps({"codes": serve(json.loads(line))}), flush=True)
