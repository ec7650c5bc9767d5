"""Answers that are no expressions: words, letters of options, number bases, ratios, times of day."""

from fractions import Fraction

from distill.verify.algebra.nodes import EMPTY, Based, Node, Num, Ratio, Sym, Words
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.values import same_value

OPTIONS = "ABCDEFGH"

_SYNONYMS = {
    "yes": "true", "no": "false", "dne": "undefined", "not exist": "undefined", "does not exist": "undefined",
    "not defined": "undefined", "infinitely many": "infinitely many solutions",
}  # fmt: skip
_NOTHING = frozenset(("no solution", "no solutions", "none", "empty set", "the empty set", "no real solution"))


def same_words(gold: Node, answer: Node) -> bool | None:
    ours, theirs = _text(gold), _text(answer)
    if ours is None or theirs is None:
        number = isinstance(gold, Num) or isinstance(answer, Num)
        return False if number else None
    if ours == theirs:
        return True
    return False if " " not in ours + theirs or {ours, theirs} <= {"true", "false", "yes", "no"} else None


def _text(node: Node) -> str | None:
    if isinstance(node, Words):
        words = [word for word in node.text.split() if word not in ("the", "a", "an")]
        text = " ".join(words)
        return "no solution" if text in _NOTHING else _SYNONYMS.get(text, text)
    if node == EMPTY:
        return "no solution"
    return node.name.lower() if isinstance(node, Sym) else None


def same_letter(gold: Node, answer: Node) -> bool:
    """An option: `c` for `C`."""
    return (
        isinstance(gold, Sym) and isinstance(answer, Sym) and gold.name in OPTIONS and gold.name == answer.name.upper()
    )


def same_notations(gold: Node, answer: Node, rules: Rules) -> bool | None:
    """Number bases and ratios."""
    if isinstance(gold, Based) and isinstance(answer, Based):
        return gold.digits.lstrip("0") == answer.digits.lstrip("0") if gold.base == answer.base else None
    based, other = (gold, answer) if isinstance(gold, Based) else (answer, gold)
    if isinstance(based, Based):
        if based is answer:
            return None  # a base that nobody asked for
        return True if based.digits.isdigit() and other == Num(Fraction(based.digits)) else None
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        return _same_ratios(gold, answer)
    ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    assert isinstance(ratio, Ratio)
    if len(ratio.parts) != 2 or _is_time(ratio) or not Fraction(ratio.parts[1]):
        return None
    return same_value(Num(Fraction(ratio.parts[0]) / Fraction(ratio.parts[1])), other, rules)


def _same_ratios(gold: Ratio, answer: Ratio) -> bool | None:
    ours, theirs = [Fraction(p) for p in gold.parts], [Fraction(p) for p in answer.parts]
    if len(ours) != len(theirs):
        return False
    if ours == theirs:
        return True
    if _is_time(gold) or _is_time(answer) or not all(ours) or not all(theirs):
        return False
    return all(a * theirs[0] == b * ours[0] for a, b in zip(ours, theirs, strict=True))


def _is_time(ratio: Ratio) -> bool:
    return len(ratio.parts[-1]) == 2 and ratio.parts[-1].startswith("0")
