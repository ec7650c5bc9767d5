"""Endpoints against a real socket: whatever the server does, an answer comes whole or not at all."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from stub_server import DONE, DROP, HANG, USAGE, Script, StubServer, answer, opening, piece, status

from distill.errors import Refused
from distill.files import Log
from distill.problems import make_problems
from distill.recipe import EndpointTeacher, Recipe
from distill.records import Problem, Sampling, Trace, derived_seed
from teachers import sampler, servers
from teachers.base import Completion, Request, TeacherError, TeacherRefused
from teachers.endpoint import Endpoint
from teachers.harvest import harvest
from teachers.sampler import InOrder

PROBLEM = Problem(id="p", question="Make 33.", answer="33", kind="math", source="test")


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "FIRST_REST", 0.02)
    monkeypatch.setattr(servers, "LONGEST_REST", 0.1)


async def sample(teacher: Endpoint, asked: list[Request], log: Log, on_traces: Any) -> None:
    try:
        await sampler.sample(teacher, asked, log, on_traces)
    finally:
        await teacher.close()


async def follow(teacher: Endpoint, asked: list[Request], log: Log, allow_unanswered: int) -> list[TeacherError]:
    try:
        return await sampler.follow(teacher, InOrder(asked), log, lambda _: None, allow_unanswered)
    finally:
        await teacher.close()


def requests(n: int) -> list[Request]:
    return [
        Request(f"p/{i}", PROBLEM, [{"role": "user", "content": "Make 33."}], Sampling(max_tokens=64, seed=i))
        for i in range(n)
    ]


def endpoint(*urls: str, **fields: Any) -> Endpoint:
    spec = {
        "kind": "endpoint",
        "model": "r1",
        "base_urls": list(urls),
        "timeout_seconds": 0.5,
        "concurrency": 8,
        **fields,
    }
    return Endpoint(EndpointTeacher.model_validate(spec))


def ask(*urls: str, **fields: Any) -> Completion:
    async def run() -> Completion:
        teacher = endpoint(*urls, **fields)
        try:
            return await teacher.answer(requests(1)[0])
        finally:
            await teacher.close()

    return asyncio.run(run())


def from_script(script: Script, **fields: Any) -> tuple[Completion, StubServer]:
    with StubServer(script) as server:
        return ask(server.url, **fields), server


def first_then_good(first: list[Any]) -> Script:
    return lambda _, number: first if number == 0 else answer()


GOOD = Completion("It is \\boxed{33}.", "stop", prompt_tokens=7, completion_tokens=5)

BROKEN = {
    "429": status(429),
    "429 with Retry-After": status(429, Retry_After="0"),
    "429 with an absurd date": status(429, Retry_After="Fri, 31 Dec 99999999999 23:59:59 GMT"),
    "429 with a date": status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "500": status(500),
    "503 in HTML": [b"HTTP/1.1 503 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>busy</h1>"],
    "hangs at once": [HANG],
    "hangs in mid-stream": [opening(), piece(content="It is"), HANG],
    "drops at once": [DROP],
    "drops after the headers": [opening(), DROP],
    "drops in mid-stream": [opening(), piece(content="It is"), DROP],
    "drops before the finish reason": [opening(), piece(content="It is \\boxed{33}."), DONE],
    "half a UTF-8 character": [opening(), b'data: {"choices": [{"delta": {"content": "\xe2\x82"}}]}\n\n', DONE],
    "ends within a UTF-8 character": [opening(), b'data: {"choices": [{"delta": {"content": "\xe2', DROP],
    "invalid JSON": [opening(), b"data: {oops}\n\n", DONE],
    "JSON that is no object": [opening(), b"data: [1, 2]\n\n", DONE],
    "no choices at all": [opening(), b'data: {"choices": []}\n\n', DONE],
    "an error in mid-stream": [opening(), piece(content="It"), b'data: {"error": {"message": "overloaded"}}\n\n'],
    "a finish reason that means failure": [opening(), piece("insufficient_system_resource", content="It"), DONE],
    "truncated by Content-Length": [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", piece(content="x"), DROP],
    "no HTTP": [b"hello\r\n\r\n"],
    "content that is a list": [opening(), b'data: {"choices": [{"delta": {"content": ["x"]}}]}\n\n', DONE],
    "choices that are no list": [opening(), b'data: {"choices": {"delta": {"content": "x"}}}\n\n', DONE],
    "Retry-After that is no number": status(429, Retry_After="nan"),
    "Retry-After below zero": status(429, Retry_After="-3"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_asked_again(fault: str) -> None:
    completion, server = from_script(first_then_good(BROKEN[fault]))
    assert completion == GOOD
    assert len(server.bodies) == 2
    assert server.bodies[0] == server.bodies[1], "the same sample is asked for again"


@pytest.mark.parametrize("code", [302, 400, 401, 402, 403, 404, 413, 422])
def test_errors_that_no_retry_mends_stop_at_once(code: int) -> None:
    with StubServer(lambda *_: status(code, "that will not do")) as server:
        with pytest.raises(TeacherRefused, match=f"HTTP {code}: that will not do"):
            ask(server.url)
        assert len(server.bodies) == 1


def test_what_is_asked() -> None:
    _, server = from_script(lambda *_: answer(), extra_body={"top_k": 20})
    assert server.bodies[0] == {
        "model": "r1",
        "messages": [{"role": "user", "content": "Make 33."}],
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 64,
        "seed": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        "top_k": 20,
    }


REASONED = {
    "reasoning": [piece(reasoning="3*7=21"), piece(content="33", finish="stop")],
    "reasoning_content": [piece(reasoning_content="3*7=21"), piece(content="33"), piece("stop")],
    "inline": [piece(content="<think>\n3*7=21\n</thi"), piece(content="nk>\n\n33"), piece("stop")],
    "opened in the prompt": [piece(content="3*7=21\n</think>\n\n33"), piece("stop")],
}


@pytest.mark.parametrize("way", REASONED)
def test_reasoning_in_every_way_that_servers_send_it(way: str, tmp_path: Path) -> None:
    with StubServer(lambda *_: [opening(), *REASONED[way], USAGE, DONE]) as server:
        asyncio.run(sample(endpoint(server.url), requests(1), log := Log(tmp_path / "log.jsonl"), lambda _: None))
    (trace,) = log.read(Trace)
    assert (trace.reasoning, trace.response) == ("3*7=21", "33")


ENDS = {
    "comments and empty lines": ([opening(), b": keep-alive\n\n\n", *answer()[1:]], GOOD),
    "windows line ends": ([part.replace(b"\n\n", b"\r\n\r\n") for part in answer()], GOOD),
    "pieces torn anywhere": ([opening(), *(bytes([b]) for b in b"".join(answer()[1:]))], GOOD),
    "text after the stop": ([*answer()[:-2], piece(content=" No, 34."), USAGE, DONE], GOOD),
    "no [DONE]": (answer()[:-1], GOOD),
    "length": ([opening(), piece("length", content="It"), USAGE, DONE], Completion("It", "length", 7, 5)),
    "filtered": ([opening(), piece("content_filter", content="It"), USAGE, DONE], Completion("It", "filter", 7, 5)),
    "no usage": (
        [opening(), piece(content="It "), piece("stop", content="is"), DONE],
        Completion("It is", "stop", 0, 2, counted=False),
    ),
    "a byte order mark": ([opening(), b"\xef\xbb\xbf" + answer()[1], *answer()[2:]], GOOD),
    "another choice": (
        [opening(), b'data: {"choices": [{"index": 1, "delta": {"content": "x"}}]}\n\n', *answer()[1:]],
        GOOD,
    ),
    "an emoji in two pieces": (
        [
            opening(),
            b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n',
            b'data: {"choices": [{"delta": {"content": "\\ude00 \\\\ud83d \\ud83d\\ude00 \\ude00"}}]}\n\n',
            piece("stop"),
            USAGE,
            DONE,
        ],
        Completion("a\U0001f600 \\ud83d \U0001f600 \ufffd", "stop", 7, 5),
    ),
    "empty answer": ([opening(), piece("stop", content=""), USAGE, DONE], Completion("", "stop", 7, 5)),
    "not streamed": (
        [
            opening("application/json"),
            json.dumps(
                {
                    "choices": [{"message": {"content": "It is \\boxed{33}."}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 7, "completion_tokens": 5},
                }
            ).encode(),
        ],
        GOOD,
    ),
}


@pytest.mark.parametrize("way", ENDS)
def test_what_counts_as_whole(way: str) -> None:
    script, expected = ENDS[way]
    completion, server = from_script(lambda *_: script)
    assert completion == expected
    assert len(server.bodies) == 1


@pytest.mark.parametrize("count", [-5, 10.5, "many", [1], 10**30])
def test_usage_that_makes_no_sense_costs_no_answer(count: Any) -> None:
    usage = b"data: " + json.dumps({"choices": [], "usage": {"completion_tokens": count}}).encode() + b"\n\n"
    completion, server = from_script(lambda *_: [*answer()[:-2], usage, DONE])
    assert completion.text == GOOD.text
    assert not completion.counted
    assert completion.completion_tokens == 4, "about a token a piece"
    assert len(server.bodies) == 1


LEAKS = {
    "an error": status(500, "your key sk-secret-0123456789 is bad"),
    "an error in mid-stream": [opening(), b'data: {"error": {"message": "key sk-secret-0123456789"}}\n\n'],
    "a whole answer": [opening("application/json"), b'{"error": "sk-secret-0123456789"}'],
    "a line that is no JSON": [opening(), b"data: sk-secret-0123456789{\n\n"],
    "the finish reason": [opening(), piece("sk-secret-0123456789"), DONE],
    "a bad header": [b"HTTP/1.1 200 OK\r\nsk-secret-0123456789\x01\r\n\r\n"],
    "a bad status line": [b"HTTP/9 sk-secret-0123456789\r\n\r\n"],
    "at the end of what is shown": status(500, "x" * 392 + " sk-secret-0123456789"),
    "torn by a line end": status(500, "sk-secret-\n0123456789"),
    "a web page": [opening("text/html"), b"<p>sk-secret-0123456789"],
}


@pytest.mark.parametrize("place", LEAKS)
def test_a_key_that_the_server_echoes_is_not_told(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-0123456789")
    with StubServer(lambda *_: LEAKS[place]) as server, pytest.raises(TeacherError) as caught:
        ask(server.url, api_key_env="TEST_KEY", max_retries=0)
    told = str(caught.value) + caught.value.hint
    assert "sk-s" not in told


def test_a_key_in_an_answer_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-0123456789")
    script = [opening(), piece("stop", content="it is sk-secret-0123456789, not EMPTY"), DONE]
    completion, _ = from_script(lambda *_: script, api_key_env="TEST_KEY")
    assert completion.text == "it is [key], not EMPTY"
    monkeypatch.setenv("TEST_KEY", "EMPTY")
    completion, _ = from_script(lambda *_: script, api_key_env="TEST_KEY")
    assert completion.text == "it is sk-secret-0123456789, not EMPTY"


ENDLESS = {
    "an endless answer": (opening(), None, {}),
    "comments for ever": (opening(), b": keep-alive\n\n", {"max_answer_seconds": 0.3}),
    "an endless error": (
        status(500)[0].partition(b"\r\n\r\n")[0].replace(b"Content-Length", b"X") + b"\r\n\r\n",
        b"x" * 9999,
        {},
    ),
    "an endless whole": (opening("application/json"), b"x" * 999_999, {}),
    "an endless line": (opening(), b"data: " + b"x" * 999_999, {}),
}


@pytest.mark.parametrize("way", ENDLESS)
def test_a_server_that_does_not_stop_is_left(way: str) -> None:
    head, more, fields = ENDLESS[way]

    def endless(_body: dict[str, Any], _: int) -> Iterator[Any]:
        yield head
        for number in count():
            yield piece(content=f"{number} is not the end. ") if more is None else more
            if number % 100 == 0:
                yield 0.001

    with StubServer(endless) as server, pytest.raises(TeacherError, match="got no answer in 1 attempts"):
        ask(server.url, max_retries=0, **fields)


@pytest.mark.parametrize(
    "url",
    ["http://h:99999/v1", "http://h:abc/v1", "http://[::1/v1", "http:///v1", "ftp://h/v1", f"http://{'x' * 70}/v1"],
)
def test_addresses_that_cannot_be(url: str) -> None:
    with pytest.raises(ValueError, match="base_urls"):
        endpoint(url)


def test_a_password_in_the_address_would_be_written_to_the_run() -> None:
    with pytest.raises(ValueError, match="no user name and password"):
        endpoint("http://me:secret@host/v1")


def test_what_json_cannot_hold_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="must be sent as JSON"):
        endpoint("http://h/v1", extra_body={"since": date(2020, 1, 1)})


def test_a_rest_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(servers, "WORTH_TELLING", 0.5)
    with caplog.at_level("INFO", "teachers"):
        from_script(first_then_good(status(429, "slow down", Retry_After="1")))
    assert "rests for 1 s (HTTP 429, slow down)" in caplog.text


def test_one_question_that_does_not_fit_stops_no_other(tmp_path: Path) -> None:
    """With allow_unanswered the harvest ends without it."""
    said = "This model's maximum context length is 4096 tokens. However, you requested 5000."
    log = Log(tmp_path / "log.jsonl")
    with StubServer(lambda body, _: status(400, said) if body["seed"] == 3 else answer()) as server:
        with pytest.raises(TeacherError, match="maximum context length is 4096"):
            asyncio.run(sample(endpoint(server.url), requests(20), log, lambda _: None))
        assert len(log.read(Trace)) == 19
        left = asyncio.run(follow(endpoint(server.url), requests(20), Log(tmp_path / "b"), allow_unanswered=1))
        assert len(left) == 1
    assert len(Log(tmp_path / "b").read(Trace)) == 19


def test_escapes_of_a_terminal_are_not_told() -> None:
    with (
        StubServer(lambda *_: status(400, "no\x1b[2J\x1b]0;title\x07")) as server,
        pytest.raises(TeacherRefused) as caught,
    ):
        ask(server.url)
    assert str(caught.value).isprintable()


def test_reasoning_apart_and_in_the_text(tmp_path: Path) -> None:
    script = [opening(), piece(reasoning="A</think>A"), piece("stop", content="<think>in</think> 33"), USAGE, DONE]
    with StubServer(lambda *_: script) as server:
        asyncio.run(sample(endpoint(server.url), requests(1), log := Log(tmp_path / "log.jsonl"), lambda _: None))
    (trace,) = log.read(Trace)
    assert (trace.reasoning, trace.response) == ("AA\n\nin", "33")


def test_a_megabyte_each_way(tmp_path: Path) -> None:
    question = "x" * 1_000_000
    problem = PROBLEM.model_copy(update={"question": question})
    request = Request("p/0", problem, [{"role": "user", "content": question}], Sampling())
    with StubServer(lambda *_: [opening(), piece(content=question), piece("stop"), USAGE, DONE]) as server:
        asyncio.run(sample(endpoint(server.url), [request], log := Log(tmp_path / "log.jsonl"), lambda _: None))
    assert log.read(Trace)[0].response == question
    assert server.bodies[0]["messages"][0]["content"] == question


def test_retry_after_is_waited_for() -> None:
    started = time.monotonic()
    from_script(first_then_good(status(429, Retry_After="1")))
    assert time.monotonic() - started >= 1


def test_it_gives_up_in_the_end_and_says_why() -> None:
    with StubServer(lambda *_: status(500, "out of order")) as server:
        with pytest.raises(TeacherError, match=r"no answer in 3 attempts.*HTTP 500, out of order"):
            ask(server.url, max_retries=2)
        assert len(server.bodies) == 3


def test_load_is_shared_and_a_dead_server_costs_nothing(tmp_path: Path) -> None:
    with StubServer(lambda *_: [0.02, *answer()]) as one, StubServer(lambda *_: [0.02, *answer()]) as two:
        dead = "http://127.0.0.1:9/v1"
        teacher = endpoint(one.url, dead, two.url, concurrency=16)
        asyncio.run(sample(teacher, requests(200), log := Log(tmp_path / "log.jsonl"), lambda _: None))
    assert sorted(t.id for t in log.read(Trace)) == sorted(r.id for r in requests(200))
    assert min(len(one.bodies), len(two.bodies)) > 60
    assert len(one.bodies) + len(two.bodies) == 200
    assert one.most_at_once + two.most_at_once > 8


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-0123456789")
    _, server = from_script(lambda *_: answer(), api_key_env="TEST_KEY")
    assert server.headers[0]["Authorization"] == "Bearer sk-secret-0123456789"
    with StubServer(lambda *_: status(401, "wrong key sk-secret-0123456789")) as server:
        with pytest.raises(TeacherRefused) as caught:
            asyncio.run(sample(endpoint(server.url, api_key_env="TEST_KEY"), requests(1), Log(tmp_path / "l"), print))
        assert "sk-secret-0123456789" not in str(caught.value)
        assert "TEST_KEY" in caught.value.hint
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(Refused, match="TEST_KEY, and that variable is not set"):
        endpoint("http://127.0.0.1:9/v1", api_key_env="TEST_KEY")


def test_one_failed_request_stops_no_other_and_is_never_a_row(tmp_path: Path) -> None:
    """Then the same call asks for the missing one only."""
    log = Log(tmp_path / "log.jsonl")
    failing = StubServer(lambda body, _: status(500) if body["seed"] == 3 else answer())
    with failing as server, pytest.raises(TeacherError, match="p/3 got no answer"):
        asyncio.run(sample(endpoint(server.url, max_retries=1), requests(20), log, lambda _: None))
    assert len(log.read(Trace)) == 19
    with StubServer(lambda *_: answer()) as server:
        asyncio.run(sample(endpoint(server.url), requests(20), log, lambda _: None))
        assert [body["seed"] for body in server.bodies] == [3]
    assert sorted(t.id for t in log.read(Trace)) == sorted(r.id for r in requests(20))


def test_when_every_server_is_down_it_stops_soon(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="requests got no answer"):
        asyncio.run(
            sample(
                endpoint("http://127.0.0.1:9/v1", max_retries=1), requests(10_000), Log(tmp_path / "l"), lambda _: None
            )
        )


def test_two_thousand_answers_none_twice_none_missing(tmp_path: Path) -> None:
    """One request in seven meets a fault first."""
    faults = list(BROKEN.values())
    quick = [f for f in faults if HANG not in f]
    seen: set[int] = set()

    def script(body: dict[str, Any], number: int) -> list[Any]:
        seed = body["seed"]
        if seed % 7 == 0 and seed not in seen:
            seen.add(seed)
            return quick[seed % len(quick)]
        return answer(f"It is {seed}.")

    with StubServer(script) as server:
        log = Log(tmp_path / "log.jsonl")
        asyncio.run(sample(endpoint(server.url, concurrency=64), requests(2000), log, lambda _: None))
    traces = log.read(Trace)
    assert sorted(t.id for t in traces) == sorted(r.id for r in requests(2000))
    assert all(t.response == f"It is {t.sampling.seed}." for t in traces)


def test_a_recipe_with_an_endpoint(tmp_path: Path, tiny_model: Path) -> None:
    """From the command line: harvested, judged, curated; a wrong answer and a cut one are thrown away."""

    def script(body: dict[str, Any], _: int) -> list[Any]:
        a, b = re.findall(r"\d+", body["messages"][0]["content"])
        text = f"<think>\n{a} and {b}\n</think>\n\n\\boxed{{{int(a) + int(b) + (a == '3')}}}"
        return [opening(), piece("length" if a == "4" else "stop", content=text), USAGE, DONE]

    rows = [{"question": f"What is {i} plus {i + 1}?", "answer": str(2 * i + 1)} for i in range(40)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "name": "sums",
        "problems": {"source": "file", "path": "sums.jsonl", "held_out": 5},
        "teacher": {"kind": "endpoint", "model": "r1"},
        "student": {"model": str(tiny_model)},
        "train": {"max_length": 512},
        "evaluate": {"max_tokens": 64},
    }
    with StubServer(script) as server:
        recipe["teacher"] |= {"base_urls": [server.url], "api_key_env": "SUMS_KEY"}
        (tmp_path / "sums.yaml").write_text(json.dumps(recipe))
        command = [sys.executable, "-m", "distill", "run", "sums.yaml", "--until", "curate"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2
        assert "SUMS_KEY, and that variable is not set" in done.stderr
        assert not server.bodies
        environment = os.environ | {"SUMS_KEY": "sk-1234", "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        asked = {body["messages"][0]["content"] for body in server.bodies}
        assert len(server.bodies) == len(asked) == 35
    bad = sum(f"is {n} plus" in question for question in asked for n in (3, 4))
    assert f"curate: {35 - bad} of 35 traces chosen" in done.stderr
    for path in (tmp_path / "runs").rglob("*"):
        assert path.is_dir() or b"sk-1234" not in path.read_bytes()


def test_a_loop_is_cut_and_the_connection_closed() -> None:
    """The server would go on for ever; what it sends after the loop's 2,000 characters is not waited for."""

    def endless(_body: dict[str, Any], _: int) -> Iterator[Any]:
        yield opening()
        while True:
            yield piece(content="Wait, let me think again. ")

    completion, server = from_script(endless)
    assert completion.finish_reason == "loop"
    assert not completion.counted
    assert len(completion.text) < 4000
    assert len(server.bodies) == 1


