"""What stands between `\\begin` and `\\end`: matrices, and functions defined case by case."""

from abc import ABC, abstractmethod
from fractions import Fraction

from distill.verify.algebra.nodes import Call, Cases, Matrix, Node, Num, Unread, Words
from distill.verify.algebra.unit_reader import UnitReader

_MATRICES = frozenset(("pmatrix", "bmatrix", "matrix", "smallmatrix", "Bmatrix", "array", "vmatrix"))
_LARGEST_DETERMINANT = 4
_IF = frozenset(("if", "for", "when", "where"))
_ELSE = frozenset(("otherwise", "else"))


class BlockReader(UnitReader, ABC):
    """Reads environments; the expressions in them are left to `Reader`."""

    @abstractmethod
    def _sum(self) -> Node: ...

    @abstractmethod
    def _relation(self) -> Node: ...

    def _block(self) -> Node:
        name = self._environment()
        return self._cases() if name == "cases" else self._matrix(name)

    def _cases(self) -> Node:
        rows: list[tuple[Node, Node]] = []
        while not self._is("end"):
            value = self._sum()
            self._take(",")
            if not self._take("&"):
                raise Unread("a case without a condition")
            rows.append((value, self._condition()))
            self._take(",", ";")
            if not self._take("\\") and not self._is("end"):
                raise Unread("cases")
        self._next()
        if self._environment() != "cases" or not rows:
            raise Unread("environment")
        return Cases(tuple(rows))

    def _condition(self) -> Node:
        if self._now.kind == "word" and self._now.text.lower() in _ELSE:
            self._next()
            return Words("otherwise")
        if self._now.kind == "word" and self._now.text.lower() in _IF:
            self._next()
        return self._relation()

    def _matrix(self, name: str) -> Node:
        if name == "array":
            self._expect("{")
            while not self._take("}"):
                if self._next().kind == "end":
                    raise Unread("array")
        rows: list[list[Node]] = [[]]
        while not self._is("end"):
            rows[-1].append(self._sum())
            if self._take("\\"):
                rows.append([])
            elif not self._take("&") and not self._is("end"):
                raise Unread("matrix")
        self._next()
        if self._environment() != name:
            raise Unread("environment")
        rows = rows if rows[-1] else rows[:-1]
        if not rows or len({len(row) for row in rows}) != 1:
            raise Unread("rows of a matrix")
        return determinant(rows) if name == "vmatrix" else Matrix(tuple(map(tuple, rows)))

    def _environment(self) -> str:
        self._expect("{")
        name = ""
        while not self._take("}"):
            token = self._next()
            if token.kind == "end":
                raise Unread("environment")
            name += token.text
        if name not in _MATRICES and name != "cases":
            raise Unread("environment")
        return name


def diagonal(cells: tuple[Node, ...]) -> Matrix:
    zero = Num(Fraction(0))
    return Matrix(tuple(tuple(cell if i == j else zero for j in range(len(cells))) for i, cell in enumerate(cells)))


def determinant(rows: list[list[Node]]) -> Node:
    """
    Raises:
        Unread: not square, or of more than four rows.
    """
    if len(rows) != len(rows[0]) or len(rows) > _LARGEST_DETERMINANT:
        raise Unread("determinant")
    if len(rows) == 1:
        return rows[0][0]
    total: Node = Num(Fraction(0))
    for place, cell in enumerate(rows[0]):
        minor = determinant([row[:place] + row[place + 1 :] for row in rows[1:]])
        term = Call("*", (cell, minor))
        total = Call("+", (total, Call("neg", (term,)) if place % 2 else term))
    return total
