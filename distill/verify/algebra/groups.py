"""Products of cyclic groups: `\\mathbb{Z}_2 \\times \\mathbb{Z}_4`, `\\mathbb{Z}/2\\mathbb{Z} \\oplus C_4`."""

import re
from fractions import Fraction

from distill.verify.algebra.nodes import Call, Node, Num

_CYCLIC = r"(?:(?:\\set)?[ZC]\s*_\s*\{?\s*\d{1,4}\s*\}?|\\setZ\s*/\s*\(?\s*\d{1,4}\s*\\setZ\s*\)?)"
_GROUP = re.compile(rf"\(?\s*{_CYCLIC}\s*\)?(?:\s*\\(?:times|oplus|cdot)\s*\(?\s*{_CYCLIC}\s*\)?)*")
_ORDER = re.compile(r"\d+")


def group(text: str) -> Node | None:
    """The orders of its factors, the largest last; None for anything else, and for a letter with an index alone."""
    if not _GROUP.fullmatch(text) or ("\\setZ" not in text and "\\" not in text):
        return None
    orders = sorted(map(int, _ORDER.findall(text)))
    return Call("group", tuple(Num(Fraction(order)) for order in orders if order > 1)) if all(orders) else None


def same_groups(gold: Node, answer: Node) -> bool | None:
    """No where they are not isomorphic; other factors of the same group are left open. None for what is no group."""
    if not isinstance(gold, Call) or not isinstance(answer, Call) or {gold.name, answer.name} != {"group"}:
        return None
    return None if _primary(gold) == _primary(answer) else False


def _primary(node: Call) -> list[int]:
    """The orders of its cyclic parts, each a power of a prime."""
    found = []
    for arg in node.args:
        assert isinstance(arg, Num)
        rest, divisor = int(arg.value), 2
        while rest > 1:
            power = 1
            while rest % divisor == 0:
                rest, power = rest // divisor, power * divisor
            found += [power] if power > 1 else []
            divisor += 1
    return sorted(found)
