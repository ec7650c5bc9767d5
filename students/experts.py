"""Mixtures of experts: what of them can be trained, and is not trained in part without a word.

transformers keeps all experts of a layer in parameters of three dimensions, which are no linear layers: LoRA on
"all-linear" passes over them for some architectures, and for others PEFT rewrites the names of the layers.
"""

from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from distill.recipe import Train

if TYPE_CHECKING:
    import torch

COUNTS = ("num_experts", "num_local_experts", "n_routed_experts")
"""How configs of mixtures of experts name their number."""

FEED_FORWARD = ("experts", "gate_proj", "up_proj", "gate_up_proj", "down_proj", "w1", "w2", "w3", "gate", "router")
"""Names of layers that are experts or routers in some architectures, and a dense part beside them in others."""

ATTENTION = "train.lora_target_modules=[q_proj,k_proj,v_proj,o_proj]"


def is_mixture(config: Any) -> bool:
    """Does a model route its tokens to some of several experts?"""
    told = config.get_text_config().to_dict()
    return any((told.get(name) or 0) > 1 for name in COUNTS)


def refuse_experts(config: Any, train: Train) -> None:
    """
    Raises:
        Refused: all weights of a mixture of experts, for which of them a token meets depends on numbers, that a
            simulated step does not have; QLoRA, which would leave the experts in 16 bits; an adapter that would be
            on some of its layers only, and was not asked for as one on attention.
    """
    if not is_mixture(config):
        return
    if train.method == "full":
        raise Refused(
            "train.method=full of a mixture of experts: what it would hold cannot be predicted.",
            f"Set train.method=lora and {ATTENTION}.",
        )
    if train.method == "qlora":
        raise Refused(
            "train.method=qlora of a mixture of experts: bitsandbytes takes linear layers to 4 bits, and experts, "
            "nearly all of such a model, are none.",
            f"Set train.method=lora and {ATTENTION}.",
        )
    names = train.lora_target_modules
    unclear = [names] if isinstance(names, str) else [n for n in names if n.rpartition(".")[2] in FEED_FORWARD]
    if unclear:
        raise Refused(
            f"train.lora_target_modules has '{unclear[0]}', and this is a mixture of experts, whose experts are no "
            "linear layers: the adapter would be on a part of the model only.",
            f"{ATTENTION} trains attention alone, as it says.",
        )


def refuse_experts_in_float32(config: Any, dtype: "torch.dtype") -> None:
    """
    Raises:
        Refused: experts that compute in another dtype than bfloat16: PyTorch's grouped product, in which all of a layer
            compute at once, tells what it makes for that one only.
    """
    import torch

    if is_mixture(config) and dtype != torch.bfloat16:
        raise Refused(
            f"a mixture of experts in {str(dtype).removeprefix('torch.')}: what its training would hold cannot be "
            "predicted, for its experts compute in bfloat16 only.",
            "Set student.dtype=bfloat16; auto takes it where the device computes in it.",
        )
