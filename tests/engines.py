"""Greedy answers of the engines that serve a student, each with the chat template that it applies itself."""

import contextlib
import importlib.util
import itertools
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distill.recipe import VLLMTeacher
from teachers.vllm import SERVED_AS, serve_command

Chat = list[dict[str, str]]

HAS_LLAMA_CPP = importlib.util.find_spec("llama_cpp") is not None
HAS_VLLM = importlib.util.find_spec("vllm") is not None


def by_transformers(folder: Path, chats: Sequence[Chat], tokens: int) -> list[list[int]]:
    """Tokens, in float32, without the end of the turn."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    said = []
    for chat in chats:
        asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        answer = model.generate(**asked, do_sample=False, max_new_tokens=tokens, repetition_penalty=1.0)
        new = answer[0, asked["input_ids"].shape[1] :].tolist()
        said.append(new[: new.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in new else new)
    return said


def tokens_by_llama_cpp(file: Path, chats: Sequence[Chat], tokens: int) -> list[list[int]]:
    """Tokens, of the template in the file; as text it drops bytes that are no characters, which random models write."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    said = []
    with opened(file) as model:
        template = model.metadata["tokenizer.chat_template"]
        formatter = Jinja2ChatFormatter(template, eos_token="", bos_token="")
        for chat in chats:
            prompt = formatter(messages=chat).prompt
            model.reset()
            steps = model.generate(model.tokenize(prompt.encode(), add_bos=False, special=True), temp=0.0)
            said.append(list(itertools.islice(itertools.takewhile(lambda t: t != model.token_eos(), steps), tokens)))
    return said


@contextlib.contextmanager
def opened(file: Path, **settings: Any) -> Iterator[Any]:
    """A GGUF file in llama-cpp-python, its cache of keys and values in float32 as the others have it."""
    from llama_cpp import GGML_TYPE_F32, Llama

    cache = {"type_k": GGML_TYPE_F32, "type_v": GGML_TYPE_F32}
    model = Llama(str(file), n_ctx=512, n_threads=2, verbose=False, **cache, **settings)
    try:
        yield model
    finally:
        model.close()


@contextlib.contextmanager
def vllm_server(folder: Path, log: Path) -> Iterator[str]:
    """The address of `vllm serve` on a checkpoint, in float32."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = VLLMTeacher(
        kind="vllm",
        model=str(folder),
        dtype="float32",
        max_model_len=512,
        kv_cache_memory_bytes=128 << 20,
        serve_args={"enforce_eager": True},
    )
    command = serve_command(made, str(folder), port)
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def tokens_by_vllm(url: str, chats: Sequence[Chat], tokens: int) -> list[list[int]]:
    """Without the end of the turn, which vLLM tells too where an answer ends in it."""
    asked = {"model": SERVED_AS, "temperature": 0, "repetition_penalty": 1.0, "max_tokens": tokens}
    asked["return_token_ids"] = True
    choices = [posted(f"{url}/v1/chat/completions", {**asked, "messages": chat})["choices"][0] for chat in chats]
    return [one["token_ids"][: -1 if one["finish_reason"] == "stop" else None] for one in choices]


def posted(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as reply:
        return json.load(reply)


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None, "it ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.5)
    raise AssertionError("it does not start")
