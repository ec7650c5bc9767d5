"""How training went: the metrics of each step as small charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from distill.errors import DistillError
from distill.files import read_json
from distill.report.charts import Line, line_chart, smoothed, thinned
from distill.report.told import decimal

SMOOTHED_FROM = 60
"""Steps; with fewer there is nothing to smooth."""

STEEP = 50
"""A largest value that is so many medians asks for a logarithmic axis."""


class Metric(NamedTuple):
    """A curve and what a reader is to look for in it."""

    key: str
    title: str
    meaning: str
    noisy: bool = True
    """Does it jump from step to step, so that its mean over some of them tells more?"""


TRAIN = (
    Metric("loss", "Loss", "Cross-entropy over the tokens of the answers, in nats. It should fall and level off."),
    Metric(
        "mean_token_accuracy",
        "Token accuracy",
        "How often the student's first choice was the teacher's next token. Near 100 % little is left to learn, or "
        "traces are learnt by heart.",
    ),
    Metric("learning_rate", "Learning rate", "Size of the steps: warmed up, then lowered as the recipe says.", False),
    Metric(
        "grad_norm",
        "Gradient norm",
        "Before clipping. Single peaks are odd batches; where it grows to the end, training may fall apart.",
    ),
    Metric(
        "tokens_per_second", "Tokens per second", "Tokens of rows, padding left out. Dips are saves, or others' work."
    ),
)
ON_POLICY = (
    Metric("loss", "Reverse KL", "Nats a token between student and teacher on the student's own answers."),
    Metric("entropy", "Entropy", "Of the student's choices, in nats. Near 0 it always writes the same."),
    Metric("mean_tokens", "Length of answers", "Mean tokens of the student's own answers."),
    Metric("finished", "Finished", "Share of its answers that ended by themselves."),
    Metric("learning_rate", "Learning rate", "Size of the steps.", False),
    Metric("grad_norm", "Gradient norm", "Before clipping."),
)


class Curve(NamedTuple):
    title: str
    meaning: str
    chart: Markup


@dataclass(frozen=True)
class Learning:
    """Section three of the page, for one stage of training."""

    curves: list[Curve]
    first_row: list[tuple[str, bool]]
    """The first row as the student sees it: parts of its text, each with whether it is in the loss."""
    epochs: float | None
    """How often training went over its rows; None where the metrics do not tell."""


def learning(folder: Path, wanted: Sequence[Metric]) -> Learning:
    """What lies in a stage's folder; damaged lines are left out, a damaged first row too."""
    from students.metrics import read_metrics

    path = folder / "metrics.jsonl"
    lines = read_metrics(path) if path.is_file() else []
    curves = [c for metric in wanted if (c := _curve(metric, lines)) is not None]
    epochs = [_number(line, "epoch") for line in lines[-1:]]
    return Learning(curves, _first_row(folder / "first_rows.json"), epochs[0] if epochs else None)


def _number(line: dict[str, Any], key: str) -> float | None:
    """None where a line tells none, or one that no chart can show."""
    value = line.get(key)
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _curve(metric: Metric, lines: list[dict[str, Any]]) -> Curve | None:
    """None where fewer than two steps tell the metric."""
    points = [(float(m["step"]), y) for m in lines if (y := _number(m, metric.key)) is not None]
    if len(points) < 2:
        return None
    values = sorted(y for _, y in points)
    steep = values[0] > 0 and values[-1] > STEEP * values[len(values) // 2]
    drawn = [Line("each", thinned(points))] if metric.noisy and len(points) >= SMOOTHED_FROM else []
    drawn.append(Line("student", thinned(smoothed(points, len(points) // 40) if drawn else points)))
    first, last = points[0], points[-1]
    label = (
        f"{metric.title} from {decimal(first[1])} at step {first[0]:.0f} to {decimal(last[1])} at step {last[0]:.0f}; "
        f"lowest {decimal(values[0])}, highest {decimal(values[-1])}"
    )
    share = metric.key in ("mean_token_accuracy", "finished")
    title = f"{metric.title}{', logarithmic' if steep else ''}"
    return Curve(title, metric.meaning, line_chart(drawn, "step", label, percent=share, log_y=steep))


def _first_row(path: Path) -> list[tuple[str, bool]]:
    if not path.is_file():
        return []
    try:
        rows = read_json(path)
        return [(str(text), bool(in_loss)) for text, in_loss in rows[0]] if rows else []
    except (DistillError, LookupError, TypeError, ValueError):  # for readers alone: nothing depends on it
        return []
