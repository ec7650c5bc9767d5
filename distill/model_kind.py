"""What kind of model a config describes: only causal language models write text from left to right.

transformers builds a language model from the weights of nearly any kind, with new layers where some lack, and with
attention in both directions where the config says no more than "roberta". So the architecture that the checkpoint was
saved with is compared with the names that transformers knows for each task.
"""

from collections.abc import Iterable
from typing import Any

from distill.errors import Refused

KINDS = {
    "SEQ_TO_SEQ_CAUSAL_LM": "an encoder-decoder",
    "SPEECH_SEQ_2_SEQ": "a model of speech",
    "IMAGE_TEXT_TO_TEXT": "a model of images and text",
    "MASKED_LM": "an encoder, that fills gaps in a text",
    "SEQUENCE_CLASSIFICATION": "a classifier or reward model",
    "TOKEN_CLASSIFICATION": "a classifier of tokens",
    "QUESTION_ANSWERING": "a model that marks answers in a text",
    "ZERO_SHOT_IMAGE_CLASSIFICATION": "a model of images",
    "IMAGE_CLASSIFICATION": "a model of images",
    "CTC": "a model of speech",
    "AUDIO_CLASSIFICATION": "a model of sound",
    "PRETRAINING": "an encoder",
    "": "a model without a layer that predicts tokens, such as embedding models",
}
"""Task, as transformers' tables of architectures are named -> what such a model is. The first that fits counts."""

ENCODERS = ("MASKED_LM", "SEQ_TO_SEQ_CAUSAL_LM", "SPEECH_SEQ_2_SEQ")
"""Tasks of model types that are encoders or have one, whatever part of them is asked for."""

EMBEDDING = "config_sentence_transformers.json"
"""Beside the weights of embedding models, some of which are saved as the causal models that they were made of."""


def refuse_other_kind(config: Any, name: str, key: str = "student.model") -> None:
    """
    Raises:
        Refused: the config, of the model that `key` names, is that of no causal language model.
    """
    kind = _other_kind(config)
    if kind:
        saved_as = f" ({_architecture(config) or config.model_type})"
        raise no_writer(name, f"{kind}{saved_as}", key)


def no_writer(name: str, kind: str, key: str = "student.model") -> Refused:
    """The sentence about a model that is of another kind."""
    return Refused(
        f"'{name}' is {kind}, and no causal language model, which writes text from left to right.",
        f"{key} wants one of those, such as Qwen/Qwen2.5-1.5B-Instruct: their config names a class ...ForCausalLM.",
    )


def _other_kind(config: Any) -> str | None:
    """What the model is that does not write text, None for one that does."""
    causal, named, of_type = _table("CAUSAL_LM"), _architecture(config), config.model_type
    if of_type not in causal or any(of_type in _table(task) for task in ENCODERS):
        return _by_type(of_type) if named is None or named in _names(causal) else _by_name(named)
    text = config.get_text_config().to_dict()
    if text.get("is_causal") is False or text.get("use_bidirectional_attention") in (True, "all"):
        return "a model that attends in both directions"
    if named is None or named in _names(causal) or named.endswith(("ForCausalLM", "LMHeadModel")):
        return None
    of_images = _table("IMAGE_TEXT_TO_TEXT")
    return None if named in _names({of_type: of_images.get(of_type, ())}) else _by_name(named)


def _architecture(config: Any) -> str | None:
    """The class that the checkpoint was saved with, where its config tells."""
    found: list[str] = config.architectures or []
    return found[0] if found else None


def _by_name(architecture: str) -> str:
    fitting = (told for task, told in KINDS.items() if architecture in _names(_table(task)))
    return next(fitting, "a model of another kind")


def _by_type(model_type: str) -> str:
    return next((told for task, told in KINDS.items() if model_type in _table(task)), "a model of another kind")


def _table(task: str) -> dict[str, Any]:
    """Model type -> name of its class for a task, or names."""
    from transformers.models.auto import modeling_auto

    name = f"MODEL_FOR_{task}_MAPPING_NAMES" if task else "MODEL_MAPPING_NAMES"
    return dict(vars(modeling_auto)[name])


def _names(table: dict[str, Any]) -> set[str]:
    """All classes of a table."""
    found: Iterable[Any] = table.values()
    return {name for value in found for name in ([value] if isinstance(value, str) else value)}
