"""Vectors by component: `(x, y) = (1, 2) + t(3, -1)` as `x = 1 + 3t, y = 2 - t`."""

from distill.verify.algebra.nodes import Call, Matrix, Node, Num, Relation, Sequence, Sym


def by_name(node: Node) -> Node:
    """An equation of vectors whose left side names the components as one equation each; another node as it is."""
    if not isinstance(node, Relation) or node.signs != ("=",) or not isinstance(node.sides[0], Sequence):
        return node
    names, values = node.sides[0].items, components(node.sides[1])
    if values is None or len(values) != len(names) or not all(isinstance(name, Sym) for name in names):
        return node
    return Sequence("", "", tuple(Relation(pair, ("=",)) for pair in zip(names, values, strict=True)))


def as_tuple(node: Node) -> Node:
    """A multiple or a sum of tuples, or a tuple transposed, as one; another node as it is."""
    if isinstance(node, Call) and node.name == "^" and node.args[1] == Sym("T"):
        return _transposed(node.args[0]) or node
    if not isinstance(node, Call) or not _holds_tuple(node) or _is_named_point(node):
        return node
    cells = components(node)
    return node if cells is None else Sequence("(", ")", cells)


def _transposed(node: Node) -> Node | None:
    """A row in whatever brackets, or a matrix; None for a matrix that is only named."""
    if isinstance(node, Matrix):
        return Matrix(tuple(zip(*node.rows, strict=True)))
    if not isinstance(node, Sequence) or node.opening not in ("(", "[", "{"):
        return None
    return Sequence("(", ")", node.items)


def _holds_tuple(node: Node) -> bool:
    if isinstance(node, Call):
        return any(map(_holds_tuple, node.args))
    return isinstance(node, Sequence) and node.opening + node.closing == "()"


def beside_tuple(node: Node, other: Node) -> Node:
    """A multiple of a row or a column, or one that is transposed, as a tuple where the other one is such."""
    if not isinstance(other, Sequence) or other.opening + other.closing != "()" or not isinstance(node, Call):
        return node
    if _is_named_point(node):
        return node.args[1]
    cells = components(node)
    return node if cells is None else Sequence("(", ")", cells)


def _is_named_point(node: Call) -> bool:
    """`P(1, 2)`; `P(10, 3)` may be a number of arrangements."""
    if node.name != "*" or node.args[0] not in (Sym("P"), Sym("C")) or not isinstance(node.args[1], Sequence):
        return False
    first, *_, last = node.args[1].items
    return not (isinstance(first, Num) and isinstance(last, Num) and first.value >= last.value >= 0)


def components(node: Node) -> tuple[Node, ...] | None:
    """Those of a sum of multiples of vectors, in round brackets or as a row or a column."""
    if isinstance(node, Sequence):
        return node.items if node.opening == "(" and node.closing == ")" else None
    if isinstance(node, Matrix):
        cells = tuple(cell for row in node.rows for cell in row)
        return cells if min(len(node.rows), len(node.rows[0])) == 1 else None
    if not isinstance(node, Call):
        return None
    parts = [components(arg) for arg in node.args]
    if node.name == "neg" and parts[0] is not None:
        return tuple(Call("neg", (one,)) for one in parts[0])
    if node.name == "+" and parts[0] is not None and parts[1] is not None and len(parts[0]) == len(parts[1]):
        return tuple(Call("+", pair) for pair in zip(*parts, strict=True))
    if node.name == "^" and parts[0] is not None:
        return parts[0] if node.args[1] == Sym("T") else None
    if node.name == "/" and parts[0] is not None and parts[1] is None:
        return tuple(Call("/", (one, node.args[1])) for one in parts[0])
    if node.name == "*" and parts.count(None) == 1:
        vector, factor = (parts[0], node.args[1]) if parts[0] is not None else (parts[1], node.args[0])
        return tuple(Call("*", (factor, one)) for one in vector or ())
    return None
