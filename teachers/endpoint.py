"""Any OpenAI-compatible server as a teacher: DeepSeek, OpenRouter, vLLM, SGLang, llama.cpp, `transformers serve`.

Spoken to with aiohttp and not with the openai package: at thousands of requests a second that package's
own work per request is the bottleneck, and it would retry behind our back.
"""

import asyncio
import errno
import os
import re
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import TYPE_CHECKING, Any, AnyStr

from distill.errors import Refused
from distill.recipe import EndpointTeacher
from distill.records import digest
from distill.verify.loops import LoopWatch
from teachers.base import Completion, Request, TeacherError, TeacherRefused
from teachers.servers import MOST_PATIENCE, Server, Servers
from teachers.stream import NO_API_HINT, BrokenAnswer, ServerError, StreamedAnswer, WebPage, server_sentence

if TYPE_CHECKING:
    import aiohttp

RETRIED = {408, 409, 425, 429, *range(500, 600)}
"""HTTP statuses after which the same request may succeed. Others stop the run, unless they concern one question."""

BUSY = {429, 503}
"""Those that say nothing against the request: the server has no room for it now."""

LONGEST_TOKEN, MIN_ROOM = 100, 10_000
"""Characters that a token stands for at most, on average, and that any answer may have: past that a server does not
stop at max_tokens."""

SHORTEST_SECRET = 16
"""Characters of a key that can be no word of an answer."""

MAX_LINE = 1 << 24
"""Bytes of one line of a stream, at most."""


class _Failed(Exception):
    """One attempt failed and another may succeed."""

    def __init__(
        self,
        why: str,
        status: int = 0,
        retry_after: float | None = None,
        server_at_fault: bool = True,
        dropped: bool = False,
    ) -> None:
        super().__init__(why)
        self.status = status
        self.retry_after = retry_after
        self.server_at_fault = server_at_fault
        self.of_one = status >= 500 or dropped
        """May be this request's own: one connection of many, kept alive too long, or a question that fails."""


class _Doubted(TeacherRefused):
    """Refused for what every request has, or for what this one has alone: those beside it tell."""


