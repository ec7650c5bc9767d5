"""Endpoints against a real socket: whatever the server does, an answer comes whole or not at all."""

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import GOOD, PROBLEM, ask, endpoint, first_then_good, follow, from_script, requests, sample, short_rests  # noqa: F401
from stub_server import DONE, DROP, HANG, PAGE, USAGE, StubServer, answer, opening, piece, status

from distill.files import Log
from distill.recipe import EndpointTeacher
from distill.records import Trace
from teachers import servers
from teachers.base import Completion, TeacherError, TeacherRefused
from teachers.endpoint import Endpoint

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
    "an error in a choice": [
        opening(),
        b'data: {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "overloaded"}}]}\n\n',
    ],
    "an error in JSON that is no event": [opening(), b'{"error": {"message": "overloaded"}}'],
    "an error in an event of another name": [opening(), piece(content="It"), b'error: {"message": "overloaded"}\n\n'],
    "a web page": PAGE,
    "a web page that is called a stream": [opening(), b"<h1>overloaded</h1>"],
    "a gzip that breaks off": [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n",
        gzip.compress(b"".join(answer()[1:]))[:40],
        DROP,
    ],
    "Retry-After that is no number": status(429, Retry_After="nan"),
    "Retry-After below zero": status(429, Retry_After="-3"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_asked_again(fault: str) -> None:
    completion, server = from_script(first_then_good(BROKEN[fault]))
    assert completion == GOOD
    assert len(server.bodies) == 2
    assert server.bodies[0] == server.bodies[1], "the same sample is asked for again"


@pytest.mark.parametrize("code", [302, 400, 401, 402, 403, 404, 422])
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


@pytest.mark.parametrize("fault", [name for name, script in BROKEN.items() if "overloaded" in str(script)])
def test_what_a_server_says_of_a_broken_answer_is_told(fault: str) -> None:
    with StubServer(lambda *_: BROKEN[fault]) as server, pytest.raises(TeacherError, match="overloaded"):
        ask(server.url, max_retries=0)


REASONED = {
    "reasoning": [piece(reasoning="3*7=21"), piece(content="33", finish="stop")],
    "reasoning_content": [piece(reasoning_content="3*7=21"), piece(content="33"), piece("stop")],
    "inline": [piece(content="<think>\n3*7=21\n</thi"), piece(content="nk>\n\n33"), piece("stop")],
    "in a list of parts": [
        b'data: {"choices": [{"delta": {"content": [{"type": "thinking", "thinking": [{"text": "3*7"}]}]}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": [{"type": "thinking", "thinking": "=21"}]}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": [{"type": "text", "text": "3"}]}}]}\n\n',
        piece("stop", content="3"),
    ],
    "both": [piece(reasoning="3*7=21", reasoning_content="3*7=21"), piece("stop", content="33")],
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
    "events without data": ([opening(), b"event: ping\ndata:\n\nid: 1\ndata: \n\n", *answer()[1:]], GOOD),
    "never closed after its end": ([*answer()[:-1], HANG], GOOD),
    "dropped after its end": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *answer()[1:-2], DROP],
        Completion(GOOD.text, "stop", 0, 4, counted=False),
    ),
    "reasoning counted in the total only": (
        [
            *answer()[:-2],
            b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 112}}\n\n',
            DONE,
        ],
        Completion(GOOD.text, "stop", 7, 105),
    ),
    "no usage and long pieces": (
        [opening(), piece("stop", content="x" * 4000), DONE],
        Completion("x" * 4000, "stop", 0, 1000, counted=False),
    ),
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
    "an empty finish reason in each piece": (
        [opening(), piece("", content="It is "), piece("", content="\\boxed{33}."), piece("stop"), USAGE, DONE],
        GOOD,
    ),
    "usage that tells nothing at the end": ([*answer()[:-1], b'data: {"choices": [], "usage": {}}\n\n', DONE], GOOD),
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


def test_a_rest_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(servers, "WORTH_TELLING", 0.5)
    with caplog.at_level("INFO", "teachers"):
        from_script(first_then_good(status(429, "slow down", Retry_After="1")))
    assert "rests for 1 s (HTTP 429, slow down)" in caplog.text


