"""An answer in one spelling, cut into tokens."""

import re
from typing import NamedTuple

from distill.verify.algebra.nodes import TooBig, Unread
from distill.verify.algebra.rewriting import rewritten
from distill.verify.algebra.units import BARE_SYMBOLS, MULTIPLIERS, UNITS, names_of, singular
from distill.verify.algebra.units import is_unit as is_unit_name
from distill.verify.notation import CHANGING

MOST_TOKENS = 600
LONGEST = 4000

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_SPELLINGS: dict[str, str] = {
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u2061\u2062", ""),
    **dict.fromkeys("\u00a0\u2009\u202f\u2002\u2003\u3000\t\n\r", " "),
    **dict.fromkeys("−–‐‑—﹣", "-"),
    **dict.fromkeys("·⋅∙•×", r"\cdot "),
    **dict.fromkeys("⟨〈", r"\langle "),
    **dict.fromkeys("⟩〉", r"\rangle "),
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},  # full-width forms
    "÷": "/", "∗": "*", "∕": "/", "⁄": "/", "≤": r"\leq ", "⩽": r"\leq ", "≥": r"\geq ", "⩾": r"\geq ", "≠": r"\neq ",
    "≈": r"\approx ", "π": r"\pi ", "∞": r"\infty ", "°": r"^\circ ", "…": r"\ldots ", "∪": r"\cup ", "∩": r"\cap ",
    "∈": r"\in ", "∅": r"\emptyset ", "±": r"\pm ", "∓": r"\mp ", "√": r"\sqrt ", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ", "ω": r"\omega ", "ρ": r"\rho ",
    "≡": r"\equiv ",
    "∖": r"\setminus ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ⅇ": "e",
    **dict.fromkeys("ΩΩ", r"\Omega "), "µ": r"\mu ", "Å": " \x01angstrom ", "℃": r"^\circ C", "℉": r"^\circ F",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∨": r"\lor ", "∧": r"\land ", "′": "'",
    "†": r"\dagger ",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}",
    "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}",
}  # fmt: skip
_TABLE = str.maketrans(_SPELLINGS)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_SIZES = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|mathstrut)(?![a-zA-Z])\.?"
)
_ROW_SPACING = re.compile(r"(?<=\\\\)\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\]")
_ROW_END = re.compile(r"(?<!\\)[.,;](?=\s*\\(?:\\|end))")
_RAISED_AND_LOWERED = re.compile(r"([A-Za-z])\^(\d|[A-Za-z]|\{[^{}]*\})_(\d|[A-Za-z]|\{[^{}]*\})")
_ORDINAL = re.compile(r"(?<![\w.])(\d{1,3})(?:st|nd|rd|th)(?![A-Za-z])")
_SPACES = re.compile(r"(?<!\\)\\[,;:! >]|~|\\q?quad(?![a-zA-Z])|\\hspace\{[^{}]*\}")
_INVERSE = re.compile(
    r"\\?\b(sin|cos|tan|cot|sec|csc|sinh|cosh|tanh)\s*\^\s*(?:[{(]\s*-\s*1\s*[})]|-\s*1(?![a-zA-Z\d]))"
)
_UNION = re.compile(r"(?<=[)\]}])\s*(?:U|\x01U|\x01u)\s*(?=[(\[{\]]|\\\{)")
_COMMA = re.compile(r"((?<=\d)\{,\}(?=\d{1,2}(?!\d)|\d{4}))|\{,\}")
"""That of a decimal is told by the number of digits behind it."""

