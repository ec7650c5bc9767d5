"""A Countdown player that thinks out loud, in the manner of Stream of Search (Gandhi et al. 2024, section 3).

Two searches share one budget of combinations (a op b). Depth-first narrows the numbers down and,
with three left, works from both ends: what a pair makes, and what the third number would need to
reach the target. Needs larger than anything made are pruned; a pair that makes none of them is a dead
end, written down before the search goes back. Breadth-first keeps the `beam_size` most promising
states of each depth. Out of budget, a search gives up and says so; such a trace is for the rejection
filter, not for the student.

    >>> print(think([3, 7, 12], 33, "dfs", budget=24)[0])
    3+7=10, 7-3=4, 3*7=21
    33-12=21 yes
    21+12=33
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
        return _last_pair(search, *table)
    if len(table) == 3:
        return _last_three(search, table)
    for left, right, rest in _pairs(table):
        for made, said in _combine(search, left, right):
            child = (made, *rest)
            search.lines.append(f"try {said}, now {_show(child)}")
            if found := _depth_first(search, child):
                return found
            search.lines.append(f"back to {_show(table)}")
    return None


def _last_pair(search: Search, left: Term, right: Term) -> Term | None:
    tried = []
    for made, said in _combine(search, left, right):
        hit = made.value == search.target
        tried.append(f"{said} {'yes' if hit else 'no'}")
        if hit:
            search.lines.append(", ".join(tried))
            return made
    search.lines.append(", ".join(tried))
    return None


def _last_three(search: Search, table: tuple[Term, ...]) -> Term | None:
    """For each pair: what it makes, then whether the third number needs one of these to reach the target."""
    for left, right, (last,) in _pairs(table):
        made = dict[int, Term]()
        said = []
        for term, words in _combine(search, left, right):
            made.setdefault(term.value, term)
            said.append(words)
        search.lines.append(", ".join(said))
        tried = []
        for need, finish, words in _needs(last, search.target):
            if need > max(made):
                continue
            tried.append(words)
            if need in made:
                search.lines.append(", ".join(tried) + " yes")
                return _finish(search, made[need], last, finish)
        search.lines.append(", ".join([*tried, "dead end"]))
    return None


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
    """What a pair makes: sum, difference, product, exact quotient; each costs one of the budget."""
    high, low = (left, right) if left.value >= right.value else (right, left)
    yield _spend(search, left, "+", right, left.value + right.value)
    if high.value > low.value:
        yield _spend(search, high, "-", low, high.value - low.value)
    yield _spend(search, left, "*", right, left.value * right.value)
    if low.value > 1 and high.value % low.value == 0:
        yield _spend(search, high, "/", low, high.value // low.value)


def _spend(search: Search, a: Term, operator: str, b: Term, value: int) -> tuple[Term, str]:
    if search.budget == 0:
        raise OutOfBudget
    search.budget -= 1
    return Term(value, f"({a.text}{operator}{b.text})"), f"{a.value}{operator}{b.value}={value}"


def _needs(last: Term, target: int) -> Iterator[tuple[int, str, str]]:
    """Values x with which the last number n reaches the target: x, how (`x+n`, `n-x`, ...), the sum that gives x."""
    n = last.value
    if target > n:
        yield target - n, "x+n", f"{target}-{n}={target - n}"
    yield target + n, "x-n", f"{target}+{n}={target + n}"
    if n > target:
        yield n - target, "n-x", f"{n}-{target}={n - target}"
    if n > 1 and target % n == 0:
        yield target // n, "x*n", f"{target}/{n}={target // n}"
    if n > 1:
        yield target * n, "x/n", f"{target}*{n}={target * n}"
    if n % target == 0:
        yield n // target, "n/x", f"{n}/{target}={n // target}"


def _finish(search: Search, made: Term, last: Term, how: str) -> Term:
    first, second = (made, last) if how[0] == "x" else (last, made)
    search.lines.append(f"{first.value}{how[1]}{second.value}={search.target}")
    return Term(search.target, f"({first.text}{how[1]}{second.text})")


def _distance(state: tuple[Term, ...], target: int) -> float:
    """Stream of Search's `sum` heuristic: mean distance of the numbers to the target."""
    return sum(abs(t.value - target) for t in state) / len(state)


def _show(state: tuple[Term, ...]) -> str:
    return " ".join(str(t.value) for t in state)


def _without_outer_brackets(text: str) -> str:
    return text[1:-1] if text.startswith("(") else text
