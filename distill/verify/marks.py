"""Marks that change what they stand at, and that readers drop: equal answers have the same ones."""

import re
from collections import Counter

_MARKS = re.compile(
    r"\\(?:bar|hat(?!\s*\{?\s*(?:\\math(?:bf|rm)\s*\{?\s*)?(?:[ijk]\b|\\[ij]math))|tilde|not|cancel|bcancel|lnot|neg|mp"
    r"|lor|vee|land|wedge|Pi|Sigma)(?![a-zA-Z])|(?<=[A-Za-z)}\d])['′]+|\.{3}|\\nabla\s*(?:\\cdot|\\times)?(?![a-zA-Z])"
    r"|\\d?frac\s*\{\s*(?:d|\\partial)\s*[a-zA-Z]?\s*\}\s*\{\s*(?:d|\\partial)\s*[a-z]\s*\}"
    r"|(?<!\\mathbb\{R\})(?<!\\mathbb R)(?<!ℝ)\^\s*\{?\s*[-+]\s*(?:\}|$)"
    r"|\\triangle\s*[A-Z]*|\\(?:vec|overrightarrow|mathbf|boldsymbol)\s*\{?\s*[A-Z]{2,}"
)
_OF_LETTERS = re.compile(
    r"\\(?:wide)?(?:bar|overline|hat|tilde)(?![a-zA-Z])(?=\s*(?:\{\s*(?:[A-Za-z]|\\[a-z]+)\s*\}|[A-Za-z]))"
    r"|['′]+|\^\s*\{?(?:\s*\\prime)+\s*\}?"
)
_APPLIED = re.compile(r"(?<![A-Za-z\\])([fghPEVO])\s*[(\[]([^()\[\]]*(?:\([^()]*\))?[^()\[\]]*)[)\]]")
_WITHOUT_BRACKETS = re.compile(r"(?<![A-Za-z\\])([fgEO])(?!\s*(?:\\left\s*)?[(\[']|[A-Za-z])")
_LINEAR = frozenset("fgEO")
"""Those of which `algebra` takes `f(a + b)` for a product; others are lengths and amounts more often."""

_COUNTS = re.compile(r"\s*\d+\s*,\s*\d+\s*")
"""`P(10, 3)` is a number of arrangements."""

_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])|\\[,;! ]")
_SCRIPT_O = re.compile(r"\\mathcal\s*\{?\s*O\s*\}?")
_NAMED = re.compile(r"^\s*[a-zA-Z]\s*(?:\([^()=]*\)|\^\s*\{?\s*-1\s*\}?)\s*=")
_BOUNDED = re.compile(r"([<>]|\\[lg]eq?)\s*[a-zA-Z]\s*\(\s*[a-z]\s*\)\s*(?=[<>]|\\[lg]e)")
_INVERSE = re.compile(
    r"[A-Z]\s*\^\s*\{?\s*-\s*1|[A-Z](?:\s*\^\s*\{?\w+\}?)?\s*(?:\\times|×|\\in)(?![a-z])\s*[A-Z]"
    r"|\\(?:vec|mathbf|overrightarrow)\s*\{?\s*[a-zA-Z]\s*\}?\s*(?:\\times|×)(?![a-z])"
)
_GOING_ON = re.compile(r"(\.\d{3,})\s*\.{3}(?!\s*[,\d])|([-+])\s*\.{3}(?=\s*[-+])|(\.\d*)\\bar(?=\s*\{?\d)")
"""Dots and bars of a decimal, and dots within a sum, which are read."""

_DOTS = re.compile(r"\\[lc]?dots[a-z]?(?![a-zA-Z])|…|\.{3,}")
_CONNECTIVE = re.compile(r"\\(?:lor|vee|land|wedge)(?![a-zA-Z])|[∨∧]")
_RELATED = re.compile(r"[<>=]|\\(?:[lg]eq?|[lg]t|neq?|in)(?![a-z])")
_VARIABLE = re.compile(r"(?<![\\A-Za-z])[a-z](?![A-Za-z])")
_LINKED = re.compile(r"[A-Z]\s*(?:\\text\s*\{)?\s*(and|or)\s*\}?\s*[A-Z]")
_CAPITALS = re.compile(r"[A-Z]{2,}")


def same_marks(gold: str, answer: str, applied: frozenset[str] | None = None) -> bool:
    """Bars, primes, negations and connectives; functions applied to the same; capitals in the same order.

    Of answers that `algebra` has read, the functions `applied` are told, and marks of letters are parts of their names.
    """
    if applied is not None:
        gold, answer = _OF_LETTERS.sub("", gold), _OF_LETTERS.sub("", answer)
    gold, answer = (_SCRIPT_O.sub("O", _SIZES.sub("", text).replace("−", "-")) for text in (gold, answer))
    gold, answer = (_GOING_ON.sub(r"\1\2\3", _DOTS.sub("...", text)) for text in (gold, answer))
    gold, answer = (text if "\\pm" in text else text.replace("\\mp", "\\pm") for text in (gold, answer))
    if _CAPITALS.fullmatch(gold.strip("$ ")) and _CAPITALS.fullmatch(answer.strip("$ ")):
        return gold.strip("$ ") == answer.strip("$ ")
    if _names_linked(gold) != _names_linked(answer):
        return False
    gold, answer = (_BOUNDED.sub(r"\1 x", _NAMED.sub("", text)) for text in (gold, answer))
    gold, answer = _without_connectives(gold), _without_connectives(answer)
    if _INVERSE.search(gold + answer):  # matrices do not commute
        return re.sub(r"[\s{}]", "", gold) == re.sub(r"[\s{}]", "", answer)
    if _counted(_MARKS, gold) != _counted(_MARKS, answer):
        return False
    known = applied if applied is None else applied | _bare(gold) | _bare(answer)
    return _applications(gold, known) == _applications(answer, known)


def _bare(text: str) -> frozenset[str]:
    """Letters that stand somewhere without brackets, as factors do."""
    return frozenset(_WITHOUT_BRACKETS.findall(text))


def _without_connectives(text: str) -> str:
    """Those between equations or inequalities are read; an "or" only where they are about one letter."""
    parts = _CONNECTIVE.split(text)
    if len(parts) < 2 or not all(map(_RELATED.search, parts)):
        return text
    is_read = "\\land" in text or "\\wedge" in text or len(set(_VARIABLE.findall(" ".join(parts)))) == 1
    return " ".join(parts) if is_read and not ("\\land" in text and "\\lor" in text) else text


def _names_linked(text: str) -> str | None:
    """`and` or `or` between two capitals; None for anything else."""
    found = _LINKED.fullmatch(text.strip("$ "))
    return found[1] if found else None


def _counted(pattern: re.Pattern[str], text: str) -> Counter[str]:
    return Counter(pattern.findall(text))


def _applications(text: str, known: frozenset[str] | None) -> Counter[str]:
    return Counter(
        f"{name}({re.sub(r'[ ,{}]', '', inner).replace('log', 'ln')})"
        for name, inner in _APPLIED.findall(text)
        if (known is None or name in _LINEAR - known) and (name != "P" or not _COUNTS.fullmatch(inner))
    )
