"""Decontamination by any shared n-gram, as s1 and open-r1 do it: their rule, written again for comparison.

Both lower-case a text, split it at white space, and flag a row that has any n words in a row in common with a
question. open-r1 keeps the n-grams of the questions and looks up those of each row; s1 keeps those of all rows too.
"""

from collections import defaultdict
from collections.abc import Iterable


def ngrams(text: str, n: int) -> Iterable[str]:
    words = text.lower().split()
    return (" ".join(words[at : at + n]) for at in range(len(words) - n + 1))


def indexed(texts: Iterable[str], n: int) -> dict[str, set[int]]:
    """n-gram -> numbers of the texts that hold it."""
    of: dict[str, set[int]] = defaultdict(set)
    for number, text in enumerate(texts):
        for gram in ngrams(text, n):
            of[gram].add(number)
    return of


class OpenR1:
    """Questions are indexed, rows pass by."""

    def __init__(self, questions: list[str], n: int = 8) -> None:
        self.n = n
        self.of = dict(indexed(questions, n))

    def found(self, texts: list[str]) -> list[set[int]]:
        return [set().union(*(self.of.get(gram, ()) for gram in ngrams(text, self.n))) for text in texts]


class S1:
    """Rows are indexed as well, all of them, and the n-grams of both compared."""

    def __init__(self, questions: list[str], n: int = 8) -> None:
        self.n = n
        self.of = indexed(questions, n)

    def found(self, texts: list[str]) -> list[set[int]]:
        rows = indexed(texts, self.n)
        found: list[set[int]] = [set() for _ in texts]
        for gram, questions in self.of.items():
            for row in rows.get(gram, ()):
                found[row] |= questions
        return found
