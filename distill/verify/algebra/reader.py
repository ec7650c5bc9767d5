"""An answer's tokens as nodes: a descent that goes once over them and looks one ahead."""

from fractions import Fraction

from distill.verify.algebra.atoms import AtomReader
from distill.verify.algebra.nodes import (
    EITHER,
    ELLIPSIS,
    INFINITY,
    Call,
    Node,
    Num,
    Relation,
    Sequence,
    Sym,
    Unread,
    Words,
)
from distill.verify.algebra.regions import excepted, linked
from distill.verify.algebra.sets import is_difference
from distill.verify.algebra.tokens import Token
from distill.verify.algebra.units import NUMBER_WORDS, SHARES, month_of, singular
from distill.verify.notation import cased

RELATIONS = {
    "=": "=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "!=": "!=",
    "in": "in",
    "notin": "notin",
    "approx": "~",
}
INFINITIES = frozenset(("infinity", "infinite", "positive infinity", "plus infinity", "negative infinity"))
_SETS_IN_WORDS = {
    **dict.fromkeys(("all real numbers", "all reals", "real numbers", "the real numbers", "all real values"), "set R"),
    **dict.fromkeys(("all integers", "the integers", "all whole numbers"), "set Z"),
}  # fmt: skip
_STARTS = frozenset(
    ("(", "[", "\\{", "{", "frac", "binom", "infty", "pi", "lfloor", "lceil", "langle", "begin", "setR", "sum", "prod")
)


