"""Letters with all that belongs to their names: subscripts, accents, primes; and functions with their arguments."""

from abc import abstractmethod

from distill.verify.algebra.blocks import BlockReader
from distill.verify.algebra.nodes import Call, Node, Sequence, Sym, Unread
from distill.verify.algebra.opaque import APPLIED
from distill.verify.algebra.symbols import CONSTANTS, free
from distill.verify.algebra.tokens import ACCENTS, Token


class LetterReader(BlockReader):
    """Reads letters; what stands in the brackets behind a function is left to `Reader`."""

    @abstractmethod
    def _inside(self, opening: str) -> Node: ...

    @abstractmethod
    def _atom(self) -> Node: ...

    def _symbol(self, token: Token) -> Node:
        if token.text in ("Gamma", "zeta") and self._is("(") and (value := self._special_value(token.text)) is not None:
            return value
        name = token.text + self._accents()
        if token.text == "Delta" and self._now.kind == "symbol" and not self._is_triangle():
            name += " " + self._next().text + self._accents()  # a difference
        if self._take("_"):
            name += "_" + self._subscript()
        marks = self._primes() if name not in CONSTANTS else ""
        return self._application(name, marks) if name in self._functions else Sym(name + marks)

    def _special_value(self, name: str) -> Node | None:
        """`\\zeta(2)`, `\\Gamma(\\frac{3}{2})`; None where the argument is not known."""
        at = self._at
        argument = self._atom()
        if not free(argument):
            return Call(name.lower(), (argument,))
        self._at = at
        return None

    def _is_triangle(self) -> bool:
        return self._now.text.isupper() and self._ahead().kind == "symbol" and self._ahead().text.isupper()

    def _accents(self) -> str:
        """Bars, hats and the like, which are part of a letter's name."""
        found = ""
        while self._is(*ACCENTS):
            found += " " + self._next().text.removeprefix("accent")
        return found

    def _primes(self) -> str:
        """Those of a derivative, which an order in brackets may stand for: `y^{(4)}`."""
        count = 0
        while self._take("'"):
            count += 1
        if not self._is("^"):
            return "'" * count
        following = [t.text for t in self._tokens[self._at + 1 : self._at + 12]]
        if following[:1] == ["'"]:
            self._at += 2
            return "'" * (count + 1) + self._primes()
        inner = following[1 : following.index("}")] if following[:1] == ["{"] and "}" in following else []
        if inner and set(inner) == {"'"}:
            self._at += len(inner) + 3
            return "'" * (count + len(inner))
        if len(inner) == 3 and inner[0] == "(" and inner[2] == ")" and inner[1].isalnum():
            self._at += 6
            return "'" * (count + int(inner[1])) if inner[1].isdigit() and len(inner[1]) == 1 else f"^({inner[1]})"
        return "'" * count

    def _application(self, name: str, marks: str = "") -> Node:
        """A function and its argument: `f(x)`, `f^{-1}(x)`; alone it is a letter."""
        at = self._at
        power = self._iterations()
        if not self._is("("):
            self._at = at
            return Sym(name + marks)
        self._next()
        inner = self._inside("(")
        arguments = inner.items if isinstance(inner, Sequence) and inner.opening else (inner,)
        return Call(APPLIED, (Sym(name + marks + power), *arguments))

    def _iterations(self) -> str:
        """A whole number as an exponent."""
        if not self._take("^"):
            return ""
        braced, sign = self._take("{"), "-" if self._take("-") else ""
        number = self._next()
        if braced:
            self._take("}")
        return f"^{sign}{number.text}" if number.kind == "number" else ""

    def _subscript(self) -> str:
        if not self._take("{"):
            return self._next().text
        parts: list[str] = []
        while not self._is("}"):
            if self._now.kind == "end" or self._is("{"):
                raise Unread("subscript")
            parts.append(self._next().text)
        self._next()
        return "".join(parts)
