"""An evaluation of any model, without a recipe: `distill evaluate MODEL --problems SET ...`.

The folder notes what its answers were sampled with, so that the same command goes on and another one is refused.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from distill import models
from distill.adapters import base_of, is_adapter
from distill.errors import Refused
from distill.evaluate.engines import Life, as_teacher, endpoint, local, vllm
from distill.evaluate.note import NOTE
from distill.evaluate.protocols import protocol_of
from distill.evaluate.sampling import OnProgress
from distill.evaluate.sets import problem_sets
from distill.evaluate.work import Work, carry_out
from distill.files import user_path
from distill.folders import held
from distill.models import ModelSource
from distill.recipe import Evaluate, Student, Verify
from distill.recipe_base import Count, JsonObject
from distill.recipe_evaluate import HELD_OUT, KNOWN_SETS, EndpointEngine, EvaluationSet, VLLMEngine
from distill.recipe_problems import Rows
from distill.recipe_teachers import BaseUrl, EndpointOptions
from distill.records import digest
from distill.verify import configure

ELSEWHERE = "Choose another place with --out."


class Client(EndpointOptions):
    """How a server is asked whose URL is given as the model."""

    base_urls: list[BaseUrl] = Field([])
    """More servers of the same model, beside the one that is named."""


class Settings(Evaluate):
    """The section `evaluate`, and what a recipe says elsewhere."""

    count: Count | None = None
    """Problems of each set, drawn with the seed; null takes all."""
    revision: str | None = None
    """Hub commit or tag of the model; null takes the newest."""
    chat_template: str | None = None
    """A file with a Jinja template, for a model that has none or another; null takes the model's."""
    chat_template_kwargs: JsonObject = Field({})
    """Variables of the template, such as enable_thinking: false."""
    rows: Rows = Rows()
    """Columns and verifier of sets from files and the hub, as in evaluate.sets; known sets have their own."""
    endpoint: Client = Client()
    """How a server is asked: api_key_env, concurrency, extra_body and the like."""
    verify: Verify = Verify()
    """How answers are judged."""


def evaluate_model(
    model: str, base: str | None, spec: Settings, seed: int, folder: Path, on_progress: OnProgress
) -> dict[str, Any]:
    """Ask a model, and a base beside it, all sets of `spec`; writes and returns `summary.json`.

    A model is a hub id, a folder, a `*.gguf` file, a folder with a LoRA adapter, or `URL#NAME` of a server.

    Raises:
        Refused: a model that cannot be had, a set that cannot be read, a folder with answers to something else.
        TeacherError: a request got no answer; all others are on disk.
    """
    configure(spec.verify)
    if any(one.name == HELD_OUT for one in spec.sets):
        raise Refused(f"{HELD_OUT} is the set of a recipe, and a model without one has none.", "--problems math500")
    if isinstance(spec.engine, VLLMEngine) and is_url(model) and (base is None or is_url(base)):
        raise Refused("engine=vllm is for models of this machine, and a server is asked as it is.", "Leave engine out.")
    if isinstance(spec.engine, EndpointEngine):
        raise Refused("engine=endpoint is for recipes.", "Give the server as the model: distill evaluate URL#NAME")
    sets = problem_sets([_as_asked(one, spec) for one in spec.sets], [], seed)
    protocols = {one.name: protocol_of(spec, one, "auto") for one in sets}
    named = ({"base": base} if base is not None else {}) | {"model": model}
    lives = _lives(named, spec, next(iter(protocols.values())).dtype, folder)
    with held(folder, ELSEWHERE):
        _refuse_other(folder)
        return carry_out(Work(spec, seed, sets, protocols, lives, folder, on_progress, spec.verify))


def _as_asked(one: EvaluationSet, spec: Settings) -> EvaluationSet:
    """A set with what the command line says of all.

    Raises:
        Refused: columns are named, and the set has its own definition.
    """
    given = {key: getattr(spec.rows, key) for key in sorted(spec.rows.model_fields_set)}
    if given and one.name in KNOWN_SETS:
        raise Refused(f"rows.{min(given)} is given by the definition of {one.name}.", "Leave it out, or the set.")
    return one.model_copy(update={"count": one.count or spec.count, **given})