_OHMS = re.compile(r"(?<=[\d\s])\x01?([kMGmn])\s*\\Omega(?![a-zA-Z])")
_MICRO = re.compile(r"(?<=[\d\s}])\s*\\mu\s*\x01?(m|s|g|A|V|F|L|C|W|H|J|N|M|T|Pa|Hz|mol)(?![A-Za-z])")
_UNEQUAL = re.compile("=/=|<>")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:\{,\}|,?\\[!,]\s?|,?\\ |(?:\{)?\\,(?:\})?| )\d{3})+(?!\d)")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|mathrm|mathsf|mathit|mbox|hbox|emph|operatorname\*?|rm)\s*\{([^{}]*)\}"
)
_LONE_LETTER = re.compile(r"\\(?:text|mathrm|rm|mathit|it)\s+([A-Za-z])(?![A-Za-z])")
_ABBREVIATED = re.compile(r"(?<=[A-Za-z]{2})\.(?=[\s}])")
_NESTED_TEXT = re.compile(_TEXT.pattern.replace("([^{}]*)", r"((?:[^{}]|\{[^{}]*\})*)"))
_LETTERS = re.compile(r"[\\\x01]?[A-Za-z]+")
_STYLE = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|vec|hat|pmb|underline|bar)\s*(?:\{([^{}]*)\}|(?<![a-z])([A-Za-z\d])(?![A-Za-z]))"
)
_ACCENT = re.compile(
    r"\\(?:wide)?(bar|overline|hat|tilde|dot|ddot)(?![a-zA-Z])\s*"
    r"(?:\{\s*(?:\\(?:mathbf|boldsymbol|vec)\s*)?([A-Za-z]|\\[a-z]+)\s*\}|([A-Za-z])|(\\[a-z]+))"
)
ACCENTS = ("accentbar", "accenthat", "accenttilde", "accentdot", "accentddot")
"""Tokens behind a letter."""

_UNIT_VECTORS = frozenset(("i", "j", "k", "\\imath", "\\jmath"))
_STYLED = re.compile(r"\\(?:boxed|fbox|mathbf|boldsymbol|bm|pmb|displaystyle|underline|mathit)\s*\{")
_PHANTOM = re.compile(r"\\[hv]?phantom\s*(?:\{[^{}]*\}|[-+\w])")
_COLOR = re.compile(r"\\(?:text)?color\s*(?:\[[a-z]*\])?\{[\w!]*\}")
_BOARD = re.compile(r"\\(?:mathbb|Bbb)\s*\{?\s*([A-Z])\s*\}?")
_SCRIPT = re.compile(r"\\(?:mathcal|mathfrak)\s*\{?\s*([A-Z])\s*\}?")
_DRESSED = re.compile(
    r"\\(?:wide|bar|over|hat|tilde|d*dot(?!s)|math|bold|bm|vec|pmb|under|Bbb|text|rm|it|[mh]box|emph|operator|color|AA)"
)
"""Begins a command that `_undressed` takes away."""

_FINAL_STOP = re.compile(r"(?<!\\)[.,;]$|\\$")
_AROUND = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))
_LABEL = re.compile(r"^(?:\x01[A-Za-z]+\s*)+[:=]\s*|^\(\x01?[A-E]\)\s*(?=[^\s,)])")
_ASSIGNED_WORDS = re.compile(
    r"^[A-Za-z]\s*=\s*(?=\(?\x01)|^\\approx(?![a-zA-Z])\s*|^\x01?approximately\s+(?=-?[\d.\\])"
)
_SENTENCE = re.compile(r"^((?:\x01[A-Za-z]+\s*){1,8})\x01(?:is|are|equals|was|were)\s+(?!\x01)")
_THERE = re.compile(r"^(\x01there\s*)\x01(?:is|are)\s+(?!\x01)", re.IGNORECASE)
_CONDITIONAL = frozenset("if unless no opposite reciprocal inverse except without".split())
_REMARK = re.compile(r"\s*\(\s*\x01?(?:since|because|as)\s[^()]*\)$")
_DOTS = re.compile(r"\.{3,}|\\(?:dots[a-z]?|cdots)(?![a-zA-Z])")
_MONEY = re.compile(
    r"(?<![\w}])(-?\s*)\x01?(?:((?:US\s*)?\\?\$|USD)|(€|EUR)|(£|GBP))\s*(-?[\d.][\d.,]*)"
    r"(\s*\x01?(?:hundred|thousand|million|billion)\b)?"
)

