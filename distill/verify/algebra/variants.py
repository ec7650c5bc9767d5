"""Ways to read the same signs: what a comma means, and whether `C(5, 2)` is a number or a point."""

import re

_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d])")
_LONE_GROUPED = re.compile(r"[-+\s]*[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?[^\d,;({\[]*")
_DECIMAL_COMMA = re.compile(r"([-+\s]*\d+),(\d+)(\D*)")
_POINTS = re.compile(r"[-+\s]*[1-9]\d{0,2}(?:\.\d{3}){2,}")
_FRENCH_OPEN = re.compile(r"^\]([^,;\[\]]+)[,;]([^,;\[\]]+)([\])\[])$")
_FRENCH_NAME = re.compile(r"^[A-Za-z]\s*(?:=|\\in)\s*(?=\])")
_PIECES = re.compile(r"(\s*\\(?:cup|cap|setminus)(?![a-z])\s*)")
_FRENCH_CLOSE = re.compile(r"^([\[(\]])([^,;\[\]]+)[,;]([^,;\[\]]+)\[$")
_PAIR = re.compile(r"(?:\\?[\[({]|\\langle)\s*\d{1,3},\d{3}\s*(?:\\?[\])}]|\\rangle)")
"""`(1,234)` is a pair and no number."""
_POINTS_GROUP = re.compile(r"([-+\s]*[1-9]\d{0,2}(?:\.\d{3})+),(\d+)(\D*)")
_EXPONENT = re.compile(r"^([-+]?\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})(?=$|\s)")
_ROWS = re.compile(
    r"(?:[A-Z]\s*=\s*)?(?:Matrix|array|np\.array)?\(?\[\s*(\[[^\[\]]*\](?:\s*,\s*\[[^\[\]]*\])*)\s*\]\)?"
)
_N = r"(\d+|\d?[a-z])"
_INDEX = rf"(?:\{{{_N}\}}|(\d+|[a-z]))"
"""Without braces one letter, as TeX has it."""

_UP, _DOWN = rf"(?:\{{\}}\s*)?\^\s*{_INDEX}\s*", rf"(?:\{{\}}\s*)?_\s*{_INDEX}\s*"
_BELOW = rf"\s*_\s*{_INDEX}"


def _of_two(letter: str, arranged: str) -> re.Pattern[str]:
    """`C(5, 2)`, `{}^5C_2`, `{}_5C_2`, `5C2`, `C_5^2`; of arrangements the last one has another letter."""
    return re.compile(
        rf"(?<![A-Za-z\\_^])\x01?{letter}\s*\(\s*{_N}\s*,\s*{_N}\s*\)|(?<![\w)}}\]])(?:{_UP}|{_DOWN})\x01?{letter}{_BELOW}"
        rf"|(?<![A-Za-z\\\d]){_N}{letter}{_N}(?![\da-z])"
        rf"|(?<![A-Za-z\\\d])\x01?{arranged}{_BELOW}\s*\^\s*{_INDEX}(?!\d)"
    )


_CHOSEN, _ARRANGED = _of_two("C", "C"), _of_two("P", "A")


_JOINED = re.compile(
    r"(?<![A-Za-z])((?:year|week|day|hour|hr|h|minute|min|yard|feet|foot|ft|pound|lb|dollar|euro)s?)"
    r"\s*(?:,?\s*\x01?and\b|,)\s+(?=\d)"
)
"""Between the larger and the smaller unit of one quantity: `2 hours and 30 minutes`."""


def variants(text: str) -> list[str]:
    found = _of_choices(text)
    if _JOINED.search(text):
        found.append(_JOINED.sub(r"\1 ", text))
    return found


def _of_choices(text: str) -> list[str]:
    plain = _CHOSEN.sub(_binomial, text) if "C" in text else text
    plain = _ARRANGED.sub(_falling, plain) if "P" in text or "A" in text else plain
    if "[[" in text.replace(" ", "") and (rows := _ROWS.fullmatch(text)):
        cells = [row.strip("[] ").replace(",", " & ") for row in re.findall(r"\[[^\[\]]*\]", rows[1])]
        return [r"\begin{pmatrix} " + r" \\ ".join(cells) + r" \end{pmatrix}", *_with_commas(text)]
    return _with_commas(plain) if plain == text else [*_with_commas(plain), *_with_commas(text)]


def _binomial(found: re.Match[str]) -> str:
    n, k = (group for group in found.groups() if group is not None)
    return rf"\binom{{{n}}}{{{k}}}"


def _falling(found: re.Match[str]) -> str:
    n, k = (group for group in found.groups() if group is not None)
    if n.isdigit() and k.isdigit() and int(n) < int(k):
        return found[0]
    return rf"\frac{{({n})!}}{{(({n})-{k})!}}"


def _turned(text: str) -> str:
    """`]2, 5]` with round brackets where an end is left out."""
    return _FRENCH_OPEN.sub(r"(\1,\2\3", _FRENCH_CLOSE.sub(r"\1\2,\3)", text))


def _with_commas(text: str) -> list[str]:
    if _EXPONENT.match(text):
        return [_EXPONENT.sub(r"\1 \\cdot 10^{\2}", text)]
    text = _FRENCH_NAME.sub("", text)
    if "[" in text or "]" in text:
        text = "".join(map(_turned, _PIECES.split(text)))
    if _POINTS.fullmatch(text):
        return [text.replace(".", "")]
    if "," not in text:
        return [text]
    if _LONE_GROUPED.fullmatch(text):
        return [text.replace(",", "")]
    if found := _POINTS_GROUP.fullmatch(text):
        return [f"{found[1].replace('.', '')}.{found[2]}{found[3]}"]
    if found := _DECIMAL_COMMA.fullmatch(text):
        return [text, f"{found[1]}.{found[2]}{found[3]}"]
    if _GROUPED.search(text) and not _PAIR.fullmatch(text):
        return [text, _GROUPED.sub(lambda m: m[0].replace(",", ""), text)]
    return [text]
