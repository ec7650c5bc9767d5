"""Answers that are no expressions: words, letters of options, number bases, ratios, times of day."""

import re
from fractions import Fraction

from distill.verify.algebra.nodes import EMPTY, Based, Matrix, Node, Num, Ratio, Sym, Words
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.symbols import free, holds_number, holds_words
from distill.verify.algebra.units import MONTHS
from distill.verify.algebra.values import same_value

OPTIONS = "ABCDEFGH"

_SYNONYMS = {
    "yes": "true", "no": "false", "dne": "undefined", "not exist": "undefined", "does not exist": "undefined",
    "not defined": "undefined", "infinitely many": "infinitely many solutions",
}  # fmt: skip
_NOTHING = re.compile(
    r"(?:there (?:is|are) )?no (?:such |real |integer |positive |valid ){0,2}(?:solutions?|roots?|values?)"
    r"(?: exists?)?|none|(?:the )?empty set"
)
_MATHEMATICAL = frozenset(
    """all any every each everything real reals number numbers integer integers natural rational irrational complex
    whole positive negative zero none no not nothing never always infinite infinity infinitely many empty undefined
    exist exists even odd prime primes half quarter third set solution solutions true false value values axis origin
    impossible diverges divergent unbounded identity""".split()
)
"""Words that may name a value; a day, a colour or a person does not."""


def same_words(gold: Node, answer: Node) -> bool | None:
    ours, theirs = _text(gold), _text(answer)
    if ours is None:
        return False if _is_no_name(gold, theirs) else None
    if theirs is None:
        return False if _is_no_name(answer, ours) else None
    if ours == theirs:
        return True
    if ours.casefold() == theirs.casefold():
        return None  # NaCl and NACL
    if {ours.split(" ")[0], theirs.split(" ")[0]} <= MONTHS:
        return False
    return False if " " not in ours + theirs or {ours, theirs} <= {"true", "false", "yes", "no"} else None


def _text(node: Node) -> str | None:
    if isinstance(node, Words):
        words = node.text.split()
        text = " ".join(word for word in words if word not in ("the", "a", "an") or len(words) == 1)
        return "no solution" if _NOTHING.fullmatch(text) else _SYNONYMS.get(text, text)
    if node == EMPTY:
        return "no solution"
    return node.name.lower() if isinstance(node, Sym) else None


def _is_no_name(node: Node, name: str | None) -> bool:
    """Can a number, or a formula with numbers in it, not be what the words name?"""
    if holds_words(node):
        return False
    is_name = name is not None and not set(name.split()) & _MATHEMATICAL
    if free(node):
        return is_name and holds_number(node)
    return isinstance(node, Num) or is_name or name in ("odd", "even")


def same_letter(gold: Node, answer: Node) -> bool:
    """An option: `c` for `C`."""
    return (
        isinstance(gold, Sym) and isinstance(answer, Sym) and gold.name in OPTIONS and gold.name == answer.name.upper()
    )


def same_notations(gold: Node, answer: Node, rules: Rules) -> bool | None:
    """Number bases and ratios."""
    if isinstance(gold, Based) and isinstance(answer, Based):
        if gold.base == answer.base:
            return gold.digits.lstrip("0") == answer.digits.lstrip("0")
        return None if _in_ten(gold) == _in_ten(answer) else False
    based, other = (gold, answer) if isinstance(gold, Based) else (answer, gold)
    if isinstance(based, Based):
        return _same_based(based, other, rules, asked_for=based is gold)
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        return _same_ratios(gold, answer)
    ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    assert isinstance(ratio, Ratio)
    if isinstance(other, Matrix) or (len(ratio.parts) > 2 and isinstance(other, Num)):
        return False
    if len(ratio.parts) != 2 or _is_time(ratio) or _may_be_time(ratio) or not Fraction(ratio.parts[1]):
        return None
    return same_value(Num(Fraction(ratio.parts[0]) / Fraction(ratio.parts[1])), other, rules)


def _same_based(based: Based, other: Node, rules: Rules, asked_for: bool) -> bool | None:
    """A base on one side only: in the gold answer it may be missing, in the answer nobody asked for it."""
    written = Num(Fraction(based.digits)) if based.digits.removeprefix("-").isdigit() else None
    if written is not None and same_value(written, other, rules):
        return True if asked_for else None
    value = _in_ten(based)
    if value is None:
        return None
    return False if same_value(Num(Fraction(value)), other, rules) is False else None


def _in_ten(based: Based) -> int | None:
    """None where the digits are not of that base."""
    try:
        return int(based.digits, based.base)
    except ValueError:
        return None


def _same_ratios(gold: Ratio, answer: Ratio) -> bool | None:
    if gold.of_day != answer.of_day:
        return _same_times(gold, answer)
    ours, theirs = [Fraction(p) for p in gold.parts], [Fraction(p) for p in answer.parts]
    if len(ours) != len(theirs):
        shorter, longer = sorted((gold.parts, answer.parts), key=len)
        return longer == (*shorter, "00") and len(shorter[-1]) == 2  # 20:34:00
    if ours == theirs:
        return True if _is_time(gold) == _is_time(answer) else None  # 3:04 and 3:4
    if _is_time(gold) or _is_time(answer) or not all(ours) or not all(theirs):
        return False
    same = all(a * theirs[0] == b * ours[0] for a, b in zip(ours, theirs, strict=True))
    return None if same and (_may_be_time(gold) or _may_be_time(answer)) else same


def _same_times(one: Ratio, other: Ratio) -> bool:
    """`3:45 PM` beside `3:45` or `15:45`."""
    (day, *minutes), (hour, *rest) = (one.parts, other.parts) if one.of_day else (other.parts, one.parts)
    return minutes == rest and (day == hour or (int(hour) <= 12 and int(day) % 12 == int(hour) % 12))


def _is_time(ratio: Ratio) -> bool:
    return len(ratio.parts[-1]) == 2 and ratio.parts[-1].startswith("0")


def _may_be_time(ratio: Ratio) -> bool:
    """`2:30`, which a ratio of 4 to 60 is not."""
    return len(ratio.parts) == 2 and len(ratio.parts[1]) == 2 and int(ratio.parts[1]) < 60 and int(ratio.parts[0]) < 24
