"""The first process of a cell: what it needs is made, then either the tests run in it, or it feeds a program inputs."""

import os
import sys
from contextlib import suppress
from typing import Any

from . import feeder, kernel, tester, wire

SCRATCH = "/tmp"
HIGHEST_DESCRIPTOR = 4096


def run(channel: int, isolation: str, limits: dict[str, Any]) -> None:
    """Serve one job and end; never returns. Once it has ended, the kernel ends all that it started."""
    status = 1
    try:
        channel = _keep_only(channel)
        if isolation == "bubblewrap":
            kernel.mount_fresh(SCRATCH, limits["disk"], limits["inodes"])
        if sys.platform == "linux":
            kernel.set_dumpable(False)
            kernel.drop_capabilities()
        os.chdir(SCRATCH if isolation == "bubblewrap" else limits["folder"])
        job = wire.receive(channel)
        if job["layout"] == "stdin":
            feeder.serve(channel, job, limits)
        else:
            tester.serve(channel, job, limits)
        status = 0
    except BaseException as e:  # noqa: BLE001 - whatever it is, those who wait are told
        with suppress(Exception):
            wire.send(channel, {"failed": f"{type(e).__name__}: {e}"[:200]})
    finally:
        os._exit(status)


def _keep_only(channel: int) -> int:
    """No descriptors but the standard ones and this one, which becomes 3."""
    if channel != 3:
        os.dup2(channel, 3)
    os.closerange(4, HIGHEST_DESCRIPTOR)
    return 3
