"""`report.html`: one static page of a run, written from what lies in the run directory."""

from pathlib import Path
from typing import Any

from distill.console import duration, protocol_line, summary
from distill.errors import Refused
from distill.files import Log, read_json, write_atomically
from distill.problems import read_problems
from distill.records import Problem, Trace, Verdict
from distill.report.charts import accuracy_chart, funnel_chart, loss_chart
from distill.run import OUTPUTS, read_seal, recipe_name

SHOWN_ANSWERS = 24
"""Held-out problems shown with both answers."""

SHOWN_TRACES = 8
"""Teacher traces shown of each verdict."""


def write_report(folder: Path, wanted: dict[str, str] | None = None) -> Path:
    """Write the page of a run, with what is there so far; what was made under another recipe is left out.

    `wanted` are the fingerprints of the recipe's stages; None works them out, where its files and models are there.

    Raises:
        Refused: the folder holds no run.
    """
    from jinja2 import Environment, PackageLoader

    if not (folder / "recipe.yaml").is_file():
        raise Refused(f"{folder} holds no run (no recipe.yaml in it).")
    environment = Environment(
        loader=PackageLoader("distill.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html").render(_content(folder, wanted or _wanted(folder)))
    target = folder / "report.html"
    write_atomically(target, page)
    return target


def _wanted(folder: Path) -> dict[str, str] | None:
    """Fingerprints of the recipe that lies in the run; None where what they are made of is gone."""
    from distill.pipeline import fingerprints
    from distill.recipe_file import load

    try:
        return fingerprints(load(str(folder / "recipe.yaml")))
    except Refused:
        return None


def _content(folder: Path, wanted: dict[str, str] | None) -> dict[str, Any]:
    present = {stage: seal for stage in OUTPUTS if (seal := read_seal(folder, stage))}
    seals = {s: seal for s, seal in present.items() if wanted is None or seal.fingerprint == wanted.get(s)}
    evaluation = next(iter(seals["evaluate"].counts["sets"].values())) if "evaluate" in seals else None
    return {
        "name": recipe_name(folder / "recipe.yaml"),
        "recipe": (folder / "recipe.yaml").read_text(encoding="utf-8"),
        "stages": [(s, summary(s, seal.counts), duration(seal.seconds)) for s, seal in seals.items()],
        "missing": [stage for stage in wanted or OUTPUTS if stage not in seals and (wanted or stage != "on_policy")],
        "stale": [stage for stage in present if stage not in seals],
        "total": duration(sum(seal.seconds for seal in seals.values())),
        "evaluation": evaluation,
        "protocol": protocol_line(evaluation["protocol"]) if evaluation else "",
        "accuracy_chart": accuracy_chart(evaluation["figures"]) if evaluation else "",
        "funnel_chart": funnel_chart(seals["curate"].counts["funnel"]) if "curate" in seals else "",
        "loss_chart": _loss_chart(folder) if "train" in seals else "",
        "harvest": seals["harvest"].counts if "harvest" in seals else None,
        "train": seals["train"].counts if "train" in seals else None,
        "first_rows": _first_rows(folder) if "train" in seals else [],
        "traces": _teacher_traces(folder) if "harvest" in seals else [],
        "answers": _answers(folder) if evaluation else [],
    }


def _loss_chart(folder: Path) -> str:
    from students.stage import read_metrics

    path = folder / OUTPUTS["train"] / "metrics.jsonl"
    return loss_chart(read_metrics(path)) if path.is_file() else ""


def _first_rows(folder: Path) -> list[list[tuple[str, bool]]]:
    path = folder / OUTPUTS["train"] / "first_rows.json"
    return read_json(path) if path.is_file() else []


def _problems(folder: Path) -> dict[str, Problem]:
    return {p.id: p for p in read_problems(folder / OUTPUTS["problems"])}


def _teacher_traces(folder: Path) -> list[dict[str, Any]]:
    """The first traces of each verdict, with their problems."""
    at = folder / OUTPUTS["harvest"]
    problems = _problems(folder)
    verdicts = {v.trace_id: v for v in Log(at / "verdicts.jsonl").read(Verdict)}
    shown: dict[str, list[dict[str, Any]]] = {}
    for trace in Log(at / "samples.jsonl").read(Trace):
        verdict = verdicts[trace.id]
        group = shown.setdefault(verdict.verdict, [])
        if len(group) < SHOWN_TRACES:
            group.append({"problem": problems[trace.problem_id], "trace": trace, "verdict": verdict})
    return [row for name in ("correct", "wrong", "unknown") for row in shown.get(name, [])]


def _answers(folder: Path) -> list[dict[str, Any]]:
    """Held-out problems with the first answer of base and student."""
    at = folder / OUTPUTS["evaluate"]
    rows: dict[str, dict[str, Any]] = {}
    problems = _problems(folder)
    for who in ("base", "student"):
        verdicts = {v.trace_id: v for v in Log(at / f"{who}.verdicts.jsonl").read(Verdict)}
        for trace in Log(at / f"{who}.samples.jsonl").read(Trace):
            row = rows.setdefault(trace.problem_id, {"problem": problems[trace.problem_id]})
            row.setdefault(who, (trace, verdicts[trace.id]))
    return list(rows.values())[:SHOWN_ANSWERS]
