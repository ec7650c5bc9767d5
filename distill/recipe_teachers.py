"""The section `teacher`: who thinks."""

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from distill.recipe_base import Count, JsonObject, ModelName, Section


class ProgramTeacher(Section):
    """A program that searches and thinks out loud; it knows Countdown."""

    kind: Literal["program"]
    """A searcher, no model."""
    strategy: Literal["dfs", "bfs", "mixed"] = "dfs"
    """Depth-first, breadth-first, or one of them drawn for each sample."""
    budget: Count = 24
    """Combinations of two numbers that a search may try; past it the program gives up and says so."""
    beam_size: Count = 5
    """Breadth-first only: states kept at each depth."""


class LocalTeacher(Section):
    """A model in this process (transformers)."""

    kind: Literal["local"]
    """transformers, here."""
    model: ModelName
    """Hub id, local folder, `*.gguf` path, or `package:IMPORT_NAME/FILE.gguf`."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the weights; auto is bfloat16, or float32 where the processor has no bfloat16 arithmetic."""
    batch_size: int = Field(16, ge=1, le=4096)
    """Requests sampled together."""


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as e:
        raise ValueError(f"{url} is no URL: {e}") from e
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[^\s?#]+", url):
        raise ValueError(f"{url} is no URL such as https://api.deepseek.com/v1")
    if any(not 0 < len(label) < 64 for label in host.rstrip(".").split(".")):
        raise ValueError(f"{url} has no host name that can be")
    if parts.username is not None:
        raise ValueError("a URL must hold no user name and password; they would be written to the run: use api_key_env")
    return url


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""Where a server is asked."""


class Price(Section):
    """What tokens cost, in any currency; cached prompts count in full, so that a bill can only be lower."""

    prompt: float = Field(ge=0, le=10**6)
    """For a million prompt tokens."""
    completion: float = Field(ge=0, le=10**6)
    """For a million tokens sampled, reasoning included."""

    @model_validator(mode="after")
    def _some(self) -> "Price":
        if self.prompt == self.completion == 0:
            raise ValueError("prompt and completion are both 0; leave the price out instead")
        return self


SET_BY = {
    "max_tokens": "harvest.max_tokens",
    "max_completion_tokens": "harvest.max_tokens, under that name with teacher.max_tokens_key",
    "n": "harvest.samples_per_problem",
    "messages": "harvest.prompt",
    "model": "teacher.model",
    "stream": "the run itself, which always streams",
    "stream_options": "the run itself, which always streams",
    "seed": "seed",
    "temperature": "harvest.temperature",
    "top_p": "harvest.top_p",
}
"""Fields of a request that budgets and traces count on, and the key of the recipe that each comes from."""


def _further(extra: dict[str, Any]) -> dict[str, Any]:
    ours = sorted(extra.keys() & SET_BY.keys())
    if ours:
        raise ValueError(f"extra_body.{ours[0]} must not be there: it is set by {SET_BY[ours[0]]}")
    return extra


ExtraBody = Annotated[JsonObject, AfterValidator(_further)]
"""Fields of a request that the run does not set."""


class OfEndpoint(Section):
    """What a section begins with that asks servers."""

    kind: Literal["endpoint"]
    """A server that runs already."""


class NamedOnServer(OfEndpoint):
    """A model of such servers."""

    model: str = Field(min_length=1)
    """Name under which the server knows the model."""


class EndpointOptions(Section):
    """How servers are asked, whatever they serve."""

    base_urls: list[BaseUrl] = Field(min_length=1)
    """Such as `https://api.deepseek.com/v1`. Several servers of the same model share the load; one that fails rests."""
    api_key_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the key (its name, never the key); null sends none."""
    concurrency: int = Field(64, ge=1, le=10**5)
    """Requests under way at once, over all servers."""
    timeout_seconds: float = Field(600, gt=0, le=10**6)
    """Longest silence in the midst of an answer, or before its first token."""
    max_answer_seconds: float = Field(14400, gt=0, le=10**6)
    """Longest time for one answer, whatever the server sends to keep the connection alive."""
    max_retries: int = Field(8, ge=0, le=1000)
    """Further attempts after 429, 5xx, time-outs and broken answers, each after a longer rest (1 to 60 seconds)."""
    send_seed: bool = True
    """Send each sample's seed; false for servers that refuse the parameter."""
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the token limit."""
    extra_body: ExtraBody = Field({})
    """Further fields of each request, such as `top_k`, `reasoning_effort` or `chat_template_kwargs`."""


class EndpointTeacher(EndpointOptions, NamedOnServer):
    """Any OpenAI-compatible server: DeepSeek, OpenRouter, vLLM, SGLang, llama.cpp, `transformers serve`."""

    price: Price | None = None
    """What its tokens cost, for harvest.max_cost and for the bill in the report; null counts tokens only."""


class OfVLLM(Section):
    """What a section begins with that has vLLM started."""

    kind: Literal["vllm"]
    """A server that the run starts and ends."""


class Served(OfVLLM):
    """The model that it serves."""

    model: ModelName
    """Hub id or local folder."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of weights and activations."""


class VLLMOptions(Section):
    """How it is served. Keys that vLLM knows have vLLM's names; null leaves them to vLLM."""

    tensor_parallel_size: Count = 1
    """GPUs that share each layer."""
    pipeline_parallel_size: Count = 1
    """Groups of layers on GPUs, or nodes, of their own."""
    data_parallel_size: Count = 1
    """Copies of the whole model."""
    max_model_len: Count | None = None
    """Longest prompt and answer together, in tokens; null takes the model's context."""
    max_num_seqs: Count | None = None
    """Answers that the engine works on at once."""
    quantization: str | None = None
    """Such as `fp8` or `awq`; null as the checkpoint says."""
    gpu_memory_utilization: float | None = Field(None, gt=0, le=1)
    """Share of the GPU's memory (without a GPU: of the machine's) that the engine takes."""
    kv_cache_dtype: str | None = None
    """Such as `fp8`."""
    kv_cache_memory_bytes: int | None = Field(None, ge=1, le=10**15)
    """Size of the KV cache, instead of what gpu_memory_utilization leaves for it. Set it on a machine without a GPU."""
    reasoning_parser: str | None = None
    """Such as `deepseek_r1` or `qwen3`; null leaves the reasoning in the text, where its tags show it too."""
    serve_args: JsonObject = Field({})
    """Further options of `vllm serve`: `enforce_eager: true` becomes `--enforce-eager`."""
    replicas: int = Field(1, ge=1, le=1000)
    """Servers that share the load. 1 is a child process of the run; more are placed by Ray on the nodes of a cluster,
    each whole on one node, and placed anew when they or their nodes die."""
    ray_address: str | None = Field(None, pattern=r"^[^\s/]+:\d{1,5}$")
    """`host:port` of the Ray cluster's head; null takes RAY_ADDRESS, else the cluster that this machine belongs to,
    else Ray on this machine alone."""
    cpus_per_replica: Count = 1
    """Processors that Ray sets aside for a replica; GPUs follow from the three sizes above. Without GPUs it is also the
    number of threads that a replica computes with."""
    concurrency: int = Field(256, ge=1, le=10**5)
    """Requests under way at once at each replica; more than the engine works on, so that it never waits."""
    start_timeout_seconds: float = Field(1800, gt=0, le=10**6)
    """Longest time from the start to readiness, loading and compiling included."""
    timeout_seconds: float = Field(600, gt=0, le=10**6)
    """Longest silence in the midst of an answer, or before its first token."""
    max_retries: int = Field(8, ge=0, le=1000)
    """Further attempts at a request whose answer broke off."""
    extra_body: ExtraBody = Field({})
    """Further fields of each request, such as `top_k` or `chat_template_kwargs`."""

    @model_validator(mode="after")
    def _ours(self) -> Self:
        theirs = {name.lstrip("-").replace("-", "_"): name for name in self.serve_args}
        fields = theirs.keys() & {*type(self).model_fields, *VLLMTeacher.model_fields}
        if fields:
            raise ValueError(f"serve_args.{theirs[min(fields)]} has a key of its own: {min(fields)}")
        ours = theirs.keys() & {"host", "port", "uds", "api_key", "served_model_name", "ssl_keyfile", "root_path"}
        if ours:
            raise ValueError(f"serve_args.{theirs[min(ours)]} is set by the run itself")
        if self.replicas > 1 and self.spans_nodes():
            raise ValueError(
                f"replicas={self.replicas} puts each server on one node, and vLLM's Ray backend in serve_args "
                "spreads one over several; set one of them (several servers over several nodes each: kind=endpoint)"
            )
        return self

    def spans_nodes(self) -> bool:
        """Does vLLM itself use Ray, to spread one server over several nodes?"""
        theirs = {name.lstrip("-").replace("-", "_"): value for name, value in self.serve_args.items()}
        return "ray" in (theirs.get("distributed_executor_backend"), theirs.get("data_parallel_backend"))


class VLLMTeacher(VLLMOptions, Served):
    """`vllm serve`, started and ended by the run, here or on the nodes of a Ray cluster."""

    price: Price | None = None
    """What its tokens cost: the GPUs' price an hour over the tokens of an hour; null counts tokens only."""


class ReplayTeacher(Section):
    """Traces that others published, as `problems.source: traces` finds them; judged and curated like sampled ones."""

    kind: Literal["replay"]
    """No sampling at all."""


Teacher = Annotated[
    ProgramTeacher | LocalTeacher | EndpointTeacher | VLLMTeacher | ReplayTeacher, Field(discriminator="kind")
]
