"""What every benchmark prints first: where its figures come from."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "transformers", "trl", "peft")


def machine(*packages: str) -> dict[str, Any]:
    """Hardware, versions (also of these packages) and load, to be stored with the figures."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    flags = next((line for line in lines if line.startswith("flags")), "")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "bf16": [f for f in ("amx_bf16", "avx512_bf16") if f in flags],
        "load_1min": os.getloadavg()[0],
        "python": platform.python_version(),
        "commit": commit,
        **{name: version(name) for name in (*PACKAGES, *packages)},
    }
