"""Accuracy against budget: what `distill scale` has left in a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from distill.errors import DistillError
from distill.files import read_json
from distill.report.charts import Line, line_chart
from distill.report.told import percent


@dataclass(frozen=True)
class Budgets:
    """One curve."""

    method: str
    model: str
    chart: Markup
    metrics: str
    """Control, Scaling and Performance of s1, in words."""
    setting: str


def budgets(run: Path) -> list[Budgets]:
    """The curves of a run: `scaling/curve.json`, or one in each folder below.

    Raises:
        DistillError: one of them is none of ours.
    """
    places = [run / "scaling" / "curve.json", *sorted(run.glob("scaling/*/curve.json"))]
    return [_read(place) for place in places if place.is_file()]


def _read(place: Path) -> Budgets:
    try:
        return _budgets(read_json(place))
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise DistillError(f"{place} is damaged: it is no curve of ours.", "Delete it, or move it elsewhere.") from e


def _budgets(curve: dict[str, Any]) -> Budgets:
    points, protocol = curve["points"], curve["protocol"]
    places = [(p["thinking_tokens"], p["accuracy"]) for p in points]
    line = Line("student", places, [(p["low"], p["high"]) for p in points])
    label = "Accuracy against mean thinking tokens: " + "; ".join(f"{x:,.0f} tokens {percent(y)}" for x, y in places)
    doubling = min(x for x, _ in places) > 0
    setting = f"{protocol['n']:,} problems, k = {protocol['k']}, temperature {protocol['temperature']:g}"
    chart = line_chart([line], "thinking tokens", label, percent=True, log_x=doubling)
    return Budgets(curve["method"], str(protocol["model"]), chart, _metrics(curve["metrics"]), setting)


def _metrics(found: dict[str, Any]) -> str:
    told = [f"performance (the best accuracy) {percent(found['performance'])}"]
    if found["scaling"] is not None:
        slope = f"scaling {found['scaling']:+.1f} points with each doubling of the tokens"
        if found["scaling_low"] is not None:
            slope += f" ({found['scaling_low']:+.1f} to {found['scaling_high']:+.1f})"
        told.append(slope)
    if found["control"] is not None:
        told.append(f"control (limits that were kept) {percent(found['control'], 0)}")
    return "; ".join(told).replace("-", "−")
