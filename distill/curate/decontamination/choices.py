"""Choices below a question, and examples below a function: what is asked stands without them.

In another order, under other letters, or left out they make no other problem, where what stands before them says
enough; "Which of the following is true?" does not.
"""

import re

from distill.curate.text.blanks import blank

MARK = ";|"
"""Stands for the letter or number before a choice."""

_CHOICE = re.compile(
    r"(?<![\w$\\])(?:\(\s*([A-Fa-f])\s*\)|([A-Fa-f]) ?[.)])(?=\s|\$|\\)"
    r"|\\(?:text|textbf|mathrm)\s*\{\s*\(\s*([A-F])\s*\)\s*\}"
    r"|(?m:^)[ \t]*\(?([A-Fa-f1-6])(?:[):]|\.(?!\d))"
)
_SECOND = ("B)", "b)", "B )", "b )", "B.", "b.", "B .", "b .", "B:", "\n2", "\n(2")
_ORDERS = "abc", "123"
_ASKS = re.compile(r"\?|\b(?:find|compute|prove|show|determine|calculate|evaluate|explain|what|how)\b", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"^[ \t]*>>>.*(?:\n(?![ \t]*(?:\n|>>>|\"\"\"|'''|\Z)).*)*"
    r"|^[ \t]*(?:for )?examples?:?[ \t]*$|^[ \t]*\w+\(.*\) *(?:==?>?|[-=]*>|➞|\\to|returns?)[ \t]*\S.*$",
    re.MULTILINE | re.IGNORECASE,
)
_HEAD = re.compile(
    r"^[ \t]*(?:from [\w.]+ import .*|import [\w., ]+|def \w+\([^()]*(?:\([^()]*\)[^()]*)*\)[^:\n]*:)", re.MULTILINE
)


def without_letters(text: str) -> str:
    """A text, as long as it was, with `MARK` for the letters or numbers before choices, where three or more stand in
    their order."""
    if not any(map(text.__contains__, _SECOND)):
        return text
    letters = "".join(_letter(found) for found in _CHOICE.finditer(text))
    kinds = [order for order in _ORDERS if order in letters]
    if not kinds:
        return text

    def marked(found: re.Match[str]) -> str:
        of_kind = any(_letter(found).isdigit() == order.isdigit() for order in kinds)
        return MARK.ljust(len(found[0])) if of_kind else found[0]

    return _CHOICE.sub(marked, text)


def _letter(found: re.Match[str]) -> str:
    return next(filter(None, found.groups())).lower()


def without_given(question: str) -> str:
    """A question, as long as it was, without choices that ask nothing themselves and end it, and of a function in
    Python without examples and the head, where a text says what it does."""
    if "def " in question:
        question = _EXAMPLE.sub(blank, _HEAD.sub(blank, question))
    found = without_letters(question)
    first, last = found.find(MARK), found.rfind(MARK)
    if first <= 0 or "\n" in found[last:].strip() or _ASKS.search(found, first):
        return question
    return question[:first] + " " * len(question[first:].encode("utf-8", "replace"))
