"""Did it work? The evaluation of a run, as `evaluation/summary.json` has it, in words and charts."""

import json
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from markupsafe import Markup

from distill.console import problems_of
from distill.report.charts import Lane, Line, Point, interval_chart, line_chart
from distill.report.told import in_line, interval, p_value, percent, points, signed_interval

MOST_GROUPS = 40
"""Groups of problems in a chart."""

SAID = {
    "better": "Yes: the student is better than its base.",
    "worse": "No: the student is worse than its base.",
    "open": "Not shown: these figures cannot tell student and base apart.",
}

Figures = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """One evaluation set."""

    name: str
    models: list[str]
    """Those that answered, in the order of the summary."""
    figures: dict[str, Figures]
    differences: list[Figures]
    protocol: Figures
    protocol_lines: list[tuple[str, str]]
    """All of it, ready to be shown."""
    verdict: str
    """`better`, `worse` or `open`."""
    said: str
    """The verdict in a sentence."""
    headline: str
    """The figures that it stands on."""
    setting: str
    """The protocol in a line."""
    accuracy: Markup
    difference: Markup
    has_majority: bool
    """Can answers be counted, so that there is a most frequent one?"""
    groups: list[tuple[str, Markup]]
    """By level, subject and the like: what it is, and its chart."""
    ks: list[str]
    """The k of pass@k and maj@k beyond 1 that the table shows."""
    coverage: Markup
    """Pass@k and majority against k; empty with one sample."""


def outcomes(summary: Figures) -> list[Outcome]:
    """The sets in the order of the summary."""
    return [_outcome(name, found, summary["models"]) for name, found in summary["sets"].items()]


def warnings(summary: Figures) -> list[str]:
    """What must be known before any figure is believed; of several sets each names its own."""
    many = len(summary["sets"]) > 1
    return [
        f"{name}: {warning}" if many and name not in warning else warning
        for name, found in summary["sets"].items()
        for warning in found["warnings"]
    ]


def together(summary: Figures) -> tuple[Markup, Markup] | None:
    """Accuracy and differences as means of several sets; None of one set."""
    found = summary.get("over_sets")
    if found is None:
        return None
    models = [who for who in summary["models"] if who in found["figures"]]
    return _accuracy_chart(models, found["figures"]), _difference_chart(found["differences"])


def _outcome(name: str, found: Figures, order: list[str]) -> Outcome:
    figures, differences = found["figures"], found["differences"]
    models = [who for who in order if who in figures]
    verdict = _verdict(differences)
    k = found["protocol"]["k"]
    return Outcome(
        name=name,
        models=models,
        figures=figures,
        differences=differences,
        protocol=found["protocol"],
        protocol_lines=[(key, _written(value)) for key, value in found["protocol"].items()],
        verdict=verdict,
        said=SAID[verdict] if _main(differences) else "",
        headline=_headline(found),
        setting=setting(found["protocol"], name),
        accuracy=_accuracy_chart(models, figures),
        difference=_difference_chart(differences),
        has_majority=all(figures[who]["maj_at"] for who in models),
        groups=_group_charts(models, figures),
        ks=[str(k)] if k > 1 else [],
        coverage=_coverage_chart(models, figures) if k > 1 else Markup(""),
    )


def _main(differences: list[Figures]) -> Figures | None:
    """Of the student over its base; None where one of them did not answer."""
    return next((d for d in differences if (d["of"], d["minus"]) == ("student", "base")), None)


def _verdict(differences: list[Figures]) -> str:
    difference = _main(differences)
    if difference is None or difference["low"] <= 0 <= difference["high"]:
        return "open"
    return "better" if difference["low"] > 0 else "worse"


