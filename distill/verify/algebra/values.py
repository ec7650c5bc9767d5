"""Two expressions: are their values the same?"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from distill.verify.algebra.beyond import constants, far_beyond, steps, whole_beyond
from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.free_constants import constants_renamed, same_but_for_a_constant
from distill.verify.algebra.modular import modular, prime_for
from distill.verify.algebra.nodes import Call, Node, Num, Sym, TooBig
from distill.verify.algebra.numeric import agree, as_fraction, numeric, same_numbers
from distill.verify.algebra.points import (
    DIVISORS,
    POINTS,
    far_and_near,
    is_piecewise,
    near_zero,
    of_exponents,
    of_whole_numbers,
    point,
    whole_exponents,
    whole_numbers,
)
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.symbols import symbols

PRINTED = 10
"""A decimal of so many digits is taken for an exact value that was printed."""


MOST_STEPS = 100
"""Pairs of floors that are compared."""


def same_value(gold: Node, answer: Node, rules: Rules) -> bool | None:
    """Two expressions: fractions exactly, other constants to many digits, what has variables at random points."""
    found = _same_as_written(gold, answer, rules)
    if found is False and same_but_for_a_constant(gold, answer):
        return True
    if found is False and any(_same_as_written(gold, one, rules) for one in constants_renamed(gold, answer)):
        return True
    return found


def _same_as_written(gold: Node, answer: Node, rules: Rules) -> bool | None:
    names = symbols(gold) | symbols(answer)
    if "oo" in names or any(name.startswith("set ") for name in names):
        return _same_infinity(gold, answer)
    if not names:
        return same_at({}, gold, answer, rules)
    if whole := of_whole_numbers(gold) | of_whole_numbers(answer):
        found = _same_over(whole_numbers(names, whole), gold, answer, rules)
        return _same_beyond(names, whole, gold, answer, rules) if found else found
    try:
        positive = [same_at(point(names, i), gold, answer, rules) for i in range(POINTS)]
    except TooBig:
        positive = [None] * POINTS
    if positive.count(None) == POINTS:
        positive = [same_at(near_zero(names, i), gold, answer, rules) for i in range(POINTS)]
    told = [found for found in positive if found is not None]
    if not told or not all(told):
        return False if told else None
    try:
        elsewhere = [same_at(point(names, i, signs=True), gold, answer, rules) for i in range(POINTS + 1)]
    except TooBig:
        elsewhere = [same_at(near_zero(names, i, signs=True), gold, answer, rules) for i in range(POINTS + 1)]
    if is_piecewise(gold) or is_piecewise(answer):
        far = far_and_near(names) + far_beyond(names, constants(gold, answer))
        elsewhere += [_same_anywhere(values, gold, answer, rules) for values in far]
        if exponents := of_exponents(gold) | of_exponents(answer):
            others = [whole_exponents(names, exponents, number) for number in range(POINTS + 1)]
            elsewhere += [_same_anywhere(values, gold, answer, rules) for values in others]
        if any(_lacks_value(values, gold, answer) for values in far_and_near(names)):
            return None
        if _has_magnitude(answer) and any(_lacks_value(values, answer, gold) for values in far_and_near(names)):
            return None
    if False not in elsewhere:
        return True if _same_steps(gold, answer, rules) else None
    return None if _many_valued(gold) or _many_valued(answer) else False


def _same_over(points: list[dict[str, Fraction]], gold: Node, answer: Node, rules: Rules) -> bool | None:
    """At all points at which both have a value, of which there must be a few."""
    told = [found for values in points if (found := same_at(values, gold, answer, rules)) is not None]
    if False in told:
        return False
    if _is_of_divisors(gold) or _is_of_divisors(answer):
        return True if len(told) >= POINTS else None
    below = [
        {name: -value if place in (which, 2) else value for place, (name, value) in enumerate(sorted(values.items()))}
        for values in points[1:4]
        for which in (0, 1, 2)
    ]
    if False in [_same_anywhere(values, gold, answer, rules) for values in below]:
        return None  # floors and remainders of what is negative; factorials have no value there
    return True if len(told) >= POINTS else None


def _is_of_divisors(node: Node) -> bool:
    """Does it hold common divisors or multiples, which are those of natural numbers?"""
    return isinstance(node, Call) and (node.name in DIVISORS or any(map(_is_of_divisors, node.args)))


def _same_beyond(names: frozenset[str], whole: frozenset[str], gold: Node, answer: Node, rules: Rules) -> bool | None:
    """Where they agree at common points: behind the constants too? None where that is not worked out."""
    if found := constants(gold, answer):
        told = [_same_anywhere(values, gold, answer, rules) for values in whole_beyond(names, whole, found)]
        if True not in told or False in told:
            return False if False in told else None
    return True if _same_steps(gold, answer, rules) else None


def _same_steps(gold: Node, answer: Node, rules: Rules) -> bool:
    """Has each step without a period its equal on the other side?"""
    ours, theirs = steps(gold), steps(answer)
    if ours == theirs or len(ours) * len(theirs) > MOST_STEPS:
        return ours == theirs
    return all(
        any(one.name == other.name and same_value(one.args[0], other.args[0], rules) for other in others)
        for some, others in ((ours - theirs, theirs), (theirs - ours, ours))
        for one in some
    )


def _same_anywhere(values: dict[str, Fraction], gold: Node, answer: Node, rules: Rules) -> bool | None:
    try:
        return same_at(values, gold, answer, rules)
    except TooBig:
        return None


def _lacks_value(values: dict[str, Fraction], one: Node, other: Node) -> bool:
    """Has the first a real value where the second has none?"""
    return _is_real(one, values) and not _is_real(other, values)


def _has_magnitude(node: Node) -> bool:
    """Does it hold an absolute value, other than that in the logarithm of an integral?"""
    if not isinstance(node, Call):
        return False
    inner = [arg.args[0] if _is_abs(arg) and node.name in ("ln", "log") else arg for arg in node.args]  # type: ignore
    return _is_abs(node) or any(map(_has_magnitude, inner))


def _is_abs(node: Node) -> bool:
    return isinstance(node, Call) and node.name == "abs"


def _is_real(node: Node, values: dict[str, Fraction]) -> bool:
    try:
        numeric(node, values, real=True)
    except (NotRational, Undefined):
        return False
    except TooBig:
        pass
    return True


def _many_valued(node: Node) -> bool:
    """Does it hold roots or logarithms, which are often meant for positive values alone?"""
    if not isinstance(node, Call):
        return False
    if node.name in ("sqrt", "root", "ln", "log") or (node.name == "^" and not isinstance(node.args[1], Num)):
        return True
    return any(map(_many_valued, node.args))


def same_at(values: dict[str, Fraction], gold: Node, answer: Node, rules: Rules) -> bool | None:
    """Have two expressions the same value there? None where one has none.

    Raises:
        TooBig: that is not worked out.
    """
    try:
        ours, theirs = _rational(gold, values), _rational(answer, values)
        return ours == theirs or rules.near(ours, theirs) or (not values and _printed(ours, theirs))
    except NotRational:
        pass
    except Undefined:
        return None
    except TooBig:
        return _same_residues(values, gold, answer)
    try:
        # where one leaves the real numbers the other's value does not count: roots and logarithms have several
        real = bool(values) and not _is_complex(gold) and not _is_complex(answer)
        a, b, found = same_numbers(gold, answer, values, real)
    except (NotRational, Undefined):
        return None
    if values:
        return found
    if found is False and not (a.imag or b.imag):
        ours, theirs = as_fraction(a), as_fraction(b)
        decimals = [value for value, node in ((ours, gold), (theirs, answer)) if _is_exact(node)]
        return rules.near(ours, theirs) or _printed(ours, theirs, decimals)
    return found


def _rational(node: Node, values: dict[str, Fraction]) -> Fraction:
    if values:
        return exact(node, values)
    found = _exact_or_why(node)
    if isinstance(found, Fraction):
        return found
    raise type(found)(*found.args)  # anew: one that is kept would gather the frames of all who met it


@lru_cache(maxsize=256)
def _exact_or_why(node: Node) -> Fraction | Exception:
    """The members of two lists are compared pair by pair, and worked out once."""
    try:
        return exact(node, {})
    except (NotRational, Undefined, TooBig) as e:
        return e.with_traceback(None)


def _is_exact(node: Node) -> bool:
    return isinstance(_exact_or_why(node), Fraction)


def _same_residues(values: dict[str, Fraction], gold: Node, answer: Node) -> bool | None:
    """
    Raises:
        TooBig: they are none of which residues are found.
    """
    try:
        prime = prime_for(gold, answer)
        return modular(gold, values, prime) == modular(answer, values, prime)
    except NotRational as e:
        raise TooBig from e
    except Undefined:
        return None


def _is_complex(node: Node) -> bool:
    return node == Sym("i") or (isinstance(node, Call) and any(map(_is_complex, node.args)))


def _printed(a: Fraction, b: Fraction, decimals: Sequence[Fraction] | None = None) -> bool:
    """Is one what a machine prints for the other: ten digits or more, the last of them rounded or cut off?

    Those that may be printed are the `decimals`, which are no forty digits of something else; both by default.
    """
    return any(
        places >= PRINTED - 1
        and abs(value) * 10**places >= 10 ** (PRINTED - 1)
        and abs(a - b) < Fraction(1, 10**places)
        for value in ((a, b) if decimals is None else decimals)
        if (places := _decimal_places(value)) is not None
    )


def _decimal_places(value: Fraction) -> int | None:
    """Places behind the point of a fraction that has finitely many, up to 40."""
    for places in (0, 40):
        if not 10**places % value.denominator:
            break
    else:
        return None
    return next(k for k in range(41) if not 10**k % value.denominator)


def _same_infinity(gold: Node, answer: Node) -> bool | None:
    def sign(node: Node) -> int:
        if isinstance(node, Call) and node.name == "neg":
            return -sign(node.args[0])
        return 1 if node == Sym("oo") else 0

    if sign(gold) and sign(answer):
        return sign(gold) == sign(answer)
    if (sign(gold) or sign(answer)) and not symbols(gold) & symbols(answer):
        return False
    return False if gold != answer and isinstance(gold, Sym) and isinstance(answer, Sym) else None


def multiples(gold: Node, answer: Node, sign: int) -> bool | None:
    """Is one always the same multiple of the other, with a positive factor where `sign` is 1, a negative one at -1?"""
    names = symbols(gold) | symbols(answer)
    if not names or symbols(gold) != symbols(answer):
        return False if names else None
    ratio = None
    for number in range(POINTS + 1):
        values = point(names, number, signs=number > 1)
        try:
            a, b = numeric(gold, values), numeric(answer, values)
        except (NotRational, Undefined):
            return None
        except TooBig:
            return _multiple_residues(names, gold, answer) if not sign else None
        if not a or not b:
            return None
        if ratio is not None:
            found = agree(ratio, a / b)
            if found is not True:
                return found
        ratio = a / b
    assert ratio is not None
    if sign and not ratio.real * sign > 0:
        return False
    return _same_ratio_far(names, gold, answer, ratio)


def _same_ratio_far(names: frozenset[str], gold: Node, answer: Node, ratio: Any) -> bool | None:
    """Of what has another form elsewhere: there too?"""
    if not is_piecewise(gold) and not is_piecewise(answer):
        return True
    for values in far_and_near(names) + far_beyond(names, constants(gold, answer)):
        try:
            a, b = numeric(gold, values, real=True), numeric(answer, values, real=True)
        except (NotRational, Undefined, TooBig):
            continue
        if agree(a, b * ratio, max(abs(a), abs(b))) is False:
            return False
    return True


def _multiple_residues(names: frozenset[str], gold: Node, answer: Node) -> bool:
    """
    Raises:
        TooBig: as of `_same_residues`.
    """
    ratios, prime = set(), prime_for(gold, answer)
    try:
        for number in range(POINTS):
            values = point(names, number)
            ratios.add(modular(gold, values, prime) * pow(modular(answer, values, prime), -1, prime) % prime)
    except (NotRational, ValueError) as e:
        raise TooBig from e
    return len(ratios) == 1
