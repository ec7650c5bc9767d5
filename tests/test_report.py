"""The page of a run: what stands on it, what never may, and that it is the same each time."""

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_runs import Size, evaluated, made_run, seal

from distill.files import Log, read_json, write_json
from distill.problems import each_problem, read_problems, write_problems
from distill.records import Trace, Verdict
from distill.report import told
from distill.report.page import write_report
from distill.report.reading import verdicts

HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x00\x1b[31mred\x1b[0m"
    "\u202egnitset\u202c {{ 7 * 7 }} {% raw %} ]]> --> \ufeff\r\n\x85 مرحبا 👩‍👩‍👧"
)


class Outline(HTMLParser):
    """Which tags are open, and what is asked of outside; refuses tags that are not closed in their order."""

    VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    assert not found.open
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("made") / "run", Size(models=("base", "sft", "student", "teacher")))


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return write_report(run).read_text()


def test_it_answers_in_the_order_of_the_questions(page: str) -> None:
    assert re.findall(r'<h2 id="(\w+)">', page) == ["worked", "data", "training", "behaviour", "examples", "recipe"]
    titles = re.findall(r"<figure>\s*<h3>(.*?)</h3>", page)
    assert titles == [
        *("Accuracy", "Differences, in points", "By level", "By subject"),
        *("The funnel", "Why traces were rejected", "How hard the problems were", "How long the traces are", "Domains"),
        *("Loss", "Token accuracy", "Learning rate", "Gradient norm", "Tokens per second"),
        *("How long the answers are", "More samples", "How answers end", "How often it reflects"),
    ]
    assert page.count("<figcaption>") == len(titles), "a sentence beneath each figure"


def test_one_file_that_asks_for_nothing(page: str) -> None:
    found = outline(page)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(found.tags)
    opened = [link for link in found.links if link.startswith("http://127.0.0.1:8765/trace?")]
    assert opened, "to what `distill view` serves on this machine, where somebody follows them"
    assert all(link.startswith("#") for link in found.links if link not in opened)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"url\(|@import|https?://(?!127\.0\.0\.1:8765/)", page)
    ids = re.findall(r' id="(\w+)"', page)
    assert {*found.links} - {*opened} <= {f"#{name}" for name in ids}
    assert len(ids) == len(set(ids))


def test_its_figures_are_those_of_the_files(run: Path, page: str) -> None:
    told_of = read_json(run / "evaluation" / "summary.json")["sets"]["held_out"]
    for who, f in told_of["figures"].items():
        assert f"{who} {told.percent(f['accuracy'])}" in page
        assert told.percent(f["pass_at"]["2"]["value"]) in page
    for d in told_of["differences"]:
        assert f"{d['of']} − {d['minus']}" in page
        assert told.signed_interval(d["low"], d["high"]) in page
    harvest = read_json(run / "stages" / "harvest.json")["counts"]
    assert f"{harvest['samples']} traces of {harvest['problems']} problems" in page
    for reason, n in harvest["reasons"].items():
        if not reason.startswith("correct"):
            assert re.search(rf"{reason}</th><td class=\"n\">{n}</td>", page)
    metrics = [json.loads(line) for line in (run / "student" / "metrics.jsonl").open()]
    assert f"Loss from {told.decimal(metrics[0]['loss'])} at step 1" in page
    tokens = sum(f["tokens"] for f in told_of["figures"].values())
    assert f"{tokens:,}" in page
    assert told.count(harvest["prompt_tokens"] + harvest["completion_tokens"]) in page


def test_the_same_run_gives_the_same_page(run: Path, page: str) -> None:
    assert write_report(run).read_text() == page


def test_what_changed_is_counted_and_drawn(run: Path, page: str) -> None:
    at = run / "evaluation" / "held_out"
    base, student = (verdicts(at / f"{who}.verdicts.jsonl") for who in ("base", "student"))
    gained = sum(base[i].verdict == "wrong" and student[i].verdict == "correct" for i in base)
    lost = sum(base[i].verdict == "correct" and student[i].verdict == "wrong" for i in base)
    assert f"{gained} gained, {lost} lost" in page
    for kind in ("Gained", "Lost", "Both right", "Neither right"):
        assert f"<strong>{kind}:</strong>" in page