def _headline(found: Figures) -> str:
    difference = _main(found["differences"])
    if difference is None:
        return "Student and base were not compared."
    level = f"{100 * found['protocol']['confidence']:g} %"
    base, student = (percent(found["figures"][who]["accuracy"]) for who in ("base", "student"))
    span = signed_interval(difference["low"], difference["high"])
    tested = ", ".join(filter(None, (p_value(difference["p_value"]), difference["test"] or "")))
    return (
        f"It answers {student} correctly, its base {base}: {points(difference['mean'])} points on the same "
        f"problems ({level} interval {span}{tested and f'; {tested}'})."
    )


def setting(protocol: Figures, name: str) -> str:
    """What the figures of a set hold for."""
    k, temperature = protocol["k"], protocol["temperature"]
    told = [
        problems_of(name, protocol["n"]),
        f"{k} samples each" if k > 1 else "one sample each",
        "greedy" if temperature == 0 else f"temperature {temperature:g}, top-p {protocol['top_p']:g}",
        f"at most {protocol['max_tokens']:,} tokens",
        f"seed {protocol['seed']}",
        str(protocol["engine"]),
        str(protocol["dtype"] or "").split(" ")[0],
        f"preset {protocol['preset']}" if protocol.get("preset") else "",
    ]
    return ", ".join(filter(None, told))


def _written(value: Any) -> str:
    """A value of the protocol, as JSON where it is no text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _accuracy_chart(models: list[str], figures: dict[str, Figures]) -> Markup:
    lanes = [
        Lane(
            who,
            f"{percent(f['accuracy'])}  [{interval(f['low'], f['high'])}]",
            [Point(who, f["accuracy"], f["low"], f["high"])],
        )
        for who in models
        for f in (figures[who],)
    ]
    said = "; ".join(f"{lane.name} {lane.told}" for lane in lanes)
    return interval_chart(lanes, 0, 1, f"Accuracy with intervals: {said}")


def _difference_chart(differences: list[Figures]) -> Markup:
    if not differences:
        return Markup("")
    ends = [end for d in differences for end in (d["low"], d["high"], 0.0)]
    low, high = floor(min(ends) * 20 - 0.2) / 20, ceil(max(ends) * 20 + 0.2) / 20
    lanes = [
        Lane(
            f"{d['of']} − {d['minus']}",
            f"{points(d['mean'])}  [{signed_interval(d['low'], d['high'])}]",
            [Point(d["of"], d["mean"], d["low"], d["high"])],
        )
        for d in differences
    ]
    said = "; ".join(f"{lane.name} {lane.told} points" for lane in lanes)
    return interval_chart(lanes, max(low, -1.0), min(high, 1.0), f"Paired differences with intervals: {said}", True)


def _group_charts(models: list[str], figures: dict[str, Figures]) -> list[tuple[str, Markup]]:
    first = figures[models[0]].get("groups") or {}
    charts = []
    for kind, groups in first.items():
        lanes = []
        for group, told in list(groups.items())[:MOST_GROUPS]:
            of = [(who, figures[who]["groups"].get(kind, {}).get(group)) for who in models]
            marks = [Point(who, f["accuracy"], f["low"], f["high"]) for who, f in of if f is not None]
            lanes.append(Lane(in_line(str(group), 30), f"{told['n']:,} problems", marks))
        if lanes:
            label = f"Accuracy by {kind} with intervals"
            charts.append((in_line(str(kind), 30), interval_chart(lanes, 0, 1, label)))
    return charts


def _coverage_chart(models: list[str], figures: dict[str, Figures]) -> Markup:
    """Pass@k drawn through, the majority's accuracy dashed."""
    lines = []
    for who in models:
        passes = sorted((int(k), f) for k, f in figures[who]["pass_at"].items())
        majority = sorted((int(k), f) for k, f in figures[who]["maj_at"].items())
        lines.append(Line(who, [(k, f["value"]) for k, f in passes], [(f["low"], f["high"]) for _, f in passes]))
        if majority:
            lines.append(Line(f"{who} dashed", [(k, f["value"]) for k, f in majority]))
    return line_chart(lines, "samples (k)", "Pass at k and majority at k against k", percent=True, log_x=True)
