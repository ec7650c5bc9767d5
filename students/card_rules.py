"""What the hub demands of a card's metadata, to be known before a run and without the hub.

Documented in https://github.com/huggingface/hub-docs (modelcard.md, datasetcard.md) and
https://huggingface.co/docs/hub/model-cards. The hub checks again when it is pushed; its rules may have grown by then.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from distill.errors import Refused
from distill.licences import KNOWN, SLUG

RELATIONS = ("finetune", "adapter", "merge", "quantized")
"""Of a model to its base."""


def refuse_broken_metadata(metadata: dict[str, Any]) -> None:
    """
    Raises:
        Refused: the hub would reject a card with this metadata.
    """
    found = list(broken_rules(metadata))
    if found:
        raise Refused(f"the hub would reject the card: {'; '.join(found)}.", "The card is made from the recipe's keys.")


def broken_rules(metadata: dict[str, Any]) -> Iterator[str]:
    """A sentence for each rule that is broken."""
    yield from _licence(metadata)
    yield from _ids("base_model", _listed(metadata.get("base_model")))
    yield from _ids("datasets", _listed(metadata.get("datasets")))
    if metadata.get("base_model_relation", RELATIONS[0]) not in RELATIONS:
        yield f"base_model_relation is one of {', '.join(RELATIONS)}"
    for key in ("library_name", "pipeline_tag"):
        if key in metadata and not isinstance(metadata[key], str):
            yield f"{key} is no text"
    if any(not isinstance(tag, str) or not tag for tag in _listed(metadata.get("tags"))):
        yield "tags are texts"
    for index in metadata.get("model-index", []):
        for result in index.get("results", []):
            yield from _result(result)


def _licence(metadata: dict[str, Any]) -> Iterator[str]:
    licence, name = metadata.get("license"), metadata.get("license_name")
    if licence is not None and licence not in KNOWN:
        yield f"license '{licence}' is none that it knows"
    if name is not None and not SLUG.fullmatch(str(name)):
        yield f"license_name '{name}' may hold small letters, digits, dots and hyphens only"


def _ids(key: str, values: Iterable[Any]) -> Iterator[str]:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    for value in values:
        try:
            validate_repo_id(value)
        except HFValidationError:
            yield f"{key} '{value}' is no id of the hub"


def _result(result: dict[str, Any]) -> Iterator[str]:
    for section, key in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
        if not isinstance(result.get(section, {}).get(key), str):
            yield f"model-index lacks {section}.{key}"
    if not all(isinstance(m.get("type"), str) and "value" in m for m in result.get("metrics", [{}])):
        yield "model-index has a metric without type or value"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
