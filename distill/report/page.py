"""`report.html`: one static page of a run, written from what lies in the run directory.

Logs are read once from end to end, and what is held of a trace is a few numbers: a run of a hundred thousand traces is
no other work than one of a hundred. Texts of models reach the page through `told.shown` and the template's escaping.
"""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from distill.evaluate.note import read_note
from distill.files import cannot_write, read_json, write_atomically
from distill.report import told
from distill.report.behaviour import Behaviour, behaviour
from distill.report.budgets import budgets
from distill.report.costs import costs, total
from distill.report.learning import ON_POLICY, TRAIN, Learning, learning
from distill.report.origin import Origin, origin
from distill.report.outcome import outcomes, together, warnings
from distill.run import OUTPUTS, Seal, read_seal, recipe_name
from distill.view.address import trace_address

if TYPE_CHECKING:
    from jinja2 import Template


def write_report(folder: Path, wanted: dict[str, str] | None = None) -> Path:
    """Write the page of a run, with what is there so far; what was made under another recipe is left out.

    `wanted` are the fingerprints of the recipe's stages; None works them out, where its files and models are there.

    Raises:
        Refused: the folder holds no run, or cannot be written.
        DistillError: a log of it is damaged.
    """
    if not (folder / "recipe.yaml").is_file():
        hint = f"Answers without a recipe are looked at with: distill view {folder}"
        alone = (folder / "summary.json").is_file()
        raise Refused(f"{folder} holds no run (no recipe.yaml in it).", hint if alone else "")
    page = _template().render(_content(folder, wanted or _wanted(folder)))
    target = folder / "report.html"
    try:
        write_atomically(target, page)
    except OSError as e:
        raise cannot_write(target, e) from e
    return target


def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("distill.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    named = (told.shown, told.in_line, told.percent, told.points, told.interval, told.signed_interval, told.count)
    environment.filters |= {f.__name__: f for f in (*named, told.decimal, told.p_value)}
    environment.globals["trace_address"] = trace_address
    return environment.get_template("report.html")


def _wanted(folder: Path) -> dict[str, str] | None:
    """Fingerprints of the recipe that lies in the run; None where what they are made of is gone."""
    from distill.pipeline import fingerprints
    from distill.recipe_file import load

    try:
        return fingerprints(load(str(folder / "recipe.yaml")))
    except Refused:
        return None


@dataclass(frozen=True)
class _Stages:
    """Which stages of a run may be shown."""

    seals: dict[str, Seal]
    missing: list[str]
    stale: list[str]
    """Made under another recipe."""


def _stages(folder: Path, wanted: dict[str, str] | None) -> _Stages:
    present = {stage: seal for stage in OUTPUTS if (seal := read_seal(folder, stage))}
    seals = {s: seal for s, seal in present.items() if wanted is None or seal.fingerprint == wanted.get(s)}
    missing = [stage for stage in wanted or OUTPUTS if stage not in seals and (wanted or stage != "on_policy")]
    return _Stages(seals, missing, [stage for stage in present if stage not in seals])


def _content(folder: Path, wanted: dict[str, str] | None) -> dict[str, Any]:
    stages = _stages(folder, wanted)
    seals = stages.seals
    evaluation = _evaluation(folder) if "evaluate" in seals else None
    trained = learning(folder / OUTPUTS["train"], TRAIN) if "train" in seals else None
    return {
        "view": f"distill view {quote(str(folder))}",
        "name": recipe_name(folder / "recipe.yaml"),
        "recipe": (folder / "recipe.yaml").read_text(encoding="utf-8"),
        "missing": stages.missing,
        "stale": stages.stale,
        "outcomes": outcomes(evaluation) if evaluation else [],
        "together": together(evaluation) if evaluation else None,
        "warnings": warnings(evaluation) if evaluation else [],
        "costs": costs(seals, evaluation, trained.epochs if trained else None, _taken_over(folder)),
        "total": total(seals),
        "harvest": seals["harvest"].counts if "harvest" in seals else None,
        "origin": _origin(folder, seals),
        "train": seals["train"].counts if "train" in seals else None,
        "trainings": _trainings(folder, seals, trained),
        "behaviours": _behaviours(folder, evaluation),
        "budgets": budgets(folder) if "train" in seals else [],
    }


def _evaluation(folder: Path) -> dict[str, Any] | None:
    """The summary; None where an earlier version wrote it in another form."""
    summary: dict[str, Any] = read_json(folder / OUTPUTS["evaluate"] / "summary.json")
    return summary if "sets" in summary else None


def _taken_over(folder: Path) -> int:
    """How many files of answers the evaluation has of an earlier recipe."""
    note = read_note(folder / OUTPUTS["evaluate"])
    return sum(entry.taken_over for by_model in note.answers.values() for entry in by_model.values())


def _origin(folder: Path, seals: dict[str, Seal]) -> Origin | None:
    if not {"problems", "harvest"} <= seals.keys():
        return None
    chosen, curation = None, {}
    if "curate" in seals:
        chosen, curation = folder / OUTPUTS["curate"], seals["curate"].counts
    problems, traces = folder / OUTPUTS["problems"], folder / OUTPUTS["harvest"]
    return origin(problems, traces, chosen, seals["harvest"].counts, curation)


def _trainings(folder: Path, seals: dict[str, Seal], trained: Learning | None) -> list[tuple[str, Learning]]:
    """The stages of training that there were, with their names."""
    found = [("train", trained)] if trained else []
    if "on_policy" in seals:
        found.append(("on_policy", learning(folder / OUTPUTS["on_policy"], ON_POLICY)))
    return found


def _behaviours(folder: Path, evaluation: dict[str, Any] | None) -> dict[str, Behaviour]:
    """Of each set whose answers lie there."""
    if evaluation is None:
        return {}
    order, at = evaluation["models"], folder / OUTPUTS["evaluate"]
    return {
        name: behaviour(at / name, [who for who in order if who in found["figures"]])
        for name, found in evaluation["sets"].items()
        if (at / name).is_dir()
    }
