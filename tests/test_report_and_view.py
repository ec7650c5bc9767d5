"""The report and `distill view` of the same run: the same counts, and links from one to the other."""

import re
from collections import Counter
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import view_runs
from made_runs import Size, made_run

from distill.files import Log, read_json
from distill.records import Verdict
from distill.report.page import write_report
from distill.view.list import Facets
from distill.view.sources import Looked

MODELS = ("base", "student", "teacher")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fifth verdict of the student, and every seventh of its base, is unknown; ids want quoting."""
    made = made_run(tmp_path_factory.mktemp("made") / "a run", Size(models=MODELS))
    for who, often in (("student", 5), ("base", 7)):
        log = Log(made / f"evaluation/held_out/{who}.verdicts.jsonl")
        told = log.read(Verdict)
        log.path.unlink()
        unknown = {"verdict": "unknown", "reason": "timed out"}
        log.append(v.model_copy(update=unknown) if i % often == 0 else v for i, v in enumerate(told))
    return made


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return unescape(write_report(run).read_text())


@pytest.fixture(scope="module")
def facets(run: Path) -> Facets:
    return view_runs.read(run)[0].facets()


def test_they_agree_on_what_the_student_gained_and_lost(page: str, facets: Facets) -> None:
    (told,) = re.findall(r"from base to student: (.*?)\. Shown", page)
    counted = {kind: int(n) for n, kind in re.findall(r"(\d+) ([a-z ]+)", told)}
    names = {"gained": "gained", "lost": "lost", "both": "both right", "neither": "neither right"}
    (of_student,) = [counts for _, who, counts in facets.changes if who == "student"]
    assert counted == {names[kind]: n for kind, n in of_student.items()}
    right = {who: counts.get("correct", 0) for name, who, counts in facets.answers if name == "held_out"}
    assert counted["gained"] - counted["lost"] == right["student"] - right["base"]


def test_they_agree_on_the_traces_of_the_teacher(run: Path, page: str, facets: Facets) -> None:
    (counts,) = [counts for name, _, counts in facets.answers if name == "traces"]
    harvest = read_json(run / "stages/harvest.json")["counts"]
    assert counts == {name: harvest[name] for name in ("correct", "wrong", "unknown") if harvest[name]}
    assert f"{sum(counts.values())} traces of" in page
    assert f"{counts['correct']} were accepted" in page
    rejected = {reason: n for verdict, reason, n in facets.reasons if verdict != "correct"}
    of_evaluation = Counter(
        v.reason
        for who in MODELS
        for v in Log(run / f"evaluation/held_out/{who}.verdicts.jsonl").each(Verdict)
        if v.verdict != "correct"
    )
    for reason, n in (Counter(rejected) - of_evaluation).items():
        assert re.search(rf"wrong: {reason}</th><td class=\"n\">{n}</td>", page)


def test_examples_lead_to_what_view_shows(run: Path, page: str) -> None:
    assert f"distill view '{run}'" in page
    links = re.findall(r'href="(http://127\.0\.0\.1:8765/trace[^"]*)"', page)
    assert len(links) == len({*links}) >= 3 * 4
    with view_runs.served(Looked(run, run.name)) as address:
        while "Being read" in view_runs.get(address)[2]:
            pass
        for link in links:
            parts = urlsplit(link)
            status, _, shown = view_runs.get(address, f"{parts.path}?{parts.query}")
            assert status == 200
            assert "The answer is" in shown or "length" in shown or "loop" in shown
        assert view_runs.get(address, "/trace?set=held_out&who=student&id=made-0/99")[0] == 404
        assert view_runs.get(address, "/trace?id=")[0] == 404
