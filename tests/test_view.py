"""Which traces `distill view` lists: by filter and by search the same as looking at every record, page after page."""

import base64
import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import view_runs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.errors import Refused
from distill.files import Log
from distill.recipe import Recipe
from distill.records import Trace, Verdict
from distill.view.filter import Filter, from_query
from distill.view.list import Lists
from distill.view.needle import Needle
from distill.view.sources import Looked
from distill.view.static import write_pages
from distill.view.trace import side_by_side


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return view_runs.seen(tmp_path_factory.mktemp("runs"), "any/model")


@pytest.fixture(scope="module")
def lists(run: Path) -> Lists:
    return view_runs.read(run)[0]


@pytest.fixture(scope="module")
def records(run: Path) -> list[SimpleNamespace]:
    """Every trace with its last verdict, read without an index."""
    found = []
    for path in [run / "traces" / "samples.jsonl", *sorted((run / "evaluation").glob("*/*.samples.jsonl"))]:
        judged = {v.trace_id: v for v in Log(path.with_name(path.name.replace("samples", "verdicts"))).read(Verdict)}
        who = path.name.partition(".")[0].replace("samples", "teacher")
        for trace in Log(path).read(Trace):
            asked = view_runs.problem(int(trace.problem_id.split("-")[1]), trace.problem_id.startswith("held"))
            found.append(
                SimpleNamespace(
                    trace=trace, who=who, set=path.parent.name, verdict=judged.get(trace.id), problem=asked, id=trace.id
                )
            )
    return found


FILTERS: dict[str, Any] = {
    "who=student": lambda r: r.who == "student",
    "set=held_out": lambda r: r.set == "held_out",
    "verdict=wrong": lambda r: r.verdict and r.verdict.verdict == "wrong",
    "verdict=none": lambda r: r.verdict is None,
    "verdict=accepted": lambda r: r.verdict and r.verdict.accepted,
    "verdict=flawed": lambda r: r.verdict and r.verdict.flaw,
    "reason=timed out": lambda r: r.verdict and r.verdict.reason == "timed out",
    "domain=geometry": lambda r: r.problem.known["subject"] == "geometry",
    "finish=length": lambda r: r.trace.finish_reason == "length",
    "least=20&most=31": lambda r: 20 <= r.trace.completion_tokens <= 31,
    "who=teacher&verdict=correct&domain=algebra&least=15": lambda r: (
        r.who == "teacher"
        and r.verdict
        and r.verdict.verdict == "correct"
        and r.problem.known["subject"] == "algebra"
        and r.trace.completion_tokens >= 15
    ),
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_lists_what_every_record_says(query: str, lists: Lists, records: list[SimpleNamespace]) -> None:
    wanted = from_query(dict(pair.split("=") for pair in query.split("&")))
    expected = [(r.who, r.id) for r in records if FILTERS[query](r)]
    assert expected
    assert sorted(view_runs.names(lists, wanted)) == sorted(expected)
    assert lists.rows(wanted, 0).total == len(expected)


def test_answers_beside_the_base(lists: Lists, records: list[SimpleNamespace]) -> None:
    held = [r for r in records if r.set == "held_out"]
    right = {(r.who, r.id): r.verdict.verdict == "correct" for r in held}
    for change, pair in {"gained": (True, False), "lost": (False, True), "both": (True, True)}.items():
        expected = {key for key in right if key[0] != "base" and (right[key], right["base", key[1]]) == pair}
        assert expected, change
        assert set(view_runs.names(lists, Filter(change=change))) == expected
    told = {who: counts for _, who, counts in lists.facets().changes}
    assert sum(told["student"].values()) == 12
    assert told["student"]["gained"] == len(view_runs.names(lists, Filter(change="gained", who="student")))


def test_orders(lists: Lists, records: list[SimpleNamespace]) -> None:
    tokens = [row.tokens for row in lists.rows(Filter(sort="longest"), 0, 500).rows]
    assert tokens == sorted(tokens, reverse=True)
    assert tokens[::-1] == [row.tokens for row in lists.rows(Filter(sort="shortest"), 0, 500).rows]
    taught = [r.id for r in records if r.set == "traces"]
    assert [name for _, name in view_runs.names(lists, Filter(set="traces"))] == taught


SOUGHT = (
    '"check"',
    "\\frac{1}",
    "THE ANSWER",
    "ёлка",
    "naïve",
    "it. ",
    "says\nthe teacher",
    "<script>",
    "7*7",
    "train-1",
)


@pytest.mark.parametrize("within", ["", "question", "reasoning", "response", "answer"])
@pytest.mark.parametrize("text", SOUGHT)
def test_a_search_finds_what_every_text_holds(
    text: str, within: str, lists: Lists, records: list[SimpleNamespace]
) -> None:
    def holds(r: SimpleNamespace) -> bool:
        gold = [r.problem.answer, (r.verdict and r.verdict.extracted) or ""]
        texts = {"question": [r.problem.question], "answer": gold}
        texts |= {"reasoning": [r.trace.reasoning], "response": [r.trace.response]}
        every = texts[within] if within else [one for some in texts.values() for one in some]
        return any(" ".join(text.split()).lower() in " ".join(one.split()).lower() for one in every)

    expected = [(r.who, r.id) for r in records if holds(r)]
    assert sorted(view_runs.names(lists, Filter(q=text.strip(), within=within))) == sorted(expected)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=30), st.data())
