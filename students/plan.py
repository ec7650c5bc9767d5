"""What training will need, from the model's config alone: memory before a byte of it is loaded."""

from dataclasses import dataclass
from typing import Any

from distill import models
from distill.errors import Refused
from distill.recipe import Train

LIBRARIES = 3 << 28
"""Bytes of Python, torch and the libraries on a CPU before any tensor; about what a CUDA context takes on a GPU."""


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that training is expected to hold at its peak."""

    parameters: int
    """Of the frozen model."""
    adapter_parameters: int
    weights: int
    adapter: int
    """What is trained, in float32 with gradient and both AdamW moments: 16 bytes a parameter."""
    activations: int
    logits: int
    libraries: int = LIBRARIES

    @property
    def total(self) -> int:
        return self.weights + self.adapter + self.activations + self.logits + self.libraries


def memory_plan(config: Any, train: Train, bytes_per_weight: int) -> MemoryPlan:
    """Estimate the peak of training at full rows of max_length.

    Activations per token and layer: about 18 hidden and 7 intermediate vectors kept for the backward
    pass, with an attention that stores no T x T matrix; with gradient checkpointing one hidden vector
    a layer and one layer in full. `benchmarks/memory.py` compares it with real peaks.
    """
    text = config.get_text_config()
    hidden, inner, layers = text.hidden_size, text.intermediate_size, text.num_hidden_layers
    tokens = train.max_length * train.per_device_train_batch_size
    per_layer = tokens * (18 * hidden + 7 * inner) * bytes_per_weight
    activations = (
        per_layer + layers * tokens * hidden * bytes_per_weight if train.gradient_checkpointing else layers * per_layer
    )
    parameters = models.parameter_count(config)
    adapter = parameters if train.method == "full" else adapter_parameters(config, train.lora_r)
    return MemoryPlan(
        parameters=parameters,
        adapter_parameters=adapter,
        weights=_weights(config, train, parameters, bytes_per_weight),
        adapter=adapter * 16,
        activations=activations,
        logits=min(tokens * text.vocab_size * 12, 3 << 30),
    )


BYTES_IN_4_BITS = 0.5 + 0.127 / 8
"""Of a weight in NF4 with double quantisation: the constants take 0.127 bits more (Dettmers et al. 2023, section 3)."""


def _weights(config: Any, train: Train, parameters: int, bytes_per_weight: int) -> int:
    """Of the frozen model; where all weights are trained they count as `adapter`. Embeddings are never quantised."""
    if train.method == "full":
        return 0
    if train.method == "lora":
        return parameters * bytes_per_weight
    text = config.get_text_config()
    tables = text.vocab_size * text.hidden_size * (1 if text.tie_word_embeddings else 2)
    return int((parameters - tables) * BYTES_IN_4_BITS + tables * bytes_per_weight)


def adapter_parameters(config: Any, rank: int) -> int:
    """Parameters of a LoRA adapter over all linear layers of a decoder with gated MLP."""
    text = config.get_text_config()
    hidden, inner = text.hidden_size, text.intermediate_size
    head = getattr(text, "head_dim", None) or hidden // text.num_attention_heads
    queries, keys = text.num_attention_heads * head, text.num_key_value_heads * head
    shapes = [
        (hidden, queries),
        (hidden, keys),
        (hidden, keys),
        (queries, hidden),
        (hidden, inner),
        (hidden, inner),
        (inner, hidden),
    ]
    return int(text.num_hidden_layers * rank * sum(a + b for a, b in shapes))


def refuse_unknown_modules(config: Any, train: Train, name: str) -> None:
    """
    Raises:
        Refused: a name in lora_target_modules that no layer of the model has.
    """
    if isinstance(train.lora_target_modules, str):
        return
    layers = models.layer_names(config)
    for module in train.lora_target_modules:
        if not any(layer == module or layer.endswith(f".{module}") for layer in layers):
            known = ", ".join(sorted({layer.rsplit(".", 1)[-1] for layer in layers if not layer[-1].isdigit()}))
            raise Refused(f"train.lora_target_modules: '{name}' has no layer '{module}'.", f"It has {known}.")


def available_memory() -> tuple[int, str]:
    """Bytes that training may take, and of what."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0], "GPU memory"
    import psutil

    return psutil.virtual_memory().available, "memory"


def refuse_without_memory(plan: MemoryPlan, train: Train) -> None:
    """Refuse a student that cannot fit, before anything is loaded."""
    free, what = available_memory()
    if plan.total <= free:
        return
    advice = [] if train.gradient_checkpointing else ["train.gradient_checkpointing=true"]
    advice += ["a smaller train.max_length", "a smaller student"]
    raise Refused(
        f"the student needs about {gib(plan.total)} to train (weights {gib(plan.weights)}, "
        f"adapter {gib(plan.adapter)}, activations {gib(plan.activations)}, logits {gib(plan.logits)}, "
        f"libraries {gib(plan.libraries)}), and {gib(free)} of {what} are free.",
        f"Try {', '.join(advice)}.",
    )


def gib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"
