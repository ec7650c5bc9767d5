"""The funnel as a picture: one SVG that needs nothing else."""

from collections.abc import Sequence
from html import escape

from distill.curate.steps.funnel import Step

NAME, BAR, LINE, BESIDE = 330, 380, 30, 150
"""Pixels: of the steps' names at least, of the longest bar, of one step, of what stands right of the bars."""

CHARACTER = 8.5
"""Pixels of a character at most in the mean: of wide fonts, such as Verdana at 14."""

_STYLE = "text{font:14px system-ui,sans-serif;fill:#24292f}.s{fill:#57606a}rect{fill:#2f6fde}.p{fill:#9cc0f5}"


def as_svg(steps: Sequence[Step]) -> str:
    """A bar for the traces that each step left, and a lighter one below for their problems."""
    most = max(step.traces for step in steps) or 1
    left = max(NAME, round(CHARACTER * max(len(step.name) for step in steps)) + 20)
    parts = []
    for place, step in enumerate(steps):
        y = 12 + LINE * place
        traces, problems = (max(1.0, BAR * count / most) if count else 0 for count in (step.traces, step.problems))
        parts += [
            f'<text x="{left - 10}" y="{y + 14}" text-anchor="end">{escape(step.name)}</text>',
            f'<rect x="{left}" y="{y}" width="{traces:.1f}" height="12" rx="2"/>',
            f'<rect class="p" x="{left}" y="{y + 13}" width="{problems:.1f}" height="5" rx="2"/>',
            f'<text class="s" x="{left + traces + 8:.1f}" y="{y + 14}">{step.traces:,}</text>',
        ]
    foot = 20 + LINE * len(steps)
    parts += [
        f'<rect x="{left}" y="{foot - 9}" width="24" height="10" rx="2"/>',
        f'<text class="s" x="{left + 32}" y="{foot}">traces</text>',
        f'<rect class="p" x="{left + 100}" y="{foot - 7}" width="24" height="5" rx="2"/>',
        f'<text class="s" x="{left + 132}" y="{foot}">their problems</text>',
    ]
    height = foot + 12
    width = left + BAR + BESIDE
    label = "Traces (dark) and problems (light) left after each step"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f'<style>{_STYLE}</style><rect width="{width}" height="{height}" style="fill:#fff"/>{"".join(parts)}</svg>\n'
    )
