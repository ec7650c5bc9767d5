"""A server of ours: a child process with a free port, its health watched, its log kept, nothing of it left behind."""

import asyncio
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from distill import guard
from distill.errors import DistillError

MARK = "DISTILL_SERVER_OF"
"""Environment variable of every process of a server: which log it writes, and so which run it belongs to."""

LOOPBACK = "127.0.0.1"

HEALTH_EVERY = 10.0
"""Seconds between two looks at a server's health."""

SICK_AFTER = 6
"""Looks in a row without an answer, after which a server counts as hung."""


_PREFIX = re.compile(r"^(\([^)]*\)\s+)?(ERROR \S+ \S+ \[[^\]]*\]\s?)?")
_ERROR = re.compile(r"([\w.]*(Error|Exception)|[\w. -]+: error): ")
"""A logger's prefix, and how an exception or a command line's refusal begins."""


class ServerFailed(DistillError):
    """A server of ours did not come up; the message has its last words."""


class ChildServer:
    """Starts a command that serves HTTP, watches it and ends it with all its processes."""

    def __init__(
        self,
        command: Callable[[int], list[str]],
        environment: Mapping[str, str],
        log: Path,
        start_timeout: float,
        host: str = LOOPBACK,
        key: str | None = None,
    ) -> None:
        """`command` takes the port; the server must answer GET /health with 200 once it is ready.

        `host` is the address that the command listens on; `key` is drawn where it is not given.
        """
        self.key = key or secrets.token_hex(16)
        """What it asks of its clients, so that other users of the machine cannot use it (VLLM_API_KEY)."""
        self.log = log.absolute()
        self._host = host
        self._command = command
        self._environment = dict(environment)
        self._start_timeout = start_timeout
        self._process: asyncio.subprocess.Process | None = None
        self._written = 0
        self._url = ""

    async def start(self) -> str:
        """Start it and wait until it is healthy; returns its base URL.

        Raises:
            ServerFailed: it ended before, or was not ready in time.
        """
        await self.stop()
        port = _free_port(self._host)
        self._url = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{port}"
        with self.log.open("ab") as log:
            self._written = log.tell()
            await self._spawn(self._command(port), log)
        assert self._process is not None
        end = time.monotonic() + self._start_timeout
        while self._process.returncode is None:
            if await self._is_healthy():
                return f"{self._url}/v1"
            if time.monotonic() > end:
                raise ServerFailed(
                    f"the server was not ready within {self._start_timeout:g} s; its last words: {self.last_words()}.",
                    f"Its log: {self.log}",
                )
            await asyncio.sleep(0.5)
        raise ServerFailed(f"the server did not start: {self.last_words()}.", f"Its log: {self.log}")

    async def ended(self) -> str:
        """Wait until the server ends or no longer answers; returns what happened, and its last words."""
        assert self._process is not None
        silent = 0
        while silent < SICK_AFTER:
            try:
                code = await asyncio.wait_for(asyncio.shield(self._process.wait()), HEALTH_EVERY)
                return f"ended with status {code}: {self.last_words()}"
            except TimeoutError:
                silent = 0 if await self._is_healthy() else silent + 1
        return f"did not answer for {HEALTH_EVERY * SICK_AFTER:g} s: {self.last_words()}"

    async def stop(self) -> None:
        """End it; when this returns, its memory is free. Also ends what an earlier, killed process of ours left."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with suppress(TimeoutError):  # what outlives this bears the mark
                await asyncio.wait_for(self._process.wait(), 3 * guard.GRACE)
            self._process = None
        await asyncio.to_thread(end_strays, str(self.log))

    def last_words(self) -> str:
        """Why it ended, from its log: the first error of this life, from which the others follow, or the last line."""
        with self.log.open("rb") as log:
            log.seek(self._written)
            text = log.read()[-1_000_000:].decode(errors="replace")
        lines = [_PREFIX.sub("", line).strip() for line in text.splitlines()]
        said = [line for line in lines if line]
        errors = [line for line in said if _ERROR.match(line)]
        return (errors or said[-1:] or ["nothing"])[0][:300].rstrip(".")

    async def _spawn(self, command: list[str], log: IO[bytes]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", guard.__file__, *command),  # not -I: psutil may lie in PYTHONPATH
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # SPT_NOENV keeps setproctitle from overwriting the environment that bears the mark
            env={**os.environ, **self._environment, MARK: str(self.log), "VLLM_API_KEY": self.key, "SPT_NOENV": "1"},
        )

    async def _is_healthy(self) -> bool:
        import aiohttp

        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HEALTH_EVERY)) as session,
                session.get(f"{self._url}/health") as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def end_strays(log: str, patience: float = 30.0) -> None:
    """Kill every process of a server that writes this log, whoever started it."""
    found = [p for p in psutil.process_iter() if _mark_of(p) == log]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, patience)


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):  # ended meanwhile, or another user's
        return None


def _free_port(host: str) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        return int(s.getsockname()[1])
