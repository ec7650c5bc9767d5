"""SVG by hand: scales with round ticks, and elements whose texts are escaped.

Pictures have one width for all screens, near that of a phone, so that their letters are readable on one, and stand side
by side where there is room. Colours come from the page's style sheet, by class.
"""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import Markup

from distill.report.told import compact, shown

WIDTH = 380
"""Of every picture, in its own units; letters are 12 high."""


class Scale(NamedTuple):
    """Values onto a line of the picture."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands; what lies outside stands at the edge."""
        low, high, value = (log10(v) if self.log else v for v in (self.low, self.high, max(value, self.low)))
        share = (min(value, high) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        return _log_ticks(self.low, self.high, most) if self.log else ticks(self.low, self.high, most)


def step_of(span: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, so that at most so many steps fill the span."""
    raw = span / most
    size = 10.0 ** floor(log10(raw))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= raw * (1 - 1e-9))


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values within two others."""
    if high <= low:
        return [low]
    step = step_of(high - low, most)
    first = ceil(low / step - 1e-9)
    return [i * step for i in range(first, floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten where there are three at least, powers of two where the values span less."""
    base = 10 if high / low >= 1000 else 2
    powers = range(ceil(log10(low) / log10(base) - 1e-9), floor(log10(high) / log10(base) + 1e-9) + 1)
    every = max(1, ceil(len(powers) / most))
    return [float(base) ** p for p in powers[::every]]


def rounded_up(value: float, most: int = 5) -> float:
    """The end of an axis that begins at 0."""
    if value < 1e-30:  # or nothing at all
        return 1.0
    step = step_of(value, most)
    return ceil(value / step - 1e-9) * step


def picture(height: float, parts: Iterable[str], label: str) -> Markup:
    """One picture; `label` says in words what is to be seen."""
    body = "".join(parts)
    return Markup(f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(shown(label))}">{body}</svg>')


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(shown(words))}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}"/>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<path class="{kind}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'


def mark(x: float, y: float, who: str) -> str:
    """Each of the models with a shape of its own: colour alone tells too few."""
    if who == "base":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" class="mark hollow {who}"/>'
    if who == "teacher":
        return f'<path d="M{x:.1f} {y - 6:.1f}l6 6-6 6-6-6z" class="mark {who}"/>'
    if who == "sft":
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" class="mark {who}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="mark {who}"/>'


def ticks_below(scale: Scale, top: float, bottom: float, words: Sequence[tuple[float, str]]) -> list[str]:
    """Lines of a grid with their values below; the outermost values stay within the picture."""
    parts = []
    for value, word in words:
        x = scale.at(value)
        anchor = "end" if x > WIDTH - 4 * len(word) else "start" if x < 4 * len(word) else "middle"
        parts.append(f'<path class="grid" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>')
        parts.append(text(x, bottom + 15, word, "tick", anchor))
    return parts


def ticks_left(scale: Scale, left: float, right: float, percent: bool = False) -> list[str]:
    """The same for the values at the left."""
    parts = []
    for value in scale.ticks(4):
        y = scale.at(value)
        parts.append(f'<path class="grid" d="M{left:.1f} {y:.1f}H{right:.1f}"/>')
        parts.append(text(left - 6, y + 4, f"{100 * value:g} %" if percent else compact(value), "tick", "end"))
    return parts
