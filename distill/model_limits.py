"""What a model's config tells that decides how it is run here, or whether it is."""

import re
from typing import TYPE_CHECKING, Any

from distill.errors import Refused

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def context_of(config: Any, name: str) -> int:
    """Tokens that the model `name` can see at once.

    Raises:
        Refused: its config does not tell.
    """
    try:
        return int(config.get_text_config().max_position_embeddings)
    except AttributeError as e:
        raise Refused(
            f"the config of model '{name}' does not tell how long its context is (max_position_embeddings).",
            "State-space models and models with ALiBi are not supported.",
        ) from e


def refuse_shifting_positions(config: Any, name: str, max_length: int) -> None:
    """Of Phi-3's and Phi-4-mini's rotary embeddings, which transformers chooses by the longest row of a batch.

    Raises:
        Refused: in one packed row short traces would be computed otherwise than alone, beside a long one or padding.
    """
    rope = config.get_text_config().to_dict().get("rope_parameters") or {}
    for one in (rope, *(part for part in rope.values() if isinstance(part, dict))):
        original = one.get("original_max_position_embeddings")
        if one.get("rope_type") == "longrope" and original is not None and max_length > original:
            raise Refused(
                f"'{name}' has other rotary embeddings (longrope) as soon as one row of a batch exceeds {original} "
                f"tokens, and train.max_length={max_length}: packed rows would change each other.",
                f"Set train.max_length to at most {original}, or choose a student with one kind of positions.",
            )


def exact_attention(config: Any) -> str:
    """The implementation of transformers that computes what the model means: "sdpa" passes over caps of logits."""
    capped = config.get_text_config().to_dict().get("attn_logit_softcapping") is not None
    return "eager" if capped else "sdpa"


def refuse_quantised(config: Any, name: str) -> None:
    """
    Raises:
        Refused: the student's weights are stored with few bits, to which nothing can be merged.
    """
    stored = config.to_dict().get("quantization_config")
    if stored:
        raise Refused(
            f"the weights of '{name}' are quantised ({stored.get('quant_method', 'unknown')}): what is trained on them "
            "cannot be merged into a checkpoint of 16 bits.",
            "Name the model of 16 bits; train.method=qlora quantises it itself.",
        )


RECURRENT = re.compile("linear|mamba|conv|recurrent|hybrid|ssm|delta")
"""In the names that configs give to kinds of layers: what carries a state on from token to token."""


def refuse_recurrent(config: Any, name: str) -> None:
    """
    Raises:
        Refused: not all layers of the student attend: those that carry a state on let packed rows see each other.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    told = config.get_text_config().to_dict()
    kinds = told.get("layer_types") or told.get("layers_block_type") or []
    found = sorted({kind for kind in kinds if RECURRENT.search(kind)})
    if found or (not kinds and MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]._is_stateful):
        raise Refused(
            f"'{name}' has layers that carry a state on from token to token ({', '.join(found) or config.model_type}): "
            "packed rows would see each other.",
            "Students attend in all layers, as those of Qwen2.5, Qwen3, Llama 3 and Gemma 3 do.",
        )


def refuse_made_up(found: dict[str, Any], name: str) -> None:
    """`found` is what transformers tells of the weights that it has read.

    Raises:
        Refused: some were not there or of another shape: they would be random numbers, and nobody would be told.
    """
    lacking = sorted(found["missing_keys"]) + sorted(str(one[0]) for one in found["mismatched_keys"])
    if lacking:
        raise Refused(
            f"the weights of model '{name}' do not fit its config: {len(lacking)} tensors are missing or of another "
            f"shape ({', '.join(lacking[:3])}).",
            "Some of its files are missing or belong to another model, or it is no model that writes text.",
        )


def without_weights(model_config: Any, **settings: Any) -> "PreTrainedModel":
    """Built on the meta device: shapes and no memory.

    Raises:
        Refused: the config describes no model that transformers can build with these settings.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(model_config, **settings)
    except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError) as e:
        said = " ".join(str(e).split())[:200].rstrip(".")
        raise Refused(
            f"no model of the type '{model_config.model_type}' can be built from its config: {said}.",
            "Students are causal language models with PyTorch's scaled_dot_product_attention.",
        ) from e
