"""What a harvest may spend, in tokens or in money, and what is set aside for requests under way."""

from dataclasses import dataclass

from distill.recipe import Harvest, Price
from distill.records import Problem, Trace


@dataclass(frozen=True, slots=True)
class Spent:
    """Prompt and completion tokens."""

    prompt: int = 0
    completion: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    def cost(self, price: Price | None) -> float:
        """In money; without a price in tokens."""
        if price is None:
            return float(self.tokens)
        return (self.prompt * price.prompt + self.completion * price.completion) / 1e6

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.prompt + other.prompt, self.completion + other.completion)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.prompt - other.prompt, self.completion - other.completion)


NOTHING = Spent()

PROMPT_ROOM = 100
"""Tokens of a chat template around the messages, before the first answer tells."""


def longest_sample(problem: Problem, harvest: Harvest) -> Spent:
    """What a sample can cost before the first has told: a prompt that was never sent counts as a token a byte."""
    said = sum(len(message["content"].encode()) for message in harvest.prompt.messages(problem.question))
    return Spent(said + PROMPT_ROOM, harvest.max_tokens)


def spent_on(trace: Trace, longest: Spent) -> Spent:
    """What a trace cost; where the server told no usage, the most that it can have cost."""
    if trace.counted:
        return Spent(trace.prompt_tokens, trace.completion_tokens)
    said = len(trace.reasoning.encode()) + len(trace.response.encode())
    most = max(trace.completion_tokens, min(said, longest.completion))
    return Spent(trace.prompt_tokens or longest.prompt, most)


class Budget:
    """Never overspent: a request counts as long as it can become until it is back.

    It counts answers. What a server bills for attempts that broke off, or that were under way when the run was killed,
    nobody has told us.
    """

    def __init__(self, spec: Harvest, price: Price | None) -> None:
        self.spent = NOTHING
        self.reserved = NOTHING
        self._limits = spec.max_total_tokens, spec.max_cost
        self._price = price

    def affords(self, longest: Spent) -> bool:
        """Would it hold though this request and all that are under way were as long as they can be?"""
        return self._allows(self.spent + self.reserved + longest)

    def could_afford(self, longest: Spent) -> bool:
        """Would it hold if nothing were under way?"""
        return self._allows(self.spent + longest)

    def _allows(self, all_of_it: Spent) -> bool:
        tokens, money = self._limits
        return (tokens is None or all_of_it.tokens <= tokens) and (
            money is None or all_of_it.cost(self._price) <= money
        )
