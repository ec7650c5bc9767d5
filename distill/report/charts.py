"""The charts of the report: intervals, histograms, lines. Each is one inline SVG without script."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from distill.report.svg import (
    WIDTH,
    Scale,
    mark,
    path,
    picture,
    rect,
    rounded_up,
    text,
    ticks_below,
    ticks_left,
)
from distill.report.told import compact

EDGE, LEFT = 8, 50
"""Left of a plot without and with values at its side."""

POINTS = 300
"""Of a line at most: more than a screen shows apart."""


class Point(NamedTuple):
    """A value with its interval; `who` gives colour and shape."""

    who: str
    value: float
    low: float
    high: float


class Lane(NamedTuple):
    """A line of an interval chart."""

    name: str
    told: str
    """Its figures in words, at the right."""
    points: Sequence[Point]


def interval_chart(lanes: Sequence[Lane], low: float, high: float, label: str, signed: bool = False) -> Markup:
    """Values with their intervals on one axis in per cent, or in points where `signed`, with a line at zero then."""
    scale = Scale(low, high, EDGE, WIDTH - EDGE)
    y, parts = 4.0, []
    for lane in lanes:
        parts += [text(0, y + 12, lane.name, "name"), text(WIDTH, y + 12, lane.told, "told", "end")]
        y += 17
        for point in lane.points:
            y += 13
            ends = (scale.at(point.low), scale.at(point.high))
            parts.append(
                f'<path class="whisker {point.who}" d="M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}'
                f'M{ends[0]:.1f} {y - 4:.1f}v8M{ends[1]:.1f} {y - 4:.1f}v8"/>'
            )
            parts.append(mark(scale.at(point.value), y, point.who))
        y += 14
    words = [
        (v, f"{100 * v:+.0f}".replace("-", "−").replace("+0", "0") if signed else f"{100 * v:.0f} %")
        for v in scale.ticks(5)
    ]
    zero = [f'<path class="zero" d="M{scale.at(0):.1f} 0V{y:.1f}"/>'] if signed else []
    return picture(y + 20, [*ticks_below(scale, 0, y, words), *zero, *parts], label)


class Panel(NamedTuple):
    """One histogram among several on the same axis."""

    name: str
    told: str
    kind: str
    """Class of its bars: a model or a verdict."""
    shares: Sequence[float]
    """Of each bin."""
    middle: float | None = None
    """Where the median stands, in values of the axis."""


def histograms(
    panels: Sequence[Panel], edges: Sequence[float], ticks: Sequence[tuple[float, str]], label: str
) -> Markup:
    """Histograms below each other, each to its own height: shapes compare though numbers differ."""
    across = Scale(edges[0], edges[-1], LEFT, WIDTH - EDGE)
    y, parts = 0.0, []
    for panel in panels:
        parts += [text(LEFT, y + 12, panel.name, "name"), text(WIDTH - EDGE, y + 12, panel.told, "told", "end")]
        top = rounded_up(max(panel.shares), 5)
        up = Scale(0, top, y + 82, y + 20)
        for value in (0, top):
            parts.append(f'<path class="grid" d="M{LEFT} {up.at(value):.1f}H{WIDTH - EDGE}"/>')
            parts.append(text(LEFT - 6, up.at(value) + 4, f"{100 * value:g} %", "tick", "end"))
        for begin, end, share in zip(edges, edges[1:], panel.shares, strict=False):
            if share:
                x, height = across.at(begin) + 0.5, max(up.at(0) - up.at(share), 1.0)
                parts.append(
                    rect(x, up.at(0) - height, max(across.at(end) - x - 0.5, 1.0), height, f"bar {panel.kind}")
                )
        if panel.middle is not None:
            x = across.at(panel.middle)
            parts.append(f'<path class="median" d="M{x:.1f} {y + 20:.1f}V{y + 82:.1f}"/>')
        y += 94
    return picture(y + 12, [*ticks_below(across, y - 12, y - 8, ticks), *parts], label)


class Line(NamedTuple):
    """A line of a chart, with intervals where `whiskers` are."""

    who: str
    points: Sequence[tuple[float, float]]
    whiskers: Sequence[tuple[float, float]] = ()


def line_chart(
    lines: Sequence[Line], below: str, label: str, percent: bool = False, log_x: bool = False, log_y: bool = False
) -> Markup:
    """Lines over steps, tokens or samples. `below` names the horizontal axis. The vertical one begins at 0 unless it is
    logarithmic, and ends at the largest value; one in `percent` is of shares and ends at 100 %."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points] + [y for line in lines for pair in line.whiskers for y in pair]
    across = Scale(min(xs), max(xs), LEFT, WIDTH - EDGE, log_x)
    high = 1.0 if percent else rounded_up(max(ys), 4)
    up = Scale(min(y for y in ys if y > 0), max(ys), 150, 10, True) if log_y else Scale(0, high, 150, 10)
    parts = ticks_left(up, LEFT, WIDTH - EDGE, percent)
    parts += ticks_below(across, 146, 150, [(x, compact(x)) for x in across.ticks(5) if x == int(x)])
    for line in lines:
        points = [(across.at(x), up.at(y)) for x, y in line.points]
        parts.append(path(points, f"line {line.who}"))
        for (x, _), (low, top) in zip(points, line.whiskers, strict=False):
            parts.append(f'<path class="whisker {line.who}" d="M{x:.1f} {up.at(low):.1f}V{up.at(top):.1f}"/>')
        if line.whiskers:
            parts += [mark(x, y, line.who) for x, y in points]
    parts.append(text(WIDTH - EDGE, 184, below, "tick", "end"))
    return picture(190, parts, label)


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """As many points as can be seen: the smallest and the largest of each stretch, in their order."""
    if len(points) <= POINTS:
        return list(points)
    size = -(-2 * len(points) // POINTS)
    found = []
    for at in range(0, len(points), size):
        part = points[at : at + size]
        places = {min(range(len(part)), key=lambda i: part[i][1]), max(range(len(part)), key=lambda i: part[i][1])}
        found += [part[i] for i in sorted(places)]
    return found


def smoothed(points: Sequence[tuple[float, float]], window: int) -> list[tuple[float, float]]:
    """Means over so many points around each."""
    sums = [0.0]
    for _, y in points:
        sums.append(sums[-1] + y)
    half, found = window // 2, []
    for i, (x, _) in enumerate(points):
        low, high = max(0, i - half), min(len(points), i + half + 1)
        found.append((x, (sums[high] - sums[low]) / (high - low)))
    return found
