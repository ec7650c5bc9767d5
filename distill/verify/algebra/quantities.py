"""Values with units, per cent and degrees."""

from fractions import Fraction

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Num, Quantity, Sym, TooBig
from distill.verify.algebra.rules import Alike
from distill.verify.algebra.units import measure


def names_unit(node: Node) -> bool:
    """Is it a quantity of a unit that is known, and no share?"""
    return isinstance(node, Quantity) and node.unit != "percent" and measure(node.unit) is not None


def holds_quantity(node: Node) -> bool:
    """Is part of an expression a quantity, as in `\\frac{2mg}{3k}` read with milligrams?"""
    if isinstance(node, Quantity):
        return True
    return isinstance(node, Call) and any(map(holds_quantity, node.args))


def same_quantities(gold: Node, answer: Node, alike: Alike) -> bool | None:
    ours, theirs = _quantity(gold), _quantity(answer)
    if ours.unit == theirs.unit or {ours.unit, theirs.unit} == {"pound", "gbp"}:
        return alike(ours.value, theirs.value)
    if "percent" in (ours.unit, theirs.unit) and "" in (ours.unit, theirs.unit):
        return _same_percent(ours, theirs, alike)
    if not ours.unit or not theirs.unit:
        if alike.rules.units == "required" and ours.unit:
            return False
        if "degree" in (ours.unit, theirs.unit) and (_names_pi(ours.value) or _names_pi(theirs.value)):
            return alike(_radians(ours), _radians(theirs))
        return alike(ours.value, theirs.value)
    if alike.rules.units == "ignored":
        return alike(ours.value, theirs.value)
    if {ours.unit, theirs.unit} <= _DEGREES.keys():
        return alike(_kelvin(ours), _kelvin(theirs))
    first, second = measure(ours.unit), measure(theirs.unit)
    if first is None or second is None:
        found = alike(ours.value, theirs.value)
        return None if found and not (first or second) else False if found is False else None
    if {first[1], second[1]} == {(("angle", 1),), (("radians", 1),)}:
        return alike(_radians(ours), _radians(theirs))
    if first[1] != second[1]:
        return False
    return alike(_times(ours.value, first[0]), _times(theirs.value, second[0]))


_DEGREES = {
    "kelvin": (Fraction(1), Fraction(0)),
    "celsius": (Fraction(1), Fraction(27315, 100)),
    "fahrenheit": (Fraction(5, 9), Fraction(27315, 100) - Fraction(160, 9)),
}
"""Factor and shift to kelvin."""


def _kelvin(quantity: Quantity) -> Node:
    factor, shift = _DEGREES[quantity.unit]
    return Call("+", (_times(quantity.value, factor), Num(shift)))


def same_without_units(gold: Node, answer: Node, alike: Alike) -> bool | None:
    """Formulas with units deep within, such as `\\frac{1}{4m}`: numbers that differ tell them apart, no more."""
    ours, theirs = _stripped(gold), _stripped(answer)
    if (ours, theirs) == (gold, answer):
        return None
    return False if alike(ours, theirs) is False else None


def _stripped(node: Node) -> Node:
    if isinstance(node, Quantity):
        return _stripped(node.value)
    return Call(node.name, tuple(map(_stripped, node.args))) if isinstance(node, Call) else node


def _quantity(node: Node) -> Quantity:
    return node if isinstance(node, Quantity) else Quantity(node, "")


def _times(value: Node, factor: Fraction) -> Node:
    return Call("*", (value, Num(factor)))


def _names_pi(node: Node) -> bool:
    return node == Sym("pi") or (isinstance(node, Call) and any(map(_names_pi, node.args)))


def _radians(quantity: Quantity) -> Node:
    if quantity.unit != "degree":
        return quantity.value
    return Call("/", (Call("*", (quantity.value, Sym("pi"))), Num(Fraction(180))))


def _is_share(node: Node) -> bool:
    """1/4 is 25 %, and not 1/4 %."""
    try:
        return abs(exact(node, {})) < 1
    except (NotRational, Undefined, TooBig):
        return False


def _same_percent(ours: Quantity, theirs: Quantity, alike: Alike) -> bool | None:
    """`50\\%` beside `0.5` or `50`, as the rules take the sign."""
    readings = []
    bare = theirs.value if ours.unit else ours.value
    if alike.rules.percent == "sign" or (alike.rules.percent == "either" and not _is_share(bare)):
        readings.append(alike(ours.value, theirs.value))
    if alike.rules.percent in ("either", "hundredth"):
        hundredth = [_times(q.value, Fraction(1, 100)) if q.unit == "percent" else q.value for q in (ours, theirs)]
        readings.append(alike(hundredth[0], hundredth[1]))
    return True if True in readings else None if None in readings else False
