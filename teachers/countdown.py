"""A Countdown player that thinks out loud, in the manner of Stream of Search (Gandhi et al. 2024, section 3).

Two searches share one budget of combinations (a op b). Depth-first combines a pair, goes on with the
last number and looks at each result, leaving out what another pair makes as well; a line that ends in
`no` is a dead end, and the search goes back. Breadth-first keeps the `beam_size` most promising states
of each depth. Out of budget, a search gives up and says so; such a trace is for the rejection filter,
not for the student.

    >>> print(think([3, 7, 12], 33, "dfs", budget=24)[0])
    3*7=21 +12=33 yes
    >>> print(think([3, 7, 12], 48, "dfs", budget=24)[0])
    3*7=21 +12=33 -12=9 no
    3+7=10 12-10=2 +12=22 no
    7-3=4 *12=48 yes
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
    operator: str = ""
    """What made it last; empty for a given number."""


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
    if len(table) == 2:
        return _last_two(search, *table, _show(table), "+-*/")
    for number, (left, right, rest) in enumerate(_pairs(table)):
        for made, said in _combine(search, left, right):
            if len(rest) == 1:
                found = _last_two(search, made, rest[0], said, _worth_trying(made, is_first=number == 0))
            else:
                child = (made, *rest)
                search.lines.append(f"try {said}, now {_show(child)}")
                found = _depth_first(search, child)
            if found:
                return found
        if len(table) > 3:
            search.lines.append(f"back to {_show(table)}")
    return None


def _worth_trying(made: Term, is_first: bool) -> str:
    """Operators for the last number after a pair: without those whose result another pair makes as well.

    (a-b)+c is (a+c)-b, a/b*c is a*c/b; a+b+c and a*b*c are the same for every pair, so the first has them.
    """
    after = {"+": "-*/", "-": "*/", "*": "+-/", "/": "+-"}
    return after[made.operator] + (made.operator if is_first and made.operator in "+*" else "")


def _last_two(search: Search, running: Term, last: Term, said: str, operators: str) -> Term | None:
    """Go on from the running value with the last number; results with more digits than the target are pruned."""
    for operator in operators:
        high, low = (running, last) if running.value >= last.value else (last, running)
        a, b = (high, low) if operator in "-/" else (running, last)
        value = _apply(a.value, operator, b.value)
        if value is None or len(str(value)) > len(str(search.target)):
            continue
        said += f" {operator}{b.value}={value}" if a is running else f" {a.value}{operator}{b.value}={value}"
        if value == search.target:
            search.lines.append(f"{said} yes")
            return Term(value, f"({a.text}{operator}{b.text})", operator)
    search.lines.append(f"{said} no")
    return None


def _breadth_first(search: Search, table: tuple[Term, ...], beam_size: int) -> Term | None:
    level = [table]
    while level:
        children: dict[tuple[int, ...], tuple[Term, ...]] = {}  # numbers met before lead nowhere new
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
                        child = (made, *rest)
                        children.setdefault(tuple(sorted(term.value for term in child)), child)
            search.lines.append(", ".join(tried))
        level = sorted(children.values(), key=lambda state: _distance(state, search.target))[:beam_size]
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
    for operator in "*+-/":
        a, b = (high, low) if operator in "-/" else (left, right)
        value = _apply(a.value, operator, b.value)
        if value is None:
            continue
        if search.budget == 0:
            raise OutOfBudget
        search.budget -= 1
        yield Term(value, f"({a.text}{operator}{b.text})", operator), f"{a.value}{operator}{b.value}={value}"


def _apply(a: int, operator: str, b: int) -> int | None:
    """The result, None where it is no positive whole number or changes nothing (division by one)."""
    if operator == "+":
        return a + b
    if operator == "*":
        return a * b
    if operator == "-":
        return a - b if a > b else None
    return a // b if b > 1 and a % b == 0 else None


def _distance(state: tuple[Term, ...], target: int) -> float:
    """Stream of Search's `sum` heuristic: mean distance of the numbers to the target."""
    return sum(abs(t.value - target) for t in state) / len(state)


def _show(state: tuple[Term, ...]) -> str:
    return " ".join(str(t.value) for t in state)


def _without_outer_brackets(text: str) -> str:
    return text[1:-1] if text.startswith("(") else text
