"""How numbers spread: bins of round width, and the histograms that lengths and pass rates are shown as."""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from distill.report.charts import Panel, histograms
from distill.report.svg import step_of, ticks
from distill.report.told import compact, count

BINS = 24

LONG_TAIL = 0.995
"""Lengths beyond this quantile stand together in the last bin: one of a million would leave no room for the rest."""


def length_chart(groups: Mapping[tuple[str, str], array], label: str, unit: str = "tokens") -> Markup:
    """Lengths of several groups below each other; a group is named by what it is and the class of its bars."""
    lengths = {key: np.asarray(values, dtype=np.float64) for key, values in groups.items() if len(values)}
    if not lengths:
        return Markup("")
    edges = edges_of(np.concatenate(list(lengths.values())))
    panels = []
    for (name, kind), values in lengths.items():
        found, _ = np.histogram(np.minimum(values, edges[-1]), edges)
        median = float(np.median(values))
        told = f"{count(len(values))}, median {count(median)}"
        panels.append(Panel(name, told, kind, (found / len(values)).tolist(), median))
    most = max(float(values.max()) for values in lengths.values())
    return histograms(
        panels, edges, _ticks(edges, most), f"{label}: " + "; ".join(f"{p.name} {p.told} {unit}" for p in panels)
    )


def edges_of(values: np.ndarray) -> list[float]:
    """Edges of bins of a round, whole width from 0 on."""
    high = max(float(np.quantile(values, LONG_TAIL)), 1.0)
    width = max(step_of(high, BINS), 1.0)
    return [i * width for i in range(int(high / width) + 2)]


def _ticks(edges: Sequence[float], most: float) -> list[tuple[float, str]]:
    """The last one tells that its bin is open."""
    found = [(v, compact(v)) for v in ticks(edges[0], edges[-1], 5)]
    if most > edges[-1]:
        room = (edges[-1] - edges[0]) / 8
        found = [
            *((v, word) for v, word in found if v < edges[-1] - room),
            (edges[-1], f"{compact(edges[-2])} to {compact(most)}"),
        ]
    return found


def pass_rate_chart(right: Mapping[str, int], asked: Mapping[str, int]) -> Markup:
    """Problems by the share of their traces that are correct; none and all have bars of their own."""
    if not asked:
        return Markup("")
    shares = np.zeros(12)
    for problem, samples in asked.items():
        passed = right.get(problem, 0)
        place = 0 if not passed else 11 if passed == samples else 1 + min(int(10 * passed / samples), 9)
        shares[place] += 1
    shares /= len(asked)
    edges = [float(i) for i in range(13)]
    words = [(0.5, "none"), (3.5, "25 %"), (6.0, "50 %"), (8.5, "75 %"), (11.5, "all")]
    panel = Panel("Problems", f"{count(len(asked))}", "student", shares.tolist())
    said = f"none {100 * shares[0]:.1f} %, some {100 * shares[1:11].sum():.1f} %, all {100 * shares[11]:.1f} %"
    return histograms([panel], edges, words, f"Problems by the share of their traces that are correct: {said}")
