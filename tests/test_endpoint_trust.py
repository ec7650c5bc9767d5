"""What a server must not get out of us, and what it cannot do to us: keys, addresses, answers without end."""

import asyncio
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from asking import GOOD, PROBLEM, ask, endpoint, first_then_good, follow, from_script, requests, sample, short_rests  # noqa: F401
from stub_server import DONE, StubServer, answer, opening, piece, status

from distill.errors import Refused
from distill.files import Log
from distill.recipe_teachers import SET_BY, VLLMTeacher
from teachers.base import TeacherError, TeacherRefused

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


@pytest.mark.parametrize("field", SET_BY)
def test_what_budgets_count_on_is_set_in_one_place(field: str) -> None:
    with pytest.raises(ValueError, match=rf"extra_body\.{field} must not be there: it is set by {SET_BY[field]}"):
        endpoint("http://h/v1", extra_body={"top_k": 20, field: 1})
    with pytest.raises(ValueError, match=rf"extra_body\.{field} must not be there"):
        VLLMTeacher.model_validate({"kind": "vllm", "model": "m", "extra_body": {field: 1}})


def test_escapes_of_a_terminal_are_not_told() -> None:
    with (
        StubServer(lambda *_: status(400, "no\x1b[2J\x1b]0;title\x07")) as server,
        pytest.raises(TeacherRefused) as caught,
    ):
        ask(server.url)
    assert str(caught.value).isprintable()


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