def test_warnings_come_before_figures(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=8, held_out=4, steps=3))
    file = run / "evaluation" / "summary.json"
    summary = read_json(file)
    said = "12 % of the answers were cut at <max_tokens>: the accuracy may be low for it."
    summary["sets"]["held_out"]["warnings"] = [said]
    write_json(file, summary)
    page = write_report(run).read_text()
    assert page.index(escape(said)) < page.index("<figure>")
    assert 'class="alarm"' in page
    assert 'class="alarm"' not in write_report(made_run(tmp_path / "other", Size(traces=8, steps=3))).read_text()


@pytest.mark.parametrize(
    ("mean", "low", "high", "said"),
    [(0.2, 0.1, 0.3, "Yes: the student is better"), (-0.2, -0.3, -0.1, "No: the student is worse"),
     (0.02, -0.1, 0.1, "Not shown"), (0.0, 0.0, 0.0, "Not shown")],
)  # fmt: skip
def test_the_verdict_follows_the_interval(tmp_path: Path, mean: float, low: float, high: float, said: str) -> None:
    run = made_run(tmp_path / "run", Size(traces=4, held_out=4, steps=2))
    file = run / "evaluation" / "summary.json"
    summary = read_json(file)
    summary["sets"]["held_out"]["differences"][0] |= {"mean": mean, "low": low, "high": high}
    write_json(file, summary)
    page = write_report(run).read_text()
    assert f"<strong>{said}" in page
    assert told.points(mean) in page


def hostile_run(folder: Path) -> Path:
    """Every text of a model or of data is one that would do harm."""
    run = made_run(folder, Size(traces=8, held_out=4, k=1, steps=3))
    for part in [*run.glob("traces/*.jsonl"), *run.glob("evaluation/*/*.jsonl")]:
        kind: type[Trace] | type[Verdict] = Trace if "samples" in part.name else Verdict
        update = {"reasoning": HOSTILE, "response": HOSTILE, "model": HOSTILE} if kind is Trace else {"reason": HOSTILE}
        records: list[Any] = [r.model_copy(update=update) for r in Log(part).each(kind)]
        part.unlink()
        Log(part).append(records)
    for file in (run / "problems.parquet", run / "evaluation" / "held_out" / "problems.parquet"):
        harmful = {"question": HOSTILE * 3, "answer": HOSTILE, "known": {"subject": HOSTILE}}
        write_problems(file, [p.model_copy(update=harmful) for p in each_problem(file)])
    summary = read_json(run / "evaluation" / "summary.json")
    told_of = summary["sets"]["held_out"]
    told_of["warnings"], told_of["protocol"]["prompt"] = [HOSTILE], {"user": HOSTILE}
    for f in told_of["figures"].values():
        f["reasons"] = {f"wrong: {HOSTILE}": 3}
        f["groups"] = {HOSTILE: {HOSTILE: {"n": 1, "accuracy": 0.0, "low": 0.0, "high": 0.5}}}
    write_json(run / "evaluation" / "summary.json", summary)
    funnel = read_json(run / "stages" / "curate.json")
    funnel["counts"]["funnel"][0] |= {"name": HOSTILE, "note": HOSTILE}
    write_json(run / "stages" / "curate.json", funnel)
    write_json(run / "student" / "first_rows.json", [[[HOSTILE, True]]])
    return run


