"""Numbers and texts as the page tells them: figures in few digits, and texts of models so that none does any harm."""

import re
from math import isfinite

LONGEST, LONGEST_END = 3500, 1000
"""Characters that are shown of a long text: from its begin, and before its end."""

DASH, NO_BREAK = "–", "\N{NO-BREAK SPACE}"
"""Where nothing is known, and between a number and its unit."""

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufff9-\ufffb\ud800-\udfff{_BIDI}]")


def shown(text: str, most: int = LONGEST, end: int = LONGEST_END) -> str:
    """A text of a model or of data, as a reader may see it: its middle left out where it is long, and what is
    invisible or turns the direction of others' text named by its code. Escaping is the template's work."""
    left = len(text) - most - end
    if left > 0:
        text = f"{text[:most]}\n\n[… {left:,} characters are left out here …]\n\n{text[len(text) - end :]}"
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def in_line(text: str, most: int = 110) -> str:
    """The begin of a text on one line."""
    line = " ".join(shown(text[: 4 * most], 4 * most).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def percent(share: float | None, digits: int = 1) -> str:
    """0.123 as `12.3 %`, which no line breaks."""
    return DASH if share is None else f"{100 * share:.{digits}f}{NO_BREAK}%"


def points(difference: float) -> str:
    """0.123 as `+12.3`, with a minus sign that is one."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


def signed_interval(low: float, high: float) -> str:
    return f"{points(low)} to {points(high)}"


def count(number: float | None) -> str:
    """Whole, in groups of three."""
    return DASH if number is None else f"{number:,.0f}"


def decimal(number: float | None) -> str:
    """Three digits that count, as of a loss or a rate."""
    if number is None or not isfinite(number):
        return DASH
    return compact(number) if 0 < abs(number) < 1e-3 else f"{number:,.3g}" if abs(number) < 100 else f"{number:,.0f}"


def compact(number: float) -> str:
    """For an axis: `250`, `1.5k`, `2M`, `0.05`, `2e-5`."""
    size = abs(number)
    if 1000 < size < 10000 and number % 100:  # 1,024
        return f"{number:,.0f}".replace("-", "−")
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{number / limit:.3g}{letter}".replace("-", "−")
    if 0 < size < 1e-2:
        digits, _, power = f"{number:.1e}".partition("e")
        return f"{float(digits):g}e{int(power)}".replace("-", "−")
    return f"{number:.3g}".replace("-", "−")


def p_value(p: float | None) -> str:
    """`0.013`, or that it is below what is worth telling apart."""
    told = "" if p is None else "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    return told.replace(" ", NO_BREAK)
