"""A chat-completion server on a real socket that misbehaves as its script says."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

DROP = object()
"""In a script: close the connection here."""
HANG = object()
"""In a script: say nothing more and keep the connection."""

Script = Callable[[dict[str, Any], int], Iterable[Any]]
"""From a request's body and the number of requests before it, the bytes to send, and DROP or HANG."""


class StubServer:
    """Serves from a thread of its own until the `with` block ends; remembers what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self._now = 0

    def __enter__(self) -> "StubServer":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = started.result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            length = next(int(v) for k, v in headers.items() if k.lower() == "content-length")
            body = json.loads(await reader.readexactly(length))
            number = len(self.bodies)
            self.bodies.append(body)
            self.headers.append(headers)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            for part in self.script(body, number):
                if part is HANG:
                    await asyncio.sleep(3600)
                if part is DROP:
                    break
                if isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    writer.write(part)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._now -= 1
            writer.close()


def status(code: int, message: str = "no", **headers: str) -> list[Any]:
    """An error as OpenAI-compatible servers word it."""
    body = json.dumps({"error": {"message": message, "type": "x", "code": code}}).encode()
    more = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
    head = f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}"
    return [head.encode() + b"Connection: close\r\n\r\n" + body]


def opening(content_type: str = "text/event-stream") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode()


PAGE = [opening("text/html"), b"<!doctype html><title>Open WebUI</title>"]
"""What comes where an address is that of a page for people."""


def piece(finish: str | None = None, usage: dict[str, int] | None = None, **delta: str) -> bytes:
    """One event with a delta."""
    event: dict[str, Any] = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(event | ({"usage": usage} if usage else {})).encode() + b"\n\n"


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}\n\n'
DONE = b"data: [DONE]\n\n"


def answer(text: str = "It is \\boxed{33}.") -> list[Any]:
    """A good answer in three pieces, with usage."""
    third = max(1, len(text) // 3)
    parts = [text[i : i + third] for i in range(0, len(text), third)]
    return [opening(), *(piece(content=p) for p in parts), piece("stop"), USAGE, DONE]
