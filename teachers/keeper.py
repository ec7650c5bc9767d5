"""Keeps servers up: starts them, starts each again when it ends, and says when none can live."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from distill.notices import doing
from teachers.base import TeacherError, TeacherRefused
from teachers.child_server import ServerFailed
from teachers.servers import Server, Servers

logger = logging.getLogger(__name__)

MAX_FRUITLESS_LIVES = 3
"""A server that ended so often in a row without an answer is not started again."""


class Kept(Protocol):
    """A server that can be started again and again."""

    @property
    def log(self) -> object:
        """Where its log lies."""
        ...

    async def start(self) -> str:
        """Start it, what was before ended; returns its base URL once it is ready.

        Raises:
            NoRoom: there is no place for it now.
            ServerFailed: it did not come up.
        """
        ...

    async def ended(self) -> str:
        """Wait until it ends; returns what happened."""
        ...

    async def stop(self) -> None:
        """End it; when this returns, its memory is free."""
        ...


class NoRoom(ServerFailed):
    """No machine has room for a server; one may have later."""


class Keeper:
    """Keeps one server up for each entry of `servers`, in their order."""

    def __init__(self, servers: Servers, kept: Mapping[str, Kept]) -> None:
        """`kept` by the names under which they are told of."""
        self._servers = servers
        self._kept = dict(zip(kept, zip(servers.all, kept.values(), strict=True), strict=True))
        self._tasks: list[asyncio.Task[None]] = []
        self._one_came_up = asyncio.Event()
        self._without_hope = 0

    def begin(self) -> None:
        """Start all of them, each in its own time."""
        for name, (server, kept) in self._kept.items():
            self._servers.take_down(server)
            self._tasks.append(asyncio.create_task(self._keep(name, server, kept)))
            self._tasks[-1].add_done_callback(self._give_up_if_broken)

    async def close(self) -> None:
        """End all of them; when this returns, their memory is free."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        ends = await asyncio.gather(*(kept.stop() for _, kept in self._kept.values()), return_exceptions=True)
        if broken := [end for end in ends if isinstance(end, BaseException)]:
            raise broken[0]  # only now: one that cannot be ended keeps no other up

    async def _keep(self, name: str, server: Server, kept: Kept) -> None:
        """One server's lives, one after another, until too many were in vain."""
        fruitless, again = 0, ""
        while fruitless < MAX_FRUITLESS_LIVES:
            before = server.answers
            logger.info("%s starts%s, which takes a while; its log is %s", name, again, kept.log)
            try:
                what = await self._live(name, server, kept)
            except NoRoom as e:
                if any(map(self._servers.is_up, self._servers.all)):
                    continue  # the others go on; this one waits as long as it takes
                what = await self._after_failure(name, kept, e)
            except ServerFailed as e:
                what = await self._after_failure(name, kept, e)
            except Exception as e:  # noqa: BLE001 - a full disk, a cluster that is gone: the others may live
                self._servers.take_down(server)
                what = await self._after_failure(name, kept, ServerFailed(f"{e!r}."))
            logger.info("%s %s", name, what)
            fruitless, again = fruitless + 1 if server.answers == before else 0, " again"
        said = f"the {name} server came to its end {fruitless} times in a row without an answer; at last it {what}."
        self._lose(name, TeacherRefused(said, f"Its log: {kept.log}"))

    async def _live(self, name: str, server: Server, kept: Kept) -> str:
        """From its start to its end; returns how it ended."""
        with doing(f"starts the {name} server"):
            url = await kept.start()
        self._servers.bring_up(server, url)
        self._one_came_up.set()
        what = await kept.ended()
        self._servers.take_down(server)
        return what

    async def _after_failure(self, name: str, kept: Kept, e: ServerFailed) -> str:
        """A server that did not come up is tried again once another has: until then it would be in vain."""
        with suppress(Exception):  # what it holds may be what another waits for
            await kept.stop()
        if not self._one_came_up.is_set():
            self._lose(name, TeacherRefused(f"{name}: {e}", e.hint))
            await self._one_came_up.wait()
            self._without_hope -= 1
        return f"did not come up ({e})"

    def _lose(self, name: str, error: TeacherError) -> None:
        """Go on without a server; without the last one every request fails."""
        self._without_hope += 1
        if self._without_hope == len(self._kept):
            self._servers.give_up(error)
        elif len(self._kept) > 1:
            logger.info(
                "%s is given up for now, %d others go on: %s", name, len(self._kept) - self._without_hope, error
            )

    def _give_up_if_broken(self, task: asyncio.Task[None]) -> None:
        """An error that nobody foresaw must not leave requests waiting for ever."""
        if not task.cancelled() and (error := task.exception()) is not None:
            failure = TeacherRefused(f"whoever keeps the servers up failed: {error!r}.")
            failure.__cause__ = error
            self._servers.give_up(failure)
