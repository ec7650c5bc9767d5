"""What a served teacher has said of answers, on disk as it comes: a killed run asks, and pays, for none of it again."""

import math
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from distill.files import Log
from distill.records import Record, digest
from distill.token_scores import Score, Scored

N = TypeVar("N", int, float)


class Judged(Record):
    """Of one answer, as a line of `judged-STEP.jsonl`."""

    request: str
    """Digest of prompt and answer."""
    top: int
    """Tokens that are told at each place."""
    known: str
    """Those tokens, place after place: int32 in base64."""
    known_logprobs: str
    """Their log probabilities in nats, as float32, which is what is computed with."""
    sampled_logprobs: str
    """Of the tokens of the answer."""


class KeptScores:
    """Asks for what is not on disk; a file a step, kept until a checkpoint lies behind the step."""

    def __init__(self, folder: Path, score: Score) -> None:
        """`folder` is that of the checkpoints, which goes with the end of the stage."""
        self._folder, self._score = folder, score

    def of(self, sequences: Sequence[list[int]], prompts: Sequence[int], step: int) -> list[Scored]:
        """As `Score`, for a step that follows `step` optimiser steps."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget()
        log = Log(self._folder / f"judged-{step}.jsonl")
        requests = [digest([ids, start]) for ids, start in zip(sequences, prompts, strict=True)]
        held = {line.request: line for line in log.each(Judged)}
        missing = [i for i, request in enumerate(requests) if request not in held]
        found: dict[int, Scored] = {}

        def keep(number: int, scored: Scored) -> None:
            at = missing[number]
            found[at] = scored
            if all(map(math.isfinite, chain(scored.sampled_logprobs, *scored.known_logprobs))):
                log.append([_line(requests[at], scored)])

        if missing:
            self._score([sequences[i] for i in missing], [prompts[i] for i in missing], keep)
        return [found[i] if i in found else _scored(held[request]) for i, request in enumerate(requests)]

    def _forget(self) -> None:
        """What lies before the oldest checkpoint; before the newest would not do, it may prove torn."""
        first = min((_number(p) for p in self._folder.glob("checkpoint-*")), default=0)
        for path in self._folder.glob("judged-*.jsonl"):
            if _number(path) < first:
                path.unlink()


def _number(path: Path) -> int:
    told = path.stem.rpartition("-")[2]
    return int(told) if told.isdecimal() else 0


def _line(request: str, scored: Scored) -> Judged:
    top = len(scored.known[0]) if scored.known else 0
    return Judged(
        request=request,
        top=top,
        known=_packed("i", chain.from_iterable(scored.known)),
        known_logprobs=_packed("f", chain.from_iterable(scored.known_logprobs)),
        sampled_logprobs=_packed("f", scored.sampled_logprobs),
    )


def _scored(line: Judged) -> Scored:
    sampled = array("f", b64decode(line.sampled_logprobs)).tolist()
    known = _places(array("i", b64decode(line.known)).tolist(), line.top, len(sampled))
    return Scored(known, _places(array("f", b64decode(line.known_logprobs)).tolist(), line.top, len(sampled)), sampled)


def _packed(kind: str, numbers: "Iterable[int] | Iterable[float]") -> str:
    return b64encode(array(kind, list(numbers)).tobytes()).decode()


def _places(flat: list[N], top: int, places: int) -> list[list[N]]:
    return [flat[place * top : (place + 1) * top] for place in range(places)]
