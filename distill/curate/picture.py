"""The funnel as a picture: one SVG that needs nothing else."""

from collections.abc import Sequence
from html import escape

from distill.curate.funnel import Step

WIDTH, NAME, BAR, LINE = 860, 330, 380, 30
"""Pixels: of the picture, of the steps' names, of the longest bar, of one step."""

_STYLE = "text{font:14px system-ui,sans-serif;fill:#24292f}.s{fill:#57606a}rect{fill:#2f6fde}.p{fill:#9cc0f5}"


def as_svg(steps: Sequence[Step]) -> str:
    """A bar for the traces that each step left, and a lighter one below for their problems."""
    most = max(step.traces for step in steps) or 1
    parts = []
    for place, step in enumerate(steps):
        y = 12 + LINE * place
        traces, problems = (max(1.0, BAR * count / most) if count else 0 for count in (step.traces, step.problems))
        parts += [
            f'<text x="{NAME - 10}" y="{y + 14}" text-anchor="end">{escape(step.name)}</text>',
            f'<rect x="{NAME}" y="{y}" width="{traces:.1f}" height="12" rx="2"/>',
            f'<rect class="p" x="{NAME}" y="{y + 13}" width="{problems:.1f}" height="5" rx="2"/>',
            f'<text class="s" x="{NAME + traces + 8:.1f}" y="{y + 14}">{step.traces:,}</text>',
        ]
    foot = 20 + LINE * len(steps)
    parts += [
        f'<rect x="{NAME}" y="{foot - 9}" width="24" height="10" rx="2"/>',
        f'<text class="s" x="{NAME + 32}" y="{foot}">traces</text>',
        f'<rect class="p" x="{NAME + 100}" y="{foot - 7}" width="24" height="5" rx="2"/>',
        f'<text class="s" x="{NAME + 132}" y="{foot}">their problems</text>',
    ]
    height = foot + 12
    label = "Traces (dark) and problems (light) left after each step"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
        f'<style>{_STYLE}</style><rect width="{WIDTH}" height="{height}" style="fill:#fff"/>{"".join(parts)}</svg>\n'
    )
