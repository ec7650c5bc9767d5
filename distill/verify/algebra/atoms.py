"""Numbers, names, functions, fractions, and what stands in brackets."""

from abc import abstractmethod
from fractions import Fraction

from distill.verify.algebra.blocks import determinant, diagonal
from distill.verify.algebra.exact import exact
from distill.verify.algebra.letters import LetterReader
from distill.verify.algebra.nodes import (
    EMPTY,
    INDEX,
    INFINITY,
    Based,
    Call,
    Matrix,
    Node,
    Num,
    Ratio,
    Sequence,
    Sym,
    TooBig,
    Unread,
)  # fmt: skip
from distill.verify.algebra.symbols import free, renamed, replaced, size
from distill.verify.algebra.tokens import Token
from distill.verify.algebra.units import NUMBER_WORDS

CLOSING = {"(": (")", "]"), "[": ("]", ")"), "\\{": ("\\}",), "{": ("}",), "langle": ("rangle",)}
MOST_TERMS = 100
"""Of a sum or a product that is written out."""

MOST_WRITTEN = 800
"""Nodes of the terms of all sums and products of an answer together."""

_SETS = {"setR": "R", "setZ": "Z", "setN": "N", "setQ": "Q", "setC": "C"}


def _called(name: str, argument: Node, base: tuple[Node, ...]) -> Call:
    if name == "cis":
        return Call("exp", (Call("*", (Sym("i"), argument)),))
    return Call("root", (argument, Num(Fraction(3)))) if name == "cbrt" else Call(name, (argument, *base))


def _at(body: Node, index: str, place: Num | Sym) -> Node:
    """A term of a sum, with its place for the index: in `a_k` too."""
    for name in free(body):
        letter, _, subscript = name.partition("_")
        if subscript == index:
            body = renamed(body, name, f"{letter}_{place.name if isinstance(place, Sym) else place.value}")
        elif index in subscript and name != INDEX:
            raise Unread("an index within a subscript")
    return replaced(body, index, place)