def test_loops_are_left_alone_when_the_recipe_says_so() -> None:
    script = [opening(), *[piece(content="Wait. ") for _ in range(1000)], piece("stop"), USAGE, DONE]
    with StubServer(lambda *_: script) as server:
        teacher = Endpoint(EndpointTeacher(kind="endpoint", model="r1", base_urls=[server.url]), cut_loops=False)
        completion = asyncio.run(_once(teacher))
    assert completion.finish_reason == "stop"
    assert len(completion.text) == 6000


async def _once(teacher: Endpoint) -> Completion:
    try:
        return await teacher.answer(requests(1)[0])
    finally:
        await teacher.close()


def test_a_harvest_that_stops_at_the_first_accepted_answer(tmp_path: Path, tiny_model: Path) -> None:
    """Right or wrong by the sample's seed alone, so the samples that one by one would give are known."""
    rows = [{"question": f"What is {i} plus {i + 1}?", "answer": str(2 * i + 1)} for i in range(60)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def script(body: dict[str, Any], _: int) -> list[Any]:
        a, b = re.findall(r"\d+", body["messages"][0]["content"])
        return answer(f"\\boxed{{{int(a) + int(b) + (body['seed'] % 3 > 0)}}}")

    with StubServer(script) as server:
        recipe = {
            "name": "sums",
            "problems": {"source": "file", "path": str(tmp_path / "sums.jsonl"), "held_out": 10},
            "teacher": {"kind": "endpoint", "model": "r1", "base_urls": [server.url]},
            "harvest": {"samples_per_problem": 8, "accepted_per_problem": 1},
            "student": {"model": str(tiny_model)},
        }
        parsed = Recipe.model_validate(recipe)
        made = make_problems(parsed.problems, parsed.seed)
        counts = harvest(parsed, made, tmp_path / "traces", lambda *_: None)
        asked = len(server.bodies)
        again = harvest(parsed, made, tmp_path / "traces", lambda *_: None)
        assert len(server.bodies) == asked, "a finished harvest asks for nothing"
    expected = 0
    for problem in (p for p in made if not p.held_out):
        good = [i for i in range(8) if derived_seed(parsed.seed, problem.id, i) % 3 == 0]
        expected += good[0] + 1 if good else 8
    assert counts["samples"] == asked == expected < 8 * 50
    assert counts == again