FUNCTIONS = frozenset(
    """sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh ln log exp sqrt abs max min
    gcd lcm det coth sech csch arccot arccsc arcsec cis floor ceil binom nthroot cbrt
    lg diag""".split()
)
_PROGRAMMED = {
    "artanh": "arctanh", "arsinh": "arcsinh", "arcosh": "arccosh", "arcoth": "arccoth",
    "Abs": "abs", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "acot": "arccot", "asec": "arcsec", "acsc": "arccsc", "binomial": "binom",
    "ceiling": "ceil", "factorial": "factorial",
}  # fmt: skip
"""Functions under the names that programs give them, and others."""

_FUNCTION_NAMES = FUNCTIONS | {name for name in _PROGRAMMED if name.startswith("ar")}
_NEVER_SYMBOLS = frozenset(("YES", "NO", "TRUE", "DNE", "no", "No"))
GREEK = frozenset(
    """alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau
    upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar triangle dagger
    T""".split()
)


class Token(NamedTuple):
    kind: str
    """`number`, `symbol`, `function`, `word` or `sign`."""
    text: str
    glued: bool
    """No space before it."""


def spelled(text: str) -> str:
    """One spelling for what means the same; words that are text are marked.

    Raises:
        Unread: a control character.
        TooBig: longer than `LONGEST`.
    """
    if len(text) > LONGEST:
        raise TooBig("length")
    if _CONTROL.search(text):
        raise Unread("control character")
    text = rewritten(_ABBREVIATED.sub("", text) if "." in text else text)
    if not text.isascii():
        text = _RAISED.sub(lambda m: "^{" + m[0].translate(SUPERSCRIPTS) + "}", text)
        text = _LOWERED.sub(lambda m: "_{" + m[0].translate(SUBSCRIPTS) + "}", text)
    text = text.translate(_TABLE)
    text = _unwrapped((_DOTS.sub(r"\\ldots ", text) if "..." in text or "dots" in text else text).strip())
    if "\\\\" in text and "\\begin" not in text:
        text = text.replace("\\\\", "\\")  # escaped once too often
    if "\\" in text:
        text = _SIZES.sub(" ", _PHANTOM.sub("", text) if "phantom" in text else text)
        if "\\\\" in text or "\\begin" in text:
            text = _ROW_END.sub("", _ROW_SPACING.sub("", text)) if "\\begin" in text else _ROW_SPACING.sub("", text)
    text = _THOUSANDS.sub(lambda m: re.sub(r"\D", "", m[0]), text)
    text = _ORDINAL.sub(r"\1", text)
    if "^" in text:
        text = _RAISED_AND_LOWERED.sub(r"\1_\3^\2", text)
    if "\\" in text or "~" in text:
        text = _SPACES.sub(" ", text)
    if _DRESSED.search(text):
        text = _undressed(text)
    if "\\Omega" in text or "\\mu" in text:
        text = _OHMS.sub(lambda m: f" \x01{m[1]}Omega ", text)
        text = _MICRO.sub(lambda m: f" \x01u{m[1]} ", text)
    text = _INVERSE.sub(r"\\arc\1 ", text) if "^" in text else text
    text = _UNEQUAL.sub("!=", _UNION.sub(r"\\cup ", text))
    text = _LABEL.sub("", _REMARK.sub("", _announced(_unwrapped(text)))).strip()
    text = _ASSIGNED_WORDS.sub("", text)
    text = (_COMMA.sub(lambda m: "." if m[1] else ",", text) if "{,}" in text else text).replace("{:}", ":")
    if "$" in text and text.replace("\\$", "").count("$") % 2 == 0:
        text = re.sub(r"(?<!\\)\$", " ", text)  # they stand around formulas
    return _MONEY.sub(_with_unit, text).replace("**", "^").replace("\\$", "").replace("$", "")


