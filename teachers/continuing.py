"""Continuing a prefix of tokens: what budget forcing asks of an engine, and a memory that asks for nothing twice.

A continuation is written down before it counts. One that is longer than is asked for answers a shorter question as
well: with the same seed the first tokens are the same, so thinking is sampled once for the largest budget and smaller
budgets cut it, as an engine would with fewer tokens at its disposal.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from distill.files import Log
from distill.records import Record, Sampling, digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Ends:
    """Where a continuation stops by itself."""

    tokens: tuple[int, ...]
    """Single tokens."""
    texts: tuple[str, ...] = ()
    """Texts, for ends that the tokenizer writes in several tokens."""


@dataclass(frozen=True)
class Ask:
    """A prefix and how it is to go on."""

    prefix: tuple[int, ...]
    """Tokens, the chat template's included."""
    ends: Ends
    sampling: Sampling
    """`max_tokens` are those of this continuation, an end included."""
    at_least: int = 0
    """Tokens before which none of `ends.tokens` is sampled (vLLM's min_tokens)."""

    def digest(self, engine: str) -> str:
        """Identity of the continuation, however long."""
        sampling = self.sampling.model_dump(exclude={"max_tokens"})
        return digest([engine, self.prefix, self.ends.tokens, self.ends.texts, self.at_least, sampling])


class Continuation(Record):
    """What was sampled."""

    ids: tuple[int, ...]
    """All of it, the end included."""
    end: int = 0
    """How many of the last tokens hold the end; 0 where max_tokens came first."""
    head: tuple[int, ...] = ()
    """What stood before the end in its first token, as tokens of its own."""
    reason: Literal["stop", "length"]
    by: str = ""
    """The text that ended it; empty for a token, which is the last of `ids`, and for max_tokens."""
    tokens: int
    """Sampled, as the engine counts."""
    exact: bool = True
    """False where the server told text only, and `ids` are what the tokenizer makes of it."""

    @property
    def kept(self) -> tuple[int, ...]:
        """Without the end."""
        return self.ids[: len(self.ids) - self.end] + self.head

    def cut(self, most: int) -> "Continuation":
        """As it would be with so many tokens at its disposal."""
        return Continuation(ids=self.ids[:most], reason="length", tokens=most)


class Continues(Protocol):
    """An engine that goes on where a prefix ends."""

    name: str
    """Who answers; changes when the answers would."""
    concurrency: int
    """Prefixes worth having under way at once."""

    async def proceed(self, ask: Ask) -> Continuation:
        """
        Raises:
            TeacherError: it could not be had.
            TeacherRefused: none of this kind can.
        """
        ...

    async def close(self) -> None:
        """Free what the engine holds."""
        ...


class Remembered(Record):
    """A continuation as it lies on disk."""

    asked: str
    """Digest of the engine, the prefix and the sampling, without the length."""
    said: Continuation


class _Held(NamedTuple):
    """What is known of a continuation before it is read: a curve may have more of them than memory has room for."""

    place: int
    """Where in the log it lies."""
    reason: Literal["stop", "length"]
    tokens: int
    exact: bool


class Memory:
    """An engine that remembers; killed and started again, it pays for nothing that was written down."""

    def __init__(self, engine: Continues, log: Log) -> None:
        self.name, self.concurrency = engine.name, engine.concurrency
        self.sampled = 0
        """Tokens that this process had sampled."""
        self._engine, self._log = engine, log
        self._held: dict[str, _Held] = {}
        self._writing = asyncio.Lock()
        for place, one in log.placed(Remembered):
            self._hold(one, place)

    async def proceed(self, ask: Ask) -> Continuation:
        asked, most = ask.digest(self.name), ask.sampling.max_tokens
        held = self._held.get(asked)
        if held is not None and held.reason == "stop" and held.tokens <= most:
            return self._log.at(Remembered, held.place).said
        if held is not None and held.exact and held.tokens >= most:
            return self._log.at(Remembered, held.place).said.cut(most)
        said = await self._engine.proceed(ask)
        self.sampled += said.tokens
        kept = Remembered(asked=asked, said=said)
        async with self._writing:
            await asyncio.to_thread(self._log.append, [kept])
            end = self._log.path.stat().st_size
        self._hold(kept, end - len(kept.model_dump_json().encode()) - 1)
        return said

    async def close(self) -> None:
        await self._engine.close()

    @property
    def tokens(self) -> int:
        """Sampled for all that is held, by whatever process."""
        return sum(one.tokens for one in self._held.values())

    def _hold(self, one: Remembered, place: int) -> None:
        said = one.said
        if (held := self._held.get(one.asked)) is None or held.reason == "length":
            self._held[one.asked] = _Held(place, said.reason, said.tokens, said.exact)


def ended(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int], ends: Ends) -> Continuation | None:
    """The continuation whose last token has just ended it; None where it goes on."""
    if ids and ids[-1] in ends.tokens:
        return Continuation(ids=tuple(ids), end=1, reason="stop", tokens=len(ids))
    for text in ends.texts:
        tail = min(len(ids), len(text.encode()) + 1)  # a token has at least a byte
        if text not in tokenizer.decode(ids[len(ids) - tail :]):
            continue
        for size in range(1, tail + 1):
            head, found, _ = tokenizer.decode(ids[len(ids) - size :]).partition(text)
            if found:
                before = tuple(tokenizer(head, add_special_tokens=False)["input_ids"]) if head else ()
                return Continuation(ids=tuple(ids), end=size, head=before, reason="stop", by=text, tokens=len(ids))
    return None
