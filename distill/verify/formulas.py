"""Formulas, numbers and bold type in a text, and which formulas belong together or are remarks."""

import re
from itertools import pairwise

from distill.verify.wording import BOUND_BEHIND, REJECTED, SCALES_OF_HAN, WRONG_BEHIND

REJECTED_BEHIND = re.compile(
    rf"\s*[(（\[]\s*(?:舍去?|不合题意|不符合题意|verworfen|{REJECTED}|reject"
    rf"|discard|impossible|not (?:valid|allowed|possible))"
    r"[^()（）\[\]\n]{0,30}[)）\]]"
)
"""Behind one of several values: it is none."""

NUMBER_IN_TEXT = re.compile(r"(?<![A-Za-z\d_.])-?\$?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|\.\d+)%?")
NUMBERING = re.compile(
    r"(?:\b(?:steps?|cases?|parts?|problems?|questions?|methods?|figures?|equations?|options?|lines?|examples?)|#)\s*$",
    re.IGNORECASE,
)
"""Before a number that is none of the answer's."""

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
BOLD = re.compile(r"(?<![A-Za-z0-9_)\]}*])\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?![A-Za-z0-9_])")
"""`x**2` is a power."""

_IN_SET = re.compile(
    r"\s*[A-Za-z](?:_\d)?(?:\s*,\s*[A-Za-z](?:_\d)?)*\s*\\in\s*\\(?:mathbb|mathbf|Z|N|R|Bbb).*", re.DOTALL
)
_CONDITION_BEHIND = re.compile(
    r"\s*[,;(]?\s*(?:where|with|for|wobei|où|donde|где)?\s*(?:\$|\\\()\s*([A-Za-z]\s*\\in\s*\\(?:mathbb|Z|N)[^$\\]*\{?[A-Z]?\}?)"
)
_ANY_INTEGER = re.compile(
    r"\s*[,;(]?\s*(?:where|with|for)\s*(?:(?:any|all|every|some) )?(?:integers? )?"
    r"(?:\$|\\\()?\s*([A-Za-z])\s*(?:\$|\\\))?"
    r"\s*(?:is|be|ranges over|denotes)?\s*(?:(?:an|any|all|the|arbitrary) ){0,2}(?<=[ $)])(?:integers?)\b"
)
_REMARK = re.compile(
    r"(?:\b(?:where|since|because|wobei|weil|où|car|donde|porque|где|for (?:some|any|all|every|each|arbitrary))\b"
    r"|(?<=\s)[(（])[^$.\\]{0,60}$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*(?:,|;|and|or|und|oder|et|ou|y|o|и|или|或者?|和|及|、|，|,\s*(?:and|or))\s*", re.IGNORECASE)
COUNTED = re.compile(
    rf"({NUMBER_IN_TEXT.pattern})\s*(?![^\s]{{0,2}}[{SCALES_OF_HAN}分の]|{WRONG_BEHIND}|{BOUND_BEHIND})[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{{1,6}}"
)
"""A number and what is counted, in one of those languages."""

COUNTED_IN_CYRILLIC = re.compile(
    r"(-?\d[\d,]*(?:\.\d+)?) (?!процент|дюжин|десятк|сотен|[а-яё]+[ыи]х$)[а-яё]{3,20}", re.IGNORECASE
)
"""`7 яблок`; a hundredth or a dozen is another number."""

MOST_LISTED = 12


def inside(formula: re.Match[str]) -> str:
    """What stands between the marks of a formula."""
    return next(part for part in formula.groups() if part is not None).strip()


def condition_behind(text: str, at: int) -> str:
    """What a general solution's parameter is said to be, as in `$x = k\\pi$, where $k$ is any integer`."""
    if found := _CONDITION_BEHIND.match(text, at):
        return f", {found[1].strip()}"
    found = _ANY_INTEGER.match(text, at)
    return rf", {found[1]} \in \mathbb{{Z}}" if found else ""


def last_formula(text: str) -> tuple[int, str, int] | None:
    """Start, content and end of the formula that a text ends on; several that are a list or a condition go together.

    One that a remark holds ("where $K$ is a constant") is passed over where another stands before it.
    """
    found = list(FORMULA.finditer(text))
    while len(found) > 1 and _REMARK.search(text, found[-2].end(), found[-1].start()):
        found.pop()
    if not found:
        return None
    if len(found) > 1 and ("(" in text or "（" in text) and (kept := _without_rejected(text, found)) is not None:
        return kept
    parts = [inside(found[-1])]
    start, end = found[-1].start(), found[-1].end()
    for before, after in zip(found[-2::-1], found[:0:-1], strict=True):
        linked = _BETWEEN.fullmatch(text, before.end(), after.start())
        conditions = _IN_SET.fullmatch(parts[0]) and after.start() - before.end() < 20
        if not (linked or conditions) or len(parts) > MOST_LISTED:
            break
        parts.insert(0, inside(before))
        start = before.start()
    if len(parts) == 1:
        return start, parts[0] + condition_behind(text, end), end
    return start, ", ".join(parts), end


def _without_rejected(text: str, found: list[re.Match[str]]) -> tuple[int, str, int] | None:
    """The last list of a text, without what is marked there as rejected."""
    kept = [one for one in found[-MOST_LISTED:] if not REJECTED_BEHIND.match(text, one.end())]
    if len(kept) == len(found[-MOST_LISTED:]) or not kept:
        return None
    marked = REJECTED_BEHIND.match(text, found[-1].end())
    start, end = kept[0].start(), marked.end() if marked else found[-1].end()
    linked = [
        _BETWEEN.fullmatch(REJECTED_BEHIND.sub("", text[a.end() : b.start()]))
        for a, b in pairwise(found[-MOST_LISTED:])
    ]
    return (start, ", ".join(map(inside, kept)), end) if all(linked) else None


_LABEL = re.compile(
    r"(?!(?i:check|verif|test|proof|note|example|step|case|hint|given))[A-Z][a-z]+(?: [a-z]+){0,3}: +(?=\S)"
)
_FORMAL = re.compile(r"[\[(^√∪∩∞π<>≤≥±⟨*]|sqrt|\bpi\b")
_MARKUP = re.compile(r"[$\\#|`]|\*\*|=>|->|[⇒→∴✓?;:!%]|[^\W\d_A-Za-zπθαβλμφωρΩℤℝℕℚ]")
_WORD = re.compile(r"[A-Za-z]{2,}")
_IN_FORMULAS = frozenset(
    "sqrt pi or and where for in sin cos tan ln log exp arcsin arccos arctan arccot infinity oo inf union".split()
)
_GIVEN = re.compile(r"([A-Za-z](?:_?\w)?'?(?:\([a-z]\))?)\s*=(?!=)")


def formula_alone(line: str) -> str | None:
    """A line of plain text that is a formula, or a list of what one name may be; without its label."""
    line = line.strip().strip("*")
    line = line if line.endswith("...") else line.removesuffix(".").strip()
    label = _LABEL.match(line)
    line = line[label.end() :] if label else line
    if _MARKUP.search(line) or not _FORMAL.search(line):
        return None
    if any(word.lower() not in _IN_FORMULAS for word in _WORD.findall(line) if len(word) > 2 or word.islower()):
        return None
    names = _GIVEN.findall(line)
    if line.replace("==", "=").count("=") - len(re.findall("[<>!]=", line)) != len(names) or len(set(names)) > 1:
        return None
    return line if not names or line.startswith(names[0]) else None