class AtomReader(LetterReader):
    """Reads the smallest parts of an expression; larger ones inside brackets are left to `Reader`."""

    @abstractmethod
    def _listing(self, until: tuple[str, ...] = ()) -> Node: ...

    @abstractmethod
    def _product(self) -> Node: ...

    @abstractmethod
    def _power(self) -> Node: ...

    @abstractmethod
    def _exponent(self) -> Node: ...

    def _atom(self) -> Node:
        self._deeper()
        token = self._next()
        if token.kind == "number":
            found = self._number(token)
        elif token.kind == "symbol":
            found = self._symbol(token)
        elif token.kind == "function":
            found = self._function(token.text)
        elif token.kind == "word":
            found = self._number_word(token.text)
        elif token.kind == "sign":
            found = self._bracketed(token.text)
        else:
            raise Unread("end")
        self._depth -= 1
        return found

    def _number(self, token: Token) -> Node:
        text = token.text
        if len(text) > 4000:
            raise TooBig("digits")
        if self._is("_") and "." not in text:
            return self._based(text)
        if self._is("overline"):
            return self._repeating(text)
        if self._is(":") and self._ahead().kind == "number":
            return self._ratio(text)
        value = Fraction(text)
        if "." not in text:
            value += self._mixed_part()
        return Num(value)

    def _mixed_part(self) -> Fraction:
        """The fraction of a mixed number such as `3\\frac{1}{2}` or `3 1/2`, else 0."""
        at, found = self._at, [t.text for t in self._tokens[self._at : self._at + 7]]
        if found[:1] == ["frac"]:
            if found[1:2] == ["{"] and found[3:5] == ["}", "{"] and found[6:] == ["}"]:
                top, bottom, used = found[2], found[5], 7
            elif len(found) > 1 and found[1].isdigit() and len(found[1]) == 2:
                top, bottom, used = found[1][0], found[1][1], 2
            else:
                return Fraction(0)
        elif len(found) > 2 and found[1] == "/" and not self._now.glued:
            top, bottom, used = found[0], found[2], 3
        else:
            return Fraction(0)
        if not (top.isdigit() and bottom.isdigit() and int(bottom) > int(top) > 0):
            return Fraction(0)
        self._at = at + used
        return Fraction(int(top), int(bottom))

    def _based(self, digits: str) -> Node:
        self._next()
        braced = self._take("{")
        base = self._next()
        if base.kind != "number" or not base.text.isdigit() or (braced and not self._take("}")):
            raise Unread("base")
        return Based(digits, int(base.text))

    def _repeating(self, text: str) -> Node:
        self._next()
        braced = self._take("{")
        digits = self._next()
        if digits.kind != "number" or "." in digits.text or (braced and not self._take("}")) or "." not in text:
            raise Unread("overline")
        if self._now.kind == "number":
            raise Unread("digits behind a period")
        places = len(text.split(".")[1])
        period = Fraction(int(digits.text), 10**places * (10 ** len(digits.text) - 1))
        return Num(Fraction(text + "0") + period)

    def _ratio(self, first: str) -> Node:
        parts = [first]
        while self._take(":"):
            part = self._next()
            if part.kind != "number":
                raise Unread("ratio")
            parts.append(part.text)
        return Ratio(tuple(parts))

    def _number_word(self, word: str) -> Node:
        if word.lower() not in NUMBER_WORDS:
            raise Unread("word")
        return Num(Fraction(NUMBER_WORDS[word.lower()]))

    def _function(self, name: str) -> Node:
        if name == "sqrt":
            return self._root()
        base: tuple[Node, ...] = (Num(Fraction(10)),) if name == "lg" else ()
        name = "log" if name == "lg" else name
        if name == "log" and self._take("_"):
            base = (self._argument(),)
        power = None
        if self._take("^"):
            power = self._exponent()
        if name in ("max", "min", "gcd", "lcm", "binom", "nthroot", "diag"):
            found = self._of_several(name)
            if name == "diag":
                return diagonal(found.args)
            return Call("root", found.args) if name == "nthroot" else found
        if name == "det":
            matrix = self._applied()
            if not isinstance(matrix, Matrix):
                raise Unread("determinant")
            return determinant([list(row) for row in matrix.rows])
        found = _called(name, self._applied(), base)
        if power is None and self._is("^") and not self._is_degree():
            self._next()
            power = self._exponent()  # `\\sin(x)^2` is the square of the sine
        return Call("^", (found, power)) if power is not None else found

    def _of_several(self, name: str) -> Call:
        if not self._is("(", "\\{"):
            raise Unread("function of several")
        inner = self._inside(self._next().text)
        if not isinstance(inner, Sequence) or len(inner.items) < 2:
            raise Unread("function of several")
        return Call(name, inner.items)

    def _applied(self) -> Node:
        """The argument of a function: what is in brackets, or the product that follows (`\\sin 2x`)."""
        if self._is("(", "{", "["):
            return self._with_degree(self._atom())
        if self._is("-"):
            self._next()
            return Call("neg", (self._applied(),))
        value = self._power()
        while self._now.kind in ("symbol", "number") or self._is("pi", "frac"):
            value = Call("*", (value, self._power()))
        if self._take("/"):
            value = Call("/", (value, self._power()))
        return self._with_degree(value)

    def _root(self) -> Node:
        if self._take("["):
            degree = self._sum()
            self._expect("]")
            return Call("root", (self._argument(), degree))
        return Call("sqrt", (self._argument(),))

    def _argument(self) -> Node:
        """`{...}`, or one number, one letter, one command."""
        if self._take("{"):
            inner = self._sum()
            self._expect("}")
            return inner
        return self._atom()

    def _digit_argument(self) -> Node:
        """As `_argument`, but of several digits TeX takes the first: `\\frac12`."""
        token = self._now
        if token.kind == "number" and len(token.text) > 1 and "." not in token.text:
            self._tokens[self._at] = Token("number", token.text[1:], True)
            return Num(Fraction(token.text[0]))
        return self._argument()

    def _bracketed(self, sign: str) -> Node:
        if sign == "frac":
            top = self._digit_argument()
            return Call("/", (top, self._digit_argument()))
        if sign == "binom":
            top = self._digit_argument()
            return Call("binom", (top, self._digit_argument()))
        if sign in ("infty", "pi"):
            return INFINITY if sign == "infty" else self._application(sign) if sign in self._functions else Sym(sign)
        if sign == "emptyset":
            return EMPTY
        if sign in _SETS:
            return Sym("set " + _SETS[sign])
        if sign in ("lfloor", "lceil"):
            inner = self._sum()
            self._expect("rfloor" if sign == "lfloor" else "rceil")
            return Call("floor" if sign == "lfloor" else "ceil", (inner,))
        if sign == "|":
            self._bars += 1
            inner = self._sum()
            self._bars -= 1
            self._expect("|")
            return Call("abs", (inner,))
        if sign == "begin":
            return self._block()
        if sign in ("sum", "prod"):
            return self._terms("+" if sign == "sum" else "*")
        if sign in CLOSING:
            return self._inside(sign)
        raise Unread("sign")

    def _terms(self, operation: str) -> Node:
        """`\\sum_{k=1}^{10} k^2` written out; one whose ends are no numbers by its index."""
        self._expect("_")
        self._expect("{")
        name = self._next()
        self._expect("=")
        first = self._sum()
        self._expect("}")
        self._expect("^")
        last = self._argument()
        body = self._product()
        if name.kind != "symbol":
            raise Unread("terms")
        if free(last) or last == INFINITY:
            if (operation == "*" and last == INFINITY) or free(first) or INDEX in free(body):
                raise Unread("series")
            return Call("series" if operation == "+" else "product", (first, last, _at(body, name.text, Sym(INDEX))))
        places = [exact(end, {}) for end in (first, last)]
        if any(place.denominator != 1 for place in places) or not 0 <= places[1] - places[0] < MOST_TERMS:
            raise Unread("terms")
        self._written += size(body) * int(places[1] - places[0] + 1)
        if self._written > MOST_WRITTEN:
            raise TooBig("terms")
        terms = [_at(body, name.text, Num(Fraction(k))) for k in range(int(places[0]), int(places[1]) + 1)]
        while len(terms) > 1:  # in pairs, so that it is not deep
            pairs = [Call(operation, pair) for pair in zip(terms[::2], terms[1::2], strict=False)]
            terms = [*pairs, *terms[2 * len(pairs) :]]
        return terms[0]

    def _inside(self, opening: str) -> Node:
        bars, self._bars = self._bars, 0
        if opening == "\\{" and self._take("\\}"):
            return EMPTY
        inner = self._listing(CLOSING[opening])
        closing = self._expect(*CLOSING[opening])
        self._bars = bars
        items = inner.items if isinstance(inner, Sequence) and not inner.opening else (inner,)
        if opening == "{":
            return inner
        if opening == "\\{":
            return Sequence("{", "}", items)
        if opening == "langle":
            return Sequence("(", ")", items)
        if len(items) == 1 and (opening, closing) in (("(", ")"), ("[", "]")):
            return inner
        return Sequence(opening, closing, items)
