"""Ways to read the same signs: what a comma means, and whether `C(5, 2)` is a number or a point."""

import re

_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d])")
_LONE_GROUPED = re.compile(r"[-+\s]*[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?[^\d,;({\[]*")
_DECIMAL_COMMA = re.compile(r"([-+\s]*\d+),(\d+)(\D*)")
_POINTS = re.compile(r"[-+\s]*[1-9]\d{0,2}(?:\.\d{3}){2,}")
_FRENCH_OPEN = re.compile(r"^\]([^,;\[\]]+)[,;]([^,;\[\]]+)([\])\[])$")
_FRENCH_NAME = re.compile(r"^[A-Za-z]\s*=\s*(?=\])")
_FRENCH_CLOSE = re.compile(r"^([\[(\]])([^,;\[\]]+)[,;]([^,;\[\]]+)\[$")
_PAIR = re.compile(r"(?:\\?[\[({]|\\langle)\s*\d{1,3},\d{3}\s*(?:\\?[\])}]|\\rangle)")
"""`(1,234)` is a pair and no number."""
_POINTS_GROUP = re.compile(r"([-+\s]*[1-9]\d{0,2}(?:\.\d{3})+),(\d+)(\D*)")
_EXPONENT = re.compile(r"^([-+]?\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})(?=$|\s)")
_ROWS = re.compile(
    r"(?:[A-Z]\s*=\s*)?(?:Matrix|array|np\.array)?\(?\[\s*(\[[^\[\]]*\](?:\s*,\s*\[[^\[\]]*\])*)\s*\]\)?"
)
_CHOSEN = re.compile(
    r"(?<![A-Za-z\\_^])C\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)|(?<![\w)}\]])(?:\{\})?\^\{?(\d+)\}?\s*C\s*_\{?(\d+)\}?"
    r"|(?<![\w)}\]])(?:\{\})?_\{?(\d+)\}?\s*C\s*_\{?(\d+)\}?|(?<![A-Za-z\\])(\d+)C(\d+)(?!\d)"
    r"|(?<![A-Za-z\\\d])\x01?C\s*_\{?(\d+)\}?\s*\^\s*\{?(\d+)\}?(?!\d)"
)
_ARRANGED = re.compile(
    r"(?<![A-Za-z\\_^])\x01?P\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)|(?<![\w)}\]])(?:\{\})?[_^]\{?(\d+)\}?\s*P\s*_\{?(\d+)\}?"
    r"|(?<![A-Za-z\\\d])(\d+)P(\d+)(?!\d)|(?<![A-Za-z\\\d])\x01?A\s*_\{?(\d+)\}?\s*\^\s*\{?(\d+)\}?(?!\d)"
)
"""Numbers of choices: `C(5, 2)`, `{}^5C_2`, `{}_5C_2`, `5C2`, `C_5^2`; of arrangements: `P(5, 2)`, `A_5^2`."""


def variants(text: str) -> list[str]:
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
    return rf"\frac{{{n}!}}{{({n}-{k})!}}" if int(n) >= int(k) else found[0]


def _with_commas(text: str) -> list[str]:
    if _EXPONENT.match(text):
        return [_EXPONENT.sub(r"\1 \\cdot 10^{\2}", text)]
    text = _FRENCH_NAME.sub("", text)
    text = _FRENCH_OPEN.sub(r"(\1,\2\3", _FRENCH_CLOSE.sub(r"\1\2,\3)", text))
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
