"""Ray: the cluster that is named, or found, or one on this machine alone."""

import logging
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from distill.errors import Refused

logger = logging.getLogger(__name__)


def join(address: str | None) -> None:
    """Become a driver of the cluster that is named, or found, or of one on this machine alone.

    Raises:
        Refused: Ray is not installed, or no cluster answers at the address that the recipe or RAY_ADDRESS names.
    """
    refuse_without_ray()
    import ray

    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    named = address or os.environ.get("RAY_ADDRESS", "").removeprefix("auto")
    found = named or found_here()
    if found is None:
        logger.info("no Ray cluster was found: the work runs on this machine alone, under a Ray of its own")
        _init("local", include_dashboard=False, **quiet)
        return
    if named and not _answers(named):
        raise Refused(
            f"no Ray cluster answers at {named}.",
            "`ray status` shows whether it runs. The run itself must be started on one of its nodes.",
        )
    _init(found, **quiet)
    logger.info("the work runs on the Ray cluster at %s", found)


def refuse_without_ray() -> None:
    """
    Raises:
        Refused: Ray is not installed.
    """
    try:
        import ray  # noqa: F401
    except ImportError as e:
        raise Refused("Ray is asked for and not installed.", "pip install 'distill[ray]'") from e


def _init(address: str, **options: Any) -> None:
    import ray

    try:
        ray.init(address, **options)
    except Exception as e:  # another version, no token or another, no raylet here: Ray's errors have no common class
        where = "Ray cannot be started here" if address == "local" else f"the Ray cluster at {address} cannot be joined"
        raise Refused(f"{where}: {reason(e)}.") from e


def leave() -> None:
    import ray

    ray.shutdown()


def found_here() -> str | None:
    """The cluster that was last started on, or joined by, this machine, if it still runs. Asked for "auto", Ray would
    wait two minutes for one that ended without saying so."""
    note = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    with suppress(OSError):
        if note.stat().st_uid not in (os.getuid(), 0):
            return None  # a key and code would go to whoever wrote it
        address = note.read_text().strip()
        return address if _answers(address) else None
    return None


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError, ValueError), socket.create_connection((host.strip("[]"), int(port)), timeout=10):
        return True
    return False


def reason(e: BaseException) -> str:
    """A line of an error of Ray's, which are pages: the exception that is behind it, or else what happened."""
    from ray.exceptions import ActorUnavailableError

    if isinstance(e, ActorUnavailableError):
        return "it no longer answers"
    lines = [line.strip() for line in str(e).splitlines() if line.strip()]
    errors = [line for line in lines if "Error: " in line]
    return (errors or lines or [type(e).__name__])[-1 if errors else 0][:300].rstrip(".")