def _undressed(text: str) -> str:
    """Colours, styles and accents of letters, names of sets, and words that are text."""
    text = _LONE_LETTER.sub(r"\\mathrm{\1}", _COLOR.sub(" ", text))
    text = text.replace("\\AA", "\x01angstrom ").replace("\\mathdollar", "\\$")
    text = _STYLE.sub(lambda m: f" {m[1] or m[2]} ", _ACCENT.sub(_accented, text))
    text = _BOARD.sub(r"\\set\1 ", _SCRIPT.sub(r" \1", _STYLE.sub(lambda m: f" {m[1] or m[2]} ", text)))
    for _ in range(3):
        text = _TEXT.sub(lambda m: " " + _marked(m[1]) + " ", text)
    return _NESTED_TEXT.sub(lambda m: " " + _marked(m[1]) + " ", text)


def _accented(found: re.Match[str]) -> str:
    """A letter with the mark behind it that is part of its name; unit vectors need none."""
    letter = found[2] or found[3] or found[4]
    if found[1] == "hat" and letter in _UNIT_VECTORS:
        return f" {letter.removeprefix(chr(92)).removesuffix('math')} "
    return f" {letter}\\accent{found[1].replace('overline', 'bar')} "


def _announced(text: str) -> str:
    """What a sentence says a value to be: `\\text{The two primes are } 7`; not where its words may change the value."""
    found = _SENTENCE.match(text) or _THERE.match(text)
    if found is None or set(re.findall("[a-z]+", found[1].lower())) & (CHANGING | _CONDITIONAL):
        return text
    return text[found.end() :]


def _unwrapped(text: str) -> str:
    """Without what may stand around a whole answer, or a final stop."""
    while True:
        bare = _FINAL_STOP.sub("", text.strip()).strip()
        if (whole := _STYLED.match(bare)) and _is_closed_at_the_end(bare, whole.end()):
            bare = bare[whole.end() : -1].strip()
        for before, after in _AROUND:
            inner = bare[len(before) : -len(after)]
            if bare.startswith(before) and bare.endswith(after) and inner and before not in inner:
                bare = inner.strip()
        if bare == text:
            return text
        text = bare


def _is_closed_at_the_end(text: str, start: int) -> bool:
    """Does the brace before `start` close at the end of the text and not before?"""
    depth = 1
    for found in re.finditer(r"\\.|[{}]", text[start:]):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return start + found.end() == len(text)
    return False


def _marked(text: str) -> str:
    """What stands in `\\text{}`: its words are no products of letters."""
    if text.strip() in ("i", "e", "d"):
        return text
    keep = _FUNCTION_NAMES - {"min"} if text.strip() == "min" else _FUNCTION_NAMES  # minutes, where it stands alone
    return _LETTERS.sub(lambda m: m[0] if m[0] in keep or m[0][0] in "\\\x01" else "\x01" + m[0], text)


def _with_unit(found: re.Match[str]) -> str:
    name = "dollar" if found[2] else "euro" if found[3] else "gbp"
    return f"{found[1]}{found[5].rstrip(',.')}{found[6] or ''} \x01{name} "


_TOKEN = re.compile(
    r"(\s*)(?:(\d+(?:\.\d+|\.(?=\s*\\overline))?|\.\d+)|\\([A-Za-z]+|.)|\x01([A-Za-z]+)|([A-Za-z]+)|(<=|>=|!=|==|<|>|[-+*/^_=!%(){}\[\],;:|'&¢€£]))"
)

_COMMANDS = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom", "cdot": "*", "times": "*",
    "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=",
    "lt": "<", "gt": ">", "ne": "!=", "neq": "!=", "{": "\\{", "}": "\\}", "lbrace": "\\{", "rbrace": "\\}",
    "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")", "infin": "infty", "varnothing": "emptyset", "%": "%",
    "lvert": "|", "rvert": "|", "vert": "|", "lor": "or", "vee": "or", "land": "and", "wedge": "and", 
    "backslash": "setminus", "bmod": "mod", "degree": "degree", "colon": ":", "prime": "'", "thickapprox": "approx",
    "simeq": "approx", "top": "T", "intercal": "T",
    "arcctg": "arccot", "tg": "tan", "ctg": "cot",
}  # fmt: skip
_KNOWN = frozenset(
    """frac binom infty emptyset pm mp in notin cup cap setminus circ overline lfloor rfloor lceil rceil langle rangle
    begin end sum prod pi approx mod setR setZ setN setQ setC or and ldots""".split()
).union(ACCENTS)
_BARE = {"pi": "pi", "inf": "infty", "infinity": "infty", "oo": "infty", "and": "and", "or": "or", "mod": "mod"}
_PRODUCT = re.compile("[x-z]{3}|abc|[a-w][x-z]{2}")
"""Three letters that are no word: `xyz`, `xxy`."""

