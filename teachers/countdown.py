"""A Countdown player that thinks out loud, in the manner of Stream of Search (Gandhi et al. 2024, section 3).

Two searches share one budget of combinations (a op b). Depth-first combines a pair and, with two
numbers left, compares the running value with the target: below it only larger results are worth a
look, above it only smaller ones. A line that ends in `no` is a dead end, and the search goes back.
Breadth-first keeps the `beam_size` most promising states of each depth. Out of budget, a search gives
up and says so; such a trace is for the rejection filter, not for the student.

    >>> print(think([3, 7, 12], 33, "dfs", budget=24)[0])
    3*7=21 <33 +12=33 yes
    >>> print(think([3, 7, 12], 22, "dfs", budget=24)[0])
    3*7=21 <22 +12=33 no
    3+7=10 <22 +12=22 yes
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

Strategy = Literal["dfs", "bfs"]


@dataclass(frozen=True)
class Term:
    """A number on the table and the expression that made it."""

    value: int
    text: str
    """Expression over the given numbers, bracketed where it is not a single number."""


@dataclass
class Search:
    """One search: what is left of its budget and what it has said so far."""

    target: int
    budget: int
    """Combinations that may still be tried."""
    lines: list[str] = field(default_factory=list)


class OutOfBudget(Exception):
    """The search has used up its combinations."""


def think(
    numbers: list[int], target: int, strategy: Strategy, budget: int, beam_size: int = 5
) -> tuple[str, str | None]:
    """Search for an expression that reaches the target with each number once.

    Returns the thoughts and the expression, or None where the search failed.
    """
    search = Search(target, budget)
    table = tuple(Term(n, str(n)) for n in numbers)
    try:
        found = _depth_first(search, table) if strategy == "dfs" else _breadth_first(search, table, beam_size)
    except OutOfBudget:
        found = None
        search.lines.append("too many tries, I give up")
    else:
        if found is None:
            search.lines.append("no way to make it")
    return "\n".join(search.lines), _without_outer_brackets(found.text) if found else None


def _depth_first(search: Search, table: tuple[Term, ...]) -> Term | None:
    if len(table) == 1:
        return table[0] if table[0].value == search.target else None
    if len(table) == 2:
        return _last_two(search, *table, opening=_show(table))
    for left, right, rest in _pairs(table):
        for made, said in _combine(search, left, right):
            child = (made, *rest)
            if len(child) == 2:
                found = _last_two(search, *child, opening=said)
            else:
                search.lines.append(f"try {said}, now {_show(child)}")
                found = _depth_first(search, child)
            if found:
                return found
        if len(table) > 3:
            search.lines.append(f"back to {_show(table)}")
    return None


def _last_two(search: Search, left: Term, right: Term, opening: str) -> Term | None:
    """Compare the running value with the target, and write down what the last number can still make of it."""
    side = "<" if left.value < search.target else "=" if left.value == search.target else ">"
    said = f"{opening} {side}{search.target}"
    for a, operator, b, value in _finishes(left, right, search.target):
        said += f" {operator}{b.value}={value}" if a is left else f" {a.value}{operator}{b.value}={value}"
        if value == search.target:
            search.lines.append(f"{said} yes")
            return Term(value, f"({a.text}{operator}{b.text})")
    search.lines.append(f"{said} no")
    return None


def _finishes(running: Term, last: Term, target: int) -> Iterator[tuple[Term, str, Term, int]]:
    """What two numbers can make that is worth a look: below the target more, above it less."""
    r, n = running.value, last.value
    if r < target:
        yield running, "+", last, r + n
        if n > 1 and r * n <= 2 * target:
            yield running, "*", last, r * n
    else:
        if r > n:
            yield running, "-", last, r - n
        if n > 1 and r % n == 0:
            yield running, "/", last, r // n
    if n > target and n > r:
        yield last, "-", running, n - r
        if r > 1 and n % r == 0:
            yield last, "/", running, n // r


def _breadth_first(search: Search, table: tuple[Term, ...], beam_size: int) -> Term | None:
    level = [table]
    while level:
        children: list[tuple[Term, ...]] = []
        for state in level:
            search.lines.append(f"from {_show(state)}")
            tried = []
            for left, right, rest in _pairs(state):
                for made, said in _combine(search, left, right):
                    tried.append(said)
                    if not rest and made.value == search.target:
                        search.lines.append(f"{', '.join(tried)} yes")
                        return made
                    if rest:
                        children.append((made, *rest))
            search.lines.append(", ".join(tried))
        level = sorted(children, key=lambda state: _distance(state, search.target))[:beam_size]
        if level:
            search.lines.append("keep " + ", ".join(_show(state) for state in level))
    return None


def _pairs(table: tuple[Term, ...]) -> Iterator[tuple[Term, Term, tuple[Term, ...]]]:
    """Every pair of different values and the numbers that remain, in the order of the table."""
    seen: set[tuple[int, ...]] = set()
    for i, j in combinations(range(len(table)), 2):
        values = tuple(sorted((table[i].value, table[j].value)))
        if values not in seen:
            seen.add(values)
            yield table[i], table[j], tuple(t for k, t in enumerate(table) if k not in (i, j))


def _combine(search: Search, left: Term, right: Term) -> Iterator[tuple[Term, str]]:
    """What a pair makes: product, sum, difference, exact quotient; each costs one of the budget."""
    high, low = (left, right) if left.value >= right.value else (right, left)
    yield _spend(search, left, "*", right, left.value * right.value)
    yield _spend(search, left, "+", right, left.value + right.value)
    if high.value > low.value:
        yield _spend(search, high, "-", low, high.value - low.value)
    if low.value > 1 and high.value % low.value == 0:
        yield _spend(search, high, "/", low, high.value // low.value)


def _spend(search: Search, a: Term, operator: str, b: Term, value: int) -> tuple[Term, str]:
    if search.budget == 0:
        raise OutOfBudget
    search.budget -= 1
    return Term(value, f"({a.text}{operator}{b.text})"), f"{a.value}{operator}{b.value}={value}"


def _distance(state: tuple[Term, ...], target: int) -> float:
    """Stream of Search's `sum` heuristic: mean distance of the numbers to the target."""
    return sum(abs(t.value - target) for t in state) / len(state)


def _show(state: tuple[Term, ...]) -> str:
    return " ".join(str(t.value) for t in state)


def _without_outer_brackets(text: str) -> str:
    return text[1:-1] if text.startswith("(") else text
