"""Budget forcing over HTTP: the same operations through /v1/completions, by a server that tells tokens or text."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from asking import short_rests  # noqa: F401
from scripted import Scripted, thinking_tokenizer
from stub_server import PAGE, StubServer, status
from test_forcing import IM_END, request
from test_vllm import needs_vllm

from distill import models
from distill.errors import DistillError
from distill.recipe import EndpointTeacher
from distill.records import Sampling
from distill.scaling.forced import FORMATS, Forced, Limits
from distill.scaling.forcing import Forcing
from teachers.base import Completion, TeacherError, TeacherRefused
from teachers.completions import Completions, OwnServer
from teachers.continue_local import LocalContinuing
from teachers.continuing import Ask, Continues, Ends

SCRIPT = ["\none step</think>", " two steps", " 33<|im_end|>"]
LIMITS = Limits(22, 20, waits=2)


def whole(body: dict[str, Any]) -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    return [head + json.dumps(body).encode()]


class Server:
    """Says what a script says, in vLLM's words or in those of a server that tells no tokens."""

    def __init__(self, tells_tokens: bool, failing: int = 0) -> None:
        self.engine = Scripted(thinking_tokenizer(), SCRIPT)
        self.tells_tokens, self.failing = tells_tokens, failing

    def __call__(self, body: dict[str, Any], number: int) -> list[bytes]:
        if number < self.failing:
            return status(500)
        ends = Ends(tuple(body["stop_token_ids"]))
        sampling = Sampling(max_tokens=body["max_tokens"])
        said = self.engine.say(Ask(tuple(body["prompt"]), ends, sampling, body.get("min_tokens", 0)))
        choice = {"text": self.engine.tokenizer.decode(said.kept), "finish_reason": said.reason}
        told = {"token_ids": list(said.ids)} if self.tells_tokens else {}
        return whole({"choices": [{**choice, **told}], "usage": {"completion_tokens": said.tokens}})


def played(engine: Continues) -> tuple[Completion, Forced]:
    async def run() -> tuple[Completion, Forced]:
        forcing = Forcing(engine, thinking_tokenizer(), [IM_END])
        prompt = forcing.prompt(request().messages)
        try:
            thought = await forcing.think(prompt, LIMITS, request().sampling)
            return await forcing.answer(request(), prompt, thought, LIMITS)
        finally:
            await engine.close()

    return asyncio.run(run())


def completions(url: str, **fields: Any) -> Completions:
    spec = EndpointTeacher(kind="endpoint", model="r1", base_urls=[url], max_retries=2, **fields)
    return Completions(spec, thinking_tokenizer(), "</think>")


@pytest.mark.parametrize("tells_tokens", [True, False])
def test_the_same_over_http(tells_tokens: bool) -> None:
    script = Server(tells_tokens, failing=1)
    with StubServer(script) as server:
        completion, forced = played(completions(server.url))
    reference = Scripted(thinking_tokenizer(), SCRIPT)
    expected, expected_forced = played(reference)
    assert [ask.prefix for ask in script.engine.asks] == [ask.prefix for ask in reference.asks]
    assert [ask.sampling.max_tokens for ask in script.engine.asks] == [a.sampling.max_tokens for a in reference.asks]
    assert (completion.text, completion.reasoning) == (expected.text, expected.reasoning)
    assert completion.completion_tokens == expected.completion_tokens
    assert forced == expected_forced.model_copy(update={"exact": tells_tokens})
    assert (forced.ended, forced.waits) == ("cut", 1)
    assert completion.counted is tells_tokens


