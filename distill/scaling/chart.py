"""Curves as a self-contained SVG file: accuracy over thinking tokens, or over the number of samples."""

from collections.abc import Sequence
from html import escape
from math import floor, log2
from typing import Any, NamedTuple

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 24, 52

STYLE = """
svg{background:#fff;color:#1f2328;font:13px system-ui,sans-serif}
text{fill:currentColor}.soft{opacity:.65}.grid{stroke:currentColor;opacity:.12}.axis{stroke:currentColor;opacity:.5}
.s0{stroke:#0b6bcb;fill:#0b6bcb}.s1{stroke:#b35900;fill:#b35900}.s2{stroke:#2e7d32;fill:#2e7d32}
.s3{stroke:#7a3fb0;fill:#7a3fb0}.line{fill:none;stroke-width:2}.law{fill:none;stroke-width:1.5;stroke-dasharray:5 4}
.whisker{stroke-width:1.5;fill:none}text.s0,text.s1,text.s2,text.s3{stroke:none}
@media (prefers-color-scheme:dark){svg{background:#14171a;color:#e6e8ea}.s0{stroke:#6cb2ff;fill:#6cb2ff}
.s1{stroke:#ffab5e;fill:#ffab5e}.s2{stroke:#7fd084;fill:#7fd084}.s3{stroke:#c79bf2;fill:#c79bf2}}
"""


class Mark(NamedTuple):
    """A point of a line."""

    x: float
    y: float
    """Share of 1."""
    low: float | None = None
    high: float | None = None
    label: str = ""


class Line(NamedTuple):
    """A line with its name."""

    name: str
    marks: list[Mark]
    is_law: bool = False
    """Dashed and without points: fitted, not measured."""


def chart_of(curve: dict[str, Any]) -> str:
    """The chart of a `curve.json`."""
    if "samples" in curve:
        return chart(_over_k(curve["samples"]), "samples of a problem", "Accuracy by number of samples")
    lines: dict[int, list[Mark]] = {}
    for p in curve["points"]:
        if p["thinking_tokens"] > 0:
            mark = Mark(p["thinking_tokens"], p["accuracy"], p["low"], p["high"], p["label"])
            lines.setdefault(p["waits"], []).append(mark)
    named = [Line(f"{n} wait{'' if n == 1 else 's'}", marks) for n, marks in sorted(lines.items())]
    return chart(named, "mean thinking tokens", "Accuracy by thinking tokens, with intervals")


def _over_k(told: dict[str, Any]) -> list[Line]:
    names = {"coverage": "coverage (pass@k)", "majority": "majority (maj@k)", "shortest": "shortest thinking of k"}
    lines = [
        Line(name, [Mark(k, value) for k, value in zip(told["k"], told[key], strict=True)])
        for key, name in names.items()
        if told[key] is not None
    ]
    if law := told["law"]:
        ks = [2 ** (i / 8) for i in range(8 * floor(log2(told["k"][-1])) + 1)]
        curve = [Mark(k, 2.718281828459045 ** (law["a"] * k ** law["b"])) for k in ks]
        lines.append(Line(f"exp({law['a']:.3g} k^{law['b']:.3g})", curve, is_law=True))
    return lines


def chart(lines: Sequence[Line], x_name: str, title: str) -> str:
    """Lines over a logarithmic axis; a document of its own, without script, readable in light and dark."""
    marks = [mark for line in lines for mark in line.marks]
    first, last = _range([mark.x for mark in marks])
    top = max([0.1, *(mark.high if mark.high is not None else mark.y for mark in marks)])

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log2(value) - first) / (last - first)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share / top

    parts = [*_axes(first, last, top, x, y, x_name)]
    for number, line in enumerate(lines):
        parts += _drawn(line, f"s{number % 4}", x, y)
    if len(lines) > 1:
        parts += [
            f'<text class="s{n % 4}" x="{LEFT + 12}" y="{TOP + 14 + 18 * n}">{escape(line.name)}</text>'
            for n, line in enumerate(lines)
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><style>{STYLE}</style>{"".join(parts)}</svg>\n'
    )


def _range(values: list[float]) -> tuple[float, float]:
    """Ends of the axis in powers of two, with room at both sides."""
    places = [log2(value) for value in values] or [0.0]
    low, high = min(places), max(places)
    room = max(0.06 * (high - low), 0.15)
    return low - room, high + room


def _axes(first: float, last: float, top: float, x: Any, y: Any, x_name: str) -> list[str]:
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.25) if top / s <= 6 or s == 0.25)
    parts = []
    for i in range(int(top / step + 1e-9) + 1):
        at = y(i * step)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{100 * i * step:.0f} %</text>')
    every = max(1, round((last - first) / 7))
    for power in range(int(-(-first // 1)), int(last // 1) + 1, every):
        parts.append(f'<path class="axis" d="M{x(2**power):.1f} {HEIGHT - BOTTOM}v5"/>')
        parts.append(f'<text x="{x(2**power):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{2**power:,}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="soft" x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_name)}</text>')
    return parts


def _drawn(line: Line, style: str, x: Any, y: Any) -> list[str]:
    places = " ".join(f"{x(m.x):.1f},{y(m.y):.1f}" for m in line.marks)
    parts = [f'<polyline class="{"law" if line.is_law else "line"} {style}" style="fill:none" points="{places}"/>']
    if line.is_law:
        return parts
    for m in line.marks:
        at, value = x(m.x), y(m.y)
        if m.low is not None and m.high is not None:
            low, high = y(m.low), y(m.high)
            ends = f"M{at - 4:.1f} {low:.1f}h8M{at - 4:.1f} {high:.1f}h8"
            parts.append(f'<path class="whisker {style}" d="M{at:.1f} {low:.1f}V{high:.1f}{ends}"/>')
        told = f"{m.label + ': ' if m.label else ''}{m.x:,.0f}, {100 * m.y:.1f} %"
        parts.append(
            f'<circle class="{style}" cx="{at:.1f}" cy="{value:.1f}" r="3.5"><title>{escape(told)}</title></circle>'
        )
    return parts
