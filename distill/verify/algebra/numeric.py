"""Values that are no fractions, to many digits."""

import threading
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import mpmath
from mpmath import nstr

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Quantity, Sym, TooBig
from distill.verify.algebra.opaque import APPLIED, drawn, function_of, spelled_number

DIGITS = 60
"""Decimal digits of every step."""

MORE_DIGITS = 300
"""The same where two constants seem to be equal."""

MOST_DIGITS = 900
"""The same where a far larger number on the way may hide their difference."""

AGREEING = 45
"""Two values with so many leading digits in common are equal."""

LARGEST = 10**5
"""Largest argument of exponentials and of angles."""

LARGEST_SPECIAL = {"zeta": 40, "gamma": 1000}
"""Arguments; beyond zeta is nearly one."""

MOST_KEPT = 256
"""Constants that a thread remembers."""

_EXTREME_BITS = 450
"""Of the denominator of a number that may vanish: `\\cos(10^{-200})` is 1 to four hundred digits."""

Values = Mapping[str, Fraction]


_own = threading.local()


def _context(digits: int = DIGITS) -> Any:
    """mpmath's functions change the precision of their context while they run: each thread has its own."""
    contexts: dict[int, Any] = _own.__dict__.setdefault("contexts", {})
    if digits not in contexts:
        contexts[digits] = mpmath.mp.clone()
        contexts[digits].dps = digits
    return contexts[digits]


def numeric(node: Node, values: Values, real: bool = False) -> Any:
    """A real or complex number of `DIGITS` digits (mpmath's); with `real`, no step may leave the real numbers.

    Raises:
        NotRational: a symbol without a value, an operation that is not known.
        Undefined: there is no value.
        TooBig: an exponent beyond `LARGEST`.
    """
    return measured(node, values, real)[0]


def measured(node: Node, values: Values, real: bool = False) -> tuple[Any, Any]:
    """As `numeric`, and the largest size of a number on the way there, on which the error of rounding depends.

    What has no symbols is worked out once for all members of a list that it is compared with.
    """
    kept: dict[Node, Any] = _own.__dict__.setdefault("kept", {})
    if not values and node in kept:
        return kept[node]
    mp = _context()
    _own.largest = mp.zero
    try:
        found = _value(node, values, mp, real), _own.largest
    except (ZeroDivisionError, ValueError, OverflowError) as e:
        raise Undefined from e
    if not values and not real:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[node] = found
    return found


def as_fraction(value: Any) -> Fraction:
    """Forty digits of a real number."""
    return Fraction(nstr(value.real, 40))


