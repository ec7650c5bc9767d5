"""A teacher of replicas whose servers are `slow_server.py`.

Apart from the tests of it: Ray's actors import what builds their servers, and with those tests came torch, seconds of
work and half a gigabyte for each.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from asking import endpoint

from teachers.base import Completion, Request
from teachers.child_server import ChildServer
from teachers.keeper import Keeper
from teachers.replicas import Replica, Share

KEY = "0123456789abcdef"

Build = Callable[[Path, str], ChildServer]


def slow_server(log: Path, host: str) -> ChildServer:
    script = str(Path(__file__).parent / "slow_server.py")
    return ChildServer(lambda port: [sys.executable, script, host, str(port)], {}, log, 60, host, KEY)


def broken_server(log: Path, host: str) -> ChildServer:
    return ChildServer(lambda _: [sys.executable, "-c", "raise ValueError('no such GPU')"], {}, log, 60, host, KEY)


class Teacher:
    """What the vLLM teacher is, with other servers."""

    name, concurrency = "slow", 4  # more would take the processors from the nodes that are to start

    def __init__(self, folder: Path, builds: list[Build], patience: float = 300) -> None:
        self.logs = [folder / f"server-{i}.log" for i in range(1, len(builds) + 1)]
        made = zip(self.logs, builds, strict=True)
        kept = {log.stem: Replica(log.stem, partial(build, log), Share(1, 0), log, patience) for log, build in made}
        self.endpoint = endpoint(*["http://127.0.0.1/v1"] * len(builds), timeout_seconds=60)
        self.endpoint._key = KEY
        self.keeper = Keeper(self.endpoint.servers, kept)
        self._begun = False

    async def answer(self, request: Request) -> Completion:
        if not self._begun:
            self._begun = True
            self.keeper.begin()
        return await self.endpoint.answer(request)

    async def close(self) -> None:
        await self.keeper.close()
        await self.endpoint.close()
