"""Where the data came from: the harvest and the curated set, read once."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from distill.curate.problems.domains import DOMAINS
from distill.errors import DistillError
from distill.files import Log
from distill.problems import each_problem
from distill.records import Problem, Trace
from distill.report.reading import NOT_JUDGED, Asked, Draw, Judged, verdicts
from distill.report.spread import length_chart, pass_rate_chart
from distill.report.told import in_line

MOST_BARS = 12
"""Reasons or domains in a table; the others stand together in its last line."""

SHOWN = 2
"""Traces shown of each verdict."""


class Bar(NamedTuple):
    """A line of a table with bars."""

    name: str
    number: int
    share: float
    """Length of its bar: 1 is the longest."""
    beside: int | None = None
    """The same of another group, such as the curated set."""
    beside_share: float = 0.0
    note: str = ""
    """What else is to be known of it."""


class Shown(NamedTuple):
    """A trace of the teacher to be read."""

    trace: Trace
    judged: Judged


@dataclass
class Harvested:
    """What one pass over traces and verdicts leaves."""

    lengths: dict[str, array] = field(default_factory=lambda: {name: array("q") for name in ("accepted", "rejected")})
    asked: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    draws: dict[str, Draw[Shown]] = field(default_factory=dict)

    def note(self, trace: Trace, judged: Judged) -> None:
        self.lengths["accepted" if judged.accepted else "rejected"].append(trace.completion_tokens)
        self.asked[trace.problem_id] += 1
        self.right[trace.problem_id] += judged.verdict == "correct"
        if not judged.accepted:
            self.rejected[judged.why] += 1
        self.draws.setdefault(judged.verdict, Draw(SHOWN)).offer(trace.id, Shown(trace, judged))


def harvested(folder: Path) -> Harvested:
    """The traces of a harvest; one without a verdict counts as unknown."""
    found, known = Harvested(), verdicts(folder / "verdicts.jsonl")
    for trace in Log(folder / "samples.jsonl").each(Trace):
        found.note(trace, known.get(trace.id, NOT_JUDGED))
    return found


@dataclass(frozen=True)
class Curated:
    """What is held of the curated set."""

    lengths: array
    problems: Counter[str]


def curated(folder: Path) -> Curated:
    """The rows of a curated set, batch by batch; texts are not read."""
    import pyarrow as pa

    lengths, problems = array("q"), Counter[str]()
    for path in sorted(folder.glob("data-*.arrow")):
        try:
            with pa.memory_map(str(path)) as held, pa.ipc.open_stream(held) as stream:
                for batch in stream:
                    lengths.extend(n or 0 for n in batch.column("completion_tokens").to_pylist())
                    problems.update(filter(None, batch.column("problem_id").to_pylist()))
        except (pa.ArrowInvalid, KeyError) as e:
            raise DistillError(f"{path} is damaged.", "Delete its folder; `distill run RECIPE` curates again.") from e
    return Curated(lengths, problems)


@dataclass(frozen=True)
class Origin:
    """Section two of the page."""

    funnel: list[Bar]
    rejected: list[Bar]
    pass_rates: Markup
    lengths: Markup
    domains: list[Bar]
    domain_key: str
    """What the domains are told by."""
    domains_of: str
    """What is counted: traces, or problems."""
    unit: str
    samples: int
    problems: int
    traces: list[tuple[Asked, Shown]]


def origin(
    problems: Path, traces: Path, chosen: Path | None, harvest: dict[str, Any], curation: dict[str, Any]
) -> Origin:
    """Read the harvest, the problems and, where there is one, the curated set; `curation` are counts of its stage."""
    found, kept = harvested(traces), curated(chosen) if chosen else None
    lengths = {("accepted", "correct"): found.lengths["accepted"], ("rejected", "wrong"): found.lengths["rejected"]}
    if kept is not None:
        lengths[("in the curated set", "student")] = kept.lengths
    drawn = [s for name in ("correct", "wrong", "unknown") if name in found.draws for s in found.draws[name].drawn()]
    labels = _Labels(found.asked, kept.problems if kept else None, {shown.trace.problem_id for shown in drawn})
    labels.read(each_problem(problems))
    judged = curation.get("domains", {}).get("domains", {})
    told = Counter({f"{code} {DOMAINS[code]}": n for code, n in judged.items()})
    unit, funnel = harvest["unit"], curation.get("funnel", [])
    return Origin(
        funnel=_funnel(funnel),
        rejected=_bars(found.rejected, None),
        pass_rates=pass_rate_chart(found.right, found.asked),
        lengths=length_chart(lengths, "Lengths of the teacher's traces", unit),
        domains=_bars(told, None) if told else _bars(labels.asked, labels.kept if kept else None),
        domain_key="domain" if told else labels.key,
        domains_of="problems, as a judge told their domains" if told else "traces",
        unit=unit,
        samples=found.asked.total(),
        problems=len(found.asked),
        traces=[(labels.examples.get(s.trace.problem_id, Asked("", "")), s) for s in drawn],
    )


KEYS = ("domain", "subject", "type")
"""Under which what is known of a problem tells its domain."""


class _Labels:
    """Domains of the problems that were asked, or their sources where nothing tells domains."""

    def __init__(self, asked: Counter[str], kept: Counter[str] | None, examples: set[str]) -> None:
        self._traces, self._rows, self._wanted = asked, kept or Counter(), examples
        self.asked, self.kept = Counter[str](), Counter[str]()
        self.examples: dict[str, Asked] = {}
        self.key = ""

    def read(self, problems: Iterator[Problem]) -> None:
        counts = {key: (Counter[str](), Counter[str]()) for key in (*KEYS, "source")}
        for p in problems:
            if p.id in self._wanted:
                self.examples[p.id] = Asked(p.question, p.answer)
            if traces := self._traces[p.id]:
                key = next((key for key in KEYS if key in p.known), "source")
                label = in_line(str(p.known.get(key, p.source)), 60)
                counts[key][0][label] += traces
                counts[key][1][label] += self._rows[p.id]
        self.key = max(counts, key=lambda key: counts[key][0].total())
        self.asked, self.kept = counts[self.key]


def _funnel(steps: list[dict[str, Any]]) -> list[Bar]:
    most = max((step["traces"] for step in steps), default=0) or 1
    return [
        Bar(s["name"], s["traces"], s["traces"] / most, s["problems"], s["problems"] / most, s["note"]) for s in steps
    ]


def _bars(counts: Counter[str], beside: Counter[str] | None) -> list[Bar]:
    """The most frequent ones, each bar a share of its group's total, the longest whole; the rest stands in one line."""
    total, others = counts.total() or 1, beside.total() if beside else 0

    def bar(name: str, number: int, second: int | None) -> Bar:
        return Bar(name, number, number / total, second, (second or 0) / others if others else 0.0)

    first = counts.most_common(MOST_BARS if len(counts) <= MOST_BARS else MOST_BARS - 1)
    bars = [bar(in_line(name, 90), n, None if beside is None else beside[name]) for name, n in first]
    if rest := total - sum(n for _, n in first) if counts else 0:
        second = None if beside is None else others - sum(beside[name] for name, _ in first)
        bars.append(bar(f"{len(counts) - len(first)} others", rest, second))
    most = max((max(b.share, b.beside_share) for b in bars), default=1.0)
    return [b._replace(share=b.share / most, beside_share=b.beside_share / most) for b in bars]
