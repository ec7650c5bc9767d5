"""What spares memory or time beside the method, where it works: 8-bit and paged moments, offloading, fused kernels."""

import importlib.util

from distill.errors import Refused
from distill.recipe import Train

LIGER_FAMILIES = ("llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "mistral", "phi3")
"""Model types whose norms, rotations and gated products liger-kernel replaces."""


def refuse_savings_that_do_not_work_here(train: Train) -> None:
    """
    Raises:
        Refused: a saving that needs a package or a GPU which is not there.
    """
    import torch

    on_gpu = torch.cuda.is_available()
    if train.optim != "adamw_torch" and importlib.util.find_spec("bitsandbytes") is None:
        raise Refused(
            f"train.optim={train.optim} needs bitsandbytes, which is not installed.",
            "pip install 'bitsandbytes>=0.50,<0.51'",
        )
    if train.optim == "paged_adamw_8bit" and not on_gpu:
        raise Refused("train.optim=paged_adamw_8bit pages to the memory beside a GPU.", "Without one: adamw_8bit.")
    if train.activation_offloading and not on_gpu:
        raise Refused(
            "train.activation_offloading moves activations from a GPU into the machine's memory, and there is no GPU.",
            "On a CPU train.gradient_checkpointing=true spares memory.",
        )
    if train.use_liger_kernel and not (on_gpu and importlib.util.find_spec("liger_kernel")):
        lacks = "is not installed" if on_gpu else "is for GPUs, and there is none"
        raise Refused(
            f"train.use_liger_kernel=true needs liger-kernel, which {lacks}.", "null takes it where it works."
        )


def uses_liger(train: Train, model_type: str) -> bool:
    """Are the model's own norms, rotations and gated products replaced by liger's? null: where it is known to work."""
    import torch

    if train.use_liger_kernel is not None:
        return train.use_liger_kernel
    is_there = importlib.util.find_spec("liger_kernel") is not None
    return torch.cuda.is_available() and is_there and model_type in LIGER_FAMILIES