class Endpoint:
    """Asks one or more servers that serve the same model."""

    def __init__(self, spec: EndpointTeacher, cut_loops: bool = True, key: str | None = None) -> None:
        """`key` is for servers of ours; others' come from the environment."""
        self.spec = spec
        self.cut_loops = cut_loops
        self.concurrency = spec.concurrency
        self.name = spec.model + (f" {digest(spec.extra_body, 8)}" if spec.extra_body else "")
        self.servers = Servers(spec.base_urls)
        self._key = key or api_key(spec)
        self._session: aiohttp.ClientSession | None = None

    async def answer(self, request: Request) -> Completion:
        """Ask until an answer comes whole.

        Raises:
            TeacherRefused: an error that no retry mends, with the server's own sentence; web pages and no answer ever.
            TeacherError: every attempt failed.
        """
        avoid: Server | None = None
        why, used, failures, since = "", 0, 0, monotonic()
        while used <= self.spec.max_retries:
            server = await self.servers.acquire(avoid)
            try:
                completion = await self._attempt_while_up(server, request)
            except _Failed as e:
                if failures and isinstance(e.__cause__, WebPage) and not (server.answers or server.streaming):
                    self.servers.abandoned(server)
                    raise TeacherRefused(f"{server.url}: {e}.", NO_API_HINT) from e
                # a limit on requests at once is no failure as long as others get through; each wait needs new proof,
                # or a server that has stopped for good would be asked for ever
                works = self.servers.works(server, since)
                used, failures, since = used + (not works or e.status not in BUSY), failures + 1, monotonic()
                avoid, why = server, f"{server.url}: {self._without_key(str(e))}"
                await self._rest(server, request, e, works, failures)
            except _Doubted as e:
                self.servers.abandoned(server)
                if await self.servers.settled(server, DOUBT):
                    raise TeacherError(str(e), ONE_REQUEST_HINT) from e
                raise
            except BaseException:
                self.servers.abandoned(server)
                raise
            else:
                self.servers.answered(server)
                return completion
        raise TeacherError(f"{request.id} got no answer in {self.spec.max_retries + 1} attempts; the last: {why}.")

    async def _rest(self, server: Server, request: Request, error: _Failed, works: bool, failures: int) -> None:
        """After a failure the server rests, or this request alone where the server answers others."""
        wait, busy = error.retry_after, works and error.status in BUSY
        if wait is not None and failures > 1 and not busy:
            wait = max(wait, self.servers.backoff(failures - 1))  # what it asks for has not helped
        own = not error.server_at_fault or (busy and wait is None)
        if own or (not busy and error.of_one and self.servers.spares(server, request.id, works)):
            self.servers.abandoned(server)
            await asyncio.sleep(max(self.servers.backoff(failures), min(wait or 0.0, MOST_PATIENCE)))
        else:
            self.servers.failed(server, wait, self._without_key(str(error)))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt_while_up(self, server: Server, request: Request) -> Completion:
        try:
            async with self.servers.while_up(server):
                return await self._attempt(server, request)
        except TimeoutError as e:
            raise _Failed("it went down") from e

    async def _attempt(self, server: Server, request: Request) -> Completion:
        import aiohttp

        try:
            async with self._open().post(
                f"{server.url}/chat/completions", json=self._body(request), allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise self._error(response.status, response.headers, await _at_most(response, 1 << 16), server)
                if response.content_type == "text/html":
                    raise WebPage
                with self.servers.accepted(server):
                    return await self._read(response, LONGEST_TOKEN * request.sampling.max_tokens + MIN_ROOM)
        except ServerError as e:
            if hint := _of_one_request(400, str(e), e.body):
                raise TeacherError(f"{server.url}: {self._without_key(str(e)).removesuffix('.')}.", hint) from e
            raise _Failed(str(e), server_at_fault=False) from e
        except BrokenAnswer as e:
            raise _Failed(str(e), server_at_fault=False) from e
        except aiohttp.SocketTimeoutError as e:
            raise _Failed(f"silent for {self.spec.timeout_seconds:g} s") from e
        except TimeoutError as e:
            raise _Failed(f"not done after {self.spec.max_answer_seconds:g} s") from e
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as e:
            raise _Failed("the connection was dropped", dropped=True) from e
        except (aiohttp.ClientError, OSError) as e:
            dropped = isinstance(e, OSError) and e.errno in (errno.ECONNRESET, errno.EPIPE)
            raise _Failed(str(e) or type(e).__name__, dropped=dropped) from e

    async def _read(self, response: "aiohttp.ClientResponse", most: int) -> Completion:
        """The answer, of at most so many characters.

        One whose end was told is whole, though the server never closes its stream or breaks it off.
        """
        import aiohttp

        answer = StreamedAnswer()
        try:
            return await self._streamed(response, answer, most)
        except (aiohttp.ClientError, OSError):
            if not answer.whole:
                raise
            return answer.completion()

    async def _streamed(self, response: "aiohttp.ClientResponse", answer: StreamedAnswer, most: int) -> Completion:
        if response.content_type == "application/json":
            answer.feed_whole(self._without_key(await _at_most(response, MAX_LINE)))
            return answer.completion()
        watch = LoopWatch()
        rest = b""
        async for data in response.content.iter_any():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if watch.feed(answer.feed(self._without_key(line))) and self.cut_loops and not answer.whole:
                    return answer.completion(cut="loop")  # leaving closes the connection, which stops the server
            if len(rest) > MAX_LINE:
                raise BrokenAnswer(f"a line of the stream is longer than {MAX_LINE} bytes")
            if answer.characters > most:
                raise BrokenAnswer("the server does not stop at max_tokens")
            if answer.ended:
                return answer.completion()
        answer.feed(self._without_key(rest))
        return answer.completion()

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            silence = self.spec.timeout_seconds
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                timeout=aiohttp.ClientTimeout(total=self.spec.max_answer_seconds, sock_connect=30, sock_read=silence),
                connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session

    def _body(self, request: Request) -> dict[str, Any]:
        sampling = request.sampling
        return {
            "model": self.spec.model,
            "messages": request.messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self.spec.max_tokens_key: sampling.max_tokens,
            **({"seed": sampling.seed} if self.spec.send_seed else {}),
            "stream": True,
            "stream_options": {"include_usage": True},
            **self.spec.extra_body,
        }

    def _without_key(self, said: AnyStr) -> AnyStr:
        """What a server says, without the key that it may echo: into logs, traces and terminals it never goes.

        In what may be an answer a short key, such as the EMPTY that many local servers take, is a word like others.
        """
        if self._key is None:
            return said
        if isinstance(said, bytes):
            return said.replace(self._key.encode(), b"[key]") if len(self._key) >= SHORTEST_SECRET else said
        return re.sub(r"\s*".join(map(re.escape, self._key)), "[key]", said)

    def _error(self, status: int, headers: Any, body: bytes, server: Server) -> Exception:
        said = self._without_key(server_sentence(self._without_key(body)))
        sentence = f"{server.url} refused the request with HTTP {status}: {said}."
        if hint := _of_one_request(status, said, body):
            return TeacherError(sentence, hint)
        if status in RETRIED:
            return _Failed(f"HTTP {status}, {said}", status, _retry_after(headers.get("Retry-After")))
        return (_Doubted if status in (400, 422) else TeacherRefused)(sentence, _hint(status, self.spec))


DOUBT = 30.0
"""Seconds, at most, that a 400 waits for what the server says to the requests beside it."""

_TOO_LONG = re.compile(
    r"context.(length|window|size)|prompt is too long|reduce the length|prompt length of \d+|prompt \(length \d+"
    r"|longer than the (maximum )?model|inputs. tokens \+ |inputs. must have less than|input token count"
    r"|input length .*exceeds|range of input length|exceeded model token limit|string_above_max_length",
    re.IGNORECASE,
)
"""How servers say that one question does not fit, which says nothing of the next."""

_UNWANTED = re.compile(
    r"content exists risk|content.?filter|content.?management.?policy|content.?policy|responsibleaipolicy"
    r"|invalid_prompt|data_inspection_failed|inappropriate content|requires moderation"
    r"|(prompt|input|content|request) (was|has been) (flagged|blocked|rejected)",
    re.IGNORECASE,
)
"""How they say that they will not talk of one question."""

_CODES = re.compile(rb'"(?:code|type|error_type|status|raw)"\s*:\s*"((?:[^"\\]|\\.)*)"')
"""Where else than in its message an error says what it is; `raw` holds another provider's, passed on by OpenRouter."""

TOO_LONG_HINT = "Lower harvest.max_tokens, leave the question out, or set harvest.allow_unanswered."
ONE_REQUEST_HINT = "The server accepts others. Leave the question out, or set harvest.allow_unanswered."


def _of_one_request(status: int, said: str, body: bytes) -> str | None:
    """What to do about an error that concerns one question; None where it may concern them all."""
    told = " ".join([said, *(code.decode(errors="replace") for code in _CODES.findall(body))])
    if status == 413 or ((status in (400, 422) or status >= 500) and _TOO_LONG.search(told)):
        return TOO_LONG_HINT
    return ONE_REQUEST_HINT if status in (400, 403, 422) and _UNWANTED.search(told) else None


async def _at_most(response: "aiohttp.ClientResponse", most: int) -> bytes:
    """The body, or its beginning where it is longer."""
    body = b""
    async for data in response.content.iter_any():
        body += data
        if len(body) > most:
            break
    return body[:most]


def api_key(spec: EndpointTeacher) -> str | None:
    """The key from the environment.

    Raises:
        Refused: the recipe names a variable that is not set.
    """
    if spec.api_key_env is None:
        return None
    key = os.environ.get(spec.api_key_env, "").strip()
    if not key.isprintable():
        raise Refused(f"the key in {spec.api_key_env} holds characters that no key can hold, such as a line end.")
    if not key:
        raise Refused(
            f"teacher.api_key_env={spec.api_key_env}, and that variable is not set.",
            f"export {spec.api_key_env}=..., or set teacher.api_key_env=null for a server without keys.",
        )
    return key


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a Retry-After header in either of its forms (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d+(\.\d*)?\s*", value):  # some providers send fractions
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None


def _hint(status: int, spec: EndpointTeacher) -> str:
    if status in (401, 403):
        named = spec.api_key_env
        return f"Is the key in {named} right?" if named else "Name the variable of its key: teacher.api_key_env=..."
    if status == 404:
        return f"Is '{spec.model}' the name under which it serves the model, and does the URL end in /v1?"
    if 300 <= status < 400:
        return "It redirects to another address; put that one into teacher.base_urls."
    return "Mend the recipe; what was answered before is on disk."
