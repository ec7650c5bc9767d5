"""Parts of the real line that are named: `\\mathbb{R}^+`, `\\{x \\mid x < 2\\}`, "all positive reals except 3"."""

import re

from distill.verify.algebra.nodes import Call, Node, Sequence, Sym, Unread
from distill.verify.algebra.reader import Reader

_LINE = re.compile(r"\\setR\s*((?:[\^_]\s*(?:\{[^{}]{1,20}\}|[-+*])\s*){1,2})")
_POSITIVE, _NEGATIVE = r"(0,\infty)", r"(-\infty,0)"
_HALVES = {
    **dict.fromkeys(("^+", "_+", "_+^*", "^*_+", "^*+", "^+*", "_>0", r"_\gt0", "^+_*", "^>0"), _POSITIVE),
    **dict.fromkeys(("^-", "_-", "_-^*", "^*_-", "_<0", r"_\lt0"), _NEGATIVE),
    **dict.fromkeys((r"_\ge0", r"_\geq0", r"_\geqslant0", "^+_0", "_0^+", "^+0", r"^\ge0"), r"[0,\infty)"),
    **dict.fromkeys((r"_\le0", r"_\leq0", r"_\leqslant0", "^-_0", "_0^-"), r"(-\infty,0]"),
    **dict.fromkeys(("^*", r"_\ne0", r"_\neq0", r"^\ast", "_*", r"^\times"), r"(\setR \setminus \{0\})"),
}
_BUILDER = re.compile(
    r"\\\{\s*([A-Za-z])(?:\s*\\in\s*\\set([RZN]))?\s*(?::|\\mid|\\vert|\|)((?:(?!\\[{}]).){1,400})\\\}", re.DOTALL
)
_RELATED = re.compile(r"[<>=]|\\(?:[lg]eq?|[lg]t|neq?|in)(?![a-z])")
_FAMILY = re.compile(
    r"(?:[a-z]\s*(?:=|\\in)\s*)?\\\{(?!\s*[a-z]\s*(?::|\\mid|\|))([^:|]{1,300}?)\s*(?::|\\mid|\|)\s*([a-z]\s*\\in\s*\\set[ZN])\s*\\\}"
)
_WORDS = re.compile(
    r"(?:\x01?(?:the|set|of|all|any|every|each)\s+){0,4}(?:\x01?(positive|negative|nonnegative|nonpositive|nonzero)\s+)?"
    r"\x01?real(s?)(?:\s+\x01?(numbers?|values?))?(?:\s+\x01?(?:of|for))?(?:\s+([a-z]))?"
    r"(?:\s+\x01?(?:except|but)\s+(?:\x01?for\s+)?(?!\x01)(.+))?",
    re.IGNORECASE,
)
_NON = re.compile(r"\x01?non-\s*\x01?(?=negative|positive|zero)", re.IGNORECASE)
_NAMED = {
    "positive": _POSITIVE, "negative": _NEGATIVE, "nonnegative": r"[0,\infty)", "nonpositive": r"(-\infty,0]",
    "nonzero": r"\setR \setminus \{0\}",
}  # fmt: skip


def written_out(text: str) -> str:
    """With half lines as intervals, and sets by their condition as that condition."""
    if "\\setR" in text:
        text = _LINE.sub(lambda m: _HALVES.get(re.sub(r"[\s{}]", "", m[1]), m[0]), text)
    if "\\{" not in text:
        return text
    if family := _FAMILY.fullmatch(text):
        return f"{family[1]}, {family[2]}"
    return _BUILDER.sub(_condition, text)


def _condition(found: re.Match[str]) -> str:
    """Commas between conditions are an "and"; whole numbers are those within."""
    if not _RELATED.search(found[3]):
        return found[0]
    parts = " and ".join(f" {part} " for part in found[3].split(","))
    inner = parts.strip() if found.span() == (0, len(found.string)) and found[2] in (None, "R") else f"({parts})"
    return inner if found[2] in (None, "R") else f"({inner} \\cap \\set{found[2]} )"


def in_words(text: str) -> Node | None:
    """What is said of real numbers; None for anything else, and for the word "real" alone."""
    found = _WORDS.fullmatch(_NON.sub("non", text)) if "real" in text.lower() else None
    if found is None or not (found[2] or found[3] or found[4] or found[5]):
        return None
    node = Reader(_NAMED[found[1].lower()]).answer() if found[1] else Sym("set R")
    if not found[5]:
        return node
    but = Reader(re.sub(r"(?<![A-Za-z])[a-z]\s*(?:=|\\neq?(?![a-z]))\s*", "", found[5])).answer()
    items = but.items if isinstance(but, Sequence) and not but.opening else (but,)
    if not items:
        raise Unread("exceptions")
    return Call("minus", (node, Sequence("{", "}", items)))
