"""One answer from the event stream of a chat completion, as the servers in use really send it.

DeepSeek and OpenRouter send comments to keep the connection alive; reasoning comes as `reasoning` (vLLM,
OpenRouter), as `reasoning_content` (DeepSeek, SGLang, llama.cpp) or inside the text; usage comes with the last
piece, in a piece of its own, or never; an error may come in mid-stream with status 200.
"""

import json
from typing import Any

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


class StreamedAnswer:
    """Collects an answer line by line; text that comes after the finish reason is left out."""

    def __init__(self) -> None:
        self.ended = False
        """The server said that no more will come."""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish: str | None = None
        self._usage: dict[str, Any] = {}

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
        piece = _parsed(data)
        self._usage = piece.get("usage") or self._usage
        choices = piece.get("choices") or [{}]
        return self._take(choices[0].get("delta") or {}, choices[0].get("finish_reason"))

    def feed_whole(self, body: bytes) -> None:
        """Take an answer that came in one piece, from a server that does not stream."""
        piece = _parsed(body)
        self._usage = piece.get("usage") or {}
        choices = piece.get("choices") or [{}]
        self._take(choices[0].get("message") or {}, choices[0].get("finish_reason"))

    def _take(self, delta: dict[str, Any], finish: str | None) -> str:
        if self._finish is not None:
            return ""
        self._finish = finish
        reasoning = delta.get("reasoning") or delta.get("reasoning_content") or ""
        text = delta.get("content") or ""
        if reasoning:
            self._reasoning.append(reasoning)
        if text:
            self._text.append(text)
        return str(reasoning + text)

    def completion(self, cut: FinishReason | None = None) -> Completion:
        """The answer as it came; `cut` is our own reason for having ended it.

        Raises:
            BrokenAnswer: it ended without a finish reason, or with one that means failure.
        """
        if cut is None and self._finish is None:
            raise BrokenAnswer("the answer ended without a finish reason")
        if cut is None and self._finish not in FINISH_REASONS:
            raise BrokenAnswer(f"the answer ended with the finish reason '{self._finish}'")
        told = self._usage.get("completion_tokens")
        return Completion(
            text="".join(self._text),
            finish_reason=cut or FINISH_REASONS[self._finish or ""],
            prompt_tokens=self._usage.get("prompt_tokens") or 0,
            # servers that tell no usage send about a piece a token
            completion_tokens=len(self._text) + len(self._reasoning) if told is None else told,
            reasoning="".join(self._reasoning) if self._reasoning else None,
            counted=told is not None,
        )


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        piece = json.loads(data)
    except ValueError as e:  # also half a UTF-8 character
        raise BrokenAnswer(f"a piece of the answer is not JSON: {data[:80]!r}") from e
    if not isinstance(piece, dict):
        raise BrokenAnswer(f"a piece of the answer is no JSON object: {data[:80]!r}")
    if piece.get("error"):
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
