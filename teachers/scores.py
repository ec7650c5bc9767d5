"""What a served teacher says of tokens that a student wrote: `prompt_logprobs`, as vLLM's completions give them.

A sequence of prompt and answer is sent as tokens; the server reads it, writes one token that is thrown away, and tells
for each place the likeliest tokens and the one that stands there.
"""

import asyncio
import json
import math
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path
from typing import Any

import aiohttp

from distill import models
from distill.recipe import EndpointTeacher, VLLMTeacher
from distill.token_scores import Keep, Score, Scored
from teachers.base import TeacherError, TeacherRefused
from teachers.endpoint import RETRIED, api_key
from teachers.stream import NO_API_HINT, WebPage, server_sentence
from teachers.vllm import SERVED_AS, refuse_without_vllm, server

VLLMS_LIMIT = 20
"""Probabilities a place that `vllm serve` tells unless it is started with `--max-logprobs`."""

LONGEST_WAIT = 30.0
"""Seconds between two attempts, at most."""


class _Failed(Exception):
    """One attempt failed and another may succeed."""


@contextmanager
def served(spec: EndpointTeacher | VLLMTeacher, top: int, log: Path) -> Iterator[Score]:
    """A `Score` by servers that run already, or by a `vllm serve` that is ended with the context; `top` tokens a place.

    What is scored raises:
        TeacherRefused: the server refuses the request, tells no `prompt_logprobs`, or is none (web pages come).
        TeacherError: every attempt failed.
    """
    with asyncio.Runner() as runner:
        if isinstance(spec, EndpointTeacher):
            asked = _Client(spec.base_urls, spec.model, api_key(spec), spec, top)
            yield lambda *asking: runner.run(asked.scores(*asking))
            return
        refuse_without_vllm()
        given = {"max_logprobs": top, **spec.serve_args} if top > VLLMS_LIMIT else spec.serve_args
        source = models.resolve(spec.model, spec.revision)
        log.parent.mkdir(parents=True, exist_ok=True)
        child = server(spec.model_copy(update={"serve_args": given}), source, log, secrets.token_hex(16))
        try:
            client = _Client([runner.run(child.start())], SERVED_AS, child.key, spec, top)
            yield lambda *asking: runner.run(client.scores(*asking))
        finally:
            runner.run(child.stop())


class _Client:
    """Asks one or more servers of the same model in turn."""

    def __init__(
        self, urls: list[str], model: str, key: str | None, spec: EndpointTeacher | VLLMTeacher, top: int
    ) -> None:
        self._urls = cycle([url.rstrip("/") for url in urls])
        self._model, self._top, self._spec = model, top, spec
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._has_judged = False

    async def scores(self, sequences: list[list[int]], prompts: list[int], keep: Keep) -> None:
        """In the order in which they come; the first `prompts` tokens of a sequence are not scored."""
        gate = asyncio.Semaphore(self._spec.concurrency)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self._spec.timeout_seconds)
        async with aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session:

            async def one(number: int, sequence: list[int], start: int) -> None:
                async with gate:
                    told = await self._told(session, sequence)
                keep(number, scored(told, sequence, start, self._top))

            pairs = enumerate(zip(sequences, prompts, strict=True))
            tasks = [asyncio.create_task(one(number, *pair)) for number, pair in pairs]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:  # where one has failed for good
                    task.cancel()

    async def _told(self, session: aiohttp.ClientSession, sequence: list[int]) -> list[Any]:
        for attempt in count():
            try:
                return await self._attempt(session, next(self._urls), sequence)
            except (_Failed, aiohttp.ClientError, TimeoutError) as e:
                if attempt and isinstance(e.__cause__, WebPage) and not self._has_judged:
                    raise TeacherRefused(f"{e}.", NO_API_HINT) from e
                if attempt == self._spec.max_retries:
                    why = str(e) or type(e).__name__
                    raise TeacherError(
                        f"the teacher's server did not judge an answer in {attempt + 1} attempts; the last: {why}.",
                        "The last checkpoint is kept, and what was judged since; the same command goes on from there.",
                    ) from e
                await asyncio.sleep(min(LONGEST_WAIT, 0.5 * 2**attempt))
        raise AssertionError

    async def _attempt(self, session: aiohttp.ClientSession, url: str, sequence: list[int]) -> list[Any]:
        body = {"model": self._model, "prompt": sequence, "max_tokens": 1, "temperature": 0}
        body |= {"prompt_logprobs": self._top, **self._spec.extra_body}
        async with session.post(f"{url}/completions", json=body) as response:
            said = await response.read()
            if response.status in RETRIED:
                raise _Failed(f"{url}: {response.status} {server_sentence(said)}")
            if response.status != 200:
                hint = "on_policy.top_logprobs may be at most what the server was started with (--max-logprobs)."
                raise TeacherRefused(f"{url} refuses to judge: {server_sentence(said)}.", hint)
            if response.content_type == "text/html":
                raise _Failed(f"{url}: {WebPage()}") from WebPage()
        try:
            told = json.loads(said)["choices"][0].get("prompt_logprobs")
        except (ValueError, LookupError, TypeError, AttributeError) as e:
            raise _Failed(f"{url}: what it answers makes no sense: {server_sentence(said, 80)}") from e
        if told is None:
            raise TeacherRefused(
                f"{url} tells no prompt_logprobs, without which it cannot judge what a student wrote.",
                "vLLM's server does; set on_policy.teacher to one of kind vllm or local.",
            )
        self._has_judged = True
        return list(told)


def scored(told: list[Any], sequence: list[int], start: int, top: int) -> Scored:
    """From `prompt_logprobs`, a mapping from token to its probability and rank for each place.

    Raises:
        TeacherRefused: it is not about the tokens that were sent.
    """
    if len(told) != len(sequence) or any(str(t) not in p for t, p in zip(sequence[start:], told[start:], strict=True)):
        raise TeacherRefused(
            "the teacher's server judges other tokens than those that were sent.",
            "Does something between here and vLLM read the text again?",
        )
    places = [sorted(place.items(), key=_rank)[:top] for place in told[start:]]
    if fewer := next((len(place) for place in places if len(place) < top), None):
        raise TeacherRefused(
            f"the teacher's server tells {fewer} tokens at a place, and on_policy.top_logprobs={top} were asked for.",
            "Lower it, or raise the server's limit.",
        )
    return Scored(
        known=[[int(token) for token, _ in place] for place in places],
        known_logprobs=[[_number(one["logprob"]) for _, one in place] for place in places],
        sampled_logprobs=[
            _number(place[str(token)]["logprob"]) for token, place in zip(sequence[start:], told[start:], strict=True)
        ],
    )


def _rank(item: tuple[str, dict[str, Any]]) -> int:
    return int(item[1]["rank"])


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
