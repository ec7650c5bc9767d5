"""Charts as inline SVG: no script, no image files, readable in light and dark."""

from typing import Any

WIDTH = 640


def accuracy_chart(by_model: dict[str, Any]) -> str:
    """Base and student as bars with their intervals."""
    parts = []
    for i, who in enumerate(("base", "student")):
        figures, y = by_model[who], 14 + 44 * i
        x, low, high = (90 + 460 * figures[key] for key in ("accuracy", "low", "high"))
        parts += [
            f'<text x="80" y="{y + 17}" text-anchor="end">{who}</text>',
            f'<rect class="{who}" x="90" y="{y}" width="{max(x - 90, 1):.1f}" height="26" rx="2"/>',
            f'<path class="whisker" d="M{low:.1f} {y + 13}H{high:.1f}M{low:.1f} {y + 7}v12M{high:.1f} {y + 7}v12"/>',
            f'<text x="{high + 8:.1f}" y="{y + 17}">{100 * figures["accuracy"]:.1f} %</text>',
        ]
    return _svg(106, parts, "Accuracy of base and student on held-out problems, with intervals")


def funnel_chart(funnel: list[dict[str, Any]]) -> str:
    """What every curation step left over."""
    parts = []
    most = max(step["traces"] for step in funnel)
    for i, step in enumerate(funnel):
        y, width = 8 + 30 * i, 300 * step["traces"] / most
        parts += [
            f'<text x="232" y="{y + 15}" text-anchor="end">{_escape(step["name"])}</text>',
            f'<rect class="funnel" x="240" y="{y}" width="{max(width, 1):.1f}" height="20" rx="2"/>',
            f'<text x="{248 + width:.1f}" y="{y + 15}">{step["traces"]:,}</text>',
        ]
    return _svg(16 + 30 * len(funnel), parts, "Traces left after each curation step")


def loss_chart(metrics: list[dict[str, Any]]) -> str:
    """Training loss by step."""
    points = [(m["step"], float(m["loss"])) for m in metrics if "loss" in m]
    if len(points) < 2:
        return ""
    last, top = points[-1][0], max(loss for _, loss in points)
    first = points[0][0]
    line = " ".join(
        f"{50 + 570 * (step - first) / max(1, last - first):.1f},{150 - 130 * loss / top:.1f}" for step, loss in points
    )
    parts = [
        '<path class="axis" d="M50 20V150H620"/>',
        f'<text x="44" y="26" text-anchor="end">{top:.2f}</text><text x="44" y="154" text-anchor="end">0</text>',
        f'<text x="50" y="170">step {first}</text><text x="620" y="170" text-anchor="end">step {last}</text>',
        f'<polyline class="line" points="{line}"/>',
    ]
    return _svg(178, parts, f"Training loss from {points[0][1]:.2f} to {points[-1][1]:.2f}")


def _svg(height: int, parts: list[str], label: str) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_escape(label)}">{body}</svg>'


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
