"""Training on a processor without glibc's cache of small blocks, which can only be said before a process starts.

PyTorch asks for aligned blocks. glibc (2.36) cuts what is left over beside each off into a thread's cache of small
blocks, where things that live long then settle: a large block between two of them is not joined and not taken again.
Without that cache the same steps held up to 30 % less memory at the same speed (`docs/memory.md`).
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

VERBS = ("run", "train", "on-policy")
"""Those that train."""

TUNABLES = "GLIBC_TUNABLES"
"""What glibc reads when a process starts."""

SETTING = "glibc.malloc.tcache_count=0"
BEFORE = "DISTILL_TUNABLES_BEFORE"
"""What the user had in TUNABLES, for the process that was started again; processes of its own have that again."""


def start_again(arguments: list[str]) -> None:
    """Where the verb trains on a processor, start this process anew in its place, with SETTING; once."""
    if BEFORE in os.environ:
        _restore(os.environ.pop(BEFORE))
        return
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if verb in VERBS and _has_effect() and _can_start_again():
        environment = {**environment_to_train(), BEFORE: os.environ.get(TUNABLES, "")}
        with suppress(OSError):  # it trains with the cache, too
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def environment_to_train() -> dict[str, str]:
    """This process' environment, and in it what one that trains on a processor is to start with."""
    before = os.environ.get(TUNABLES, "")
    if not _has_effect():
        return dict(os.environ)
    return {**os.environ, TUNABLES: ":".join(filter(None, [before, SETTING]))}


def _restore(before: str) -> None:
    if before:
        os.environ[TUNABLES] = before
    else:
        os.environ.pop(TUNABLES, None)


def _has_effect() -> bool:
    """With glibc, without a GPU, and where the user has not said otherwise."""
    return _is_glibc() and not _has_gpu() and "tcache_count" not in os.environ.get(TUNABLES, "")


def _has_gpu() -> bool:
    """As far as can be seen before torch is imported."""
    return Path("/proc/driver/nvidia").exists() or Path("/dev/kfd").exists()


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False


def _can_start_again() -> bool:
    """Where the program was not read from standard input, which cannot be read twice."""
    return bool(sys.executable) and len(sys.orig_argv) > 1 and sys.argv[0] not in ("", "-")
