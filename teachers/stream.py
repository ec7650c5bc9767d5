"""One answer from the event stream of a chat completion, as the servers in use really send it.

DeepSeek and OpenRouter send comments to keep the connection alive; reasoning comes as `reasoning` (vLLM,
OpenRouter), as `reasoning_content` (DeepSeek, SGLang, llama.cpp) or inside the text; usage comes with the last
piece, in a piece of its own, or never; an error may come in mid-stream with status 200.
"""

import json
from typing import Any

from pydantic import BaseModel, NonNegativeInt, ValidationError

from distill.records import FinishReason
from teachers.base import Completion

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
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: NonNegativeInt | None = None
    completion_tokens: NonNegativeInt | None = None


class _Piece(BaseModel):
    """What we read of an event; servers add much that we do not."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
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

    def feed(self, line: bytes) -> str:
        """Take one line of the stream; returns the text it adds, reasoning or not.

        Raises:
            BrokenAnswer: the line is no JSON, no UTF-8, or the server's own error.
        """
        if not line.startswith(b"data:"):
            return ""  # comments, event names, empty lines
        data = line[5:].strip()
        if data == b"[DONE]":
            self.ended = True
            return ""
        return self._take(_parsed(data))

    def feed_whole(self, body: bytes) -> None:
        """Take an answer that came in one piece, from a server that does not stream."""
        self._take(_parsed(body))

    def _take(self, piece: _Piece) -> str:
        self._usage = piece.usage or self._usage
        if self._finish is not None or not piece.choices:
            return ""
        choice = piece.choices[0]
        self._finish = choice.finish_reason
        delta = choice.delta or choice.message or _Delta()
        reasoning = delta.reasoning or delta.reasoning_content or ""
        text = delta.content or ""
        if reasoning:
            self._reasoning.append(reasoning)
        if text:
            self._text.append(text)
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
            text="".join(self._text),
            finish_reason=cut or FINISH_REASONS[self._finish or ""],
            prompt_tokens=self._usage.prompt_tokens or 0,
            # servers that tell no usage send about a piece a token
            completion_tokens=len(self._text) + len(self._reasoning) if told is None else told,
            reasoning="".join(self._reasoning) if self._reasoning else None,
            counted=told is not None,
        )


def _parsed(data: bytes) -> _Piece:
    try:
        piece = _Piece.model_validate_json(data)
    except ValidationError as e:  # no JSON, half a UTF-8 character, another layout
        raise BrokenAnswer(f"a piece of the answer makes no sense: {data[:80]!r}") from e
    if piece.error:
        raise BrokenAnswer(f"the server said in mid-answer: {server_sentence(data)}")
    return piece


def server_sentence(body: bytes, limit: int = 400) -> str:
    """What a server says of an error: the message in its JSON, or the beginning of its text."""
    try:
        said = json.loads(body)
    except ValueError:
        said = body.decode(errors="replace").strip()
    while isinstance(said, dict):
        said = next((said[key] for key in ("error", "message", "detail") if said.get(key)), json.dumps(said))
    return " ".join(str(said).split())[:limit] or "nothing"
