"""Which letters of two answers are functions: `F(b) - F(a)` is applied, `P(1 + r)` a product.

The notation is the same; what stands in the brackets tells them apart. A letter that is applied in one of two answers
is so in both, and one that stands there without an argument as well leaves them undecided rather than different.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.tokens import ACCENTS, Token, spelled, tokens

_MAYBE = re.compile(r"[A-Za-z\d}'^]\s*(?:\\(?:left|[bB]igg?l?)\s*)?\(")
_NAMED = frozenset(("zeta", "Gamma", "Phi", "Psi"))
"""Those that are functions before whatever argument."""

_GREEK = frozenset("phi psi sigma tau mu chi delta lambda omega Lambda eta beta theta rho Theta Omega pi".split())
_OFTEN = frozenset("fghFGHuvwy")
_STEPS = frozenset(("f", "F", "u", "delta"))
_SUMS = frozenset(("+", "-", "=", "<", ">", "|"))
_FACTORS = frozenset(("k", "m", "n", "i", "e", "d"))
"""Letters that are hardly ever functions."""

_ARGUMENTS = frozenset(("x", "t", "n", "s", "z", "theta"))
_LONGEST_ARGUMENT = 40


class Letters(NamedTuple):
    applied: frozenset[str]
    bare: frozenset[str]
    """Those that stand somewhere without an argument."""


_NONE = Letters(frozenset(), frozenset())


class _Place(NamedTuple):
    """A letter, and the tokens in the brackets behind it; None where there are no brackets."""

    name: str
    argument: tuple[Token, ...] | None
    is_power: bool
    """The brackets have an exponent: `P(2)^t`."""

    has_factor: bool
    """A number stands before it: `2x(3)`."""


def functions(gold: str, answer: str) -> Letters:
    """Letters that are applied in one of them, and which of these stand somewhere without an argument."""
    if not _MAYBE.search(gold) and not _MAYBE.search(answer):
        return _NONE
    ours, theirs = _letters(gold), _letters(answer)
    names = ours.applied | (theirs.applied - {"pi"})  # `\\pi(5)^2` is an area, unless it is asked for primes
    return Letters(names, names & (ours.bare | theirs.bare))


@lru_cache(maxsize=2048)
def _letters(text: str) -> Letters:
    try:
        found = _places(tokens(spelled(text)))
    except (Unread, TooBig):
        return _NONE
    steps = [place for place in found if place.argument and _is_step(place.argument)]
    several = {one.name for one in steps if len({two.argument for two in steps if two.name == one.name}) > 1}
    applied = {place.name for place in found if _is_applied(place)}
    applied |= {name for name in several if name[0].isupper() or name[0] in _OFTEN or name in _GREEK}
    return Letters(frozenset(applied), frozenset(place.name for place in found if place.argument is None))


def _places(found: list[Token]) -> list[_Place]:
    places = []
    for at, token in enumerate(found):
        if token.kind != "symbol" and token.text != "pi":
            continue
        if at and found[at - 1].text == "_":
            continue
        number = at > 0 and found[at - 1].kind == "number"
        name, end = _name(found, at)
        inner = _bracketed(found, end)
        behind = end + len(inner) + 2 if inner is not None else end
        places.append(_Place(name, inner, behind < len(found) and found[behind].text == "^", number))
    return places


def _name(found: list[Token], at: int) -> tuple[str, int]:
    """With its accents and its subscript, and where its primes end."""
    name, end = found[at].text, at + 1
    while end < len(found) and found[end].text in ACCENTS:
        name, end = f"{name} {found[end].text.removeprefix('accent')}", end + 1
    if end + 1 < len(found) and found[end].text == "_":
        close = end + 1
        if found[close].text == "{":
            while close < len(found) and found[close].text != "}":
                close += 1
        name += "_" + "".join(token.text for token in found[end + 1 : close + 1] if token.text not in "{}")
        end = close + 1
    while end < len(found) and found[end].text == "'":
        end += 1
    return name, end


def _bracketed(found: list[Token], at: int) -> tuple[Token, ...] | None:
    """What is in the round brackets that open here; longer ones are no arguments."""
    if at >= len(found) or found[at].text != "(":
        return None
    depth = 0
    for end in range(at, min(at + _LONGEST_ARGUMENT, len(found))):
        depth += {"(": 1, ")": -1}.get(found[end].text, 0)
        if not depth:
            return tuple(Token(t.kind, t.text, True) for t in found[at + 1 : end])
    return None


def _is_applied(place: _Place) -> bool:
    """Before a single number or letter, or a product of the letters that arguments are made of."""
    name, inner = place.name, place.argument
    letter = name.partition("_")[0]
    if not inner or letter in _FACTORS or any(t.text == letter for t in inner):
        return False
    if letter in _NAMED:
        return True
    if place.is_power and letter not in "fghFGH":
        return False
    signs = {t.text for t in inner[1:] if t.kind == "sign"}
    if "," in signs:
        return letter in "fgh" and not signs & _SUMS
    if signs & _SUMS:
        return letter in _STEPS and _is_step(inner)
    if place.has_factor and letter not in _OFTEN and all(t.kind != "symbol" for t in inner):
        return False
    return _is_argument(letter, inner)


def _is_argument(letter: str, inner: tuple[Token, ...]) -> bool:
    """Can a letter be applied to this number, letter or product?"""
    names = {t.text for place, t in enumerate(inner) if t.kind == "symbol" and inner[place - 1].text != "_"}
    is_capital = letter[0].isupper() or letter in _GREEK or letter in _OFTEN
    is_single = not names or len(inner) == 1 or inner[1].text == "_"
    if names <= _ARGUMENTS and (is_single or is_capital or letter in "xyz"):
        return True
    is_nested = len(inner) > 3 and inner[1].text == "(" and inner[-1].text == ")"  # f(g(x))
    return (is_single and is_capital) or (is_nested and letter in "fgh")


def _is_step(inner: tuple[Token, ...]) -> bool:
    """`n - 1`, `t + 1`."""
    return len(inner) == 3 and inner[0].text in _ARGUMENTS and inner[1].text in ("+", "-") and inner[2].kind == "number"
