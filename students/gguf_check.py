"""Is a GGUF file the checkpoint that it was made of? Read back by transformers, which reads the format in its own way.

Every weight is compared, within what its type costs; then the outputs, whose distance is told.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from distill import models
from distill.errors import DistillError
from distill.model_limits import exact_attention
from students.divergence import Divergence, Reference, own_answers, reference

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

ROUNDING = {
    "f32": 1e-6,
    "f16": 1e-3,
    "bf16": 5e-3,
    "q8_0": 0.015,
    "q6_k": 0.05,
    "q5_1": 0.08,
    "q5_0": 0.08,
    "q5_k_m": 0.08,
    "q5_k_s": 0.08,
    "q4_1": 0.16,
    "q4_0": 0.16,
    "q4_k_m": 0.16,
    "q4_k_s": 0.16,
    "q3_k_m": 0.3,
    "q2_k": 0.5,
}
"""Largest norm of a tensor's error over the tensor's. Rows in another order, or a wrong sign, are above 1."""

CHATS = (
    "What is 17 times 24? Think step by step.",
    "Write a Python function that returns the n-th prime number.",
    "Three friends share 45 euros so that each has 5 more than the one before. How much has each?",
    "Why is the sky blue? Answer in two sentences.",
)
"""Asked of the checkpoint; the outputs are compared on its own answers."""


@contextmanager
def outputs_of(source: models.ModelSource, folder: Path, dtype: str) -> Iterator[Reference]:
    """The checkpoint's outputs on its own answers to `CHATS`, kept under `folder` until the end of the block."""
    tokenizer = models.tokenizer(source)
    chats = [[{"role": "user", "content": text}] for text in CHATS]
    texts = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
    prompts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    model = models.load(source, dtype)
    with reference(model, own_answers(model, tokenizer, prompts, seed=0), folder) as found:
        del model
        yield found


def difference(before: Reference, source: models.ModelSource, file: Path, kind: str, dtype: str) -> Divergence:
    """KL(checkpoint || file) over the outputs that `outputs_of` keeps.

    Raises:
        DistillError: a weight is farther off than its type explains, or outputs are no numbers.
    """
    again = _read_back(source, file, dtype)
    _refuse_other_weights(Path(source.folder), again.state_dict(), ROUNDING[kind], file)
    found = before.against(again)
    if not math.isfinite(found.mean):
        raise DistillError(
            f"{file.name}: its outputs are no numbers.", "Values beyond float16's range? bf16 holds them."
        )
    return found


def _read_back(source: models.ModelSource, file: Path, dtype: str) -> "PreTrainedModel":
    """The file's weights in the checkpoint's architecture. Its config is the checkpoint's: transformers reads no scaled
    rotary embeddings from GGUF, and has those of Llama 3 as no weight."""
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        config=models.config(source),
        dtype=models.compute_dtype(dtype)[0],
        quantization_config=GgufConfig(dequantize=True),
        attn_implementation=exact_attention(models.config(source)),
    )
    return model.eval()


def _refuse_other_weights(folder: Path, found: "dict[str, torch.Tensor]", limit: float, file: Path) -> None:
    from safetensors import safe_open

    for part in sorted(folder.glob("*.safetensors")):
        with safe_open(part, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - no mapping
                weight = weights.get_tensor(name).float()
                error = float((found[name].cpu().float() - weight).norm() / weight.norm().clamp(min=1e-30))
                if not error <= limit:
                    raise DistillError(
                        f"{file.name} is not the checkpoint: {name} is off by {error:.2g} of its norm.",
                        "It was not kept. Another release of llama.cpp or gguf may lay weights out in another way.",
                    )
