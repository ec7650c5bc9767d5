"""One answer from the event stream of a chat completion, as the servers in use really send it.

DeepSeek and OpenRouter send comments to keep the connection alive; reasoning comes as `reasoning` (vLLM,
OpenRouter), as `reasoning_content` (DeepSeek, SGLang, llama.cpp) or inside the text; usage comes with the last
piece, in a piece of its own, or never; an error may come in mid-stream with status 200.
"""

import codecs
import json
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from distill.records import FinishReason
from teachers.base import Completion
from teachers.halves import carried, has_halves, put_together

FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "content_filter": "filter",
}
"""What servers call the end, and what we call it. Any other (`error`, `insufficient_system_resource`) is a failure."""


class BrokenAnswer(Exception):
    """An answer that did not come whole: asked again, never kept."""


class _Delta(BaseModel):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(BaseModel):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


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
        self.characters = 0
        """That have come so far."""

    def feed(self, line: bytes) -> str:
        """Take one line of the stream; returns the text it adds, reasoning or not.

        Raises:
            BrokenAnswer: the line is no JSON, no UTF-8, or the server's own error.
        """
        line = line.removeprefix(codecs.BOM_UTF8)
        if not line.startswith(b"data:"):
            return ""  # comments, event names, empty lines
        data = line[5:].strip()
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
        self._finish = choice.finish_reason or None  # some servers send an empty one with each piece
        delta = choice.delta or choice.message or _Delta()
        reasoning = delta.reasoning or delta.reasoning_content or ""
        text = delta.content or ""
        if reasoning:
            self._reasoning.append(reasoning)
        if text:
            self._text.append(text)
        self.characters += len(reasoning) + len(text)
        return reasoning + text

    def completion(self, cut: FinishReason | None = None) -> Completion:
        """The answer as it came; `cut` is our own reason for having ended it.

        Raises:
            BrokenAnswer: it ended without a finish reason, or with one that means failure.
        """
        if cut is None and self._finish is None:
            raise BrokenAnswer("the answer ended without a finish reason")
        if cut is None and self._finish not in FINISH_REASONS:
            raise BrokenAnswer(f"the answer ended with the finish reason '{self._finish}'")
        told = self._usage.completion_tokens
        return Completion(
            text=self._joined(self._text),
            finish_reason=cut or FINISH_REASONS[self._finish or ""],
            prompt_tokens=self._usage.prompt_tokens or 0,
            # servers that tell no usage send about a piece a token
            completion_tokens=len(self._text) + len(self._reasoning) if told is None else told,
            reasoning=self._joined(self._reasoning) if self._reasoning else None,
            counted=told is not None,
        )

    def _parsed(self, data: bytes) -> _Piece:
        try:
            piece = _Piece.model_validate_json(data)
        except ValidationError as e:  # no JSON, half a UTF-8 character, another layout
            if not has_halves(data):
                raise BrokenAnswer(f"a piece of the answer makes no sense: {data[:80]!r}") from e
            self._has_halves = True
            return self._parsed(carried(data))
        if piece.error:
            raise BrokenAnswer(f"the server said in mid-answer: {server_sentence(data)}")
        return piece

    def _joined(self, pieces: list[str]) -> str:
        text = "".join(pieces)
        return put_together(text) if self._has_halves else text


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