def test_a_piece_of_a_text_is_found_in_its_line(text: str, data: st.DataObject) -> None:
    """However the line is written: its letters as they are, or escaped."""
    begin = data.draw(st.integers(0, len(text) - 1))
    piece = text[begin : data.draw(st.integers(begin + 1, len(text)))]
    if not piece.split():
        return
    needle = Needle(piece)
    assert needle.is_in(f"before {text} behind")
    for escaped in (True, False):
        assert needle.may_be_in(json.dumps({"response": text}, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))
    assert not Needle("nowhere to be seen").may_be_in(json.dumps({"response": text}).encode())


@pytest.mark.parametrize("sort", ["", "longest", "shortest"])
def test_a_search_takes_a_few_at_a_time(sort: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one to the next, however they are ordered."""
    lists, _ = view_runs.read(run)
    monkeypatch.setattr("distill.view.list.SOME", 7)
    monkeypatch.setattr("distill.view.index.SOME", 3)
    assert view_runs.names(lists, Filter(q="the answer is", sort=sort)) == view_runs.names(lists, Filter(sort=sort))
    assert len(view_runs.names(lists, Filter(q="naïve guessers", within="question"))) == 116


def test_a_search_that_takes_too_long_goes_on(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists, _ = view_runs.read(run)
    everything = view_runs.names(lists, Filter())
    clock = iter(range(10_000))
    monkeypatch.setattr("distill.view.list.time.monotonic", lambda: next(clock))  # three looks a page
    lists, _ = view_runs.read(run)
    pages = 0
    while not (page := lists.rows(Filter(q="answer"), 0, 1000)).whole:
        assert page.looked_at < page.among == len(everything)
        pages += 1
        assert pages < 200
    assert pages > 10
    assert [(row.who, row.id) for row in page.rows] == everything


def test_a_run_that_goes_on_is_followed(tmp_path: Path, recipe: Recipe) -> None:
    run = view_runs.made_run(tmp_path / "run", recipe, train=4, held=2)
    lists, follower = view_runs.read(run)
    before = view_runs.names(lists, Filter())
    asked, log = view_runs.problem(0), run / "traces" / "samples.jsonl"
    new = view_runs.trace(asked, 9, "teacher")
    line = new.model_dump_json().encode() + b"\n"
    for torn in (line[:50], line[50:-1]):  # the second lacks nothing but its end
        with log.open("ab") as f:
            f.write(torn)
        follower.read_all()
        assert view_runs.names(lists, Filter()) == before, "a torn line is no trace"
        assert follower.left == follower.damaged == 0
    with log.open("ab") as f:
        f.write(line[-1:])
    follower.read_all()
    assert lists.rows(Filter(verdict="none"), 0).rows[-1].id == new.id
    Log(run / "traces" / "verdicts.jsonl").append([view_runs.verdict(new, "unknown")])
    follower.read_all()
    row = next(row for row in lists.rows(Filter(), 0).rows if row.id == new.id)
    assert (row.verdict, row.reason) == ("unknown", "timed out")
    view_runs.append(run / "evaluation" / "amc23", [new], [], "student.")
    follower.read_all()
    assert [row.set_name for row in lists.rows(Filter(set="amc23"), 0).rows] == ["amc23"]

    log.rename(log.with_name("moved"))  # as a changed recipe moves it aside
    (run / "traces" / "verdicts.jsonl").unlink()
    follower.read_all()
    assert not view_runs.names(lists, Filter(set="traces"))
    view_runs.append(run / "traces", [new], [view_runs.verdict(new, "wrong")])
    follower.read_all()
    assert [row.verdict for row in lists.rows(Filter(set="traces"), 0).rows] == ["wrong"]


def test_what_a_student_wrote_in_training(tmp_path: Path, recipe: Recipe) -> None:
    from students.own_answers import OwnAnswer

    run = view_runs.made_run(tmp_path / "run", recipe, train=4, held=2)
    said = [f"<think>it is {n}</think>\n\nso {n}" if n else "cut <th" for n in range(3)]
    (run / "on_policy").mkdir()
    Log(run / "on_policy" / "samples.jsonl").append(
        OwnAnswer(position=n, step=n, problem_id="train-1", request="r", token_ids=[1] * n, finished=n > 0, text=text)
        for n, text in enumerate(said)
    )
    lists, follower = view_runs.read(run)
    rows = lists.rows(Filter(set="on_policy"), 0).rows
    assert [(row.who, row.tokens, row.finish) for row in rows] == [
        ("student", 0, "length"),
        *[("student", n, "stop") for n in (1, 2)],
    ]
    trace = follower.sources[rows[2].place.source].read(rows[2].place)
    assert (trace.reasoning, trace.response) == ("it is 2", "so 2")
    assert {row.set_name for row in lists.beside(rows[0])} == {"on_policy", "traces"}
    assert not follower.damaged


def test_many_samples_of_a_problem_hide_nobody(tmp_path: Path, recipe: Recipe) -> None:
    run = view_runs.made_run(tmp_path / "run", recipe, train=4, held=2)
    asked, at = view_runs.problem(0, held_out=True), run / "evaluation" / "many"
    for who in ("base", "student"):
        view_runs.append(at, [view_runs.trace(asked, n, who) for n in range(300)], [], f"{who}.")
    lists, _ = view_runs.read(run)
    row = next(r for r in lists.rows(Filter(set="many", who="student"), 0, 300).rows if r.id.endswith("/250"))
    shown = side_by_side(row, lists.beside(row))
    assert [(r.who, r.id) for r in shown] == [("base", row.id), ("student", row.id), ("teacher", "held-0/0")]


def test_damaged_lines_are_told_and_passed_over(tmp_path: Path, recipe: Recipe) -> None:
    run = view_runs.made_run(tmp_path / "run", recipe, train=4, held=2)
    whole = len(view_runs.names(view_runs.read(run)[0], Filter()))
    log = run / "traces" / "samples.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    odd = [
        b"{\n",
        b"[1]\n",
        b"\xff\n",
        b'{"id": 3}\n',
        lines[0].replace(b'"completion_tokens":10', b'"completion_tokens":"x"'),
    ]
    log.write_bytes(b"".join([*lines[:2], *odd, *lines[2:]]))
    lists, follower = view_runs.read(run)
    assert follower.damaged == len(odd)
    assert len(view_runs.names(lists, Filter())) == whole


def test_the_last_verdict_counts_and_chosen_traces_are_known(tmp_path: Path, recipe: Recipe) -> None:
    from distill.curate.stage import curate
    from distill.problems import read_problems

    run = view_runs.made_run(tmp_path / "run", recipe)
    lists, _ = view_runs.read(run)
    judged = next(row for row in lists.rows(Filter(), 0).rows if row.id == "train-1/1")
    assert judged.verdict == "correct", "the judge's, behind that of the rules"
    log = Log(run / "traces" / "verdicts.jsonl")
    told = {v.trace_id for v in log.each(Verdict)}
    log.append(
        [view_runs.verdict(t, "wrong") for t in Log(run / "traces" / "samples.jsonl").each(Trace) if t.id not in told]
    )
    curate(recipe, read_problems(run / "problems.parquet"), run / "traces", run / "curated")
    from datasets import load_from_disk

    expected = set(load_from_disk(str(run / "curated"))["trace_id"])
    lists, follower = view_runs.read(run)
    assert {name for _, name in view_runs.names(lists, Filter(used="yes"))} == expected
    assert len(view_runs.names(lists, Filter(used="no"))) == 80 - len(expected)
    assert not follower.failure


def test_pages_that_are_files_lead_to_each_other(run: Path, tmp_path: Path) -> None:
    folder, traces = write_pages(Looked(run, "seen"), tmp_path / "shared", 10)
    pages = sorted(folder.rglob("*.html"))
    assert len(list((folder / "traces").iterdir())) == traces
    reached = {folder / "index.html"}
    for page in pages:
        text = page.read_text()
        assert "<script" not in text
        assert not re.search(r"https?://", text)
        for target in re.findall(r'href="([^"#]+)"', text):
            if target != "data:,":
                reached.add((page.parent / target).resolve())
    assert reached == {page.resolve() for page in pages}
    assert "The first 10 of 80 traces" in (folder / "traces-teacher-1.html").read_text()
    assert re.search(r">2 traces<", (folder / "held_out-base-correct-1.html").read_text())
    index = (folder / "index.html").read_text()
    policy = re.search(r"style-src &#39;sha256-([^&]+)&#39;", index)
    style = re.search(r"<style>(.*)</style>", index, re.DOTALL)
    assert policy
    assert style
    assert policy[1] == base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    write_pages(Looked(run, "seen"), folder, 2)
    assert len(list(folder.rglob("*.html"))) < len(pages)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused, match="holds no pages of `distill view`"):
        write_pages(Looked(run, "seen"), tmp_path / "other", 2)


def test_nothing_is_written_into_a_run(run: Path) -> None:
    def seen() -> dict[str, int]:
        return {str(p): p.stat().st_mtime_ns for p in [run, *run.rglob("*")]}

    before = seen()
    lists, _ = view_runs.read(run)
    view_runs.names(lists, Filter(q="answer"))
    assert seen() == before
