"""How the models behave: the lengths of their answers, how these end, how often they reflect, and a few to read."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from distill.curate.quality.reflection import Counts, counts
from distill.files import Log
from distill.problems import each_problem
from distill.records import Trace
from distill.report.reading import NOT_JUDGED, Asked, Draw, Judged, asked, verdicts
from distill.report.spread import length_chart

SHOWN = {"gained": 3, "lost": 3, "both right": 2, "neither right": 2}
"""Examples of each kind, which are those of `distill view`: what a change is made of first."""

TITLES = {
    "keywords_v2": ("self-reflection", "“recheck”, “reconsider”, …"),
    "verification": ("verification", "“let me check”, “to confirm”, …"),
    "backtracking": ("backtracking", "“wait, no”, “alternatively”, …"),
    "subgoals": ("subgoals", "“first, let”, “step 1”, …"),
    "backward_chaining": ("backward chaining", "“it suffices”, “work backwards”, …"),
}
"""Lists of phrases that are counted -> what they stand for, and some of them."""


@dataclass
class Answers:
    """What one pass over the answers of a model leaves."""

    lengths: array = field(default_factory=lambda: array("q"))
    phrases: Counter[str] = field(default_factory=Counter)
    words: int = 0
    picked: dict[str, Trace] = field(default_factory=dict)

    def note(self, trace: Trace) -> None:
        self.lengths.append(trace.completion_tokens)
        text = f"{trace.reasoning}\n{trace.response}"
        self.words += len(text.split())
        found: Counts = counts(text)
        for name in TITLES:
            self.phrases[name] += getattr(found, name)


class Reflected(NamedTuple):
    """How often a list of words speaks, by model."""

    title: str
    phrases: str
    an_answer: dict[str, float]
    thousand_words: dict[str, float]


class Side(NamedTuple):
    """The answer of one model."""

    who: str
    trace: Trace
    judged: Judged


class Example(NamedTuple):
    """A problem with what the models made of it, sample for sample."""

    kind: str
    problem: Asked
    sides: list[Side]


@dataclass(frozen=True)
class Behaviour:
    """Of one evaluation set."""

    lengths: Markup
    reflected: list[Reflected]
    kinds: dict[str, int]
    """How many pairs of samples were gained, lost, ..."""
    examples: list[Example]


def behaviour(folder: Path, models: list[str]) -> Behaviour:
    """Read the answers of one set, model after model; of their texts only the examples stay."""
    judged = {who: verdicts(folder / f"{who}.verdicts.jsonl") for who in models}
    kinds, picked = _pairs(judged)
    wanted = {trace_id for ids in picked.values() for trace_id in ids}
    found = {who: _answers(folder / f"{who}.samples.jsonl", wanted) for who in models}
    problems = {trace.problem_id for answers in found.values() for trace in answers.picked.values()}
    known = asked(each_problem(folder / "problems.parquet"), problems)
    return Behaviour(
        lengths=length_chart({(who, who): found[who].lengths for who in models}, "Lengths of answers"),
        reflected=_reflected(found),
        kinds=kinds,
        examples=[e for kind, ids in picked.items() for i in ids if (e := _example(kind, i, found, judged, known))],
    )


def _pairs(judged: Mapping[str, Mapping[str, Judged]]) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Samples of base and student with the same number and seed: how many are of each kind, and a draw of them."""
    base, student = judged.get("base", {}), judged.get("student", {})
    draws: dict[str, Draw[str]] = {kind: Draw(size) for kind, size in SHOWN.items()}
    for trace_id, after in student.items():
        if trace_id in base:
            draws[_kind(base[trace_id].verdict, after.verdict)].offer(trace_id, trace_id)
    kinds = {kind: draw.seen for kind, draw in draws.items() if draw.seen}
    return kinds, {kind: draws[kind].drawn() for kind in kinds}


def _kind(before: str, after: str) -> str:
    """As accuracy counts it: what is unknown is not correct."""
    if after == "correct":
        return "both right" if before == "correct" else "gained"
    return "lost" if before == "correct" else "neither right"


def _answers(path: Path, wanted: set[str]) -> Answers:
    found = Answers()
    for trace in Log(path).each(Trace):
        found.note(trace)
        if trace.id in wanted:
            found.picked[trace.id] = trace
    return found


def _reflected(found: Mapping[str, Answers]) -> list[Reflected]:
    rows = []
    for name, (title, phrases) in TITLES.items():
        an_answer = {who: a.phrases[name] / max(1, len(a.lengths)) for who, a in found.items()}
        per_words = {who: 1000 * a.phrases[name] / max(1, a.words) for who, a in found.items()}
        rows.append(Reflected(title, phrases, an_answer, per_words))
    return rows


def _example(
    kind: str,
    trace_id: str,
    found: Mapping[str, Answers],
    judged: Mapping[str, Mapping[str, Judged]],
    known: Mapping[str, Asked],
) -> Example | None:
    sides = [
        Side(who, answers.picked[trace_id], judged[who].get(trace_id, NOT_JUDGED))
        for who, answers in found.items()
        if trace_id in answers.picked
    ]
    return Example(kind, known.get(sides[0].trace.problem_id, Asked("", "")), sides) if sides else None