def test_reasoning_apart_and_in_the_text(tmp_path: Path) -> None:
    script = [opening(), piece(reasoning="A</think>A"), piece("stop", content="<think>in</think> 33"), USAGE, DONE]
    with StubServer(lambda *_: script) as server:
        asyncio.run(sample(endpoint(server.url), requests(1), log := Log(tmp_path / "log.jsonl"), lambda _: None))
    (trace,) = log.read(Trace)
    assert (trace.reasoning, trace.response) == ("AA\n\nin", "33")


def test_retry_after_is_waited_for() -> None:
    started = time.monotonic()
    from_script(first_then_good(status(429, Retry_After="1")))
    assert time.monotonic() - started >= 1


def test_retry_after_with_a_fraction_is_waited_for() -> None:
    started = time.monotonic()
    from_script(first_then_good(status(429, Retry_After="1.5")))
    assert time.monotonic() - started >= 1.5


def test_the_longer_of_two_rests_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second failure comes while the server rests after the first, and asks for more."""

    monkeypatch.setattr(servers, "FIRST_REST", 0.5)
    monkeypatch.setattr(servers, "LONGEST_REST", 0.5)
    script = {0: [DROP], 1: [0.05, *status(429, Retry_After="1")]}
    started = time.monotonic()
    with StubServer(lambda _, number: script.get(number, answer())) as server:
        asyncio.run(sample(endpoint(server.url), requests(2), Log(tmp_path / "l"), lambda _: None))
        assert len(server.bodies) == 4
    assert time.monotonic() - started >= 1


def test_a_retry_after_that_does_not_help_is_waited_longer_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a server that always says 0 would have used up all attempts in the twinkling of an eye."""
    monkeypatch.setattr(servers, "FIRST_REST", 0.4)
    monkeypatch.setattr(servers, "LONGEST_REST", 0.4)
    started = time.monotonic()
    script = status(429, "slow down", Retry_After="0")
    with StubServer(lambda *_: script) as server, pytest.raises(TeacherError, match="slow down"):
        ask(server.url, max_retries=3)
    assert time.monotonic() - started >= 0.4, "two rests of at least half of the longest, after the first as it asked"


def test_it_gives_up_in_the_end_and_says_why() -> None:
    with StubServer(lambda *_: status(500, "out of order")) as server:
        with pytest.raises(TeacherError, match=r"no answer in 3 attempts.*HTTP 500, out of order"):
            ask(server.url, max_retries=2)
        assert len(server.bodies) == 3


def test_an_address_that_is_no_api_is_refused_at_its_second_page(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    with StubServer(lambda *_: PAGE) as server:
        with pytest.raises(TeacherRefused, match=rf"{server.url}: a web page came instead of an answer\.") as told:
            asyncio.run(sample(endpoint(server.url), requests(100), log, lambda _: None))
        assert 9 <= len(server.bodies) <= 16, "those that went out together, once more"
    assert "end in /v1" in told.value.hint


@pytest.mark.parametrize("pages", [range(8, 24), range(1, 24)])
def test_pages_of_a_server_that_answers_are_waited_out(pages: range, tmp_path: Path) -> None:
    """Or is at its first answer."""
    log, first = Log(tmp_path / "log.jsonl"), [*answer()[:2], 1.5, *answer()[2:]]
    with StubServer(
        lambda _, number: [0.1, *PAGE] if number in pages else first if number == 0 else answer()
    ) as server:
        asyncio.run(sample(endpoint(server.url), requests(40), log, lambda _: None))
    assert len(log.read(Trace)) == 40


def test_a_loop_is_cut_and_the_connection_closed() -> None:
    """The server would go on for ever; what it sends after the loop's 2,000 characters is not waited for."""

    def endless(_body: dict[str, Any], _: int) -> Iterator[Any]:
        yield opening()
        yield piece(usage={"prompt_tokens": 7, "completion_tokens": 0})
        while True:
            yield piece(content="Wait, let me think again. ")

    completion, server = from_script(endless, timeout_seconds=30)  # a busy machine is not a silent server
    assert completion.finish_reason == "loop"
    assert not completion.counted, "the count told with the first piece is not the last"
    assert 400 <= completion.completion_tokens < 1000
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