def test_texts_of_models_stay_texts(tmp_path: Path) -> None:
    page = write_report(hostile_run(tmp_path / "run")).read_text()
    found = outline(page)
    assert not {"script", "img"} & set(found.tags)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "⟨U+202E⟩" in page
    assert "⟨U+001B⟩" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_a_text_of_ten_megabytes_is_cut(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=4, held_out=2, k=1, steps=2))
    for part in [*run.glob("traces/samples.jsonl"), *run.glob("evaluation/*/*.samples.jsonl")]:
        long = [t.model_copy(update={"reasoning": "ab\n" * (10**7 // 3)}) for t in Log(part).each(Trace)]
        part.unlink()
        Log(part).append(long[:3])
    page = write_report(run).read_text()
    assert len(page) < 400_000
    assert "characters are left out here" in page


def test_what_is_not_there_yet_is_said(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=8, held_out=4, steps=3))
    for stage, missing in (
        ("evaluate", "The student was not evaluated yet."),
        ("train", "Nothing was trained yet."),
        ("curate", "not done yet: curate, train, evaluate, publish."),
        ("harvest", "Nothing was harvested yet."),
        ("problems", "Not done yet: problems, harvest"),
    ):
        (run / "stages" / f"{stage}.json").unlink()
        assert missing.lower() in write_report(run).read_text().lower()


def test_a_summary_of_an_earlier_version_is_not_read(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=4, held_out=2, steps=2))
    write_json(run / "evaluation" / "summary.json", {"base": {"accuracy": 0.1}, "student": {"accuracy": 0.2}})
    page = write_report(run).read_text()
    assert "written by an earlier version of distill" in page
    assert "<h3>Accuracy</h3>" not in page


def test_several_sets_and_their_mean(tmp_path: Path) -> None:
    from made_runs import Texts

    size = Size(traces=4, held_out=6, steps=2)
    run = made_run(tmp_path / "run", size)
    held = [p for p in read_problems(run / "problems.parquet") if p.held_out]
    evaluated(run, held[:4], size, Texts(7), "aime24")
    file = run / "evaluation" / "summary.json"
    summary = read_json(file)
    some = {who: {"n": 10, "accuracy": 0.4, "low": 0.3, "high": 0.5} for who in size.models}
    change = {"of": "student", "minus": "base", "mean": 0.1, "low": 0.0, "high": 0.2, "p_value": 0.1, "test": "x"}
    summary["over_sets"] = {"figures": some, "differences": [change]}
    summary["sets"]["aime24"]["warnings"] = ["few problems."]
    write_json(file, summary)
    page = write_report(run).read_text()
    assert page.index("All sets: mean accuracy") < page.index("<h3>held_out</h3>") < page.index("<h3>aime24</h3>")
    assert "aime24: few problems." in page
    assert page.count("<h3>How long the answers are</h3>") == 2


def test_the_second_stage_of_training_has_charts_of_its_own(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=4, held_out=2, steps=2))
    (run / "on_policy").mkdir()
    line = {"of": 9, "entropy": 0.4, "mean_tokens": 210.0, "finished": 0.9, "learning_rate": 1e-4, "grad_norm": 0.2}
    told_of = [line | {"step": step, "loss": 0.5 / step} for step in range(1, 10)]
    (run / "on_policy" / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told_of))
    kl = {"first_reverse_kl": 0.5, "final_reverse_kl": 0.055}
    seal(run, "on_policy", {"steps": 9, "answers": 72, "mean_tokens": 210.0, **kl}, 600)
    page = write_report(run).read_text()
    assert page.index("The first stage: fine-tuning") < page.index("The second stage: on-policy")
    assert "Reverse KL from 0.5 at step 1 to 0.0556 at step 9" in page
    assert "about 15,120" in page


def test_traces_without_a_verdict_count_as_unknown(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=8, held_out=2, steps=2))
    file = run / "traces" / "verdicts.jsonl"
    file.write_text("".join(file.open().readlines()[:-3]))
    assert re.search(r"unknown: not judged</th><td class=\"n\">3</td>", write_report(run).read_text())


def test_domains_that_a_judge_told(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=8, held_out=2, steps=2))
    curation = read_json(run / "stages" / "curate.json")["counts"]
    told_by = {"domains": {"05": 2, "11": 6}, "prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.25}
    seal(run, "curate", curation | {"domains": told_by}, 5)
    page = write_report(run).read_text()
    assert page.index("11 Number theory") < page.index("05 Combinatorics")
    assert "as a judge told their domains" in page
    assert re.search(r"<td class=\"n\">1,100</td><td class=\"n\">0.25</td>", page)


def test_damaged_metrics_are_left_out(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", Size(traces=4, held_out=2, steps=5))
    with (run / "student" / "metrics.jsonl").open("a") as f:
        f.write(
            '{"step": 9, "epoch": "x", "loss": null}\n[]\n{"step": 6, "of": 6, "loss": NaN, "grad_norm": Infinity}\n'
        )
        f.write('{"step": 7, "loss": "x", "grad_norm": 1e-320}\n{"ste')
    page = write_report(run).read_text()
    assert "nan" not in page
    assert "<h3>Loss</h3>" in page


def test_a_run_that_was_stopped_while_harvesting(tmp_path: Path) -> None:
    """Sealed stages alone are shown."""
    run = made_run(tmp_path / "run", Size(traces=4, held_out=2, steps=2))
    seal(run, "harvest", read_json(run / "stages" / "harvest.json")["counts"], 1)
    (run / "traces" / "samples.jsonl").open("ab").write(b'{"id": "torn')
    assert "4 traces of 1 problems" in write_report(run).read_text()
