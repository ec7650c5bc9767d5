"""Which answers to a problem are the same? What votes together for maj@k.

The project's verifier decides, answer against answer and never against the gold answer: `1/2`, `0.5` and `\\frac{1}{2}`
are one vote. The result does not depend on the order of the samples.
"""

from collections import Counter
from collections.abc import Sequence

from distill.records import Problem, Verdict
from distill.verify import judge
from distill.verify.countdown import spelled
from distill.verify.notation import squeezed
from distill.verify.plain_number import as_number
from distill.verify.two_answers import compare

VOTING = ("math", "choice", "number", "countdown", "reasoning_gym")
"""Kinds whose answers can be counted. Programs cannot: hardly two are alike, and who tells whether they do the same?"""

BY_VALUE = ("math", "number")
"""Kinds of which the verifier compares values; answers of the others are the same where they are written alike."""

MOST_COMPARED = 500
"""Comparisons for one problem, frequent answers first; of those that are left only spellings are compared."""


def votes_of(problem: Problem, verdicts: Sequence[Verdict]) -> list[int | None]:
    """The answer of each sample as a number, the same for answers that are equal; None for one that gives none.

    A sample gives none where nothing was extracted: no answer, or one that was cut.
    """
    keys = [None if v.extracted is None else _key(problem.kind, v.extracted) for v in verdicts]
    often = Counter(key for key in keys if key is not None)
    classes = _classes(problem.kind, sorted(often, key=lambda key: (-often[key], key)))
    return [None if key is None else classes[key] for key in keys]


def right_votes(votes: Sequence[int | None], verdicts: Sequence[Verdict]) -> frozenset[int]:
    """The answers that are correct: those that most verdicts on them, of the decided ones, call so.

    Equal answers have equal verdicts but for what stands around them, such as second thoughts.
    """
    told: Counter[int] = Counter()
    for vote, verdict in zip(votes, verdicts, strict=True):
        if vote is not None:
            told[vote] += {"correct": 1, "wrong": -1, "unknown": 0}[verdict.verdict]
    return frozenset(vote for vote, balance in told.items() if balance > 0)


def _key(kind: str, answer: str) -> str:
    """An answer in one way of writing, as far as that is cheap: numbers as fractions, no spaces, no `= target`."""
    number = as_number(answer) if kind in BY_VALUE else None
    if number is not None:
        return str(number)
    if kind == "choice":
        return squeezed(answer).strip("().").upper()
    if kind == "countdown":
        return "".join(max(spelled(answer).split("="), key=len).split())
    return squeezed(answer)


def _classes(kind: str, keys: list[str]) -> dict[str, int]:
    """A number for each key: that of the first one before it that it equals, or its own."""
    found: dict[str, int] = {}
    heads: list[str] = []
    left = MOST_COMPARED if kind in BY_VALUE else 0
    for key in keys:
        near = [head for head in heads if not _both_numbers(key, head)][:left]
        same = next((head for head in near if _are_equal(kind, key, head)), None)
        left -= len(near) if same is None else near.index(same) + 1
        if same is None:
            heads.append(key)
        found[key] = len(heads) - 1 if same is None else found[same]
    return found


def _both_numbers(one: str, other: str) -> bool:
    """Numbers were told apart by their keys."""
    return as_number(one) is not None and as_number(other) is not None


def _are_equal(kind: str, one: str, other: str) -> bool:
    """Does either stand for the other, where it is the gold answer? A problem's tolerance does not make them one."""
    if kind == "number":
        return any(judge(kind, f"\\boxed{{{a}}}", b).verdict == "correct" for a, b in ((one, other), (other, one)))
    return any(compare(a, b).verdict == "correct" for a, b in ((one, other), (other, one)))
