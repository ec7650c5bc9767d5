"""Which of several servers gets the next request: the least loaded one that is not resting after a failure."""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from teachers.base import TeacherError

logger = logging.getLogger(__name__)

WORTH_TELLING = 10.0
"""Seconds of rest that somebody who waits should know of."""

LONGEST_NAP = 1.0
"""Seconds between two looks at servers of which none is ready."""

LOOK = 0.02
"""Seconds between two looks at what others get from a server."""

FIRST_REST = 1.0
"""Seconds that a server rests after its first failure; doubled at each further one."""

SEVERAL = 4
"""Different requests that fail in a row by the server's fault, not by their own."""

LONGEST_REST = 60.0
"""Seconds, at most, unless the server itself asks for more (Retry-After)."""


@dataclass(eq=False)
class Server:
    """One base URL and how it fares."""

    url: str
    in_flight: int = 0
    failures: int = 0
    """In a row."""
    ready_at: float = 0.0
    """On the monotonic clock; infinite while it is down."""
    answers: int = 0
    """Given so far."""
    answered_at: float = -math.inf
    """When the latest came, on the monotonic clock."""
    streaming: int = 0
    """Requests that it has accepted and answers now."""
    failing: set[str] = field(default_factory=set)
    """Different requests that it failed on since it last accepted one."""
    under_way: set[asyncio.Timeout] = field(default_factory=set)
    """Of the requests that wait for it; they end when it is taken down."""


MOST_PATIENCE = 900.0
"""Seconds, at most, that a server's Retry-After is obeyed; a longer one is a mistake or a closed account."""


class Servers:
    """Balances requests over base URLs and rests those that fail."""

    def __init__(self, urls: list[str], seed: int = 0) -> None:
        self.all = [Server(url.rstrip("/")) for url in urls]
        self._rng = random.Random(seed)  # jitter: that clients do not come back all at once
        self._given_up: TeacherError | None = None

    async def acquire(self, avoid: Server | None = None) -> Server:
        """The server for the next request, counted as in flight; waits while all of them rest.

        Raises:
            TeacherError: whoever keeps the servers up has given them up.
        """
        while True:
            if self._given_up is not None:
                raise self._given_up
            now = time.monotonic()
            ready = [s for s in self.all if s.ready_at <= now]
            if ready:
                chosen = min(ready, key=lambda s: (s is avoid, s.in_flight))
                chosen.in_flight += 1
                return chosen
            await asyncio.sleep(min(LONGEST_NAP, min(s.ready_at for s in self.all) - now + 0.01))

    def answered(self, server: Server) -> None:
        server.in_flight -= 1
        server.failures = 0
        server.answers += 1
        server.answered_at = time.monotonic()

    def take_down(self, server: Server) -> None:
        """It gets no request until it is brought up, and those that are under way end now.

        A machine that has lost its power closes no connection: they would wait for its answer as long as they may.
        """
        server.ready_at = math.inf
        while server.under_way:
            server.under_way.pop().reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def while_up(self, server: Server) -> AsyncIterator[None]:
        """What is done inside ends with TimeoutError when the server is taken down."""
        async with asyncio.timeout(None) as limit:
            server.under_way.add(limit)
            try:
                yield
            finally:
                server.under_way.discard(limit)

    @contextmanager
    def accepted(self, server: Server) -> Iterator[None]:
        """Inside, the server answers a request of ours: whatever it says to others, it works."""
        server.streaming += 1
        server.failing.clear()
        try:
            yield
        finally:
            server.streaming -= 1

    def works(self, server: Server, since: float = -math.inf) -> bool:
        """It answers requests of ours now, or has done so since."""
        return server.streaming > 0 or server.answered_at > since

    async def settled(self, server: Server, patience: float) -> bool:
        """Does it accept requests of ours? Those under way there tell; where they have not, after so many seconds."""
        until = time.monotonic() + patience
        while not (told := server.answers > 0 or server.streaming > 0):
            if server.in_flight == 0 or time.monotonic() > until:
                break
            await asyncio.sleep(LOOK)
        return told

    def spares(self, server: Server, request: str, works: bool) -> bool:
        """Is its error this request's own: others are answered or under way there, not failing one by one?"""
        server.failing.add(request)
        return (works or server.in_flight > 1) and len(server.failing) < SEVERAL

    def is_up(self, server: Server) -> bool:
        """Rests, at most."""
        return server.ready_at < math.inf

    def bring_up(self, server: Server, url: str) -> None:
        """It answers, perhaps under another address than before."""
        server.url, server.failures, server.ready_at = url, 0, 0.0

    def give_up(self, error: TeacherError) -> None:
        """No server will come back: every further request fails with this."""
        self._given_up = error

    def abandoned(self, server: Server) -> None:
        """The request ended for a reason that says nothing of the server."""
        server.in_flight -= 1

    def failed(self, server: Server, retry_after: float | None = None, why: str = "") -> None:
        """Let a server rest: as long as it asks for, or ever longer with each failure in a row."""
        server.in_flight -= 1
        now = time.monotonic()
        if server.ready_at <= now:  # requests that were under way together fail together: one failure, not sixty-four
            server.failures += 1
        elif retry_after is None:
            return
        rest = min(retry_after, MOST_PATIENCE) if retry_after is not None else self.backoff(server.failures)
        if now + rest <= server.ready_at:
            return
        server.ready_at = now + rest
        if rest >= WORTH_TELLING:
            logger.info("%s rests for %.0f s (%s)", server.url, rest, why)

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row: doubled each time, with jitter."""
        return min(LONGEST_REST, FIRST_REST * 2.0 ** min(failures - 1, 16)) * self._rng.uniform(0.5, 1.0)
