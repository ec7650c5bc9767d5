"""What a checkpoint tells its server: where to stop, and how to sample.

vLLM takes both from `generation_config.json` by itself (`--generation-config auto`), transformers too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

TEMPERATURE, TOP_P = 0.6, 0.95
"""Of reasoners: DeepSeek-R1's model card; greedy, it says, they repeat themselves without end. Qwen3's has the same."""

QWEN_TOP_K = 20
"""Qwen3's model card, for thinking."""

OFF = 0
"""No top_k; where it is not named, transformers takes 50 and vLLM none."""


def set_generation(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", thinks: bool) -> None:
    """Give the model the generation config that its checkpoint is to have.

    It stops at the end of a turn, and where it stopped before; no length is set. A student that thinks gets the
    sampling that is recommended for reasoners, another keeps its base's.
    """
    config = model.generation_config
    config.eos_token_id = stop_tokens(config, tokenizer)
    config.pad_token_id = tokenizer.pad_token_id
    config.max_length = config.max_new_tokens = None
    if thinks:
        sampling = recommended(model.config.get_text_config().model_type)
        for key, value in sampling.items():
            setattr(config, key, value)


def recommended(model_type: str) -> dict[str, Any]:
    """How a reasoner of an architecture is sampled. A penalty on repetition would punish thinking, and goes."""
    top_k = QWEN_TOP_K if model_type.startswith("qwen") else OFF
    return {
        "do_sample": True,
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
        "top_k": top_k,
        "repetition_penalty": None,
    }


def stop_tokens(config: "GenerationConfig", tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The turn's end first, then what the model stopped at before."""
    before = config.eos_token_id
    others = before if isinstance(before, list) else [before]
    return list(dict.fromkeys([tokenizer.eos_token_id, *(t for t in others if t is not None)]))
