"""What a teacher on a server says of the tokens of an answer: how likely it would have written them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scored:
    """Of an answer of N tokens."""

    known: list[list[int]]
    """At each place the K tokens that the teacher thinks likeliest."""
    known_logprobs: list[list[float]]
    """Their log probabilities in nats."""
    sampled_logprobs: list[float]
    """Of the token that stands there."""


Keep = Callable[[int, Scored], None]
"""Is told the number of a sequence and what was said of it, as soon as it has come."""

Score = Callable[[list[list[int]], list[int], Keep], None]
"""Scores the answers in sequences (prompt and answer) of which so many tokens are prompt."""
