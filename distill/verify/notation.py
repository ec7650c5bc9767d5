"""How answers are written: one spelling for what means the same, and what an answer must not hold to be taken for one.

Rules of typography and of English only; whether two expressions are equal is math-verify's business.
"""

import re
import string

from distill.verify.wording import SCALES

_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_SPELLINGS = {
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", ""),
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    **dict.fromkeys("−–‐‑", "-"),
    **dict.fromkeys("·⋅∙", r"\cdot "),
    "×": r"\times ",
    "÷": r"\div ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "≠": r"\neq ",
    "≈": r"\approx ",
    "π": r"\pi ",
    "∞": r"\infty ",
    "√": r"\sqrt",
    "°": r"^\circ",
    "…": r"\ldots ",
}
_TABLE = str.maketrans(_SPELLINGS)
_SIZES = re.compile(r"\\(left|right|[bB]igg?[lrm]?)(?![a-zA-Z])")
_SPACES = re.compile(r"\\[,;: ]|~|\\q?quad(?![a-zA-Z])")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|boldsymbol|underline|displaystyle)\s*\{([^{}]*)\}")
_SYMBOL = re.compile(r"\\(?:text|mathrm|mathbf)\s*\{\s*(i|e|\\pi)\s*\}")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\{,\}|\\!| )\d{3})+(?![\d.])")

RELATION = re.compile(
    r"[<>]|\\(?:leq?|geq?|lt|gt|neq?|not|equiv|sim|to|rightarrow|Rightarrow|implies|iff|propto|in)(?![a-zA-Z])"
)
"""A statement about a value, and not a value. Equality is apart: `x = 5` names its value."""

BEYOND = re.compile(
    r"\\(?:phantom|neg|lnot|exists|forall|prod|ldots|dots|dotsc|cdots)(?![a-zA-Z])|\.\.\.|permil|perthousand|‰|\\\\|'\s*$|\?|\$"
)
"""Notation that math-verify reads past, as if it were not there."""

UNDECIDED = re.compile(
    r"\\begin\s*\{cases|\\[lc]?dots|\.\.\.|…|\\p?mod(?![a-z])|\\equiv|(?<![\^_\d])\d+(?:\s|\\[ ,;:])+\d(?!\d\d(?!\d))|"
    r"\\in\s*\\mathbb|\d{4}-\d\d-\d\d|[,\s][a-z]\s*(?:\\[lg]eq?|[<>])\s*\d+$|,[^,]*\\leq?\s*[a-z]\s*\\leq?|\\\{\s*\(?[a-z][^{}]*?(?:\\mid|\\vert|\||:)"
)
"""Notation of which math-verify compares but a part: where `algebra` cannot decide, nothing does."""

DERIVATIVE = re.compile(
    r"\\d?frac\s*\{\s*(?:d|\\partial)\s*(?:\^\s*\{?\d\}?\s*)?\}\s*\{\s*(?:d|\\partial)"
    r"\s*(?:\\[a-zA-Z]+|[a-zA-Z](?![a-zA-Z]\s*[a-zA-Z]))"
)
"""An operator of differentiation, and no fraction."""

UNEVALUATED = re.compile(
    r"\\(?:sum|prod|i*nt|oint|lim|limsup|liminf|det|inf|sup)(?![a-z])"
    rf"|{DERIVATIVE.pattern}|\\(?:zeta|Gamma)\s*(?:\\left)?\("
)
"""What math-verify works out now and then: that it finds another value says little."""

CHANGING = frozenset(
    """thousand million billion trillion hundred hundreds thousands millions dozen half twice double triple times not
    isn never or and between to than least most more less fewer greater over under above below minus negative plus about
    approximately incorrect wrong permutations cyclic nicht kein keine pas nowhere near fails failed
    contradicts ish""".split()
)
"""Words that make another value, or none, of the number beside them."""


OPERATIONS = SCALES.union(
    """half third quarter tenth divided choose remainder root log sqrt pi reciprocal opposite inverse isn't hardly
    except unless far multiple divisible bounded almost nearly anything else if best worst out point maybe perhaps
    exclude excluding rather longer besides dividing""".split()
)
"""Words that make another value of a number in a sentence, or take it back."""


def tidy(text: str) -> str:
    """An answer in one spelling: no sizes of brackets, no dollar signs around, plain spaces and dashes."""
    text = _SPACES.sub(" ", _SIZES.sub("", text.translate(_TABLE))).replace("\\degree", "^\\circ")
    text = _SYMBOL.sub(r"\1 ", text).strip()
    while (bare := unwrapped(text)) != text:
        text = bare
    text = re.sub(r"^\\text\s*\{[^{}\d]*[:=]\s*\}|^\([A-E]\)\s*(?=\S)", "", text).strip()  # "Total:", "(A)"
    text = re.sub(r"^(?:\\?\$|€|£|¥)\s*(?=[-.\d])|(?<=\d)\s*[€£¥]$", "", text)
    return _THOUSANDS.sub(lambda m: re.sub(r"\D", "", m[0]), text).strip()


