"""One answer from the event stream of a chat completion, as the servers in use really send it.

DeepSeek and OpenRouter send comments to keep the connection alive; reasoning comes as `reasoning` (vLLM,
OpenRouter), as `reasoning_content` (DeepSeek, SGLang, llama.cpp), in a list of parts (Mistral) or inside the text;
usage comes with the last piece, in a piece of its own, or never; an error may come in mid-stream with status 200.
"""

import codecs
import json
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from distill.finish_reasons import ended
from distill.records import FinishReason
from teachers.base import CHARACTERS_PER_TOKEN, Completion
from teachers.halves import carried, has_halves, put_together

LONGEST_TOKENS = 8
"""Characters that a piece has on average if it is a token."""

FIELDS = (b":", b"event:", b"id:", b"retry:")
"""How lines of an event stream begin that say nothing of the answer."""

MOST_STRAY = 4096
"""Bytes that are remembered of a line that belongs to no event."""


NO_API_HINT = "Is that the address of an OpenAI-compatible API? Most of them end in /v1."


class BrokenAnswer(Exception):
    """An answer that did not come whole: asked again, never kept."""


class WebPage(BrokenAnswer):
    """HTTP 200 with HTML: of a proxy in trouble, or an address that was never one of an API."""

    def __init__(self) -> None:
        super().__init__("a web page came instead of an answer")


class ServerError(BrokenAnswer):
    """The server said itself, in mid-answer, that it failed."""

    def __init__(self, body: bytes) -> None:
        super().__init__(f"the server said in mid-answer: {server_sentence(body)}")
        self.body = body


class _Part(BaseModel):
    """A stretch of content that comes as a list."""

    text: str | None = None
    thinking: "list[_Part] | str | None" = None


class _Delta(BaseModel):
    content: str | list[_Part] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(BaseModel):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    error: Any = None


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Tokens = Annotated[int | None, Field(ge=0, le=10**9), WrapValidator(_or_none)]
"""A count that makes no sense is one that was not told: the answer is whole and paid for all the same."""


class _Usage(BaseModel):
    prompt_tokens: Tokens = None
    completion_tokens: Tokens = None
    total_tokens: Tokens = None

    def sampled(self) -> int | None:
        """Tokens of the answer; some servers (xAI, Gemini) count those of the reasoning in the total only."""
        if self.prompt_tokens is None or self.total_tokens is None:
            return self.completion_tokens
        return max(self.completion_tokens or 0, self.total_tokens - self.prompt_tokens)


class _Piece(BaseModel):
    """What we read of an event; servers add much that we do not."""

    choices: list[_Choice] | None = None
    usage: Annotated[_Usage | None, WrapValidator(_or_none)] = None
    error: Any = None


class StreamedAnswer:
    """Collects an answer line by line; text that comes after the finish reason is left out."""

    def __init__(self) -> None:
        self.ended = False
        """The server said that no more will come."""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish: str | None = None
        self._usage = _Usage()
        self._has_halves = False
        self._stray = b""
        self.characters = 0
        """That have come so far."""

    def feed(self, line: bytes) -> str:
        """Take one line of the stream; returns the text it adds, reasoning or not.

        Raises:
            BrokenAnswer: the line is no JSON, no UTF-8, or the server's own error.
        """
        line = line.removeprefix(codecs.BOM_UTF8)
        if not line.startswith(b"data:"):
            if not self._stray and not line.startswith(FIELDS):
                self._stray = line.strip()[:MOST_STRAY]  # an error in other words, a web page
            return ""
        data = line[5:].strip()
        if not data:
            return ""  # keeps the connection alive
        if data == b"[DONE]":
            self.ended = True
            return ""
        return self._take(self._parsed(data))

    def feed_whole(self, body: bytes) -> None:
        """Take an answer that came in one piece, from a server that does not stream."""
        self._take(self._parsed(body))

    def _take(self, piece: _Piece) -> str:
        if piece.usage is not None:  # one that tells nothing must not wipe what an earlier one told
            self._usage = self._usage.model_copy(update=piece.usage.model_dump(exclude_none=True))
        if self._finish is not None or not piece.choices:
            return ""
        choice = next((c for c in piece.choices if not c.index), None)  # we ask for one; others are not ours
        if choice is None:
            return ""
        if choice.error:
            raise ServerError(json.dumps({"error": choice.error}).encode())
        self._finish = choice.finish_reason or None  # some servers send an empty one with each piece
        delta = choice.delta or choice.message or _Delta()
        reasoning = delta.reasoning or delta.reasoning_content or ""
        text = delta.content or ""
        if isinstance(text, list):
            reasoning, text = reasoning + "".join(_text(part.thinking) for part in text), _text(text)
        if reasoning:
            self._reasoning.append(reasoning)
        if text:
            self._text.append(text)
        self.characters += len(reasoning) + len(text)
        return reasoning + text

    @property
    def whole(self) -> bool:
        """Nothing of the text is missing; counts may be."""
        return self._finish is not None and ended(self._finish) not in (None, "error")

    def completion(self, cut: FinishReason | None = None) -> Completion:
        """The answer as it came; `cut` is our own reason for having ended it.

        Raises:
            BrokenAnswer: it ended without a finish reason, or with one that means failure.
        """
        if cut is None and self._finish is None:
            said = f"; the server said: {server_sentence(self._stray)}" if self._stray else ""
            raise BrokenAnswer(f"the answer ended without a finish reason{said}")
        if cut is None and not self.whole:
            raise BrokenAnswer(f"the answer ended with the finish reason '{self._finish}'")
        told = self._usage.sampled()
        return Completion(
            text=self._joined(self._text),
            finish_reason=cut or ended(self._finish or "") or "error",
            prompt_tokens=self._usage.prompt_tokens or 0,
            completion_tokens=max(self._estimated(), told or 0) if told is None or cut else told,
            reasoning=self._joined(self._reasoning) if self._reasoning else None,
            counted=told is not None and cut is None,  # of an answer that was cut the last count is still to come
        )

    def _estimated(self) -> int:
        """Servers that tell no usage send about a piece a token, or long pieces."""
        pieces = len(self._text) + len(self._reasoning)
        return pieces if self.characters <= LONGEST_TOKENS * pieces else self.characters // CHARACTERS_PER_TOKEN

    def _parsed(self, data: bytes) -> _Piece:
        try:
            piece = _Piece.model_validate_json(data)
        except ValidationError as e:  # no JSON, half a UTF-8 character, another layout
            if not has_halves(data):
                raise BrokenAnswer(f"a piece of the answer makes no sense: {data[:80]!r}") from e
            self._has_halves = True
            return self._parsed(carried(data))
        if piece.error:
            raise ServerError(data)
        return piece

    def _joined(self, pieces: list[str]) -> str:
        text = "".join(pieces)
        return put_together(text) if self._has_halves else text


def _text(parts: list[_Part] | str | None) -> str:
    return "".join(part.text or "" for part in parts) if isinstance(parts, list) else parts or ""


def server_sentence(body: bytes, limit: int = 400) -> str:
    """What a server says of an error: the message in its JSON, or the beginning of its text."""
    try:
        said = json.loads(body)
    except ValueError:
        said = body.decode(errors="replace").strip()
    while isinstance(said, dict):
        said = next((said[key] for key in ("error", "message", "detail") if said.get(key)), json.dumps(said))
    printable = "".join(c if c.isprintable() else " " for c in str(said))  # no escapes of a terminal
    return " ".join(printable.split())[:limit] or "nothing"
