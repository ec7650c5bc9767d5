"""Chains of equations: `x = y = z` says two things, of which `x = y` is one, and says them in any order."""

from contextlib import suppress
from itertools import pairwise

from distill.verify.algebra.exact import NotRational, Undefined, exact
from distill.verify.algebra.nodes import Call, Node, Num, Relation, Sequence, Sym, TooBig
from distill.verify.algebra.numeric import numeric
from distill.verify.algebra.points import point
from distill.verify.algebra.rank import Sized, difference, rank
from distill.verify.algebra.symbols import free

_MORE_POINTS = 3


def is_chain(node: Node) -> bool:
    return isinstance(node, Relation) and len(node.sides) > 2 and set(node.signs) == {"="}


def same_chains(gold: Node, answer: Node, told: bool | None) -> bool | None:
    """Two sets of equations of which one at least is a chain, by their spans; `told` is what their first links say.

    Steps of a calculation (`S = 2(x + 1) = 2x + 2`) are no equations of their own: `told` stands where they are among
    the links.
    """
    ours, theirs = _links(gold), _links(answer)
    if ours is None or theirs is None or not (free(gold) and free(answer)):
        return told
    try:
        rows = _rows(ours + theirs)
    except (NotRational, Undefined, TooBig):
        return told
    ranks = [rank(some) for some in (rows[: len(ours)], rows[len(ours) :], rows)]
    if len(set(ranks)) == 1:
        return True if ranks[0] == len(ours) == len(theirs) else told
    if not told or any(not rank([row]) for row in rows):
        return told
    return False if all(_is_multiple(side) for link in ours + theirs for side in link) else None


def _links(node: Node) -> list[tuple[Node, Node]] | None:
    """The equations of a chain, or of a list of equations; None for anything else."""
    if isinstance(node, Sequence) and not node.opening:
        found = [_links(item) for item in node.items]
        return None if None in found else [link for links in found for link in links or ()]
    return list(pairwise(node.sides)) if isinstance(node, Relation) and set(node.signs) == {"="} else None


def _rows(links: list[tuple[Node, Node]]) -> list[list[Sized]]:
    """Left minus right of each equation at as many points as tell them apart.

    Raises:
        NotRational, Undefined, TooBig: as `numeric`.
    """
    names = frozenset().union(*(free(side) for link in links for side in link))
    points = [point(names, number) for number in range(len(links) + _MORE_POINTS)]
    for valued in (exact, numeric):
        with suppress(NotRational):
            return [[difference(*(valued(side, at) for side in link)) for at in points] for link in links]
    raise NotRational


def _is_multiple(node: Node) -> bool:
    """`x`, `2y`, `x/3`, `-z`, `AB`: what a link of a chain may stand for without being worked out."""
    if isinstance(node, Sym | Num):
        return True
    return isinstance(node, Call) and node.name in ("*", "/", "neg") and all(map(_is_multiple, node.args))