_BEHIND_PI = frozenset(("mm", "cm", "dm", "km", "ft"))
"""Units that are hardly ever a product of letters there, as `in` and `ms` may be."""

_CONNECTING = frozenset(("and", "or"))


def tokens(text: str, symbols_of_units: bool = False) -> list[Token]:
    """With `symbols_of_units` every such symbol behind a number, a unit or a stroke is one.

    Raises:
        Unread: a sign or a command that is not known, or too many.
    """
    found: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or len(found) > MOST_TOKENS:
            raise Unread("sign") if match is None else TooBig("length")
        at = match.end()
        space, number, command, word, letters, sign = match.groups()
        glued = not space
        if number:
            found.append(Token("number", number, glued))
        elif command:
            found.append(_command(command, glued))
        elif word:
            found.append(_word(word, glued))
        elif letters:
            found += _letters(letters, glued, _unit_may_follow(found, letters, symbols_of_units), symbols_of_units)
        else:
            found.append(Token("sign", "!=" if sign == "!=" else "=" if sign == "==" else sign, glued))
    return found


def _command(name: str, glued: bool) -> Token:
    name = _COMMANDS.get(name, _PROGRAMMED.get(name, name) if name.startswith("ar") else name)
    if name in FUNCTIONS and name != "binom":
        return Token("function", name, glued)
    if name in GREEK:
        return Token("symbol", name.removeprefix("var"), glued)
    if name in _KNOWN or not name[0].isalpha() or name == "degree":
        return Token("sign", name, glued)
    raise Unread("command")


def _word(word: str, glued: bool) -> Token:
    lower = word.lower()
    if lower in _CONNECTING:
        return Token("sign", lower, glued)
    return Token("word", word, glued)


def _unit_may_follow(found: list[Token], run: str, symbols_of_units: bool) -> bool:
    """Behind a number, behind the stroke of a unit (`36 km/hr`), and of some units behind a multiple of pi."""
    if not found:
        return False
    if found[-1].kind == "number" or (found[-1].text == "pi" and run in _BEHIND_PI):
        return True
    if symbols_of_units:
        return found[-1].kind in ("symbol", "word") or found[-1].text in ("*", "/", "{", "}", "(", ")", "pi")
    return found[-1].text == "/" and len(found) > 1 and found[-2].kind == "word"


def _letters(run: str, glued: bool, is_behind: bool, symbols_of_units: bool) -> list[Token]:
    """Letters that no `\\text{}` holds: a name, a word, or a product of symbols; `is_behind` what may have a unit."""
    if len(run) == 1:
        return [Token("symbol", run, glued)]
    is_unit = is_behind and (singular(run) in UNITS or singular(run) in MULTIPLIERS or run in BARE_SYMBOLS)
    if run == "min" and is_unit:
        return [Token("word", run, glued)]
    if run in FUNCTIONS or run in _PROGRAMMED:
        return [Token("function", _PROGRAMMED.get(run, run), glued)]
    if run in _NEVER_SYMBOLS:
        return [Token("word", run, glued)]
    if run.lower() in _BARE:
        return [Token("sign", _BARE[run.lower()], glued)]
    if run in GREEK:
        return [Token("symbol", run, glued)]
    is_unit = is_unit or (is_behind and symbols_of_units and is_unit_name(names_of(run)[0]))
    is_word = len(run) == 3 and not run.isupper() and re.search("[aeiouy]", run) and not _PRODUCT.fullmatch(run)
    if is_unit or len(run) > 3 or is_word:
        return [Token("word", run, glued)]
    return [Token("symbol", letter, glued or place > 0) for place, letter in enumerate(run)]
