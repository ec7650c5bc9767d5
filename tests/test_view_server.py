"""The pages of `distill view` as they are served: to whom, what, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import view_runs
from commands import refused
from view_runs import get

from distill.files import Log
from distill.problems import write_problems
from distill.recipe import Recipe
from distill.records import Trace, Verdict
from distill.view.sources import Looked, look_at
from distill.view.static import write_pages
from distill.view.tokens import Rendering


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    return view_runs.seen(tmp_path_factory.mktemp("runs"), str(tiny_model))


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    with view_runs.served_once_read(run) as found:
        yield found


def at(run: Path, trace: str, log: str = "traces/samples.jsonl") -> int:
    """The byte at which a trace begins."""
    begin = 0
    for line in (run / log).read_bytes().splitlines(keepends=True):
        if f'"id":"{trace}"'.encode() in line:
            return begin
        begin += len(line)
    raise AssertionError(trace)


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example", "", "0.0.0.0", "localhost.", "[::1"]
)
def test_other_names_are_not_answered(host: str, address: str) -> None:
    status, headers, page = get(address, Host=host)
    assert status == 421
    assert "What is" not in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9999", "LOCALHOST", "[::1]:80"])
def test_names_of_this_machine_are(host: str, address: str) -> None:
    assert get(address, Host=host)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"])
def test_only_get(method: str, address: str) -> None:
    status, headers, _ = get(address, method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_headers(address: str) -> None:
    for target, kind in {
        "/": "text/html",
        "/view.css": "text/css",
        "/view.js": "text/javascript",
        "/x": "text/html",
    }.items():
        _, headers, body = get(address, target)
        assert headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "http" not in body.replace("http-equiv", "")
        assert not re.search(r"<[^>]* (style|on\w+)=", body)
    status, headers, body = get(address, method="HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 1000


def test_nothing_of_the_disk_by_its_path(address: str, run: Path) -> None:
    for target in (
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/recipe.yaml",
        "/templates/view.css",
        "/view.css/../page.py",
        f"/trace?source={run}/recipe.yaml&at=0",
        "/trace?source=../../etc/passwd&at=0",
        "/trace?source=traces/teacher&at=1",
        "/trace?source=traces/teacher&at=99999999999",
        "/text?source=traces/teacher&at=0&of=__class__",
        "/tokens?source=held_out/base&at=0",
        "/trace",
    ):
        status, _, page = get(address, target)
        assert status == 404, target
        assert "root:" not in page
        assert "There is no such page" in page


@pytest.mark.parametrize("filtered", ["", "q=add&", "verdict=correct&"])
def test_beyond_the_last_page_is_the_last(address: str, filtered: str) -> None:
    """Not an empty one that says that no trace is like that, beside a count that says otherwise."""
    of_last = re.search(r"page ([0-9]+) of \1<", get(address, f"/?{filtered}page=9999")[2])
    assert of_last, "the last page tells that it is"
    last, beyond = (get(address, f"/?{filtered}page={page}")[2] for page in (int(of_last[1]), 9999))
    assert beyond == last
    assert 'class="badge' in beyond
    assert "No trace is like that" not in beyond


def test_odd_addresses_are_told_of(address: str) -> None:
    queries: list[Any] = [{"verdict": "x"}, {"page": "-1"}, {"page": "9" * 30}, {"least": "one"}, {"q": "a" * 300}]
    queries += [[(f"k{n}", n) for n in range(99)]]
    for query in queries:
        status, _, page = get(address, f"/?{urlencode(query)}")
        assert status == 400, query
        assert "Traceback" not in page
    assert get(address, f"/?page={10**14}")[0] == 200
    assert get(address, f"/?q=add&page={10**14}")[0] == 200
    assert get(address, f"/trace?source=traces/teacher&at=0&i={10**14}")[0] == 200
    with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1].strip("/")))) as raw:
        raw.sendall(b"GET /" + b"a" * 70_000 + b"\r\n\r\n")
        assert b" 414 " in raw.recv(100)


def test_a_list_and_its_pages(address: str) -> None:
    _, _, first = get(address)
    assert "116 traces" in first
    assert first.count('class="title"') == 50
    following = unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])  # type: ignore[index]
    _, _, second = get(address, following)
    assert 'start="51"' in second
    _, _, page = get(address, "/?" + urlencode({"q": 'then "CHECK" it', "who": "student", "verdict": "correct"}))
    assert "6 traces" in page
    assert "<mark>Then &#34;check&#34; it</mark>" in page
    assert "No trace is like that" in get(address, "/?q=nowhere+to+be+seen")[2]


def test_a_trace_with_all_that_stands_beside_it(address: str, run: Path) -> None:
    place = at(run, "held-3/0", "evaluation/held_out/student.samples.jsonl")
    _, _, page = get(address, f"/trace?source=held_out/student&at={place}&set=held_out&i=15&q=add")
    told = words(page)
    order = [told.index(f"says the {who}") for who in ("base", "student", "teacher")]
    assert order == sorted(order)
    for expected in ("gold answer 7", "subject algebra", "level 3", "licence MIT", "evaluation only", "16 of 36"):
        assert expected in told, expected
    assert "wrong another value" in told
    assert "correct equal" in told
    assert "top-p 0.95" in told
    assert "<details open><summary>Reasoning" in page, "what was sought stands in it"
    assert "<mark>add</mark>" in page
    assert "<details><summary>Reasoning" in get(address, f"/trace?source=held_out/student&at={place}")[2]
    elsewhere = words(get(address, f"/trace?source=held_out/student&at={place}&set=held_out&i=3&q=add")[2])
    assert "of 36" not in elsewhere, "another trace stands there"
    _, _, taught = get(address, f"/trace?source=traces/teacher&at={at(run, 'train-1/1')}")
    assert words(taught).count("answer judged 7") == 2, "rules and judge"
    assert "the judge a larger model" in words(taught)
    assert "train-1/0" in words(taught).split("Other answers")[1]


def test_what_a_model_wrote_stays_text(address: str, run: Path) -> None:
    place = at(run, "train-1/1")
    for target in (
        f"/trace?source=traces/teacher&at={place}",
        "/?q=%3C%2Fscript%3E",
        f"/tokens?source=traces/teacher&at={place}",
    ):
        _, _, page = get(address, target)
        assert "<script>document" not in page
        assert "<img" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
    _, _, page = get(address, f"/trace?source=traces/teacher&at={place}")
    assert "{{ 7*7 }}" in page
    assert "<script>document.title='taken'</script>" in unescape(page)
    assert [f'<span class="unseen">{name}</span>' in page for name in ("ESC", "U+202E", "U+200B", "U+0007")] == [
        True
    ] * 4
    status, headers, text = get(address, f"/text?source=traces/teacher&at={place}&of=reasoning")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert text.endswith(view_runs.HOSTILE)


def test_every_field_is_hostile(tmp_path: Path, recipe: Recipe) -> None:
    """Whatever names a trace, its model, problem or verdict: every page that can be reached shows it as text."""
    bad = view_runs.HOSTILE
    run = view_runs.made_run(tmp_path / "a <b>&'\"c", recipe, train=2, held=2)
    known = {"subject": bad, bad: bad}
    fields = {"id": bad, "question": bad, "answer": bad, "kind": bad, "source": bad, "licence": bad}
    asked = view_runs.problem(0).model_copy(update={**fields, "known": known})
    place = run / "evaluation" / "s <i>'\" &=?#"
    for who in ("base.", "w <u>'\" &=?#."):
        answer = view_runs.trace(asked, 0, bad, bad)
        told = view_runs.verdict(answer, "wrong", reason=bad, extracted=bad, flaw=bad, by="judge", judge=bad)
        view_runs.append(place, [answer] * 60, [told], who)
    write_problems(place / "problems.parquet", [asked])
    with view_runs.served(Looked(run, run.name)) as address:
        while "Being read" in get(address)[2]:
            time.sleep(0.01)
        seen, todo = set(), ["/"]
        while todo and len(seen) < 80:
            target = todo.pop()
            status, _, page = get(address, target)
            assert status == 200, target
            body = page[page.index("<main") :]
            assert not re.search(r"<(script|img|b|i|u)\b", body), target
            assert not re.search("[\x00-\x08\x0b-\x1f\u202e\u200b]", re.sub(r'(value|href)="[^"]*"', "", page)), target
            seen.add(target)
            links = {unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', body)} - seen - set(todo)
            todo += [link for link in sorted(links) if link.startswith("/")]
    assert len([target for target in seen if target.startswith("/trace")]) > 20
    folder, _ = write_pages(Looked(run, run.name), tmp_path / "shared", 5)
    for file in folder.rglob("*.html"):
        assert re.fullmatch(r"[\w.-]+", file.name, re.ASCII)
        assert not re.search(r"<(script|img|b|i|u)\b", file.read_text()), file.name


def test_a_text_of_ten_megabytes(tmp_path: Path, recipe: Recipe) -> None:
    run = view_runs.made_run(tmp_path / "run", recipe, train=2, held=2)
    long = view_runs.trace(view_runs.problem(0), 5, "teacher", "<b>x</b> " * 1_200_000)
    Log(run / "traces" / "samples.jsonl").append([long])
    with view_runs.served(Looked(run, "run")) as address:
        place = at(run, "train-0/5")
        status, _, page = get(address, f"/trace?source=traces/teacher&at={place}")
        assert status == 200
        assert len(page) < 1_000_000
        assert "The first 200,000 characters of 10," in page
        assert len(get(address, f"/text?source=traces/teacher&at={place}&of=reasoning")[2]) > 10_000_000


def test_a_problem_of_megabytes(tmp_path: Path, recipe: Recipe) -> None:
    """Question, gold answer, what is known of it, and the answer that was judged."""
    run = view_runs.made_run(tmp_path / "run", recipe, train=2, held=1)
    asked = view_runs.problem(0, held_out=True)
    long = "<b>y</b> " * 300_000
    found = asked.model_copy(update={"question": long, "answer": long, "known": {"subject": long, "level": 1.0}})
    write_problems(run / "problems.parquet", [found])
    log = Log(run / "evaluation/held_out/student.verdicts.jsonl")
    told = log.read(Verdict)
    log.path.unlink()
    log.append(v.model_copy(update={"extracted": long}) for v in told)
    with view_runs.served_once_read(run) as address:
        status, _, page = get(address, f"/trace?set=held_out&who=student&id={asked.id}/0")
        assert status == 200
        assert len(page) < 1_500_000
        assert " … and 2,500,000 further characters" in page
        assert "<b>y" not in page
        assert len(get(address)[2]) < 200_000


def test_tokens_are_those_that_training_sees(address: str, run: Path, tiny_model: Path) -> None:
    """As `distill check` shows the rows that it checked."""
    from distill import models
    from distill.chat_template import turn_of
    from distill.recipe_file import load
    from distill.records import joined
    from students.render import render

    recipe, log = load(str(run / "recipe.yaml")), Log(run / "traces" / "samples.jsonl")
    found = next(t for t in log.each(Trace) if t.id == "train-2/0")
    tokenizer = models.tokenizer(models.of_student(recipe.student))
    messages = recipe.student_prompt().messages(view_runs.problem(2).question)
    row = render(tokenizer, turn_of(tokenizer, "tiny"), found.id, messages, joined(found.reasoning, found.response))
    expected = [
        (str(token), "i" if label == token else "o") for token, label in zip(row.input_ids, row.labels, strict=True)
    ]
    _, _, page = get(address, f"/tokens?source=traces/teacher&at={at(run, 'train-2/0')}")
    assert [(n, c) for c, n in re.findall(r'<span class="t ([io])" title="(\d+)">', page)] == expected
    in_loss = sum(c == "i" for _, c in expected)
    assert 0 < in_loss < len(expected)
    assert f"In the loss are {in_loss} of {len(expected)} tokens" in words(page)


def test_tokens_that_training_would_refuse_are_told_with_the_reason(run: Path) -> None:
    from distill.errors import Refused

    bad = view_runs.trace(view_runs.problem(1), 0, "teacher", "a <think> b")
    with pytest.raises(Refused, match="more than one thinking block"):
        Rendering(run).render("What?", bad)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nobody/has-this", "is not on this machine, and none is fetched"),
        ("/models/that/were/moved", "'/models/that/were/moved' is not there any more"),
    ],
)
def test_a_tokenizer_that_is_not_here_is_not_fetched(tmp_path: Path, model: str, said: str) -> None:
    told = {"name": "seen", "problems": {"source": "countdown"}, "teacher": {"kind": "program"}}
    recipe = Recipe.model_validate(told | {"student": {"model": model}})
    run = view_runs.made_run(tmp_path / "run", recipe, train=2, held=2)
    with view_runs.served(Looked(run, "run")) as address:
        status, _, page = get(address, "/tokens?source=traces/teacher&at=0")
    assert status == 200
    assert said in words(page)


def test_a_port_that_is_taken(distill: Any, run: Path, address: str) -> None:
    port = address.rsplit(":", 1)[1].strip("/")
    refused(distill("view", run, "--port", port, "--no-browser"), f"port {port} of this machine cannot be used")
    refused(distill("view", run / "nothing"), "there is no file")


def test_it_listens_on_loopback_alone(address: str) -> None:
    port = int(address.rsplit(":", 1)[1].strip("/"))
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in [name for name in others if not str(name).startswith("127.")]:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((str(other), port), timeout=2)
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{port:04X} 00000000:0000 0A" in listening
    assert f"00000000:{port:04X} 00000000:0000 0A" not in listening


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_how_it_ends(end: signal.Signals, code: int, run: Path, tmp_path: Path) -> None:
    """Ctrl-C as with the other verbs; nothing of the index is left however it ends."""
    command = [sys.executable, "-m", "distill", "view", str(run), "--port", "0", "--no-browser"]
    env = os.environ | {"TMPDIR": str(tmp_path), "SQLITE_TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
    ) as child:
        try:
            assert child.stdout is not None
            address = child.stdout.readline().split()[0]
            assert "116 traces" in get(address)[2] or "Being read" in get(address)[2]
            child.send_signal(end)
            _, told = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == code
    assert "Traceback" not in told
    if end == signal.SIGINT:
        assert told.splitlines() == ["interrupted: nothing was changed.", "  The same command shows the pages again."]
    assert not list(tmp_path.iterdir())


def test_a_file_is_served_as_well(tmp_path: Path) -> None:
    from trace_files import COLUMNS, trace_files

    plain, _ = trace_files(tmp_path)
    with view_runs.served(look_at(plain, COLUMNS, None)) as address:
        while "Being read" in (page := get(address)[2]):
            time.sleep(0.01)
        assert "200 traces" in page
        _, _, shown = get(address, unescape(re.search(r'class="title" href="([^"]+)"', page)[1]))  # type: ignore[index]
        assert "The answer is" in shown
        assert "Tokens as training" not in shown