def agree(a: Any, b: Any, largest: Any = 0) -> bool | None:
    """Are they equal? None where they are too near to say, given the `largest` number on the way to them."""
    mp = _context()
    apart = abs(a - b)
    size = max(abs(a), abs(b))
    if apart <= size * mp.mpf(10) ** -AGREEING:
        return True
    least = max(size * mp.mpf(10) ** -(AGREEING // 2), largest * mp.mpf(10) ** -AGREEING)
    return False if apart > least else None


def same_numbers(gold: Node, answer: Node, values: Values, real: bool = False) -> tuple[Any, Any, bool | None]:
    """The values of two expressions, and whether they agree.

    Raises:
        NotRational, Undefined, TooBig: as `numeric`.
    """
    (a, one), (b, other) = measured(gold, values, real), measured(answer, values, real)
    exactly = _is_sharp(gold) and _is_sharp(answer)
    told = agree(a, b, 0 if exactly else max(one, other))
    if told is not False and not values:
        told = _agree_further(gold, answer, exactly)
    return a, b, told


def _agree_further(gold: Node, answer: Node, exactly: bool) -> bool | None:
    """\\sqrt{10^{60}+1} has the first sixty digits of 10^{30}; that \\sin\\pi is zero takes more than sixty."""
    apart, size, largest = _apart(gold, answer, MORE_DIGITS)
    least = _context(MORE_DIGITS).mpf(10) ** -(MORE_DIGITS - 15)
    if not exactly and size * least < apart <= largest * least < size:
        apart, size, _ = _apart(gold, answer, MOST_DIGITS)  # \sqrt{10^{200}+1} differs from 10^{100}
        least = least * least / 10**30
        if apart > size * least:
            return False
    if apart <= max(size, 0 if exactly else largest) * least:
        return None if _own.is_rounded else True
    return False if apart > size * _context(MORE_DIGITS).mpf(10) ** -(MORE_DIGITS // 2) else None


def _apart(gold: Node, answer: Node, digits: int) -> tuple[Any, Any, Any]:
    """How far two constants are apart, the size of the larger one, and of the largest number on the way to them.

    Raises:
        NotRational, Undefined, TooBig: as `numeric`.
    """
    mp = _context(digits)
    _own.largest = mp.zero
    _own.is_rounded = False
    try:
        a, b = _value(gold, {}, mp, False), _value(answer, {}, mp, False)
    except (ZeroDivisionError, ValueError, OverflowError) as e:
        raise Undefined from e
    return abs(a - b), max(abs(a), abs(b)), _own.largest


def _value(node: Node, values: Values, mp: Any, real: bool) -> Any:
    found = _worked_out(node, values, mp, real)
    if not mp.isfinite(found) or (real and found.imag):
        raise Undefined
    _own.largest = max(_own.largest, abs(found))
    if found and isinstance(node, Call) and node.name in ("exp", "^") and mp.mag(found) < -_EXTREME_BITS:
        _own.is_rounded = True
    return found


def _worked_out(node: Node, values: Values, mp: Any, real: bool) -> Any:
    try:
        fraction = exact(node, values)
        if fraction.denominator.bit_length() > _EXTREME_BITS:
            _own.is_rounded = True
        return _rounded(fraction.numerator, mp) / _rounded(fraction.denominator, mp)
    except NotRational:
        pass
    if isinstance(node, Sym):
        constants = {"pi": mp.pi, "e": mp.e, "i": mp.j}
        if node.name not in constants:
            raise NotRational
        return +constants[node.name]
    if isinstance(node, Quantity) and node.unit == "degree":
        return _value(node.value, values, mp, real) * mp.pi / 180
    if not isinstance(node, Call):
        raise NotRational
    args = [_value(arg, values, mp, real) for arg in node.args]
    if node.name == APPLIED:
        factor = drawn(function_of(node), list(map(spelled_number, args[1:])))
        return args[0] * factor.numerator / factor.denominator
    if node.name == "+" and _vanishes(node.args, args, mp):
        raise Undefined  # 1 - e^{-200} is not 1
    return _applied(node.name, args, mp)


def _rounded(number: int, mp: Any) -> Any:
    """A whole number to more digits than count; mpmath takes a second for one of a million bits."""
    excess = number.bit_length() - 2 * mp.prec
    _own.is_rounded = getattr(_own, "is_rounded", False) or number.bit_length() > mp.prec * 9 // 10
    return mp.mpf(number) if excess <= 0 else mp.ldexp(mp.mpf(number >> excess), excess)


def _vanishes(nodes: tuple[Node, ...], values: list[Any], mp: Any) -> bool:
    """Is one of two terms too small beside the other for what tells values apart, and no mere error of rounding?"""
    (small, node), (large, _) = sorted(zip(map(abs, values), nodes, strict=True), key=lambda pair: pair[0])
    return bool(small) and small < large * mp.mpf(10) ** -(AGREEING - 5) and _is_sharp(node)


def _is_sharp(node: Node) -> bool:
    """Has its value no error of the size of its terms, as a sum or a sine near zero may have?"""
    if isinstance(node, Call):
        return node.name in ("^", "exp", "neg", "*", "/", "sqrt", "root", "sech", "csch") and all(
            map(_is_sharp, node.args)
        )
    return True


def _applied(name: str, args: list[Any], mp: Any) -> Any:
    first = args[0]
    if name in ("+", "*", "/"):
        second = args[1]
        return first + second if name == "+" else first * second if name == "*" else first / second
    if name == "^":
        return _power(first, args[1], mp)
    if name == "neg":
        return -first
    if name == "log":
        return mp.log(first) / mp.log(args[1]) if len(args) > 1 else mp.log10(first)
    if name == "root":
        odd = args[1] == mp.nint(args[1]) and int(args[1]) % 2
        if odd and not isinstance(first, mp.mpc) and first < 0:
            return -_power(-first, 1 / args[1], mp)
        return _power(first, 1 / args[1], mp)
    if name in ("floor", "ceil"):
        if abs(first - mp.nint(first)) < mp.mpf(10) ** -AGREEING and first != mp.nint(first):
            raise Undefined
        return mp.floor(first) if name == "floor" else mp.ceil(first)
    if name not in _FUNCTIONS:
        raise NotRational
    if abs(first) > LARGEST and name not in ("sqrt", "ln", "abs"):
        raise TooBig
    if name in LARGEST_SPECIAL and abs(first) > LARGEST_SPECIAL[name]:
        raise TooBig
    if name in ("tanh", "coth") and abs(first.real) > AGREEING:
        raise Undefined  # all but one, and not one
    return getattr(mp, _FUNCTIONS[name])(first)


def _power(base: Any, exponent: Any, mp: Any) -> Any:
    if abs(exponent) > LARGEST or (base and abs(mp.log(abs(base))) * abs(exponent) > 10 * LARGEST):
        raise TooBig
    return mp.power(base, exponent)


_FUNCTIONS = {
    **{name: name for name in "sqrt exp ln sin cos tan cot sec csc sinh cosh tanh coth sech csch".split()},
    **{f"arc{name}": f"a{name}" for name in "sin cos tan cot sec csc sinh cosh tanh".split()},
    "abs": "fabs",
    "gamma": "gamma",
    "zeta": "zeta",
}
"""Those of mpmath."""