def default_folder(model: str) -> Path:
    """Where the answers of a model lie if nobody says more."""
    last = model.rstrip("/").rpartition("/")[2]
    words = "".join(c if c.isalnum() or c in "._-" else "-" for c in last).strip("._-")
    return Path("evaluations") / f"{words or 'model'}-{digest(model, 6)}"


def source_of(name: str, spec: Settings, base: str | None) -> ModelSource:
    """Where a model lies; a folder with an adapter is its base with that adapter on it.

    Raises:
        Refused: it is not there; an adapter that does not tell its base.
    """
    folder = user_path(name)
    adapter = folder if folder.is_dir() and is_adapter(folder) else None
    if adapter is None:
        return models.of_student(_as_student(name, spec))
    on = base or base_of(adapter)
    if on is None:
        raise Refused(f"the adapter {name} does not tell which model it is for.", "--base names it.")
    template = adapter / "chat_template.jinja"
    chosen = spec
    if spec.chat_template is None and template.is_file():
        chosen = spec.model_copy(update={"chat_template": str(template)})
    return replace(models.of_student(_as_student(on, chosen)), name=name, adapter=str(adapter))


def _as_student(name: str, spec: Settings) -> Student:
    return Student(
        model=name,
        revision=spec.revision,
        chat_template=spec.chat_template,
        chat_template_kwargs=spec.chat_template_kwargs,
    )


def _lives(named: dict[str, str], spec: Settings, dtype: str, folder: Path) -> list[Life]:
    """An engine for each model; a base and the adapter on it share one of vLLM."""
    served = {who: name for who, name in named.items() if is_url(name)}
    of_base = spec.model_copy(update={"revision": None})
    here = {
        who: source_of(name, spec if who == "model" else of_base, named.get("base"))
        for who, name in named.items()
        if who not in served
    }
    if isinstance(spec.engine, VLLMEngine) and len(here) > 1 and _can_share(list(here.values())):
        return [vllm(here, spec.engine, dtype, folder)]
    return [
        _served(who, name, spec) if who in served else _here(who, here[who], spec, dtype, folder)
        for who, name in named.items()
    ]


def _can_share(sources: list[ModelSource]) -> bool:
    """Can one server answer for a model and for adapters on it: the same weights, asked in the same words?"""
    places = {(source.folder, source.gguf_file, source.revision) for source in sources}
    if len(places) > 1 or not any(source.adapter for source in sources):
        return False
    return len({models.tokenizer(source).chat_template for source in sources}) == 1


def _here(who: str, source: ModelSource, spec: Settings, dtype: str, folder: Path) -> Life:
    if isinstance(spec.engine, VLLMEngine):
        return vllm({who: source}, spec.engine, dtype, folder)
    return local(who, source, dtype, spec.batch_size)


def is_url(name: str) -> bool:
    """Is a model one that a server has?"""
    return name.startswith(("http://", "https://"))


def _served(who: str, name: str, spec: Settings) -> Life:
    url, _, model = name.partition("#")
    if not model:
        raise Refused(f"'{url}' is a server and names no model.", f"distill evaluate {url}#NAME --problems SET")
    try:
        asked = as_teacher(spec.endpoint, model, [url, *spec.endpoint.base_urls])
    except ValueError as e:
        raise Refused(f"'{url}' is no URL of a server.", "Such as http://127.0.0.1:8000/v1#NAME") from e
    return endpoint(who, asked, "endpoint")


def _refuse_other(folder: Path) -> None:
    """
    Raises:
        Refused: a folder holds something else than an evaluation, or what a kill has left of its first file.
    """
    unfinished = f".{NOTE}."  # as `write_atomically` names it
    if not (folder / NOTE).is_file() and any(not path.name.startswith(unfinished) for path in folder.iterdir()):
        raise Refused(f"{folder} is not empty and holds no evaluation.", ELSEWHERE)
