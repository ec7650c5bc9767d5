"""Prefixes continued by servers: `/v1/completions` of vLLM, SGLang, llama.cpp and others, with the prompt as tokens.

vLLM tells the tokens that it sampled (`return_token_ids`), and they are kept as they are. A server that tells text only
has it read again by the tokenizer: then the counts are the server's own, the tokens of the prefix perhaps not, and the
continuation is marked as not exact.
"""

from typing import TYPE_CHECKING, Any

from distill.recipe import EndpointTeacher
from teachers.base import TeacherError, TeacherRefused
from teachers.continuing import Ask, Continuation, ended
from teachers.endpoint import RETRIED, api_key
from teachers.servers import Servers
from teachers.stream import NO_API_HINT, WebPage, server_sentence

if TYPE_CHECKING:
    import aiohttp
    from transformers import PreTrainedTokenizerBase

    from teachers.vllm import VLLM


class _Failed(Exception):
    """One attempt failed and another may succeed."""


class Completions:
    """A `Continues` by one or more servers of the same model."""

    def __init__(
        self,
        spec: EndpointTeacher,
        tokenizer: "PreTrainedTokenizerBase",
        end: str,
        servers: Servers | None = None,
        key: str | None = None,
    ) -> None:
        """`end` is the text at which thinking ends; `servers` and `key` are for servers of ours."""
        self.name = spec.model
        self.concurrency = spec.concurrency
        self.servers = servers or Servers(spec.base_urls)
        self._spec, self._tokenizer = spec, tokenizer
        self._end = tuple(tokenizer(end, add_special_tokens=False)["input_ids"])
        plain = len(self._end) == 1 and self._end[0] not in tokenizer.all_special_ids
        self._as_text = (end,) if plain else ()
        """The end as a text, for servers that know no stop_token_ids."""
        self._key = key or api_key(spec)
        self._session: aiohttp.ClientSession | None = None

    async def proceed(self, ask: Ask) -> Continuation:
        why = ""
        for attempt in range(self._spec.max_retries + 1):
            server = await self.servers.acquire()
            try:
                async with self.servers.while_up(server):
                    said = await self._attempt(server.url, ask)
            except (_Failed, TimeoutError, OSError) as e:  # aiohttp's errors of connections are OSErrors, or _Failed
                why = f"{server.url}: {str(e) or type(e).__name__}"
                self.servers.failed(server, None, why)
                if attempt and isinstance(e.__cause__, WebPage) and not server.answers:
                    raise TeacherRefused(f"{why}.", NO_API_HINT) from e
            except BaseException:
                self.servers.abandoned(server)
                raise
            else:
                self.servers.answered(server)
                return said
        raise TeacherError(f"a prefix was not continued in {self._spec.max_retries + 1} attempts; the last: {why}.")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, url: str, ask: Ask) -> Continuation:
        import aiohttp

        try:
            async with self._open().post(f"{url}/completions", json=self._body(ask), allow_redirects=False) as response:
                said = await response.read()
                if response.status in RETRIED:
                    raise _Failed(f"HTTP {response.status}, {server_sentence(said)}")
                if response.status != 200:
                    hint = "It must take prompts of tokens at /v1/completions, as vLLM, SGLang and llama.cpp do."
                    raise TeacherRefused(f"{url} refuses to continue a prefix: {server_sentence(said)}.", hint)
                if response.content_type == "text/html":
                    raise WebPage
                return self._read(await response.json(content_type=None), ask)
        except (aiohttp.ClientError, WebPage, ValueError, KeyError, IndexError, TypeError) as e:
            raise _Failed(str(e) or type(e).__name__) from e

    def _body(self, ask: Ask) -> dict[str, Any]:
        sampling, ends = ask.sampling, ask.ends
        shown = self._as_text if set(self._end) <= set(ends.tokens) else ()
        texts = [*ends.texts, *shown]
        return {
            "model": self._spec.model,
            "prompt": list(ask.prefix),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "stop_token_ids": list(ends.tokens),
            **({"stop": texts} if texts else {}),
            **({"min_tokens": ask.at_least} if ask.at_least else {}),
            "return_token_ids": True,
            **self._spec.extra_body,
        }

    def _read(self, told: dict[str, Any], ask: Ask) -> Continuation:
        choice = told["choices"][0]
        stopped = choice["finish_reason"] == "stop"
        if choice["finish_reason"] not in ("stop", "length"):
            raise _Failed(f"it ended with the finish reason '{choice['finish_reason']}'")
        if (ids := choice.get("token_ids")) is not None:
            _refuse_more_than_asked(len(ids), ask)
            return self._exact(ids, stopped, ask)
        tokens = (told.get("usage") or {}).get("completion_tokens")
        if not isinstance(tokens, int) or tokens < 0:
            raise _Failed(f"it tells neither its tokens nor how many there are (usage.completion_tokens is {tokens})")
        _refuse_more_than_asked(tokens, ask)
        return self._from_text(choice["text"], tokens, stopped, ask)

    def _exact(self, ids: list[int], stopped: bool, ask: Ask) -> Continuation:
        if not stopped:
            return Continuation(ids=tuple(ids), reason="length", tokens=len(ids))
        found = ended(self._tokenizer, ids, ask.ends)
        if found is None:
            raise TeacherRefused(
                "the server stops where it was not told to.", "Its tokenizer must be the one that is given here."
            )
        return found

    def _from_text(self, text: str, tokens: int, stopped: bool, ask: Ask) -> Continuation:
        """Which end it was is not told: in thinking it is taken for the end of the thinking."""
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        if not stopped:
            return Continuation(ids=tuple(ids), reason="length", tokens=tokens, exact=False)
        return Continuation(ids=(*ids, *self._end), end=len(self._end), reason="stop", tokens=tokens, exact=False)

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            limit = aiohttp.ClientTimeout(total=self._spec.max_answer_seconds, sock_connect=30)
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._session = aiohttp.ClientSession(
                headers=headers, timeout=limit, connector=aiohttp.TCPConnector(limit=0)
            )
        return self._session


def _refuse_more_than_asked(tokens: int, ask: Ask) -> None:
    """
    Raises:
        TeacherRefused: there are more tokens than a budget may have; some servers count the one that ends a turn.
    """
    if tokens > ask.sampling.max_tokens + 1:
        raise TeacherRefused(
            f"the server wrote {tokens} tokens where at most {ask.sampling.max_tokens} were asked for.",
            "No budget of thinking can be held where max_tokens is not obeyed.",
        )


class OwnServer:
    """A `Continues` by a vLLM server of ours: started at the first prefix, ended with this."""

    def __init__(self, vllm: "VLLM", tokenizer: "PreTrainedTokenizerBase", end: str) -> None:
        self.name, self.concurrency = vllm.name, vllm.concurrency
        self._vllm = vllm
        self._asked = Completions(vllm.asked, tokenizer, end, vllm.servers, vllm.key)

    async def proceed(self, ask: Ask) -> Continuation:
        self._vllm.begin()
        return await self._asked.proceed(ask)

    async def close(self) -> None:
        await self._asked.close()
        await self._vllm.close()
