"""Units and multipliers behind a value."""

from fractions import Fraction

from distill.verify.algebra.nodes import Call, Node, Num, Quantity, Unread
from distill.verify.algebra.stream import Stream
from distill.verify.algebra.units import MULTIPLIERS, is_unit, measure, name_of, singular
from distill.verify.notation import CHANGING, OPERATIONS

CONDITIONS = frozenset(("if", "when", "even", "odd"))
"""Words of a condition."""

_LETTERS = frozenset(("m", "s", "g", "h", "l", "L", "J", "N", "W"))
_SPACED = frozenset(("C", "V", "A", "K", "F", "T", "H", "Omega"))
"""Letters that are units behind a space only."""


class UnitReader(Stream):
    """Reads `cm^2`, `km/h`, `square feet`, `million dollars`, `^\\circ`, `\\%`."""

    def _with_unit(self, value: Node) -> Node:
        """A value with the unit and the multipliers that stand behind it."""
        while self._now.kind == "word" and singular(self._now.text) in MULTIPLIERS:
            value = Call("*", (value, Num(Fraction(MULTIPLIERS[singular(self._next().text)]))))
        if self._is("^") and self._is_degree():
            self._at += 2 if self._ahead().text == "circ" else 4
            scale = self._now.text.upper() if self._now.kind in ("symbol", "word") else ""
            unit = {"C": "celsius", "F": "fahrenheit"}.get(scale, "degree")
            self._at += unit != "degree"
            return Quantity(value, unit)
        if self._take("degree"):
            return Quantity(value, "degree")
        if self._take("%"):
            return Quantity(value, "percent")
        if self._take("¢"):
            return Quantity(value, "cent")
        if self._take("€"):
            return Quantity(value, "euro")
        if self._take("£"):
            return Quantity(value, "gbp")
        unit = self._unit()
        if unit and self._now.kind == "number":
            return self._compound(value, unit)
        return Quantity(value, unit) if unit else value

    def _compound(self, value: Node, unit: str) -> Node:
        """`5 \\text{ feet } 6 \\text{ inches}`: a smaller unit of the same kind adds to the one before it."""
        number = Fraction(self._next().text)
        smaller = self._unit()
        whole, part = measure(unit), measure(smaller)
        if whole is None or part is None or whole[1] != part[1] or number * part[0] >= whole[0]:
            raise Unread("two quantities")
        total = Call("+", (value, Num(number * part[0] / whole[0])))
        return self._compound(total, unit) if self._now.kind == "number" else Quantity(total, unit)

    def _with_degree(self, value: Node) -> Node:
        if self._is("^") and self._is_degree():
            self._at += 2 if self._ahead().text == "circ" else 4
            return Quantity(value, "degree")
        return value

    def _is_degree(self) -> bool:
        following = [t.text for t in self._tokens[self._at + 1 : self._at + 3]]
        return following[:1] == ["circ"] or following == ["{", "circ"]

    def _is_unit_letter(self) -> bool:
        if not self._unit_letters or (self._tokens[self._at - 1].kind != "number" and not self._after("}", ")")):
            return False
        return self._now.text in _LETTERS or (self._now.text in _SPACED and not self._now.glued)

    def _unit(self) -> str:
        """`cm^2`, `km/h`, `square feet`, `apples`; empty where nothing of the kind follows."""
        parts: list[str] = []
        while self._now.kind == "word" or (self._now.kind == "symbol" and (self._is_unit_letter() or parts)):
            text = self._next().text
            if text in CONDITIONS or self._is_decade(text):
                raise Unread("no unit")
            word = text.lower()
            name = name_of(text)
            if text not in ("points", "K") and {name, word} & (CHANGING | OPERATIONS | {"k"}):
                raise Unread("a word that changes the value")
            exponent = ""
            if self._take("^"):
                braced = self._take("{")
                exponent = "-" if self._take("-") else ""
                exponent += self._next().text
                if not exponent.removeprefix("-").isdigit():
                    raise Unread("exponent of a unit")
                if braced:
                    self._expect("}")
            parts.append(name + ("^" + exponent if exponent else ""))
            if self._is("/") and self._ahead().kind in ("word", "symbol"):
                self._next()
                parts.append("/")
            elif self._is("*") and self._ahead().kind == "word" and is_unit(name_of(self._ahead().text)):
                self._next()
        return _unit_of(parts)

    def _is_decade(self, text: str) -> bool:
        """`1990s`, in text."""
        if text != "s" or self._unit_letters or self._tokens[self._at - 2].kind != "number":
            return False
        year = self._tokens[self._at - 2].text
        return self._tokens[self._at - 1].glued and len(year) == 4 and year.endswith("0")


def _unit_of(parts: list[str]) -> str:
    """The words of a unit in one spelling: `square foot` is `foot^2`, `meter per second` is `meter/second`."""
    powers = {"square": "^2", "sq": "^2", "cubic": "^3", "cu": "^3"}
    spelled: list[str] = []
    power = ""
    for part in parts:
        if part in powers:
            power = powers[part]
        elif part in ("per", "a", "an", "/", "each"):
            spelled.append("/")
        elif part in ("squared", "cubed") and spelled:
            spelled[-1] += "^2" if part == "squared" else "^3"
        else:
            spelled.append(part + power)
            power = ""
    if power:
        spelled.append("unit" + power)
    text = ""
    for part in spelled:
        text += (
            part
            if part == "/" or not text or text.endswith("/")
            else "*" + part
            if is_unit(part.partition("^")[0])
            else " " + part
        )
    return {"percentage": "percent", "pct": "percent"}.get(text, text.strip("/"))