def test_what_is_sent() -> None:
    with StubServer(Server(True)) as server:
        played(completions(server.url, extra_body={"top_k": 5}))
    first, second, last = server.bodies
    tokenizer = thinking_tokenizer()
    end = tokenizer.convert_tokens_to_ids("</think>")
    assert (first["model"], first["temperature"], first["top_k"], first["return_token_ids"]) == ("r1", 0, 5, True)
    assert first["stop_token_ids"] == [end, IM_END]
    assert (first["stop"], "min_tokens" in first, second["min_tokens"]) == (["</think>"], False, 1)
    assert ("stop" in last, last["stop_token_ids"], last["max_tokens"]) == (False, [IM_END], 20)
    assert first["seed"] != second["seed"]


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        (lambda b, n: status(400, "prompt must be a string"), TeacherRefused, "prompt must be a string"),
        (lambda b, n: status(500, "out of luck"), TeacherError, "3 attempts; the last: .*out of luck"),
        (lambda b, n: PAGE, TeacherRefused, "a web page came instead of an answer"),
        (lambda b, n: whole({"choices": []}), TeacherError, "3 attempts"),
        (lambda b, n: whole({"choices": [{"text": "x", "finish_reason": "abort"}]}), TeacherError, "reason 'abort'"),
        (lambda b, n: whole({"choices": [{"text": "x", "finish_reason": "stop"}]}), TeacherError, "neither its tokens"),
        (
            lambda b, n: whole(
                {"choices": [{"text": "x", "finish_reason": "stop"}], "usage": {"completion_tokens": -5}}
            ),
            TeacherError,
            "neither its tokens nor how many there are .*is -5",
        ),
        (
            lambda b, n: whole({"choices": [{"text": "x", "finish_reason": "stop", "token_ids": [5]}]}),
            TeacherRefused,
            "stops where it was not told to",
        ),
        (
            lambda b, n: whole(
                {
                    "choices": [{"text": "x", "finish_reason": "length"}],
                    "usage": {"completion_tokens": b["max_tokens"] + 2},
                }
            ),
            TeacherRefused,
            r"wrote \d+ tokens where at most \d+ were asked for",
        ),
        (
            lambda b, n: whole(
                {"choices": [{"text": "x", "finish_reason": "length", "token_ids": [5] * (b["max_tokens"] + 2)}]}
            ),
            TeacherRefused,
            r"wrote \d+ tokens where at most \d+ were asked for",
        ),
    ],
)
def test_errors(script: Any, error: type[DistillError], said: str) -> None:
    with StubServer(script) as server, pytest.raises(error, match=said):
        played(completions(server.url))


def test_a_curve_over_http(distill: Any, tiny_model: Path, tmp_path: Path) -> None:
    """From the command line: a URL, and the tokenizer of the model that it serves."""
    (tmp_path / "p.jsonl").write_text('{"question": "What is 30 plus 3?", "answer": 33}\n')
    tokenizer = tiny.tokenizer()

    def script(body: dict[str, Any], number: int) -> list[bytes]:
        text = "30+3=33</think>" if "stop" in body else "\n\n\\boxed{33}<|im_end|>"
        ids = tokenizer(text)["input_ids"]
        return whole({"choices": [{"text": "", "finish_reason": "stop", "token_ids": ids}]})

    with StubServer(script) as server:
        words = [
            "--problems",
            tmp_path / "p.jsonl",
            "--budgets",
            40,
            "--tokenizer",
            tiny_model,
            "--out",
            tmp_path / "o",
        ]
        outcome = distill("scale", server.url, *words, "endpoint.model=r1")
    assert outcome.code == 0, outcome.err
    (point,) = json.loads((tmp_path / "o" / "curve.json").read_text())["points"]
    assert (point["accuracy"], point["thinking_tokens"]) == (1.0, len(tokenizer("30+3=33")["input_ids"]))


@needs_vllm
@pytest.mark.slow  # vLLM starts in half a minute
def test_vllm_as_transformers(tmp_path: Path) -> None:
    """A random model, greedy in float32: thinking, cut and answer token for token as in this process."""
    from distill.recipe import VLLMTeacher
    from teachers.vllm import VLLM

    folder = tiny.folder(tmp_path / "model", hidden_size=128)
    source = models.resolve(str(folder))
    keys = {"dtype": "float32", "kv_cache_memory_bytes": 64 << 20, "serve_args": {"enforce_eager": True}}
    teacher = VLLMTeacher.model_validate({"kind": "vllm", "model": str(folder), "max_model_len": 512, **keys})
    tokenizer = models.tokenizer(source)
    ends = tuple(range(3, 320, 17))

    def all_of(engine: Continues) -> list[tuple[Completion, Forced]]:
        async def one(form: str, limits: Limits) -> tuple[Completion, Forced]:
            forcing = Forcing(engine, tokenizer, ends, FORMATS[form])
            prompt = forcing.prompt(request().messages)
            return await forcing.answer(
                request(), prompt, await forcing.think(prompt, limits, request().sampling), limits
            )

        async def run() -> list[tuple[Completion, Forced]]:
            try:
                limits = [Limits(budget, 12, waits) for budget in (9, 30, 60) for waits in (0, 2)]
                return await asyncio.gather(*(one(form, limit) for form in FORMATS for limit in limits))
            finally:
                await engine.close()

        return asyncio.run(run())

    served = all_of(OwnServer(VLLM(teacher, tmp_path / "vllm.log"), tokenizer, "</think>"))
    assert served == all_of(LocalContinuing(source, "float32", 4))
    kinds = {(forced.ended, forced.waits) for _, forced in served}
    assert kinds >= {("cut", 0), ("cut", 1), ("cut", 2), ("turn", 0)}, "else little is tested"
