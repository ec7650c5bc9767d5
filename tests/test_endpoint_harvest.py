"""Harvests over a real socket: load, failures, budgets; nothing twice, nothing missing."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import GOOD, PROBLEM, ask, endpoint, first_then_good, follow, from_script, requests, sample, short_rests  # noqa: F401
from stub_server import DONE, DROP, HANG, USAGE, Script, StubServer, answer, opening, piece, status
from test_endpoint import BROKEN

from distill.files import Log
from distill.records import Sampling, Trace
from teachers import sampler, servers
from teachers.base import Request, TeacherError, TeacherRefused
from teachers.endpoint import Endpoint


def error(number: int, **fields: Any) -> list[Any]:
    """With the fields that a server puts beside its message."""
    body = json.dumps({"error": {"message": "no", **fields}}).encode()
    head = f"HTTP/1.1 {number} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return [head.encode() + b"Connection: close\r\n\r\n" + body]


OF_ONE_REQUEST = {
    "OpenAI": status(400, "This model's maximum context length is 4096 tokens. However, you requested 5000."),
    "nginx": [b"HTTP/1.1 413 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Too Large</h1>"],
    "llama.cpp": status(
        400, "request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it"
    ),
    "llama.cpp's type": error(400, type="exceed_context_size_error"),
    "OpenAI's code": error(400, code="context_length_exceeded"),
    "vLLM": status(400, "Prompt length of 5016 is longer than the maximum model length of 4096."),
    "TGI": status(422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
    "Gemini": status(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    "through OpenRouter": error(400, metadata={"raw": json.dumps({"message": "the prompt is too long: 9"})}),
    "DeepSeek": status(400, "Content Exists Risk"),
    "Azure": error(400, code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
    "OpenAI's policy": error(400, code="invalid_prompt"),
}


@pytest.mark.parametrize("way", OF_ONE_REQUEST)
def test_an_error_that_concerns_one_question_is_no_refusal(way: str) -> None:
    """Also where no other has been answered yet."""
    with StubServer(lambda *_: OF_ONE_REQUEST[way]) as server:
        with pytest.raises(TeacherError, match="refused the request with HTTP 4") as caught:
            ask(server.url)
        assert len(server.bodies) == 1
    assert not isinstance(caught.value, TeacherRefused)
    assert "allow_unanswered" in caught.value.hint


def test_an_error_in_mid_stream_that_concerns_one_question_is_not_asked_again() -> None:
    """SGLang tells it after the headers of a success."""
    said = (
        b'data: {"error": {"message": "The input (9 tokens) is longer than the model\'s context length (4 tokens)."}}'
    )
    with StubServer(lambda *_: [opening(), said + b"\n\n"]) as server:
        with pytest.raises(TeacherError, match="longer than the model's context") as caught:
            ask(server.url)
        assert len(server.bodies) == 1
    assert not isinstance(caught.value, TeacherRefused)
    assert "allow_unanswered" in caught.value.hint


def test_a_sentence_about_all_requests_is_a_refusal() -> None:
    said = "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"
    with StubServer(lambda *_: status(400, said)) as server, pytest.raises(TeacherRefused, match="valid range"):
        ask(server.url)


@pytest.mark.parametrize("code", [400, 422])
@pytest.mark.parametrize("seed", [0, 15], ids=["among the first", "after others"])
def test_where_others_are_accepted_a_refusal_is_of_one(tmp_path: Path, code: int, seed: int) -> None:
    """The parameters are evidently right, whatever the server's words."""

    def script(body: dict[str, Any], _: int) -> list[Any]:
        return status(code, "I cannot parse this") if body["seed"] == seed else [0.05, *answer()]

    log = Log(tmp_path / "log.jsonl")
    with StubServer(script) as server:
        left = asyncio.run(follow(endpoint(server.url), requests(20), log, allow_unanswered=1))
        assert len(server.bodies) == 20
    assert [str(e).partition("HTTP ")[2] for e in left] == [f"{code}: I cannot parse this."]
    assert len(log.read(Trace)) == 19


def test_what_is_wrong_with_every_request_stops_the_run_at_once(tmp_path: Path) -> None:
    with StubServer(lambda *_: [0.05, *status(400, "no such parameter")]) as server:
        with pytest.raises(TeacherRefused, match="no such parameter"):
            asyncio.run(sample(endpoint(server.url), requests(100), Log(tmp_path / "l"), lambda _: None))
        assert len(server.bodies) == 8, "those that went out together"


def refused_at(number: int, others: list[Any]) -> Script:
    return lambda _, asked: [0.1, *status(402, "the account is empty")] if asked == number else others


def test_what_is_under_way_at_a_refusal_is_kept(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    slow = [opening(), piece(content="It"), 0.5, piece("stop", content=" is"), USAGE, DONE]
    with StubServer(refused_at(7, slow)) as server:
        with pytest.raises(TeacherRefused, match="the account is empty"):
            asyncio.run(sample(endpoint(server.url), requests(100), log, lambda _: None))
        assert len(server.bodies) == 8, "nothing is asked after the refusal"
    assert len(log.read(Trace)) == 7


def test_what_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sampler, "LAST_ANSWERS", 0.3)
    with StubServer(refused_at(7, [opening(), HANG])) as server:
        asked = endpoint(server.url, timeout_seconds=3000)
        with pytest.raises(TeacherRefused, match="empty"):
            asyncio.run(sample(asked, requests(8), Log(tmp_path / "l"), lambda _: None))


