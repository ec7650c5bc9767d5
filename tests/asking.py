"""An endpoint of ours and requests to it, for the tests."""

import asyncio
from typing import Any

import pytest
from stub_server import Script, StubServer, answer

from distill.files import Log
from distill.recipe import EndpointTeacher
from distill.records import Problem, Sampling
from teachers import sampler, servers
from teachers.base import Completion, Request, Teacher, TeacherError
from teachers.endpoint import Endpoint
from teachers.sampler import InOrder

PROBLEM = Problem(id="p", question="Make 33.", answer="33", kind="math", source="test")


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "FIRST_REST", 0.02)
    monkeypatch.setattr(servers, "LONGEST_REST", 0.1)


async def sample(teacher: Teacher, asked: list[Request], log: Log, on_traces: Any) -> None:
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
        "timeout_seconds": 2.0,
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
