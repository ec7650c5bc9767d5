"""Servers on the nodes of a Ray cluster: an actor holds each, Ray says where, and one that is lost is placed anew."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill import guard, ray_cluster
from distill.errors import DistillError, Refused
from distill.ray_cluster import reason
from distill.records import digest
from teachers.base import TeacherRefused
from teachers.child_server import ChildServer, ServerFailed
from teachers.keeper import NoRoom

logger = logging.getLogger(__name__)

PLACEMENTS = 5
"""Times that an actor may die before it has begun, as it does on a node whose death Ray does not know of yet."""

WAITING_IS_TOLD_AFTER, AND_AGAIN_EVERY = 10.0, 300.0
"""Seconds."""

STOPPING = 3 * guard.GRACE + 30
"""Seconds that a server on another node may take to end."""

ON_EVERY_NODE = "distill must be installed on every node, in the same version."

NOT_NICE = {"env_vars": {"RAY_worker_niceness": "0"}}
"""Ray gives its workers niceness 15, and their children have it too: a server would stand still beside verifiers."""

Build = Callable[[str], ChildServer]
"""From the address of a node, the server that is to run there. Called on that node."""


@dataclass(frozen=True)
class Share:
    """What a replica takes of its node."""

    cpus: int
    gpus: int

    def __str__(self) -> str:
        return f"{self.gpus} GPU" if self.gpus else f"{self.cpus} CPU"

    def resource(self) -> tuple[str, int]:
        """What decides where it fits, under Ray's name."""
        return ("GPU", self.gpus) if self.gpus else ("CPU", self.cpus)


class Actor:
    """Holds one server, on the node where Ray has put it. Errors come back as sentences: Ray makes pages of them."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._server: ChildServer | None = None
        self._starting: asyncio.Task[str] | None = None
        self._stopped = False

    async def address(self) -> str:
        """Of the node."""
        import ray

        return str(ray.util.get_node_ip_address())

    async def start(self) -> tuple[str, str, str]:
        """Start the server. Returns its base URL and the path of its log, or "" and why not, with a hint."""
        if self._server is None:
            try:
                self._server = await asyncio.to_thread(self._build, await self.address())
            except DistillError as e:
                return "", str(e), e.hint
        if self._stopped:
            return "", "it was stopped", ""
        self._starting = asyncio.create_task(self._server.start())
        try:
            return await self._starting, str(self._server.log), ""
        except asyncio.CancelledError:
            return "", "it was stopped", ""
        except DistillError as e:
            return "", str(e), e.hint

    async def ended(self) -> str:
        assert self._server is not None
        return await self._server.ended()

    async def stop(self) -> None:
        """End the server, also one that is just starting; none starts afterwards."""
        self._stopped = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()


class Replica:
    """A server on whichever node has room; driven from here like one of our own children (`keeper.Kept`)."""

    def __init__(self, name: str, build: Build, share: Share, log: Path, patience: float) -> None:
        """`patience`: seconds that it waits for room at a time."""
        self.log = str(log)
        self._own_log = log
        self._name = name
        self._build = build
        self._share = share
        self._patience = patience
        self._actor: Any = None
        self._address = ""

    async def start(self) -> str:
        from ray.exceptions import RayError

        await self.stop()
        self._own_log.touch()
        why = ""
        for _ in range(PLACEMENTS):
            self._actor = self._new_actor()
            try:
                self._address = await self._placed(self._actor.address.remote())
                url, said, hint = await self._actor.start.remote()
            except RayError as e:
                why = reason(e)
                self._forget()
                await asyncio.sleep(1)
                continue
            if not url:
                raise ServerFailed(f"on {self._address}: {said}", hint)
            self.log = f"{self._address}:{said}"
            logger.info("%s is ready; its log is %s", self._name, self.log)
            return str(url)
        raise ServerFailed(f"Ray lost it {PLACEMENTS} times while it started: {why}.", ON_EVERY_NODE)

    async def ended(self) -> str:
        from ray.exceptions import RayError

        try:
            return str(await self._actor.ended.remote())
        except RayError as e:
            self._forget()
            return f"was lost with its node: {reason(e)}"

    async def stop(self) -> None:
        from ray.exceptions import RayError

        if self._actor is None:
            return
        if self._address:  # else it holds no server yet
            with suppress(RayError, TimeoutError):
                await asyncio.wait_for(_result(self._actor.stop.remote()), STOPPING)
        self._forget()

    def _new_actor(self) -> Any:
        import ray

        options = {"num_cpus": self._share.cpus, "num_gpus": self._share.gpus, "scheduling_strategy": "SPREAD"}
        return ray.remote(Actor).options(**options, runtime_env=NOT_NICE).remote(self._build)

    def _forget(self) -> None:
        """End the actor; the guard of its server sees that its input is closed."""
        import ray

        actor, self._actor, self._address = self._actor, None, ""
        with suppress(Exception):  # the cluster may be gone, and its actors with it
            ray.kill(actor)

    async def _placed(self, address: Awaitable[Any]) -> str:
        """Wait until the actor is on a node; returns its address.

        Raises:
            NoRoom: that took longer than our patience.
        """
        found = asyncio.ensure_future(_result(address))
        waited, told, told_at = 0.0, "", 0.0
        try:
            while waited < self._patience:
                rest = min(WAITING_IS_TOLD_AFTER, self._patience - waited)
                done, _ = await asyncio.wait({found}, timeout=rest)
                if done:
                    return str(found.result())
                waited += rest
                # also when nodes come and go: Ray notices a dead one seconds after we do
                if (there := _nodes(self._share)) != told or waited - told_at >= AND_AGAIN_EVERY:
                    logger.info("%s waits for a node with %s free; there are %s", self._name, self._share, there)
                    told, told_at = there, waited
        finally:
            found.cancel()
        said = f"no node of the Ray cluster had {self._share} free within {self._patience:g} s; there are "
        raise NoRoom(f"{said}{_nodes(self._share)}.", "`ray status` shows what takes them.")


def join(address: str | None) -> None:
    """As `ray_cluster.join`, and tell what the nodes have.

    Raises:
        TeacherRefused: Ray is not installed, or no cluster answers.
    """
    try:
        ray_cluster.refuse_without_ray()
        import ray

        if ray.is_initialized():
            return
        ray_cluster.join(address)
    except Refused as e:
        raise TeacherRefused(str(e), e.hint) from e
    logger.info("there are %s", _nodes(Share(1, 0)))


def log_on_node(log: Path) -> Path:
    """The log in the run's folder where this node sees it, else one in the node's temporary folder."""
    if log.is_file():
        return log
    folder = Path(tempfile.gettempdir()) / f"distill-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise Refused(f"{folder} belongs to somebody else.", "Set TMPDIR to a folder of yours on that node.")
    # by the whole path: the log's name also tells whose server a process is
    return folder / f"{log.parent.parent.name}-{log.stem}-{digest(str(log), 12)}{log.suffix}"


async def _result(ref: Awaitable[Any]) -> Any:
    return await ref


def _nodes(share: Share) -> str:
    """How many nodes have how much of what a replica needs."""
    import ray

    name, _ = share.resource()
    amounts = sorted((node["Resources"].get(name, 0) for node in ray.nodes() if node["Alive"]), reverse=True)
    held = [f"{amount:g}" for amount in amounts]
    return f"{len(held)} nodes with {', '.join(held[:8])}{', ...' if len(held) > 8 else ''} {name}"
