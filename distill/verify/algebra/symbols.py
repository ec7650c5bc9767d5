"""Letters of an expression, whatever their kind of node."""

from distill.verify.algebra.nodes import (
    Call,
    Cases,
    Family,
    Matrix,
    Node,
    Num,
    Quantity,
    Relation,
    Sequence,
    Sym,
    Words,
)

CONSTANTS = frozenset(("pi", "e", "i"))


def _inner(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Call):
        return node.args
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Relation):
        return node.sides
    if isinstance(node, Matrix | Cases):
        return tuple(cell for row in node.rows for cell in row)
    return (node.value,) if isinstance(node, Quantity | Family) else ()


def free(node: Node) -> frozenset[str]:
    """Those that stand for unknown values."""
    if isinstance(node, Sym):
        return frozenset() if node.name in CONSTANTS or node.name == "oo" else frozenset((node.name,))
    return frozenset().union(*map(free, _inner(node)))


def symbols(node: Node) -> frozenset[str]:
    """Those of an expression, infinity included."""
    if isinstance(node, Quantity):
        return symbols(node.value)
    if isinstance(node, Sym):
        return frozenset() if node.name in CONSTANTS else frozenset((node.name,))
    if isinstance(node, Call):
        return frozenset().union(*(symbols(arg) for arg in node.args))
    return frozenset()


def holds_words(node: Node) -> bool:
    return isinstance(node, Words) or any(map(holds_words, _inner(node)))


def holds_number(node: Node) -> bool:
    return isinstance(node, Num) or any(map(holds_number, _inner(node)))


def size(node: Node) -> int:
    """Nodes in all."""
    return 1 + sum(map(size, _inner(node)))


def replaced(node: Node, name: str, by: Node) -> Node:
    """With another node in place of a letter."""
    if node == Sym(name):
        return by
    if isinstance(node, Call):
        return Call(node.name, tuple(replaced(arg, name, by) for arg in node.args))
    if isinstance(node, Sequence):
        return Sequence(node.opening, node.closing, tuple(replaced(item, name, by) for item in node.items))
    if isinstance(node, Relation):
        return Relation(tuple(replaced(side, name, by) for side in node.sides), node.signs)
    return Quantity(replaced(node.value, name, by), node.unit) if isinstance(node, Quantity) else node


def natural(node: Node) -> Node:
    """With logarithms of no base as natural ones, where they are values and no parts of an equation."""
    if isinstance(node, Call):
        name = "ln" if node.name == "log" and len(node.args) == 1 else node.name
        return Call(name, tuple(map(natural, node.args)))
    if isinstance(node, Sequence):
        return Sequence(node.opening, node.closing, tuple(map(natural, node.items)))
    if isinstance(node, Relation) and not isinstance(node.sides[0], Call):
        return Relation(tuple(map(natural, node.sides)), node.signs)
    return node


def renamed(node: Node, old: str, new: str) -> Node:
    return replaced(node, old, Sym(new))