def unwrapped(text: str) -> str:
    """Without one pair of what may stand around a whole answer, or a final stop."""
    text = re.sub(r"(?<=\S)[.,;]$", "", text).strip()
    for before, after in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**")):
        inner = text[len(before) : -len(after)]
        if text.startswith(before) and text.endswith(after) and len(text) > len(before + after) and before not in inner:
            return inner.strip()
    whole = _WRAPPED.fullmatch(text)
    return whole[1].strip() if whole else text


_NO_WORDS = re.compile(r"[^\w\s.,;:'’\"!?]|[\d_]|!(?=.)")
_DIGIT = re.compile(r"\d")
_THREE_LETTERS = re.compile(r"[^\W\d_]{3}")
_ABBREVIATION = re.compile(r"(?<=[a-z]) \([A-Z]{2,5}\)$")
"""Of the name before it."""

_WORD = re.compile(r"[^\W\d_]+")
_EMPTY_SPACE = re.compile(r"(?<![\w])\s+|\s+(?![\w])")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_ENGLISH = re.compile(r"[A-Za-z]{2,}")
_OPERATOR = re.compile(r"[\s$]*\\(?:sum|prod|lim|i*int|oint|det)(?![a-z])")
_ARTICLES = frozenset(("the", "a", "an"))


def same_words(one: str, other: str) -> bool:
    """Are both the same words, whatever the case, the articles and the punctuation? What holds a formula is not."""
    ours, theirs = _plain_words(one), _plain_words(other)
    return ours is not None and ours == theirs


def _plain_words(text: str) -> list[str] | None:
    if _DIGIT.search(text):
        return None
    text = " ".join(text.strip().strip("$*`\"'").split())
    text = _ABBREVIATION.sub("", text)
    while whole := _WRAPPED.fullmatch(text):
        text = whole[1].strip()
    if len(text) > 400 or _NO_WORDS.search(text) or not _THREE_LETTERS.search(text):
        return None
    if "!" in text and " " not in text:
        return None  # a factorial
    return without_articles(text)


_SYMBOL_OF_CASE = re.compile(r"[A-Za-z]*[a-z][A-Z][A-Za-z]*|[A-Z]{2,}[a-z]+|[A-Z][A-Za-z]")
_SHORT_WORDS = frozenset("no is it if on or an at by in of to up us we he me my am pm so do go be as ok ad bc".split())


def cased(word: str) -> str:
    """A word in lower case; a symbol, a formula of chemistry or a genotype as it is: `mA`, `NaCl`, `Co`, `AABB`."""
    if _SYMBOL_OF_CASE.fullmatch(word) and word.lower() not in _SHORT_WORDS:
        return word
    is_doubled = len(word) % 2 == 0 and word[::2].lower() == word[1::2].lower()
    return word if is_doubled else word.casefold()


def without_articles(text: str) -> list[str]:
    """Its words in lower case; the A of "vitamin A" is a name."""
    found = _WORD.findall(text)
    return [
        cased(word) for place, word in enumerate(found) if word.casefold() not in _ARTICLES or (word == "A" and place)
    ]


def squeezed(text: str) -> str:
    """Without the spaces that mean nothing: those between two letters or digits stay."""
    return text if len(text.split()) == 1 and text == text.strip() else _EMPTY_SPACE.sub("", text)


def words(text: str) -> set[str]:
    """English words in a piece of LaTeX: those in \\text{} and those that stand bare."""
    inside = " ".join(_WRAPPED.findall(text))
    bare = _COMMAND.sub(" ", _WRAPPED.sub(" ", text))
    return {word.lower() for word in _ENGLISH.findall(f"{inside} {bare}")}


def equals(text: str) -> list[int]:
    """Where `=` stands outside of braces."""
    depth, found = 0, []
    for at, sign in enumerate(text):
        depth += {"{": 1, "}": -1, "(": 1, ")": -1}.get(sign, 0)
        if sign == "=" and not depth:
            found.append(at)
    return found


def worked_out(text: str) -> str:
    """What a sum, an integral or a limit is said to be: `\\lim_{x \\to 0} \\frac{\\sin x}{x} = 1`."""
    if not _OPERATOR.match(text) or not (places := equals(text)):
        return text
    return text[places[0] + 1 :].strip()


def links(text: str) -> list[str]:
    """The values that a chain of equations gives: `x = 6 \\cdot 7 = 42` gives two; a name at its beginning is none."""
    parts = [part.strip() for part in re.split(r"(?<![<>!\\])=|\\approx(?![a-zA-Z])", text)]
    if len(parts) > 1 and (not parts[0] or re.fullmatch(r"\\?[A-Za-z]+[\d_{}']*(\([^=]*\))?|[^\d=]*", parts[0])):
        parts = parts[1:]
    return parts


def last_answer_tag(text: str) -> str | None:
    """What stands in the last closed `<answer>...</answer>`, in whatever case; None where there is none.

    Searched from the end, as a regex takes hours for a megabyte of opening tags.
    """
    lower = text.translate(_TO_LOWER)  # str.lower makes two characters of one, as of `İ`
    end = lower.rfind("</answer>")
    start = lower.rfind("<answer>", 0, end) if end >= 0 else -1
    return text[start + len("<answer>") : end].strip() if start >= 0 else None
