"""Equations below each other, in `cases`, `aligned` or an array, as a list of them."""

import re
from itertools import pairwise

_BLOCK = re.compile(
    r"\s*(?:\\left\s*)?(?:\\\{|\\lbrace)?\s*\\begin\s*\{(cases|aligned|align\*?|gathered|split|array|matrix|eqnarray\*?)\}"
    r"(?:\s*\{[lcr|@{}\s]*\})?(.*)\\end\s*\{\1\}\s*(?:\\right\s*(?:\.|\\\})?)?\s*",
    re.DOTALL,
)
_BREAK = re.compile(r"\\\\(?:\s*\[[^\[\]]{0,12}\])?|\\newline(?![a-z])")
_BARE_BREAK = re.compile(r"[,;]?\s*\\\\(?:\s+(?=[A-Za-z])|(?=[a-z]\s*=))")
_RELATION = r"(?:[<>=]|\\(?:[lg]eq?|[lg]t|neq?|approx|equiv)(?![a-z]))"
_RELATED = re.compile(_RELATION)
_BEGINS, _ENDS = re.compile(rf"\s*{_RELATION}"), re.compile(rf"{_RELATION}\s*$")
_AROUND = " \n\t,;."


def as_list(text: str) -> str:
    """`\\begin{cases} x = 1 \\\\ y = 2 \\end{cases}` as `x = 1, y = 2`; what is defined case by case as it is."""
    if "\\begin" not in text:
        return _lines(text)
    block = _BLOCK.fullmatch(text)
    if block is None or "\\begin" in block[2]:
        return text
    rows: list[str] = []
    for row in _BREAK.split(block[2]):
        cells = row.split("&")
        apart = [_ENDS.search(a) or _BEGINS.match(b) for a, b in pairwise(cells) if a.strip()]
        if not all(apart):
            return text
        whole = "".join(cells).strip(_AROUND)
        if whole and rows and _BEGINS.match(whole):
            rows[-1] += whole  # the chain goes on
        elif whole:
            rows.append(whole)
    return ", ".join(rows) if rows and all(map(_RELATED.search, rows)) else text


def _lines(text: str) -> str:
    """`x = 1 \\\\ y = 2` without an environment."""
    rows = _BARE_BREAK.split(text)
    return ", ".join(rows) if len(rows) > 1 and all("=" in row for row in rows) else text
