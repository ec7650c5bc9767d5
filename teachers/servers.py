"""Which of several servers gets the next request: the least loaded one that is not resting after a failure."""

import asyncio
import random
import time
from dataclasses import dataclass

FIRST_REST = 1.0
"""Seconds that a server rests after its first failure; doubled at each further one."""

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
    """On the monotonic clock."""


MOST_PATIENCE = 900.0
"""Seconds, at most, that a server's Retry-After is obeyed; a longer one is a mistake or a closed account."""


class Servers:
    """Balances requests over base URLs and rests those that fail."""

    def __init__(self, urls: list[str], seed: int = 0) -> None:
        self.all = [Server(url.rstrip("/")) for url in urls]
        self._rng = random.Random(seed)  # jitter: that clients do not come back all at once

    async def acquire(self, avoid: Server | None = None) -> Server:
        """The server for the next request, counted as in flight; waits while all of them rest."""
        while True:
            now = time.monotonic()
            ready = [s for s in self.all if s.ready_at <= now]
            if ready:
                chosen = min(ready, key=lambda s: (s is avoid, s.in_flight))
                chosen.in_flight += 1
                return chosen
            await asyncio.sleep(min(s.ready_at for s in self.all) - now + 0.01)

    def answered(self, server: Server) -> None:
        server.in_flight -= 1
        server.failures = 0

    def abandoned(self, server: Server) -> None:
        """The request ended for a reason that says nothing of the server."""
        server.in_flight -= 1

    def failed(self, server: Server, retry_after: float | None = None) -> None:
        """Let a server rest: as long as it asks for, or ever longer with each failure in a row."""
        server.in_flight -= 1
        now = time.monotonic()
        if server.ready_at > now:
            return  # requests that were under way together fail together: one failure, not sixty-four
        server.failures += 1
        server.ready_at = now + (
            min(retry_after, MOST_PATIENCE) if retry_after is not None else self.backoff(server.failures)
        )

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row: doubled each time, with jitter."""
        return min(LONGEST_REST, FIRST_REST * 2.0 ** min(failures - 1, 16)) * self._rng.uniform(0.5, 1.0)