def test_an_interrupt_ends_the_wait_for_what_is_under_way(tmp_path: Path) -> None:
    async def run(url: str) -> None:
        asking = asyncio.create_task(
            sample(endpoint(url, timeout_seconds=60), requests(8), Log(tmp_path / "l"), lambda _: None)
        )
        await asyncio.sleep(0.5)
        assert not asking.done()
        asking.cancel()  # as asyncio.run does at Ctrl-C
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asking, 5)

    with StubServer(refused_at(7, [opening(), HANG])) as server:
        asyncio.run(run(server.url))


def test_one_question_that_does_not_fit_stops_no_other(tmp_path: Path) -> None:
    """With allow_unanswered the harvest ends without it."""
    log = Log(tmp_path / "log.jsonl")
    with StubServer(lambda body, _: OF_ONE_REQUEST["OpenAI"] if body["seed"] == 3 else answer()) as server:
        with pytest.raises(TeacherError, match="maximum context length is 4096"):
            asyncio.run(sample(endpoint(server.url), requests(20), log, lambda _: None))
        assert len(log.read(Trace)) == 19
        left = asyncio.run(follow(endpoint(server.url), requests(20), Log(tmp_path / "b"), allow_unanswered=1))
        assert len(left) == 1
    assert len(Log(tmp_path / "b").read(Trace)) == 19


def test_a_megabyte_each_way(tmp_path: Path) -> None:
    question = "x" * 1_000_000
    problem = PROBLEM.model_copy(update={"question": question})
    request = Request("p/0", problem, [{"role": "user", "content": question}], Sampling())
    with StubServer(lambda *_: [opening(), piece(content=question), piece("stop"), USAGE, DONE]) as server:
        asyncio.run(sample(endpoint(server.url), [request], log := Log(tmp_path / "log.jsonl"), lambda _: None))
    assert log.read(Trace)[0].response == question
    assert server.bodies[0]["messages"][0]["content"] == question


def test_load_is_shared_and_a_dead_server_costs_nothing(tmp_path: Path) -> None:
    with StubServer(lambda *_: [0.02, *answer()]) as one, StubServer(lambda *_: [0.02, *answer()]) as two:
        dead = "http://127.0.0.1:9/v1"
        teacher = endpoint(one.url, dead, two.url, concurrency=16)
        asyncio.run(sample(teacher, requests(200), log := Log(tmp_path / "log.jsonl"), lambda _: None))
    assert sorted(t.id for t in log.read(Trace)) == sorted(r.id for r in requests(200))
    assert min(len(one.bodies), len(two.bodies)) > 60
    assert len(one.bodies) + len(two.bodies) == 200
    assert one.most_at_once + two.most_at_once > 8


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


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "0"}])
@pytest.mark.parametrize("code", [429, 503])
def test_a_limit_on_requests_at_once_costs_no_attempt(tmp_path: Path, code: int, headers: dict[str, str]) -> None:
    """Two at once are answered, each for longer than the others' attempts would last."""
    streaming = 0

    def script(_body: dict[str, Any], _: int) -> Iterator[Any]:
        nonlocal streaming
        if streaming == 2:
            yield from status(code, "too many at once", **headers)
            return
        streaming += 1
        yield from [opening(), piece(content="It"), 0.5, piece("stop", content=" is"), USAGE]
        streaming -= 1
        yield DONE

    log = Log(tmp_path / "log.jsonl")
    with StubServer(script) as server:
        asyncio.run(sample(endpoint(server.url, concurrency=8, max_retries=2), requests(8), log, lambda _: None))
    assert len(log.read(Trace)) == 8


def test_a_limit_that_lets_nobody_through_ends_the_run(tmp_path: Path) -> None:
    """Also after it has let some through: with an account that has run out everything is 429."""
    with StubServer(lambda _, number: answer() if number < 3 else status(429, "no quota")) as server:
        with pytest.raises(TeacherError, match="HTTP 429, no quota"):
            asyncio.run(sample(endpoint(server.url, max_retries=2), requests(20), Log(tmp_path / "l"), lambda _: None))
        assert len(server.bodies) <= 3 + 16 * 4


FAILING = {"500": status(500, "cannot"), "dropped at once": [DROP], "dropped in mid-stream": [opening(), DROP]}


@pytest.mark.parametrize("way", FAILING)
def test_a_bad_question_rests_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str) -> None:
    """Its server fails on three questions whatever the attempt; the others are answered as if they were not there."""
    bad, good, rests = (3, 20, 40), [], []

    class Watched(servers.Servers):
        def failed(self, *args: Any) -> None:
            rests.append(len(good))
            super().failed(*args)

    def script(body: dict[str, Any], _: int) -> list[Any]:
        if body["seed"] in bad:
            return FAILING[way]
        good.append(body["seed"])
        return [opening(), piece(content="It"), 0.02, piece("stop", content=" is"), USAGE, DONE]

    with StubServer(script) as server:
        asked = endpoint(server.url, concurrency=8, max_retries=2, timeout_seconds=60)
        asked.servers = Watched([server.url])
        assert len(asyncio.run(follow(asked, requests(80), Log(tmp_path / "l"), allow_unanswered=3))) == 3
    assert len(good) == 77
    assert [n for n in rests if n < 77] == [], "a rest before all others were asked"


def test_a_server_that_fails_on_everything_rests(tmp_path: Path) -> None:
    """After a few different requests, whatever else it leaves hanging."""

    async def run(teacher: Endpoint) -> int:
        with pytest.raises(TeacherError, match="8 requests got no answer"):
            await sample(teacher, requests(8), Log(tmp_path / "l"), lambda _: None)
        return teacher.servers.all[0].failures

    with StubServer(lambda _, number: status(500) if number else [HANG]) as server:
        assert asyncio.run(run(endpoint(server.url, max_retries=0))) >= 2, "one for the silence"


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
