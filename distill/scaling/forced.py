"""How a model marks its thinking, how an answer is limited, and what is written down of it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from distill.records import Record

WAIT = "Wait"
"""What stands in place of an end: the best of the strings in the paper's table 4."""

FINAL = "Final Answer:"
"""What the answer begins with where the thinking was cut."""


class Format(NamedTuple):
    """How a model marks its thinking."""

    opening: str
    """Begins the thinking, behind the prompt."""
    end: str
    """What the model writes at its end."""
    after_end: str
    """What follows the end before the answer, where the model does not write it by itself."""
    before_answer: str
    """Between that and the answer's prefix."""


FORMATS = {
    "think": Format("<think>\n", "</think>", "", "\n\n"),
    "s1": Format("<|im_start|>think", "<|im_start|>", "answer", "\n"),
}
"""R1, Qwen3 and the students of this project; the models of s1."""


@dataclass(frozen=True)
class Limits:
    """How one answer is forced."""

    budget: int
    """Most tokens of thinking."""
    answer: int
    """Most tokens of the answer."""
    waits: int = 0
    """How often the end of the thinking is left out."""
    stop_at: str = ""
    """A text that ends the thinking as well; empty for none."""


class Forced(Record):
    """What was done to one answer; lies beside its trace."""

    trace_id: str
    budget: int
    """Tokens of thinking that it had."""
    waits: int
    """How often it was made to go on."""
    ended: Literal["end", "turn", "text", "cut", "rejected"]
    """By its end of thinking, by the end of its turn, at a text that was to stop it, or at the budget by force;
    `rejected`: none of the samples fitted, so there is no answer."""
    thinking_tokens: int
    """Between opening and end, with what was put there."""
    rounds: tuple[int, ...]
    """Tokens sampled in each round of thinking, ends included; of a rejected sample all of it."""
    answer_tokens: int
    """Sampled behind the thinking, the end of the turn included."""
    answered: bool
    """Was anything written behind the thinking?"""
    exact: bool
    """False where the server told no tokens, and its text was read again."""