class Reader(AtomReader):
    """Reads one answer."""

    def answer(self) -> Node:
        """
        Raises:
            Unread: notation that is not known.
        """
        if not self._tokens:
            raise Unread("nothing")
        if (words := self._only_words()) is not None:
            return words
        if (names := self._names()) is not None:
            return names
        found = self._listing()
        if self._now.kind != "end":
            raise Unread("rest")
        return found

    def _only_words(self) -> Node | None:
        """A text answer: words alone, perhaps in brackets."""
        plain = [t for t in self._tokens if t.text not in "()'.-{}"]
        if date := _date([t for t in plain if t.text != ","]):
            return date
        if not plain or not all(t.kind == "word" or t.text in ("and", "or", "in") for t in plain):
            return None
        text = " ".join("A" if t.text == "A" and place else cased(t.text) for place, t in enumerate(plain))
        if text in _SETS_IN_WORDS:
            return Sym(_SETS_IN_WORDS[text])
        if text in NUMBER_WORDS:
            return Num(Fraction(NUMBER_WORDS[text]))
        if len(plain) == 2 and (share := SHARES.get(singular(plain[1].text))) and plain[0].text.lower() in NUMBER_WORDS:
            return Num(Fraction(NUMBER_WORDS[plain[0].text.lower()], share))
        if text in INFINITIES:
            return Call("neg", (INFINITY,)) if text.startswith("negative") else INFINITY
        return Words(text)

    def _names(self) -> Node | None:
        """A list of names, each of two words at most: `A, B and D`."""
        if not all(t.kind == "word" or t.text in (",", "and", "(", ")") for t in self._tokens):
            return None
        text = " ".join(cased(t.text) for t in self._tokens if t.text not in "()")
        names = [name.split() for name in text.replace(", and ", ",").replace(" and ", ",").split(",")]
        if not all(0 < len(name) <= 2 for name in names):
            return None
        return Sequence("", "", tuple(Words(" ".join(name)) for name in names))

    def _listing(self, until: tuple[str, ...] = ()) -> Node:
        """`a, b and c`; `;` divides more coarsely."""
        groups: list[list[Node]] = [[]]
        links: list[str] = []
        while True:
            groups[-1].append(ELLIPSIS if self._take("ldots") else self._relation())
            if self._take(";"):
                groups.append([])
            elif self._is(",", "and", "or"):
                links.append(self._next().text)
                if links[-1] == "," and self._is("and", "or"):
                    links[-1] = self._next().text
            else:
                break
            if self._now.kind == "end" or self._is(*until):
                raise Unread("list without an end")
        groups = [excepted(group) for group in groups]
        if len(groups) == 1 and (found := linked(groups[0], links)) is not None:
            return found
        if set(links) == {"or"} and len(groups) == 1 and _is_choice(groups[0]):
            return Call(EITHER, tuple(groups[0]))
        parts = [g[0] if len(g) == 1 else Sequence("", "", tuple(g)) for g in groups]
        return parts[0] if len(parts) == 1 else Sequence("", "", tuple(parts))

    def _relation(self) -> Node:
        sides = [self._union()]
        signs: list[str] = []
        while self._now.kind == "sign" and self._now.text in RELATIONS:
            signs.append(RELATIONS[self._next().text])
            sides.append(self._union())
        return Relation(tuple(sides), tuple(signs)) if signs else sides[0]

    def _union(self) -> Node:
        left = self._sum()
        while self._is("cup", "cap", "setminus"):
            name = {"cup": "union", "cap": "intersection", "setminus": "minus"}[self._next().text]
            left = Call(name, (left, self._sum()))
        return left

    def _sum(self) -> Node:
        self._deeper()
        left = self._degrees_before_sign(self._signed())
        while self._is("+", "-", "pm", "mp"):
            sign = self._next().text
            opposite = sign in ("+", "-") and self._take("-")
            right = ELLIPSIS if self._take("ldots") else self._with_degree(self._product())
            right = Call("neg", (right,)) if opposite else right
            if sign in ("pm", "mp"):
                left = Call("pm", (left, right))
            elif sign == "-" and is_difference(left, right):
                left = Call("minus", (left, right))
            else:
                left = Call("+", (left, right if sign == "+" else Call("neg", (right,))))
        if self._is("mod"):
            self._next()
            left = Call("mod", (left, self._product()))
        self._depth -= 1
        return self._with_unit(left)

    def _degrees_before_sign(self, value: Node) -> Node:
        """`90^\\circ - x`: they belong to the first term alone."""
        if not self._is("^") or not self._is_degree():
            return value
        behind = self._ahead(2 if self._ahead().text == "circ" else 4)
        return self._with_degree(value) if behind.text in ("+", "-") else value

    def _has_factor_behind_degrees(self) -> bool:
        """`180^\\circ k`."""
        behind = self._ahead(2 if self._ahead().text == "circ" else 4)
        return behind.text in ("k", "n", "m", "*") and behind.kind in ("symbol", "sign")

    def _signed(self) -> Node:
        if self._take("-"):
            return Call("neg", (self._signed(),))
        if self._take("+"):
            return self._signed()
        if self._take("pm", "mp"):
            return Call("pm", (Num(Fraction(0)), self._product()))
        return self._product()

    def _product(self) -> Node:
        left = self._power()
        while True:
            if self._is("*", "/") and not self._is_unit_behind():
                sign = self._next().text
                right = Call("neg", (self._power(),)) if self._take("-") else self._power()
                left = Call(sign, (left, right))
            elif self._is("^") and self._is_degree() and self._has_factor_behind_degrees():
                left = self._with_degree(left)
            elif self._starts_factor():
                left = _labelled(left, self._power())
            else:
                return left

    def _starts_factor(self) -> bool:
        token = self._now
        if token.kind == "number":
            if self._tokens[self._at - 1].kind == "number":
                raise Unread("two numbers side by side")
            return True
        if (token.kind == "symbol" and self._is_unit_letter()) or self._is_unit_fraction():
            return False
        if token.kind in ("symbol", "function"):
            return True
        return token.kind == "sign" and (token.text in _STARTS or (token.text == "|" and not self._bars))

    def _power(self) -> Node:
        base = self._postfix(self._atom())
        if not self._is("^"):
            return base
        if self._is_degree():
            return base
        self._next()
        self._deeper()
        exponent = self._exponent()
        self._depth -= 1
        return self._postfix(Call("^", (base, exponent)))

    def _exponent(self) -> Node:
        if self._take("{"):
            inner = self._sum()
            self._expect("}")
            return inner
        if self._take("-"):
            return Call("neg", (self._exponent(),))
        return self._power()

    def _postfix(self, value: Node) -> Node:
        while True:
            if self._take("!"):
                value = Call("double factorial" if self._take("!") else "factorial", (value,))
            elif self._is("'"):
                raise Unread("prime")
            else:
                return value


def _is_choice(items: list[Node]) -> bool:
    """Statements on different things, of which one holds: `a = 0` or `b = 0`."""
    return all(isinstance(item, Relation) for item in items) and len({item.sides[0] for item in items}) > 1  # type: ignore[union-attr]


def _labelled(left: Node, right: Node) -> Node:
    """A product; `A(1, 2)` is a point and its name. `C(5, 2)` and `P(5, 2)` may be numbers of choices."""
    is_point = isinstance(right, Sequence) and right.opening + right.closing == "()" and len(right.items) > 1
    if is_point and isinstance(left, Sym) and left.name[0].isupper() and left.name not in ("C", "P"):
        return Relation((left, right), ("=",))
    return Call("*", (left, right))


def _date(tokens: list[Token]) -> Words | None:
    """`March 14`, `14 March`, `March 14, 2020`: day and year in order, the month first."""
    tokens = [t for t in tokens if t.text.lower() not in ("of", "the")]
    months = [month for t in tokens if t.kind == "word" and (month := month_of(t.text))]
    numbers = [t.text for t in tokens if t.kind == "number"]
    if len(months) != 1 or not numbers or len(numbers) + 1 != len(tokens):
        return None
    return Words(" ".join([*months, *numbers]))
