"""Units and multipliers behind a value."""

from fractions import Fraction

from distill.verify.algebra.nodes import Call, Node, Num, Quantity, Unread
from distill.verify.algebra.stream import ALL_LETTERS, Stream
from distill.verify.algebra.unit_spelling import spelled
from distill.verify.algebra.units import MULTIPLIERS, SYMBOLS, is_unit, measure, names_of, singular
from distill.verify.notation import CHANGING, OPERATIONS

CONDITIONS = frozenset(("if", "when", "even", "odd"))
"""Words of a condition."""

_LETTERS = frozenset(("m", "s", "g", "h", "l", "L", "J", "N", "W"))
_SPACED = frozenset(("C", "V", "A", "K", "F", "T", "H", "Omega"))
"""Letters that are units behind a space only."""

_FORBIDDEN = CHANGING | OPERATIONS | {"k"}
_SYMBOLS = frozenset((*(name for name in SYMBOLS if len(name) == 1), "h", "d", "Omega"))
"""Letters that are units wherever they stand, where the other answer names a unit."""


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
        if smaller == "meter" and unit in ("h", "hr", "hour"):
            smaller = "minute"  # 2h30m
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

    def _is_degree(self, ahead: int = 0) -> bool:
        following = [t.text for t in self._tokens[self._at + ahead + 1 : self._at + ahead + 3]]
        return following[:1] == ["circ"] or following == ["{", "circ"]

    def _is_unit_letter(self) -> bool:
        if not self._unit_letters or (self._tokens[self._at - 1].kind != "number" and not self._after("}", ")")):
            return False
        if self._unit_letters == ALL_LETTERS and self._now.text in _SYMBOLS:
            return True
        return self._now.text in _LETTERS or (self._now.text in _SPACED and not self._now.glued)

    def _names_unit(self, ahead: int) -> bool:
        """Does the name of a unit stand there? Letters are such names where `_is_unit_letter` may take all."""
        token = self._ahead(ahead)
        if token.kind == "word":
            return is_unit(names_of(token.text)[0])
        return token.kind == "symbol" and self._unit_letters == ALL_LETTERS and token.text in _SYMBOLS

    def _is_unit_fraction(self) -> bool:
        """`\\frac{\\text{m}}{\\text{s}^2}` behind a value."""
        return self._is("frac") and self._ahead().text == "{" and self._names_unit(2)

    def _is_unit_behind(self) -> bool:
        """`/\\text{mol}`, `\\cdot \\text{m}` behind a value."""
        return self._is("*", "/") and self._names_unit(1)

    def _unit(self) -> str:
        """`cm^2`, `km/h`, `J/(mol K)`, `square feet`, `apples`; empty where nothing of the kind follows."""
        parts: list[str] = []
        if self._is_unit_behind() and self._next().text == "/":
            parts.append("/")
        self._unit_factors(parts)
        return spelled(parts)

    def _unit_factors(self, parts: list[str]) -> None:
        while self._starts_unit(parts):
            self._unit_factor(parts)
            if self._is("/") and (self._ahead().kind in ("word", "symbol") or self._is_unit_product()):
                self._next()
                parts.append("/")
            elif self._is("*") and (self._names_unit(1) or (self._ahead().text == "^" and self._is_degree(1))):
                self._next()

    def _starts_unit(self, parts: list[str]) -> bool:
        if self._now.kind == "word" or (self._now.kind == "symbol" and (self._is_unit_letter() or parts)):
            return True
        if parts and (self._is("^") and self._is_degree()):
            return True
        return (self._is("(") and parts[-1:] == ["/"]) or self._is_unit_fraction()

    def _is_decade(self, text: str) -> bool:
        """`1990s`, in text."""
        if text != "s" or self._tokens[self._at - 1].kind != "word" or self._tokens[self._at - 2].kind != "number":
            return False
        year = self._tokens[self._at - 2].text
        return self._tokens[self._at - 1].glued and len(year) == 4 and year.endswith("0")

    def _is_unit_product(self) -> bool:
        return self._ahead().text == "(" and (self._names_unit(2) or self._ahead(2).kind == "symbol")

    def _unit_factor(self, parts: list[str]) -> None:
        """One name with its power, a fraction of units, or what stands in brackets behind a stroke."""
        if self._take("("):
            self._units_until(")", parts)
        elif self._take("frac"):
            self._expect("{")
            self._units_until("}", parts)
            parts.append("/")
            self._expect("{")
            self._units_until("}", parts)
        elif self._is("^"):
            self._at += 2 if self._ahead().text == "circ" else 4
            scale = self._next().text
            if scale not in ("C", "F"):
                raise Unread("degrees")
            parts.append(("celsius" if scale == "C" else "fahrenheit") + self._power_of_unit())
        else:
            self._unit_name(parts)

    def _units_until(self, closing: str, parts: list[str]) -> None:
        inner: list[str] = []
        while not self._take(closing):
            if self._now.kind not in ("word", "symbol") and not (self._is("^") and self._is_degree()):
                raise Unread("unit")
            self._unit_factor(inner)
            self._take("*")
        parts += inner

    def _unit_name(self, parts: list[str]) -> None:
        text = self._next().text
        if text in CONDITIONS or self._is_decade(text):
            raise Unread("no unit")
        names = names_of(text)
        is_power = bool(parts) and text in ("squared", "cubed")
        if text not in ("points", "K") and not is_power and {*names, text.lower()} & _FORBIDDEN:
            raise Unread("a word that changes the value")
        power = self._power_of_unit()
        if text == "ms" and power.startswith("^-"):
            names = ["meter", "second"]  # hardly ever thousandths of a second
        parts += [*names[:-1], names[-1] + power]

    def _power_of_unit(self) -> str:
        if not self._is("^") or self._is_degree() or not self._take("^"):
            return ""
        braced = self._take("{")
        power = ("-" if self._take("-") else "") + self._next().text
        if not power.removeprefix("-").isdigit():
            raise Unread("exponent of a unit")
        if braced:
            self._expect("}")
        return "^" + power
