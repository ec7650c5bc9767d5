"""Runs `distill` again and again in forked children of one warm process: the imports are paid once.

Reads JSON lines {"args": [...], "kill": {"log": PATH, "text": TEXT, "times": N, "after": SECONDS} or null} and answers
each with {"code": exit code, negative for a signal}. With `kill`, the child gets SIGKILL so many seconds after the
text stands so many times in the file (unless it has ended by then).
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import datasets  # noqa: F401
import peft  # noqa: F401
import torch
import trl

import distill.evaluate.model  # noqa: F401
from distill.cli import main

torch.set_num_threads(1)
trl.SFTTrainer  # noqa: B018 - resolves trl's lazy import before the forks


def run(arguments: list[str]) -> int:
    """In the child: what the command line would do."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    try:
        main(arguments)
    except SystemExit as e:
        return int(e.code or 0)
    return 0


def has_come(log: Path, text: str, times: int) -> bool:
    return log.exists() and log.read_text().count(text) >= times


def serve(command: dict) -> dict:
    child = os.fork()
    if child == 0:
        os._exit(run(command["args"]))
    if command["kill"]:
        kill = command["kill"]
        while not has_come(Path(kill["log"]), kill["text"], kill["times"]):
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.001)
        time.sleep(kill["after"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status)}


for line in sys.stdin:
    print(json.dumps(serve(json.loads(line))), file=sys.stderr, flush=True)
